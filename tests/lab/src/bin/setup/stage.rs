//! What there is to be seen, and how one looks at it.

use std::path::Path;

use tapscope_lab::{Guest, Namespace};

/// A set-up that runs.
pub struct Stage {
    /// Where the guests' QEMUs are.
    pub host: Namespace,
    /// The guests, up.
    pub guests: Vec<Guest>,
    /// Each guest's address and what it is attached to.
    pub places: Vec<String>,
    /// What else is there, a sentence each.
    pub notes: Vec<String>,
    /// Commands of tapscope that show something here, with what they show.
    pub tries: Vec<(String, &'static str)>,
    /// What the guests do every few seconds.
    pub attempts: Vec<Attempt>,
}

/// What a guest does again and again.
pub struct Attempt {
    /// Its place among the guests.
    pub guest: usize,
    /// Whom it wants to reach.
    pub target: String,
    /// The command that does it.
    pub command: String,
}

impl Attempt {
    /// One echo.
    pub fn ping(guest: usize, target: &str) -> Self {
        Self { guest, target: target.to_owned(), command: format!("ping -c1 -W1 {target}") }
    }
}

impl Stage {
    /// Says who is where and what to try.
    pub fn tell(&self, tapscope: &Path) {
        let name = self.host.name();
        println!();
        for (guest, place) in self.guests.iter().zip(&self.places) {
            println!("  {}  {}  {place}  QEMU's process {}", guest.name(), guest.macs().concat(), guest.pid());
        }
        self.notes.iter().for_each(|note| println!("  {note}"));
        println!("  All of it is in the network namespace {name}.\n\nTo look at it:");
        let tapscope = tapscope.display();
        let (shown, width) = (|words: &str| format!("sudo ip netns exec {name} {tapscope} {words}"), self.width());
        println!("  {:width$}  its window", shown("").trim_end(), width = shown("").len() + width);
        for (words, what) in &self.tries {
            println!("  {:width$}  {what}", shown(words), width = shown("").len() + width);
        }
        println!("To be the host:\n  sudo ip netns exec {name} bash");
        println!("To be a guest (press Enter; ctrl-] leaves):");
        for guest in &self.guests {
            println!("  sudo socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{}", guest.console().display());
        }
        println!("To talk to a guest's QEMU, by QMP:");
        for guest in &self.guests {
            println!("  sudo socat READLINE UNIX-CONNECT:{}", guest.monitor().display());
        }
        println!("\nThe guests try to reach these every few seconds. Enter or ctrl-C takes it all down.");
    }

    fn width(&self) -> usize {
        self.tries.iter().map(|(words, _)| words.len()).max().unwrap_or(0)
    }
}
