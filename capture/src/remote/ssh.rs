//! tapscope on another host, by the system's ssh: it records there, and what it records comes here.
//!
//! ssh asks for passwords and unknown keys on its own terminal; what it and the other host say on standard error is kept for the user.

use super::{OpenError, Stop, tcp};
use crate::file::{self, Reader};
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{self, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tapscope_graph::Text;

/// Lines of standard error that are kept: the first say what is wrong.
const LINES: usize = 6;
/// How long a process that gave no capture, or was told to end, may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shell did not find the program (POSIX, XCU 2.8.2).
const NOT_FOUND: i32 = 127;
/// ssh itself failed (ssh(1), EXIT STATUS).
const SSH_FAILED: i32 = 255;

/// Where to log in, and which program to run there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As whom; ssh's configuration decides where there is none.
    pub user: Option<String>,
    /// Name, address, or alias of ssh's configuration.
    pub host: String,
    /// Which port.
    pub port: Option<u16>,
    /// The path of tapscope there; the shell looks for it where there is none.
    pub program: Option<String>,
    /// Further options of `tapscope record` there, such as `-f` and a filter.
    pub options: Vec<String>,
}

impl Place {
    /// `[user@]host[:port][/program]`.
    pub(super) fn parse(text: &str) -> Option<Place> {
        let (place, program) = match text.find('/') {
            Some(at) => (&text[..at], Some(&text[at..]).filter(|path| path.len() > 1)),
            None => (text, None),
        };
        let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
        let is_user = |user: &str| !user.is_empty() && !user.starts_with('-') && user.chars().all(|c| c.is_ascii_graphic());
        if user.is_some_and(|user| !is_user(user)) || program.is_some_and(|path| path.chars().any(char::is_control)) {
            return None;
        }
        let (host, port) = tcp::split(host)?;
        Some(Place { user: user.map(str::to_owned), host: host.to_owned(), port, program: program.map(str::to_owned), options: Vec::new() })
    }

    /// Who and where, as ssh and scp want it.
    fn destination(&self) -> String {
        self.user.as_ref().map_or_else(|| self.host.clone(), |user| format!("{user}@{}", self.host))
    }

    /// ssh's command line. `TAPSCOPE_SSH` names another ssh, with options of its own between spaces.
    fn command(&self) -> Command {
        let own = std::env::var("TAPSCOPE_SSH").unwrap_or_default();
        let mut words = own.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("ssh"));
        command.args(words).args(["-T", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"]);
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.arg("--").arg(self.destination());
        let mut there = format!("{} record -w - -q", quoted(self.program.as_deref().unwrap_or("tapscope")));
        self.options.iter().for_each(|option| there.extend([" ".to_owned(), quoted(option)]));
        command.arg(there);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// `[user@]host[:port][/program]`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{}@", Text::new(user))?;
        }
        if self.host.contains(':') { write!(f, "[{}]", Text::new(&self.host)) } else { write!(f, "{}", Text::new(&self.host)) }?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", Text::path(self.program.as_deref().unwrap_or_default()))
    }
}

/// A word for the shell of the other host.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// ssh, while it runs.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    said: Arc<Mutex<Vec<Text>>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Child {
    /// Ends ssh, which ends what runs on the other host.
    pub fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }

    /// What was said on standard error.
    pub fn words(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        (!said.is_empty()).then(|| said.iter().map(Text::as_str).collect::<Vec<_>>().join("; "))
    }

    /// Its exit code, if it ends in time.
    fn code(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.process.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

pub(super) fn open(place: &Place) -> Result<(Reader, Stop), OpenError> {
    let mut process = place.command().spawn().map_err(OpenError::NoSsh)?;
    let (output, errors) = (process.stdout.take(), process.stderr.take());
    let said = Arc::new(Mutex::new(Vec::new()));
    let listener = errors.and_then(|errors| {
        let said = said.clone();
        std::thread::Builder::new().name("ssh".into()).spawn(move || listen(errors, &said)).ok()
    });
    let mut child = Child { process, said, listener };
    let Some(output) = output else {
        child.end();
        return Err(failed(place, "ssh has no standard output".to_owned()));
    };
    match Reader::new(output, &format!("ssh://{place}")) {
        Ok(reader) => Ok((reader, Stop { socket: None, child: Some(Arc::new(Mutex::new(child))) })),
        Err(error) => {
            let code = child.code();
            child.end();
            Err(failed(place, reason(place, code, child.words(), &error)))
        }
    }
}

fn failed(place: &Place, reason: String) -> OpenError {
    OpenError::Ssh { place: Text::path(&format!("ssh://{place}")), reason }
}

fn reason(place: &Place, code: Option<i32>, words: Option<String>, error: &file::OpenError) -> String {
    let words = words.unwrap_or_else(|| error.to_string());
    match code {
        Some(NOT_FOUND) => {
            let port = place.port.map_or_else(String::new, |port| format!("-P {port} "));
            let to = place.program.as_deref().unwrap_or("/usr/local/bin/tapscope");
            format!("tapscope is not there: scp {port}$(command -v tapscope) {}:{to} ({words})", Text::new(&place.destination()))
        }
        Some(SSH_FAILED) => format!("ssh says: {words}"),
        Some(0) | None => words,
        Some(code) => format!("tapscope there ended with exit code {code}: {words}"),
    }
}

/// Keeps the first lines, and reads on, so that nobody waits for us.
fn listen(errors: impl Read, said: &Mutex<Vec<Text>>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line is cut where it is longer than anybody would read.
        match errors.by_ref().take(1024).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = Text::long_from_wire(line.trim_ascii());
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if !text.is_empty() && said.len() < LINES {
            said.push(text);
        }
    }
}
