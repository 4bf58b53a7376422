//! What is wrong, as far as frames show it.

use crate::tables::Tables;
use crate::topology::{Key, Topology};
use crate::{FrameNo, PointId};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something is odd and may explain a failure.
    Warning,
    /// Worth knowing: what could not be read, what was left out.
    Note,
}

/// Which kind of trouble; the stable code is [`FindingKind::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Two stations of one layer-2 domain claim one address.
    AddressConflict,
    /// Nobody answered for a link-layer address.
    ResolutionUnanswered,
    /// An echo request without a reply.
    EchoLost,
    /// An echo request that was answered with an ICMP error.
    EchoRefused,
    /// A DHCP client without an answer.
    DhcpUnanswered,
    /// A DHCP server said no.
    DhcpRefused,
    /// A DHCP client found its address in use.
    DhcpDeclined,
    /// More than one DHCP server answers.
    DhcpServers,
    /// TCP connections were refused or not answered.
    TcpRefused,
    /// TCP SYNs without an answer.
    TcpUnanswered,
    /// Spanning tree topology changes.
    TopologyChanges,
    /// Frames passed a point and were not captured.
    FramesLost,
    /// Frames that were not decoded, or that contradict themselves.
    NotDecoded,
    /// A bound of the model was reached.
    Dropped,
}

impl FindingKind {
    /// A stable code in capitals.
    pub fn code(self) -> &'static str {
        match self {
            FindingKind::AddressConflict => "ADDRESS_CONFLICT",
            FindingKind::ResolutionUnanswered => "RESOLUTION_UNANSWERED",
            FindingKind::EchoLost => "ECHO_LOST",
            FindingKind::EchoRefused => "ECHO_REFUSED",
            FindingKind::DhcpUnanswered => "DHCP_UNANSWERED",
            FindingKind::DhcpRefused => "DHCP_REFUSED",
            FindingKind::DhcpDeclined => "DHCP_DECLINED",
            FindingKind::DhcpServers => "DHCP_SERVERS",
            FindingKind::TcpRefused => "TCP_REFUSED",
            FindingKind::TcpUnanswered => "TCP_UNANSWERED",
            FindingKind::TopologyChanges => "TOPOLOGY_CHANGES",
            FindingKind::FramesLost => "FRAMES_LOST",
            FindingKind::NotDecoded => "NOT_DECODED",
            FindingKind::Dropped => "DROPPED",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind.
    pub kind: FindingKind,
    /// One sentence without a full stop, sanitised.
    pub text: String,
    /// The node or link it is about.
    pub about: Option<Key>,
    /// The point it was seen at.
    pub point: Option<PointId>,
    /// Frames that show it, at most eight.
    pub frames: Vec<FrameNo>,
    /// How often.
    pub count: u64,
}

/// What is wrong, the worst first, then by kind and first frame.
pub fn findings(_tables: &Tables, _topology: &Topology) -> Vec<Finding> {
    Vec::new()
}

impl Severity {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}
