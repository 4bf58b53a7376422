//! Runs ifconfig(8) and brconfig(8) again and again.

use super::super::rows::Rows;
use super::super::{Inventory, InventoryError, Scope};
use super::{brconfig, ifconfig};
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tapscope_graph::host::{HostChange, HostFact, Namespace};

/// These systems tell of no change; this is how soon one is seen.
const EVERY: Duration = Duration::from_secs(2);

/// What the programs printed last.
pub(in super::super) struct Bsd {
    rows: Rows,
    at: Instant,
}

impl Bsd {
    /// There are no namespaces, so every scope is the same.
    pub(in super::super) fn open(_: Scope) -> Bsd {
        Bsd { rows: Rows::default(), at: Instant::now() }
    }

    fn read(&mut self) -> Result<(), InventoryError> {
        let text = run("ifconfig", &["-a"]).map_err(|cause| InventoryError::Run { command: "ifconfig -a".into(), cause })?;
        let mut facts = ifconfig(&text);
        // Only NetBSD has it.
        if let Ok(text) = run("brconfig", &["-a"]) {
            let more = brconfig(&text, &facts);
            facts.retain(|fact| !matches!(fact, HostFact::Device(_)));
            facts.extend(more);
        }
        facts.push(HostFact::Namespace(Namespace { is_own: true, ..Namespace::default() }));
        self.rows.replace(|_| true, facts);
        Ok(())
    }
}

impl Inventory for Bsd {
    fn next(&mut self, wait: Duration) -> Result<Vec<HostChange>, InventoryError> {
        let deadline = Instant::now().checked_add(wait);
        loop {
            let now = Instant::now();
            if self.at <= now {
                self.at = now + EVERY;
                self.read()?;
            }
            if !self.rows.is_settled() || deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(self.rows.take());
            }
            let until = deadline.unwrap_or(self.at).min(self.at);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    fn firewall(&mut self) -> Vec<HostChange> {
        Vec::new()
    }

    fn refresh_counters(&mut self, _: Option<Duration>) {}

    fn resyncs(&self) -> u64 {
        0
    }
}

fn run(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
