//! Kinds of trouble, and how much they matter.

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

/// Which kind of trouble; the stable code is [`FindingKind::code`], that of the [cause](crate::diagnose::Cause) where it means the same.
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
    /// An address of the host is set on a port of a bridge.
    AddressOnPort,
    /// A bridge's port is switched off.
    PortDisabled,
    /// The spanning tree does not let a bridge's port forward, or not yet.
    PortNotForwarding,
    /// A guest's TAP is down.
    TapDown,
    /// A TAP that nobody has open.
    TapUnread,
    /// A guest sends from another address than its card's.
    MacDiffers,
    /// Guests on one cable, or on one bridge, have the same link-layer address.
    DuplicateMac,
    /// A broadcast goes round.
    L2Loop,
    /// Ports of one bridge have different MTUs.
    MtuMismatch,
    /// Nobody is at a cable's other end.
    CableUnconnected,
    /// A cable's listener has another peer.
    CableNotAccepted,
    /// A guest is alone in its multicast group.
    CableAlone,
    /// A guest's pings end at its user-mode stack, while its TCP gets beyond.
    SlirpIcmpBlocked,
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
            FindingKind::AddressConflict => "DUPLICATE_IP",
            FindingKind::ResolutionUnanswered => "RESOLUTION_UNANSWERED",
            FindingKind::EchoLost => "ECHO_LOST",
            FindingKind::EchoRefused => "ECHO_REFUSED",
            FindingKind::DhcpUnanswered => "DHCP_NO_SERVER",
            FindingKind::DhcpRefused => "DHCP_REFUSED",
            FindingKind::DhcpDeclined => "DHCP_DECLINED",
            FindingKind::DhcpServers => "DHCP_SERVERS",
            FindingKind::TcpRefused => "TCP_REFUSED",
            FindingKind::TcpUnanswered => "TCP_UNANSWERED",
            FindingKind::TopologyChanges => "TOPOLOGY_CHANGES",
            FindingKind::AddressOnPort => "IP_ON_BRIDGE_PORT",
            FindingKind::PortDisabled => "PORT_STATE_DISABLED",
            FindingKind::PortNotForwarding => "STP_NOT_FORWARDING",
            FindingKind::TapDown => "IFACE_ADMIN_DOWN",
            FindingKind::TapUnread => "TAP_NO_CARRIER",
            FindingKind::MacDiffers => "MAC_DIFFERS",
            FindingKind::DuplicateMac => "DUPLICATE_MAC",
            FindingKind::L2Loop => "L2_LOOP",
            FindingKind::MtuMismatch => "MTU_MISMATCH",
            FindingKind::CableUnconnected => "SOCKET_NETDEV_NOT_CONNECTED",
            FindingKind::CableNotAccepted => "SOCKET_ONE_CLIENT_ONLY",
            FindingKind::CableAlone => "CABLE_ALONE",
            FindingKind::SlirpIcmpBlocked => "SLIRP_ICMP_BLOCKED",
            FindingKind::FramesLost => "FRAMES_LOST",
            FindingKind::NotDecoded => "NOT_DECODED",
            FindingKind::Dropped => "DROPPED",
        }
    }
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
