//! The table of causes: every way in which a ping is known to die is one row.
//!
//! A row says what it is called, what it needs to know, how it is recognised, and its words. The rows stand in `causes/`, one file for a
//! layer. Adding a cause is adding a row and a test.

use super::causes;
use super::diagnosis::{Candidate, Fix, Needs, Proof, Rank};
use super::scene::Scene;
use super::trail::At;
use crate::FrameNo;
use crate::host::DeviceId;
use std::fmt;

/// A way in which a ping dies.
pub struct Cause {
    /// Its stable name.
    pub code: &'static str,
    /// Where it is at home, such as `L2 bridge`.
    pub layer: &'static str,
    /// What it takes to prove it.
    pub proven_by: ProvenBy,
    /// The places where it stops a packet.
    pub(crate) at: &'static [At],
    /// How it is recognised.
    pub(crate) test: Test,
    /// The kernel's names for it, where it says why it dropped a packet (`include/net/dropreason-core.h`).
    pub drop_reasons: &'static [&'static str],
    /// What is wrong, in a sentence.
    pub meaning: &'static str,
    /// What packets show.
    pub wire: &'static str,
    /// What the host says.
    pub state: &'static str,
    /// What looks the same, and how it differs.
    pub alike: &'static str,
    /// What to do, in general; a diagnosis names the very devices.
    pub fix: &'static str,
    /// What takes it back.
    pub undo: &'static str,
    /// By which authority.
    pub source: &'static str,
}

/// What it takes to prove a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenBy {
    /// Packets alone.
    Packets,
    /// Packets say where, what the host says of itself names it.
    State,
    /// What QEMU says of itself.
    Qemu,
    /// Only the guest itself knows: from outside it can be suspected.
    Guest,
}

/// How a cause is recognised.
#[derive(Clone, Copy)]
pub(crate) enum Test {
    /// By what is known at one of its places.
    Place(fn(&Scene<'_>) -> Answer),
    /// It is a symptom, or a suspicion, that another test names.
    Named,
}

/// What a test says.
pub(crate) enum Answer {
    /// It is this.
    Yes(Box<Hit>),
    /// It is not, because …
    No(String),
    /// It has nothing to do with this packet at this place.
    Idle,
    /// It cannot be decided, because …
    Unknown(String),
}

/// A cause that was recognised.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hit {
    pub place: String,
    pub device: Option<DeviceId>,
    pub object: Option<String>,
    pub summary: String,
    pub proofs: Vec<Proof>,
    pub fix: Fix,
    /// As sure as the evidence is, no surer than probable: other things look the same.
    pub is_guess: bool,
    /// What else it may be, and the command that would tell.
    pub maybe: Vec<Candidate>,
}

impl Hit {
    pub fn new(place: impl fmt::Display, device: Option<DeviceId>, summary: impl Into<String>) -> Hit {
        Hit { place: place.to_string(), device, summary: summary.into(), ..Hit::default() }
    }

    pub fn proof(mut self, rank: Rank, text: impl Into<String>) -> Hit {
        self.proofs.push(Proof { rank, text: text.into(), counted: None, frames: Vec::new() });
        self
    }

    /// With the frames that show it.
    pub fn frames(mut self, rank: Rank, text: impl Into<String>, frames: Vec<FrameNo>) -> Hit {
        self.proofs.push(Proof { rank, text: text.into(), counted: None, frames });
        self
    }

    /// The deterministic state at that place.
    pub fn state(self, text: impl Into<String>) -> Hit {
        self.proof(Rank::State, text)
    }

    pub fn object(mut self, object: impl fmt::Display) -> Hit {
        self.object = Some(object.to_string());
        self
    }

    pub fn fix(mut self, command: impl Into<String>) -> Hit {
        self.fix.command = command.into();
        self
    }

    pub fn undo(mut self, command: impl Into<String>) -> Hit {
        self.fix.undo = Some(command.into());
        self
    }

    pub fn expect(mut self, what: impl Into<String>) -> Hit {
        self.fix.then_expect = Some(what.into());
        self
    }

    /// The fix is to be done in a guest.
    pub fn in_guest(mut self) -> Hit {
        self.fix.needs = Needs::Guest;
        self
    }

    /// The fix is to be done elsewhere.
    pub fn outside(mut self) -> Hit {
        self.fix.needs = Needs::Outside;
        self
    }

    /// Other causes that look the same from here, and the command that would tell.
    pub fn maybe(mut self, codes: &[&'static str], decide_with: impl Into<String>) -> Hit {
        let decide_with = decide_with.into();
        self.maybe.extend(codes.iter().map(|&code| Candidate { code, decide_with: decide_with.clone() }));
        self
    }

    pub fn guess(mut self) -> Hit {
        self.is_guess = true;
        self
    }

    pub fn yes(self) -> Answer {
        Answer::Yes(Box::new(self))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Cause) -> bool {
        self.code == other.code
    }
}

impl Eq for Cause {}

/// All causes, layer by layer; at one place the earlier ones are asked first, in the order of the kernel's own checks.
pub fn all() -> impl Iterator<Item = &'static Cause> {
    causes::LAYERS.iter().flat_map(|layer| layer.iter())
}

/// A cause by its code.
pub fn by_code(code: &str) -> Option<&'static Cause> {
    all().find(|cause| cause.code == code)
}
