//! Wireshark, started on frames that come through a pipe: each start gets a file of its own, from its header on.

use anyhow::{Context, Result};
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A running Wireshark. Dropping it leaves the window to the user.
pub struct Wireshark {
    child: Child,
    input: ChildStdin,
}

impl Wireshark {
    /// Starts Wireshark, which begins to capture what is written to [`Wireshark::input`] at once.
    ///
    /// # Errors
    /// Where it is not installed, or cannot be started.
    pub fn start() -> Result<Wireshark> {
        // `-k -i -`: capture at once, from standard input.
        let mut command = Command::new("wireshark");
        command.args(["-k", "-i", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::anyhow!(
                "wireshark is not installed (sudo apt-get install wireshark); or write a file, for Wireshark elsewhere: -o capture.pcapng"
            ),
            _ => anyhow::Error::new(error).context("cannot start wireshark"),
        })?;
        let input = child.stdin.take().context("wireshark has no standard input")?;
        Ok(Wireshark { child, input })
    }

    /// Where pcapng goes in.
    pub fn input(&mut self) -> &mut dyn Write {
        &mut self.input
    }

    /// All was written: waits until the user closes the window.
    ///
    /// # Errors
    /// Where it ended with a fault.
    pub fn wait(self) -> Result<()> {
        let Wireshark { mut child, input } = self;
        drop(input);
        let status: ExitStatus = child.wait().context("cannot wait for wireshark")?;
        if !status.success() {
            anyhow::bail!("wireshark ended with a fault ({status}); its own messages are above");
        }
        Ok(())
    }
}
