//! A guest of libvirt's, whose monitor libvirt holds: asked through virsh(1), which passes commands and descriptors on.
//!
//! libvirt marks such a domain as tainted (`custom-monitor`) in its log; that is all that stays.

use super::qmp::{outcome, request};
use super::{ANSWER, MonitorError};
use serde_json::Value;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tapscope_graph::Text;

/// The most octets of an answer.
const MOST: u64 = super::wire::MOST as u64;

/// A domain of libvirt's.
pub(super) struct Virsh {
    domain: String,
}

impl Virsh {
    pub fn new(domain: &str) -> Virsh {
        Virsh { domain: domain.to_owned() }
    }

    /// Runs one command.
    pub fn execute(&mut self, command: &'static str, arguments: Value, descriptors: &[BorrowedFd<'_>]) -> Result<Value, MonitorError> {
        let request = request(command, arguments).to_string();
        let mut virsh = Command::new("virsh");
        virsh.args(["--quiet", "qemu-monitor-command"]);
        // A descriptor goes along as virsh's standard input: that way no other child of ours inherits it.
        let input = match descriptors.first().map(|descriptor| descriptor.try_clone_to_owned()) {
            None => Stdio::null(),
            Some(Ok(descriptor)) => {
                virsh.args(["--pass-fds", "0"]);
                Stdio::from(descriptor)
            }
            Some(Err(cause)) => return Err(self.failed(cause.to_string(), &request)),
        };
        virsh.args(["--domain", &self.domain, "--cmd", &request]);
        let started = virsh.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.map_err(|cause| self.failed(format!("virsh does not start: {cause}"), &request))?;
        let said = answer(&mut child).map_err(|reason| self.failed(reason, &request))?;
        let garbage =
            || MonitorError::Garbage { address: super::Address::Libvirt(self.domain.clone()), command, said: Text::long_from_wire(&said) };
        outcome(serde_json::from_slice(&said).map_err(|_| garbage())?, command).unwrap_or_else(|| Err(garbage()))
    }

    fn failed(&self, reason: String, request: &str) -> MonitorError {
        let command = format!("virsh qemu-monitor-command {} '{request}'", Text::long(&self.domain));
        MonitorError::Virsh { reason, command }
    }
}

/// What it prints, once it ended well.
fn answer(child: &mut Child) -> Result<Vec<u8>, String> {
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    // Two threads, so that neither pipe can fill up while the other is read.
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        out.as_mut().map(|out| out.take(MOST).read_to_end(&mut said));
        said
    });
    let complaints = std::thread::spawn(move || {
        let mut said = Vec::new();
        err.as_mut().map(|err| err.take(4096).read_to_end(&mut said));
        said
    });
    let by = Instant::now() + 2 * ANSWER;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < by => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("virsh does not end; libvirt may hang".to_owned());
            }
            Err(cause) => return Err(cause.to_string()),
        }
    };
    let said = reader.join().unwrap_or_default();
    let complaint = complaints.join().unwrap_or_default();
    if !status.success() {
        return Err(Text::long_from_wire(complaint.trim_ascii()).to_string());
    }
    Ok(said)
}
