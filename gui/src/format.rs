//! Numbers and names as people read them.

use tapscope_graph::Timestamp;
use tapscope_graph::topology::{Node, NodeKind};

/// Hours, minutes, seconds and milliseconds of the day, UTC.
pub fn clock(at: Timestamp) -> String {
    let (seconds, nanos) = at.parts();
    let of_day = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}.{:03}", of_day / 3600, of_day / 60 % 60, of_day % 60, nanos / 1_000_000)
}

/// A rate of octets per second, in bits per second.
pub fn rate(octets: u32) -> String {
    let bits = f64::from(octets) * 8.0;
    match bits {
        b if b >= 1e9 => format!("{:.1} Gb/s", b / 1e9),
        b if b >= 1e6 => format!("{:.1} Mb/s", b / 1e6),
        b if b >= 1e3 => format!("{:.1} kb/s", b / 1e3),
        b => format!("{b:.0} b/s"),
    }
}

/// Octets with a unit that keeps the number short.
pub fn octets(count: u64) -> String {
    match count as f64 {
        c if c >= 1e9 => format!("{:.1} GB", c / 1e9),
        c if c >= 1e6 => format!("{:.1} MB", c / 1e6),
        c if c >= 1e3 => format!("{:.1} kB", c / 1e3),
        _ => format!("{count} B"),
    }
}

/// How many packets.
pub fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}

/// A time between two events, nanoseconds.
pub fn span(nanos: i64) -> String {
    match nanos as f64 {
        n if n.abs() >= 1e9 => format!("{:.2} s", n / 1e9),
        n if n.abs() >= 1e6 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.0} µs", n / 1e3),
    }
}

/// What a node is called; what lies beyond a router, whose name says how much, is told in other words here.
pub fn title(node: &Node) -> String {
    if node.kind == NodeKind::Outside && node.name.is_none() { "outside".to_owned() } else { node.title() }
}

/// An IP protocol's name.
pub fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".into(),
        2 => "IGMP".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        47 => "GRE".into(),
        58 => "ICMPv6".into(),
        132 => "SCTP".into(),
        other => format!("protocol {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_units() {
        assert_eq!(clock(Timestamp(1_700_000_000_123_456_789)), "22:13:20.123");
        assert_eq!((rate(150_000), octets(1_500), span(330_000)), ("1.2 Mb/s".into(), "1.5 kB".into(), "330 µs".into()));
    }
}
