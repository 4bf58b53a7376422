//! The monitor for people, where there is no other.
//!
//! It echoes each character with readline's escapes (QEMU, `util/readline.c`), prints what a command has to say, and ends with its prompt.

use super::wire::Wire;
use super::{ANSWER, MonitorError};
use std::os::fd::BorrowedFd;
use std::time::Instant;
use tapscope_graph::Text;

const PROMPT: &[u8] = b"(qemu) ";

/// A session with the monitor for people, behind its first prompt.
pub(super) struct Hmp {
    wire: Wire,
}

impl Hmp {
    /// Starts a session on a connection whose banner is not read yet, and has to come by then.
    pub fn start(wire: Wire, by: Instant) -> Result<Hmp, MonitorError> {
        let mut hmp = Hmp { wire };
        hmp.until_prompt("connect", by)?;
        Ok(hmp)
    }

    /// Runs a command line, and gives what it prints. `command` is what it is called in errors.
    pub fn run(&mut self, command: &'static str, line: &str, descriptors: &[BorrowedFd<'_>]) -> Result<String, MonitorError> {
        let by = Instant::now() + ANSWER;
        if line.contains(|c: char| c.is_control()) {
            return Err(MonitorError::Refused { command, description: Text::new("a name with a control character") });
        }
        self.wire.say(format!("{line}\n").as_bytes(), descriptors, command, by)?;
        let said = plain(&self.until_prompt(command, by)?);
        // The first line is our own, echoed.
        Ok(said.split_once('\n').map_or_else(String::new, |(_, answer)| answer.to_owned()))
    }

    /// Runs a command line that has nothing to say if it works.
    pub fn must(&mut self, command: &'static str, line: &str, descriptors: &[BorrowedFd<'_>]) -> Result<(), MonitorError> {
        let said = self.run(command, line, descriptors)?;
        match said.trim() {
            "" => Ok(()),
            words => Err(MonitorError::Refused { command, description: Text::long(words.strip_prefix("Error: ").unwrap_or(words)) }),
        }
    }

    fn until_prompt(&mut self, command: &'static str, by: Instant) -> Result<Vec<u8>, MonitorError> {
        // It is the last thing that is said: what an answer quotes is followed by more.
        let mut said = self.wire.take(command, by, |buffer, _| buffer.ends_with(PROMPT).then_some(buffer.len()))?;
        said.truncate(said.len() - PROMPT.len());
        Ok(said)
    }
}

/// What a terminal would show of it, as far as a monitor goes: without escapes and carriage returns.
pub(super) fn plain(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            // ECMA-48: a control sequence ends with a letter.
            '\u{1b}' if characters.as_str().starts_with('[') => {
                let _ = characters.next();
                let _ = characters.find(|c| ('@'..='~').contains(c));
            }
            '\u{1b}' => drop(characters.next()),
            '\r' => {}
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readlines_escapes_are_not_shown() {
        let said = b"i\x1b[Kin\x1b[D\x1b[D\x1b[Kinfo name\r\ng1\r\n";
        assert_eq!(plain(said), "iininfo name\ng1\n");
    }
}
