//! What one frame can prove. Plain values, no judgement: who believes them, and for how long, is the network's business.

use crate::{MacAddr, Text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One thing that a frame proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An ARP request or reply for Ethernet and IPv4.
    Arp(Arp),
    /// An ICMP or ICMPv6 echo request or reply.
    Echo(Echo),
    /// Somebody reports that a packet could not be delivered, or should go elsewhere.
    IcmpError(IcmpError),
    /// A Neighbor Discovery message.
    Neighbor(Neighbor),
    /// A BOOTP or DHCPv4 message.
    Dhcp(Box<Dhcp>),
    /// A DHCPv6 message.
    Dhcp6(Box<Dhcp6>),
    /// Somebody says that an address has a name (DNS or mDNS answer).
    Name(Name),
    /// A DNS or mDNS question or answer, as a whole.
    Dns(Dns),
    /// A station joins or leaves a multicast group (IGMP, MLD), or asks who is in one.
    Group(Group),
    /// An LLDP neighbour describes itself.
    Lldp(Box<Lldp>),
    /// A bridge describes the spanning tree (STP, RSTP).
    Stp(Stp),
    /// A link aggregation partner describes itself (LACP).
    Lacp(Lacp),
    /// The frame carries another packet.
    Carried(Carried),
}

/// ARP for Ethernet (hardware type 1 or 6) and IPv4 (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arp {
    /// Request or reply.
    pub operation: ArpOperation,
    /// `ar$sha`.
    pub sender_mac: MacAddr,
    /// `ar$spa`; 0.0.0.0 in a probe.
    pub sender_ip: Ipv4Addr,
    /// `ar$tha`.
    pub target_mac: MacAddr,
    /// `ar$tpa`.
    pub target_ip: Ipv4Addr,
}

/// `ar$op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArpOperation {
    /// 1
    Request,
    /// 2
    Reply,
}

/// What an ARP packet is for (RFC 5227).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArpPurpose {
    /// Who has that address?
    Resolve,
    /// Does anybody have the address that I would like to use? (RFC 5227, section 2.1.1)
    Probe,
    /// I use this address now: a request for one's own address (RFC 5227, section 2.3).
    Announcement,
    /// A reply about one's own address that nobody in particular asked for.
    Gratuitous,
    /// The answer to a request.
    Answer,
}

impl Arp {
    /// What this packet is for.
    pub fn purpose(&self) -> ArpPurpose {
        match self.operation {
            ArpOperation::Request if self.sender_ip.is_unspecified() => ArpPurpose::Probe,
            ArpOperation::Request if self.sender_ip == self.target_ip => ArpPurpose::Announcement,
            ArpOperation::Request => ArpPurpose::Resolve,
            ArpOperation::Reply if self.sender_ip == self.target_ip => ArpPurpose::Gratuitous,
            ArpOperation::Reply => ArpPurpose::Answer,
        }
    }
}

/// An echo request or reply (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Echo {
    /// Request, or reply.
    pub is_request: bool,
    /// Source of the IP header.
    pub source: IpAddr,
    /// Destination of the IP header.
    pub destination: IpAddr,
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
}

/// An ICMP or ICMPv6 error or redirect, with what it quotes of the packet that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Who reports.
    pub reporter: IpAddr,
    /// To whom: the sender of the quoted packet.
    pub to: IpAddr,
    /// IPv6's or IPv4's.
    pub is_v6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Next-hop MTU of "fragmentation needed" and "packet too big".
    pub mtu: Option<u32>,
    /// The better router of a redirect.
    pub gateway: Option<IpAddr>,
    /// The packet that caused it, as far as it is quoted.
    pub quoted: Option<Quoted>,
}

/// The packet inside an ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its IP protocol.
    pub protocol: u8,
    /// Its ports, if it was TCP, UDP or SCTP.
    pub ports: Option<(u16, u16)>,
    /// Its echo identifier and sequence number, if it was an echo request or reply.
    pub echo: Option<(u16, u16)>,
}

/// Neighbor Discovery (RFC 4861).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Neighbor {
    /// Who has `target`? From the unspecified address this is Duplicate Address Detection (RFC 4862).
    Solicitation {
        /// Source of the IP header.
        source: Ipv6Addr,
        /// The address that is asked for.
        target: Ipv6Addr,
        /// Source link-layer address option.
        mac: Option<MacAddr>,
    },
    /// `target` is at `mac`.
    Advertisement {
        /// Source of the IP header.
        source: Ipv6Addr,
        /// The address that is advertised.
        target: Ipv6Addr,
        /// Target link-layer address option.
        mac: Option<MacAddr>,
        /// R: the sender is a router.
        is_router: bool,
        /// S: sent because of a solicitation.
        is_solicited: bool,
    },
    /// Are there routers?
    RouterSolicitation {
        /// Source of the IP header.
        source: Ipv6Addr,
        /// Source link-layer address option.
        mac: Option<MacAddr>,
    },
    /// I am a router.
    RouterAdvertisement {
        /// Source of the IP header.
        source: Ipv6Addr,
        /// Source link-layer address option.
        mac: Option<MacAddr>,
        /// Seconds as a default router; 0: not one.
        lifetime: u16,
        /// MTU option.
        mtu: Option<u32>,
        /// Prefix information options.
        prefixes: Vec<Prefix>,
        /// Recursive DNS servers (RFC 8106).
        dns: Vec<Ipv6Addr>,
    },
}

/// A prefix information option (RFC 4861, section 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The prefix.
    pub prefix: Ipv6Addr,
    /// Its length in bits.
    pub length: u8,
    /// L: addresses of it are on-link.
    pub is_on_link: bool,
    /// A: hosts may make addresses of it.
    pub is_autonomous: bool,
    /// Valid lifetime, seconds.
    pub valid: u32,
}

/// A BOOTP (RFC 951) or DHCP (RFC 2131) message, as far as it was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcp {
    /// `op`: 1 from a client, 2 from a server.
    pub op: u8,
    /// Option 53; `None` for BOOTP.
    pub message_type: Option<u8>,
    /// `xid`.
    pub xid: u32,
    /// `chaddr`, where the hardware type is Ethernet's and its length six octets.
    pub client_mac: Option<MacAddr>,
    /// `secs`
    pub secs: u16,
    /// B flag of `flags`.
    pub wants_broadcast: bool,
    /// `ciaddr`, if not 0.0.0.0; so the next three.
    pub client_ip: Option<Ipv4Addr>,
    /// `yiaddr`
    pub your_ip: Option<Ipv4Addr>,
    /// `siaddr`
    pub next_server_ip: Option<Ipv4Addr>,
    /// `giaddr`
    pub relay_ip: Option<Ipv4Addr>,
    /// Option 50.
    pub requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    pub server_id: Option<Ipv4Addr>,
    /// Option 51, seconds.
    pub lease_seconds: Option<u32>,
    /// Options 58 and 59, seconds: T1 and T2.
    pub renewal: (Option<u32>, Option<u32>),
    /// Option 1.
    pub subnet_mask: Option<Ipv4Addr>,
    /// Option 3.
    pub routers: Vec<Ipv4Addr>,
    /// Option 6.
    pub dns: Vec<Ipv4Addr>,
    /// Option 15.
    pub domain: Option<Text>,
    /// Option 12.
    pub hostname: Option<Text>,
    /// The name of option 81 (RFC 4702).
    pub full_name: Option<Text>,
    /// Option 60.
    pub vendor_class: Option<Text>,
    /// Option 61, octets as hexadecimal.
    pub client_id: Option<Text>,
    /// Option 56, which a NAK carries.
    pub message: Option<Text>,
    /// Option 26.
    pub mtu: Option<u16>,
    /// Option 82 is present (RFC 3046).
    pub has_option82: bool,
    /// The numbers of all options present, in order, without pad and end; at most 64.
    pub options: Vec<u8>,
}

/// A DHCPv6 message (RFC 8415).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcp6 {
    /// Message type; relayed messages are unwrapped and say so in `relayed`.
    pub message_type: u8,
    /// Transaction identifier, 24 bits.
    pub xid: u32,
    /// Whether it came inside a Relay-forward or Relay-reply.
    pub relayed: bool,
    /// Source of the IP header.
    pub source: Option<Ipv6Addr>,
    /// Client DUID as hexadecimal.
    pub client_id: Option<Text>,
    /// The link-layer address inside a DUID-LLT or DUID-LL of Ethernet.
    pub client_mac: Option<MacAddr>,
    /// Server DUID as hexadecimal.
    pub server_id: Option<Text>,
    /// Addresses of IA_NA and IA_TA with their valid lifetime in seconds.
    pub addresses: Vec<(Ipv6Addr, u32)>,
    /// Prefixes of IA_PD: prefix, length.
    pub prefixes: Vec<(Ipv6Addr, u8)>,
    /// DNS servers (RFC 3646).
    pub dns: Vec<Ipv6Addr>,
    /// Client FQDN (RFC 4704).
    pub hostname: Option<Text>,
    /// Status code, if not success.
    pub status: Option<u16>,
}

/// A name for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The address.
    pub ip: IpAddr,
    /// The name, without the final dot.
    pub name: Text,
    /// Who says so.
    pub by: NameSource,
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameSource {
    /// The client's own name in DHCP.
    Dhcp,
    /// A DNS answer.
    Dns,
    /// A multicast DNS answer (RFC 6762).
    Mdns,
    /// LLDP's system name.
    Lldp,
}

/// A DNS or mDNS message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Identifier.
    pub id: u16,
    /// Question, or answer.
    pub is_response: bool,
    /// Port 5353.
    pub is_multicast: bool,
    /// The first question's name.
    pub question: Option<Text>,
    /// The first question's type, such as 1 for A.
    pub question_type: Option<u16>,
    /// RCODE: 0 no error, 3 NXDOMAIN.
    pub response_code: u8,
}

/// Multicast group membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The station.
    pub source: IpAddr,
    /// The group; unspecified in a general query.
    pub group: IpAddr,
    /// What is said of it.
    pub action: GroupAction,
}

/// See [`Group`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupAction {
    /// A membership report.
    Join,
    /// A leave, or a report of no interest.
    Leave,
    /// A querier asks.
    Query,
}

/// An LLDP data unit (IEEE 802.1AB).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lldp {
    /// Chassis identifier, printed by its subtype.
    pub chassis: Option<Text>,
    /// Port identifier, printed by its subtype.
    pub port: Option<Text>,
    /// Time to live, seconds.
    pub ttl: Option<u16>,
    /// Port description.
    pub port_description: Option<Text>,
    /// System name.
    pub system_name: Option<Text>,
    /// System description.
    pub system_description: Option<Text>,
    /// Management addresses.
    pub management: Vec<IpAddr>,
    /// Enabled capabilities: bit 2 bridge, bit 4 router.
    pub capabilities: Option<u16>,
    /// Port VLAN ID (IEEE 802.1 subtype 1).
    pub port_vlan: Option<u16>,
    /// Maximum frame size (IEEE 802.3 subtype 4).
    pub max_frame: Option<u16>,
}

/// A configuration or topology change BPDU (IEEE 802.1D-2004, clause 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stp {
    /// 0 STP, 2 RSTP, 3 MSTP.
    pub version: u8,
    /// Only says that the topology changed.
    pub is_topology_change: bool,
    /// Root bridge: priority, address.
    pub root: (u16, MacAddr),
    /// Cost to the root.
    pub root_path_cost: u32,
    /// Sending bridge: priority, address.
    pub bridge: (u16, MacAddr),
    /// Port identifier.
    pub port: u16,
    /// Flags octet: topology change, proposal, role, learning, forwarding, agreement.
    pub flags: u8,
    /// Forward delay, 1/256 s.
    pub forward_delay: u16,
}

/// LACP (IEEE 802.1AX): the actor's and the partner's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacp {
    /// Actor's system: priority, address.
    pub actor: (u16, MacAddr),
    /// Actor's key, port and state octet.
    pub actor_port: (u16, u16, u8),
    /// Partner's system: priority, address.
    pub partner: (u16, MacAddr),
    /// Partner's key, port and state octet.
    pub partner_port: (u16, u16, u8),
}

/// A packet inside a packet; the inner one is named, and counted nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// How.
    pub tunnel: crate::decode::Tunnel,
    /// Source and destination of the outer IP header.
    pub outer: (IpAddr, IpAddr),
    /// Source and destination of the inner Ethernet header, where there is one.
    pub inner_macs: Option<(MacAddr, MacAddr)>,
    /// Source and destination of the inner IP header, where it was captured.
    pub inner: Option<(IpAddr, IpAddr)>,
}

impl NameSource {
    /// In lower case, for programs and people.
    pub fn name(self) -> &'static str {
        match self {
            NameSource::Dhcp => "dhcp",
            NameSource::Dns => "dns",
            NameSource::Mdns => "mdns",
            NameSource::Lldp => "lldp",
        }
    }
}

/// The type and code in words (RFC 792, 1122, 1812, 4443).
impl std::fmt::Display for IcmpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match (self.is_v6, self.kind, self.code) {
            (false, 3, 0) => "network unreachable",
            (false, 3, 1) => "host unreachable",
            (false, 3, 2) => "protocol unreachable",
            (false, 3, 3) => "port unreachable",
            (false, 3, 4) => "fragmentation needed",
            (false, 3, 6) => "network unknown",
            (false, 3, 7) => "host unknown",
            (false, 3, 9 | 10 | 13) => "administratively prohibited",
            (false, 4, _) => "source quench",
            (false, 5, _) | (true, 137, _) => "redirect",
            (false, 11, 0) => "time to live exceeded",
            (false, 11, _) | (true, 3, 1) => "reassembly time exceeded",
            (false, 12, _) | (true, 4, _) => "parameter problem",
            (true, 1, 0) => "no route to destination",
            (true, 1, 1) => "administratively prohibited",
            (true, 1, 2) => "beyond scope of source address",
            (true, 1, 3) => "address unreachable",
            (true, 1, 4) => "port unreachable",
            (true, 2, _) => "packet too big",
            (true, 3, _) => "hop limit exceeded",
            (_, kind, code) => return write!(f, "ICMP{} type {kind} code {code}", if self.is_v6 { "v6" } else { "" }),
        };
        f.write_str(words)?;
        match (self.mtu, self.gateway) {
            (Some(mtu), _) => write!(f, " (MTU {mtu})"),
            (None, Some(gateway)) => write!(f, " (to {gateway})"),
            (None, None) => Ok(()),
        }
    }
}
