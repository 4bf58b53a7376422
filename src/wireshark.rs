//! Wireshark, started on frames that come through a pipe: each start gets a file of its own, from its header on.

use crate::export::Cut;
use crate::live::order::{Door, Listener};
use crate::serve::Outlet;
use anyhow::{Context, Result};
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use tapscope_capture::record::Section;
use tapscope_graph::Event;

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

    /// Starts Wireshark on what happens from now on, behind a fresh header and how things stand. The stream ends when the window is closed, or
    /// the events end.
    ///
    /// # Errors
    /// As [`Wireshark::start`].
    pub fn live(door: &Door, cut: Cut) -> Result<Child> {
        let Wireshark { child, input } = Wireshark::start()?;
        let (_, listener) = Outlet::new(input, Section::here(concat!("tapscope ", env!("CARGO_PKG_VERSION"))))?;
        door.listen(Box::new(Chosen { cut, listener }));
        Ok(child)
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

/// Hears what was chosen only.
struct Chosen {
    cut: Cut,
    listener: Box<dyn Listener>,
}

impl Listener for Chosen {
    fn hear(&mut self, event: &Event) -> bool {
        match self.cut.pass(event.clone()) {
            Ok(Some((event, _))) => self.listener.hear(&event),
            Ok(None) => true,
            // A filter that does not fit one of the points: what is sent must be what was asked for.
            Err(_) => false,
        }
    }
}
