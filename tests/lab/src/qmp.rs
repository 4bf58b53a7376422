//! One command to QEMU's monitor.
//!
//! Read QEMU's docs/interop/qmp-spec.rst: a greeting, the negotiation of capabilities, then commands with answers, and events in between.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;

/// A monitor that somebody else uses accepts the connection, and is silent.
const LIMIT: Duration = Duration::from_secs(10);

/// Connects, runs the command, and gives what it returns. Arguments may be null.
pub(crate) fn execute(path: &Path, command: &str, arguments: Value) -> Result<Value, Error> {
    let failed = |answer: String| Error::Monitor { path: path.to_owned(), command: command.to_owned(), answer };
    let connect = || {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(stream)
    };
    let mut reader = BufReader::new(connect().map_err(|cause: std::io::Error| failed(cause.to_string()))?);
    let greeting = next(&mut reader).map_err(failed)?;
    if greeting.get("QMP").is_none() {
        return Err(failed(greeting.to_string()));
    }
    let mut request = json!({ "execute": command });
    if !arguments.is_null() {
        request["arguments"] = arguments;
    }
    ask(&mut reader, &json!({ "execute": "qmp_capabilities" })).map_err(failed)?;
    ask(&mut reader, &request).map_err(failed)
}

fn ask(reader: &mut BufReader<UnixStream>, request: &Value) -> Result<Value, String> {
    writeln!(reader.get_mut(), "{request}").map_err(|cause| cause.to_string())?;
    loop {
        let mut answer = next(reader)?;
        if let Some(value) = answer.get_mut("return") {
            return Ok(value.take());
        }
        if let Some(error) = answer.get("error") {
            return Err(error["desc"].as_str().map_or_else(|| error.to_string(), str::to_owned));
        }
    }
}

fn next(reader: &mut BufReader<UnixStream>) -> Result<Value, String> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(0) => Err("it closed the connection".to_owned()),
        Ok(_) => serde_json::from_str(&line).map_err(|cause| format!("{cause}: {line}")),
        Err(cause) => Err(format!("no answer; somebody else may use it ({cause})")),
    }
}
