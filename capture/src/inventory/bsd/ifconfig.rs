//! `ifconfig -a`

use super::bridge::{self, Ports};
use super::{after, blocks, flags, mac, number};
use std::net::{IpAddr, Ipv4Addr};
use tapscope_graph::Text;
use tapscope_graph::host::{AddressScope, Bridge, Device, DeviceId, DeviceKind, HostAddress, HostFact, Netns, OperState, TunMode};

/// Devices and addresses, and what FreeBSD and macOS print of bridges among them.
///
/// Aliases hold FreeBSD's groups and `Opened by PID …` as it stands there: which process has a TAP open.
pub fn ifconfig(text: &str) -> Vec<HostFact> {
    let (mut devices, mut addresses, mut ports) = (Vec::new(), Vec::new(), Ports::default());
    for (index, (name, head, body)) in (1..).zip(blocks(text)) {
        let id = DeviceId { netns: Netns(0), index };
        let device = device(id, name, head, &body);
        if matches!(device.kind, DeviceKind::Bridge(_)) {
            ports.read(name, &body);
        }
        addresses.extend(body.iter().filter_map(|line| address(id, line)).map(HostFact::Address));
        devices.push(device);
    }
    let fdb = ports.join(&mut devices);
    devices.into_iter().map(|device| HostFact::Device(Box::new(device))).chain(addresses).chain(fdb).collect()
}

fn device(id: DeviceId, name: &str, head: &str, body: &[&str]) -> Device {
    let has = |flag: &str| flags(head).any(|word| word == flag);
    // NetBSD says `address:`, and `linkstr` besides; FreeBSD and macOS `ether`, OpenBSD `lladdr`.
    let of_words = |words: [&str; 3]| body.iter().find_map(|line| words.iter().find_map(|word| mac(after_first(line, word)?)));
    let status = body.iter().find_map(|line| line.strip_prefix("status: "));
    let has_carrier = status.map_or(has("RUNNING"), |status| status.starts_with("active"));
    let groups: Vec<&str> = body.iter().filter_map(|line| line.strip_prefix("groups: ")).flat_map(str::split_whitespace).collect();
    let opened = body.iter().find(|line| line.starts_with("Opened by PID "));
    Device {
        id,
        name: Text::new(name),
        kind: kind(name, &groups, body, has("LOOPBACK"), has("POINTOPOINT")),
        mac: of_words(["address:", "ether", "lladdr"]),
        mtu: number(head, "mtu").unwrap_or(0),
        is_up: has("UP"),
        has_carrier,
        oper_state: match (has("UP"), has_carrier) {
            (true, true) => OperState::Up,
            (true, false) | (false, _) => OperState::Down,
        },
        promiscuity: u32::from(has("PROMISC")),
        aliases: opened.into_iter().map(|line| Text::new(line)).collect(),
        ..Device::default()
    }
}

/// The second word of a line that begins with a word.
fn after_first<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let mut words = line.split_whitespace();
    (words.next() == Some(word)).then(|| words.next())?
}

/// These texts name no driver. FreeBSD's groups and lines that only bridges have come before names, which may be changed there.
fn kind(name: &str, groups: &[&str], body: &[&str], is_loopback: bool, is_point_to_point: bool) -> DeviceKind {
    let is = |kind: &str| {
        let named = name.strip_prefix(kind).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        groups.contains(&kind) || named
    };
    let tun = |is_tap| DeviceKind::Tun(TunMode { is_tap, ..TunMode::default() });
    if is_loopback {
        return DeviceKind::Loopback;
    }
    if is("bridge") || body.iter().any(|line| line.starts_with("member: ")) {
        return DeviceKind::Bridge(bridge_settings(body));
    }
    if is("tap") || is("vmenet") {
        return tun(true);
    }
    if is("tun") || is("utun") {
        return tun(false);
    }
    if is("vlan") || body.iter().any(|line| line.starts_with("vlan: ")) {
        let vid = body.iter().find_map(|line| number(line, "vlan:")).unwrap_or(0);
        return DeviceKind::Vlan { vid, protocol: Default::default() };
    }
    for kind in ["epair", "vether", "vxlan", "lagg", "wg", "gif", "gre", "pflog", "enc"] {
        if is(kind) {
            return DeviceKind::Other(Text::new(kind));
        }
    }
    match body.iter().any(|line| line.starts_with("media: ")) && !is_point_to_point {
        true => DeviceKind::Physical,
        false => DeviceKind::Unknown,
    }
}

/// A bridge's lines, of FreeBSD, macOS and brconfig(8).
pub(super) fn bridge_settings(body: &[&str]) -> Bridge {
    let find = |word: &str| body.iter().find_map(|line| number(line, word));
    let mut bridge = Bridge { forward_delay_seconds: find("fwddelay").unwrap_or(0), ..Bridge::default() };
    bridge.ageing_seconds = bridge::timeout(body).unwrap_or(0);
    for line in body {
        let id = |mac_word: &str| Some((number(line, "priority")?, mac(after(line, mac_word)?)?));
        if line.starts_with("root id ") {
            bridge.root = id("id");
        } else if line.starts_with("id ") {
            bridge.id = id("id");
        }
    }
    bridge
}

fn address(device: DeviceId, line: &str) -> Option<HostAddress> {
    let mut words = line.split_whitespace();
    let is_v6 = match words.next()? {
        "inet" => false,
        "inet6" => true,
        _ => return None,
    };
    let mut word = words.next()?;
    if word == "alias" {
        word = words.next()?;
    }
    // `10.0.2.100/24`, `fe80::1%tap0`, `fe80::1%tap0/64`
    let (plain, length) = word.split_once('/').map_or((word, None), |(plain, length)| (plain, length.parse().ok()));
    let ip: IpAddr = plain.split('%').next()?.parse().ok()?;
    if ip.is_ipv6() != is_v6 {
        return None;
    }
    let most = if is_v6 { 128 } else { 32 };
    let length: u8 = length.or_else(|| number(line, "prefixlen")).or_else(|| netmask(after(line, "netmask")?)).unwrap_or(most);
    // NetBSD 8 and later print an address's flags in words; others as words of the line.
    let says = |word: &str| line.split([' ', '<', '>', ',', '\t']).any(|found| found.eq_ignore_ascii_case(word));
    let scope = match ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => AddressScope::Link,
        ip if ip.is_loopback() => AddressScope::Host,
        _ => AddressScope::Global,
    };
    Some(HostAddress {
        device,
        ip,
        length: length.min(most),
        peer: after(line, "-->").and_then(|peer| peer.split(['%', '/']).next()?.parse().ok()),
        scope,
        is_tentative: says("tentative"),
        is_duplicate: says("duplicated"),
        is_deprecated: says("deprecated"),
        is_dynamic: says("autoconf"),
    })
}

/// `0xffffff00`, or `255.255.255.0`: the length of the prefix in bits.
fn netmask(word: &str) -> Option<u8> {
    let bits = match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => word.parse::<Ipv4Addr>().ok()?.to_bits(),
    };
    u8::try_from(bits.leading_ones()).ok().filter(|length| bits.count_ones() == u32::from(*length))
}
