//! The words of the language: fields and protocols.

/// What a row may have one or several of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Number of the frame.
    FrameNumber,
    /// Length on the wire, octets.
    FrameLength,
    /// Name of the point, link or device.
    Interface,
    /// Either link-layer address.
    EthAddr,
    /// The link-layer source.
    EthSource,
    /// The link-layer destination.
    EthDestination,
    /// VLAN identifier.
    Vlan,
    /// Either IP address.
    IpAddr,
    /// The IP source; of a flow the initiator.
    IpSource,
    /// The IP destination; of a flow the responder.
    IpDestination,
    /// TTL or hop limit.
    Ttl,
    /// Either port.
    Port,
    /// The source port.
    PortSource,
    /// The destination port.
    PortDestination,
    /// Either port, of TCP only.
    TcpPort,
    /// Either port, of UDP only.
    UdpPort,
    /// Name of a guest, node or host.
    Name,
    /// State, such as `refused` or `bound`.
    State,
    /// Any other text of the row.
    Info,
}

/// What kind of values a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// An IP address, compared with an address or a prefix.
    Ip,
    /// A link-layer address.
    Mac,
    /// A text.
    Text,
}

/// A protocol that a row may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// ARP.
    Arp,
    /// Neighbor Discovery.
    Nd,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmp6,
    /// IGMP.
    Igmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// DHCP or BOOTP.
    Dhcp,
    /// DHCPv6.
    Dhcp6,
    /// DNS or mDNS.
    Dns,
    /// Spanning tree.
    Stp,
    /// LLDP.
    Lldp,
    /// LACP and other slow protocols.
    Lacp,
    /// A VLAN tag.
    Vlan,
    /// A packet inside a packet.
    Tunnel,
}

impl Field {
    /// All, with their names, the first being the one that is offered, and what they are.
    pub const ALL: [(Field, &'static [&'static str], Kind, &'static str); 19] = [
        (Field::FrameNumber, &["frame.number"], Kind::Number, "number of the packet"),
        (Field::FrameLength, &["frame.len"], Kind::Number, "octets on the wire"),
        (Field::Interface, &["frame.interface_name", "point", "link"], Kind::Text, "where it was seen"),
        (Field::EthAddr, &["eth.addr", "mac"], Kind::Mac, "either link-layer address"),
        (Field::EthSource, &["eth.src"], Kind::Mac, "link-layer source"),
        (Field::EthDestination, &["eth.dst"], Kind::Mac, "link-layer destination"),
        (Field::Vlan, &["vlan.id"], Kind::Number, "VLAN identifier"),
        (Field::IpAddr, &["ip.addr", "ipv6.addr"], Kind::Ip, "either IP address"),
        (Field::IpSource, &["ip.src", "ipv6.src"], Kind::Ip, "IP source"),
        (Field::IpDestination, &["ip.dst", "ipv6.dst"], Kind::Ip, "IP destination"),
        (Field::Ttl, &["ip.ttl", "ipv6.hlim"], Kind::Number, "TTL or hop limit"),
        (Field::Port, &["port"], Kind::Number, "either port"),
        (Field::PortSource, &["srcport", "tcp.srcport", "udp.srcport"], Kind::Number, "source port"),
        (Field::PortDestination, &["dstport", "tcp.dstport", "udp.dstport"], Kind::Number, "destination port"),
        (Field::TcpPort, &["tcp.port"], Kind::Number, "either TCP port"),
        (Field::UdpPort, &["udp.port"], Kind::Number, "either UDP port"),
        (Field::Name, &["name", "guest", "node"], Kind::Text, "name of a guest or host"),
        (Field::State, &["state"], Kind::Text, "state"),
        (Field::Info, &["info"], Kind::Text, "any other text"),
    ];

    /// The field of a name.
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.iter().find(|(_, names, ..)| names.iter().any(|known| known.eq_ignore_ascii_case(name))).map(|(field, ..)| *field)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().1[0]
    }

    /// Its values.
    pub fn kind(self) -> Kind {
        self.row().2
    }

    fn row(self) -> &'static (Field, &'static [&'static str], Kind, &'static str) {
        Field::ALL.iter().find(|(field, ..)| *field == self).unwrap_or(&Field::ALL[0])
    }
}

impl Kind {
    /// What may stand behind an operator, for people.
    pub fn wanted(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Ip => "an address or prefix, such as 10.0.2.101 or 10.0.0.0/8",
            Kind::Mac => "a link-layer address, such as 52:54:00:12:34:56",
            Kind::Text => "a text, such as \"web\"",
        }
    }
}

impl Protocol {
    /// All, with their names, the first being the one that is offered.
    pub const ALL: [(Protocol, &'static [&'static str]); 18] = [
        (Protocol::Arp, &["arp"]),
        (Protocol::Nd, &["nd", "ndp"]),
        (Protocol::Ip, &["ip"]),
        (Protocol::Ip6, &["ipv6", "ip6"]),
        (Protocol::Icmp, &["icmp"]),
        (Protocol::Icmp6, &["icmpv6", "icmp6"]),
        (Protocol::Igmp, &["igmp"]),
        (Protocol::Tcp, &["tcp"]),
        (Protocol::Udp, &["udp"]),
        (Protocol::Sctp, &["sctp"]),
        (Protocol::Dhcp, &["dhcp", "bootp"]),
        (Protocol::Dhcp6, &["dhcpv6", "dhcp6"]),
        (Protocol::Dns, &["dns", "mdns"]),
        (Protocol::Stp, &["stp"]),
        (Protocol::Lldp, &["lldp"]),
        (Protocol::Lacp, &["lacp", "slow"]),
        (Protocol::Vlan, &["vlan"]),
        (Protocol::Tunnel, &["tunnel"]),
    ];

    /// The protocol of a name.
    pub fn named(name: &str) -> Option<Protocol> {
        Protocol::ALL.iter().find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name))).map(|(protocol, _)| *protocol)
    }
}
