//! The monitor for programs. Read QEMU's docs/interop/qmp-spec.rst first.

use super::wire::Wire;
use super::{ANSWER, MonitorError};
use serde_json::{Value, json};
use std::os::fd::BorrowedFd;
use std::time::Instant;
use tapscope_graph::Text;

/// Lines that may come before an answer: events.
const EVENTS: usize = 4096;

/// A session with a QMP monitor, behind its greeting.
pub(super) struct Qmp {
    wire: Wire,
    /// The number of the last command, which its answer repeats.
    number: u64,
}

impl Qmp {
    /// Starts a session on a connection whose first line is not read yet, and has to come by then.
    pub fn start(wire: Wire, by: Instant) -> Result<Qmp, MonitorError> {
        let mut qmp = Qmp { wire, number: 0 };
        let greeting = qmp.wire.line("connect", by)?;
        let is_greeting = serde_json::from_slice::<Value>(&greeting).is_ok_and(|greeting| greeting.get("QMP").is_some());
        if !is_greeting {
            return Err(MonitorError::NoMonitor { address: qmp.wire.address.clone(), said: Text::long_from_wire(&greeting) });
        }
        qmp.execute("qmp_capabilities", Value::Null, &[])?;
        Ok(qmp)
    }

    /// Runs a command, and gives what it returns.
    pub fn execute(&mut self, command: &'static str, arguments: Value, descriptors: &[BorrowedFd<'_>]) -> Result<Value, MonitorError> {
        self.number += 1;
        let by = Instant::now() + ANSWER;
        let mut request = request(command, arguments);
        request["id"] = json!(self.number);
        let mut line = request.to_string();
        line.push('\n');
        self.wire.say(line.as_bytes(), descriptors, command, by)?;
        for _ in 0..EVENTS {
            let line = self.wire.line(command, by)?;
            let garbage = || MonitorError::Garbage { address: self.wire.address.clone(), command, said: Text::long_from_wire(&line) };
            let answer: Value = serde_json::from_slice(&line).map_err(|_| garbage())?;
            if answer.get("event").is_some() {
                continue;
            }
            if answer.get("id") != Some(&json!(self.number)) {
                return Err(garbage());
            }
            return outcome(answer, command).unwrap_or_else(|| Err(garbage()));
        }
        Err(MonitorError::Flood { address: self.wire.address.clone(), command })
    }
}

/// A command as QMP wants it.
pub(super) fn request(command: &str, arguments: Value) -> Value {
    let mut request = json!({ "execute": command });
    if !arguments.is_null() {
        request["arguments"] = arguments;
    }
    request
}

/// What an answer says; none if it is none.
pub(super) fn outcome(mut answer: Value, command: &'static str) -> Option<Result<Value, MonitorError>> {
    if let Some(value) = answer.get_mut("return") {
        return Some(Ok(value.take()));
    }
    let description = answer.get("error")?.get("desc")?.as_str()?;
    Some(Err(MonitorError::Refused { command, description: Text::long(description) }))
}
