//! The answer: what was found, how sure it is, and what to do.

use super::cause::Cause;
use super::endpoint::Endpoint;
use crate::host::DeviceId;
use crate::{Direction, FrameNo, Timestamp};

/// Whether a ping works, and if not, where it died, why, how that is known, and the fix. Schema `tapscope.diagnosis/1`.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// Who pings.
    pub from: Endpoint,
    /// Whom.
    pub to: Endpoint,
    /// IPv6's echo, or IPv4's.
    pub is_v6: bool,
    /// The time that was looked at: from the first to the last moment.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Whether it works.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// Echo requests, and what became of them.
    pub loss: Loss,
    /// What stops it. The first one is where the packet died; the others are each enough alone.
    pub causes: Vec<Accusation>,
    /// What would stop it next, by what the host says; not reached yet.
    pub latent: Vec<Accusation>,
    /// What looks like a fault and is none.
    pub notes: Vec<Note>,
    /// What it may be, where it cannot be known from here.
    pub candidates: Vec<Candidate>,
    /// What it is not.
    pub ruled_out: Vec<RuledOut>,
    /// The expected way, leg by leg, and how far the packets came.
    pub path: Vec<PathStep>,
    /// Where the packet was seen last.
    pub last_seen: Option<String>,
    /// Where it should have been seen next.
    pub next_expected: Option<String>,
    /// What was listened to, and what not.
    pub coverage: Coverage,
}

/// Whether a ping works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// All recent requests were answered.
    Works,
    /// Some were.
    Degraded,
    /// None was.
    Fails,
    /// Nothing was sent.
    NotSent,
    /// It cannot be known from here.
    Undetermined,
}

/// How sure an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It cannot be otherwise.
    Proven,
    /// All that is known speaks for it.
    Probable,
    /// Several things are possible.
    Undetermined,
}

/// Echo requests, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Requests, each counted once.
    pub sent: u64,
    /// Those whose reply came back to who asked.
    pub answered: u64,
    /// What the lost ones have in common.
    pub pattern: Pattern,
}

/// What lost echoes have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// Nothing was lost.
    #[default]
    None,
    /// All were.
    All,
    /// The large ones.
    Size,
    /// Those beyond a rate.
    Rate,
    /// The first ones, or the last ones.
    Time,
    /// Several in a row.
    Burst,
}

/// A part of the way: a question that comes before the echo, or the echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// Who has the next hop's address? By ARP, or a Neighbor Solicitation.
    ArpRequest,
    /// The answer.
    ArpReply,
    /// The echo request.
    Request,
    /// The echo reply.
    Reply,
}

/// A cause at its place, with the evidence.
#[derive(Clone, Debug)]
pub struct Accusation {
    /// The row of the table of causes.
    pub cause: &'static Cause,
    /// Where, such as `bridge br0, port tapB`.
    pub place: String,
    /// The device that it is about, for a picture.
    pub device: Option<DeviceId>,
    /// The very thing that stops it, such as a rule.
    pub object: Option<String>,
    /// On which part of the way.
    pub leg: Leg,
    /// What is wrong, in a sentence.
    pub summary: String,
    /// It would stop the packet also without the others.
    pub is_sufficient_alone: bool,
    /// How that is known; never empty.
    pub proofs: Vec<Proof>,
    /// What to do about it.
    pub fix: Fix,
}

/// Why something is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How much it weighs.
    pub rank: Rank,
    /// In words.
    pub text: String,
    /// A counter before the time that was looked at, and after it.
    pub counted: Option<(u64, u64)>,
    /// The frames.
    pub frames: Vec<FrameNo>,
}

/// What kind of evidence it is, by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// E1: the kernel says that it dropped the packet, and why.
    DropEvent,
    /// E2: an ICMP error quotes the packet.
    IcmpError,
    /// E3: a counter at that place grew by the number of lost packets.
    Counter,
    /// E4: with that state the kernel cannot do otherwise.
    State,
    /// E5: the kernel's own tables lead elsewhere.
    Oracle,
    /// E6: packets show a pattern that only this makes.
    Packets,
    /// E7: a log says so.
    Log,
    /// E8: something was not seen.
    Absence,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fix {
    /// One command, or one sentence where no command does it.
    pub command: String,
    /// What takes it back.
    pub undo: Option<String>,
    /// What is to be seen then.
    pub then_expect: Option<String>,
    /// Where it is to be done.
    pub needs: Needs,
}

/// Where a fix is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// On this host.
    #[default]
    Host,
    /// Inside a guest.
    Guest,
    /// Elsewhere.
    Outside,
}

/// What looks like a fault and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its code, as in the study of healthy look-alikes.
    pub code: &'static str,
    /// In words.
    pub text: String,
}

/// What it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// A cause's code.
    pub code: &'static str,
    /// The one command that would decide it.
    pub decide_with: String,
}

/// What it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuledOut {
    /// A cause's code.
    pub code: &'static str,
    /// Why not.
    pub because: String,
}

/// A stop on the expected way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// On which part.
    pub leg: Leg,
    /// What it is called, such as `tapA` or `bridge br0`.
    pub hop: String,
    /// The device, for a picture.
    pub device: Option<DeviceId>,
    /// Which way at a place where one can listen; none for what decides over packets.
    pub direction: Option<Direction>,
    /// How far the packets came.
    pub status: Status,
    /// The frames that were seen there.
    pub frames: Vec<FrameNo>,
    /// When first.
    pub at: Option<Timestamp>,
    /// How the packet differs there from what was sent, such as `source 10.0.0.1`.
    pub rewritten: Option<String>,
}

/// What is known of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The packet was seen there.
    Seen,
    /// It was not, though somebody listened and nothing was lost.
    NotSeen,
    /// Nobody listened, or frames were lost.
    NotCaptured,
    /// The guest's process took it.
    Read,
    /// The guest's process did not take it.
    NotRead,
    /// It was seen behind it.
    Passed,
    /// It died there.
    Blocked,
    /// Nothing came so far.
    NotReached,
}

/// What was listened to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Places.
    pub interfaces: Vec<String>,
    /// Places on the way where nobody listened.
    pub missing: Vec<String>,
    /// Frames that passed a place on the way and were not captured.
    pub capture_drops: u64,
    /// What could not be read, and the command that gives it.
    pub unreadable: Vec<String>,
}

impl Rank {
    /// `E1` to `E8`.
    pub fn name(self) -> &'static str {
        match self {
            Rank::DropEvent => "E1",
            Rank::IcmpError => "E2",
            Rank::Counter => "E3",
            Rank::State => "E4",
            Rank::Oracle => "E5",
            Rank::Packets => "E6",
            Rank::Log => "E7",
            Rank::Absence => "E8",
        }
    }

    /// In lower case, for programs.
    pub fn kind(self) -> &'static str {
        match self {
            Rank::DropEvent => "drop_event",
            Rank::IcmpError => "icmp_error",
            Rank::Counter => "counter",
            Rank::State => "state",
            Rank::Oracle => "oracle",
            Rank::Packets => "packets",
            Rank::Log => "log",
            Rank::Absence => "absence",
        }
    }
}

/// Words in lower case, for programs.
macro_rules! names {
    ($kind:ty: $($variant:ident $name:literal),+) => {
        impl $kind {
            /// In lower case, for programs and people.
            pub fn name(self) -> &'static str {
                match self { $(<$kind>::$variant => $name),+ }
            }
        }
    };
}

names!(Verdict: Works "works", Degraded "degraded", Fails "fails", NotSent "not_sent", Undetermined "undetermined");
names!(Confidence: Proven "proven", Probable "probable", Undetermined "undetermined");
names!(Pattern: None "none", All "all", Size "size", Rate "rate", Time "time", Burst "burst");
names!(Leg: ArpRequest "arp-request", ArpReply "arp-reply", Request "request", Reply "reply");
names!(Needs: Host "host", Guest "guest", Outside "outside");
names!(Status: Seen "seen", NotSeen "not_seen", NotCaptured "not_captured", Read "read", NotRead "not_read", Passed "passed",
    Blocked "blocked", NotReached "not_reached");
