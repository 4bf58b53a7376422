//! DHCPv4 with its options by name (RFC 2132), and DHCPv6.

use super::Reading;
use crate::Text;
use crate::decode::read::{array, be16, be32};
use crate::decode::{dhcp, dhcp6};
use crate::tables::DhcpMessage;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const OPTIONS: usize = 240;

/// An option's name (RFC 2132 and others as IANA lists them).
fn option_name(number: u8) -> &'static str {
    match number {
        1 => "subnet mask",
        3 => "router",
        6 => "domain name server",
        12 => "host name",
        15 => "domain name",
        26 => "interface MTU",
        28 => "broadcast address",
        33 => "static route",
        42 => "NTP servers",
        43 => "vendor specific",
        50 => "requested IP address",
        51 => "IP address lease time",
        52 => "option overload",
        53 => "DHCP message type",
        54 => "server identifier",
        55 => "parameter request list",
        56 => "message",
        57 => "maximum message size",
        58 => "renewal time (T1)",
        59 => "rebinding time (T2)",
        60 => "vendor class identifier",
        61 => "client identifier",
        66 => "TFTP server name",
        67 => "bootfile name",
        77 => "user class",
        80 => "rapid commit",
        81 => "client FQDN",
        82 => "relay agent information",
        93 => "client system architecture",
        97 => "client machine identifier",
        108 => "IPv6-only preferred",
        114 => "captive portal",
        119 => "domain search",
        121 => "classless static route",
        _ => "option",
    }
}

fn option_value(number: u8, value: &[u8]) -> String {
    let ips = || {
        let ips = value.chunks_exact(4).filter_map(|ip| array::<4>(ip, 0)).map(|ip| Ipv4Addr::from(ip).to_string());
        ips.take(16).collect::<Vec<_>>().join(", ")
    };
    let shown = match (number, value.len()) {
        (1 | 3 | 6 | 28 | 42 | 50 | 54, 4..) => ips(),
        (12 | 15 | 56 | 60 | 66 | 67 | 114, _) => Text::long_from_wire(value).to_string(),
        (51 | 58 | 59, 4) => format!("{} s", be32(value, 0).unwrap_or(0)),
        (26 | 57, 2) => format!("{} octets", be16(value, 0).unwrap_or(0)),
        (53, 1) => message_name(1, Some(value[0])),
        (55, _) => value.iter().take(32).map(u8::to_string).collect::<Vec<_>>().join(", "),
        _ => Text::hex(value).to_string(),
    };
    format!("({number}) {shown}")
}

fn message_name(op: u8, message_type: Option<u8>) -> String {
    DhcpMessage { op, message_type, frame: Default::default(), at: Default::default(), point: Default::default(), repeated: false }.name()
}

/// What a DHCPv4 message says.
pub(in crate::decode) fn dhcp_words(bytes: &[u8]) -> String {
    let Some(dhcp) = dhcp::parse(bytes) else { return "cut short".to_owned() };
    let client = dhcp.client_mac.map_or_else(String::new, |mac| format!(" of {mac}"));
    let ip = dhcp.your_ip.or(dhcp.requested_ip).map_or_else(String::new, |ip| format!(", {ip}"));
    format!("{} xid {:#010x}{client}{ip}", message_name(dhcp.op, dhcp.message_type), dhcp.xid)
}

/// What a DHCPv6 message says.
pub(in crate::decode) fn dhcp6_words(bytes: &[u8]) -> String {
    match dhcp6::parse(bytes, IpAddr::V6(Ipv6Addr::UNSPECIFIED)) {
        Some(dhcp) => {
            let addresses: Vec<String> = dhcp.addresses.iter().take(4).map(|(ip, _)| ip.to_string()).collect();
            format!("type {} xid {:#08x} {}", dhcp.message_type, dhcp.xid, addresses.join(", "))
        }
        None => "cut short".to_owned(),
    }
}

impl Reading<'_> {
    pub(super) fn dhcp(&mut self, at: usize, end: usize) {
        let mut draft = self.draft("DHCP", at, end - at);
        draft.u8("op", 0);
        draft.u8("hardware type", 1);
        draft.u8("hardware address length", 2);
        draft.u8("hops", 3);
        if let Some(xid) = be32(draft.bytes, 4) {
            draft.add("transaction identifier", 4..8, format!("{xid:#010x}"));
        }
        draft.u16("seconds", 8);
        draft.hex16("flags", 10);
        draft.ipv4("client address (ciaddr)", 12);
        draft.ipv4("your address (yiaddr)", 16);
        draft.ipv4("next server address (siaddr)", 20);
        draft.ipv4("relay agent address (giaddr)", 24);
        draft.mac("client hardware address", 28);
        let bytes = draft.bytes;
        if let Some(options) = bytes.get(OPTIONS..) {
            let place = |value: &[u8]| value.as_ptr() as usize - bytes.as_ptr() as usize;
            for (number, value) in dhcp::options(options) {
                let start = place(value);
                draft.add(option_name(number), start.saturating_sub(2)..start + value.len(), option_value(number, value));
            }
        }
        let words = dhcp_words(bytes);
        self.push(draft, words);
    }

    pub(super) fn dhcp6(&mut self, at: usize, end: usize) {
        let mut draft = self.draft("DHCPv6", at, end - at);
        draft.u8("message type", 0);
        let bytes = draft.bytes;
        if let Some([a, b, c]) = array::<3>(bytes, 1) {
            draft.add("transaction identifier", 1..4, format!("{:#08x}", u32::from_be_bytes([0, a, b, c])));
        }
        let mut offset = 4;
        for (code, value) in dhcp6::options(bytes.get(4..).unwrap_or_default()) {
            draft.add("option", offset..offset + 4 + value.len(), format!("({code}) {}", Text::hex(value)));
            offset += 4 + value.len();
        }
        let words = dhcp6_words(bytes);
        self.push(draft, words);
    }
}
