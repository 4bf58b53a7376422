//! What `show` prints, one file per format.

pub mod card;
pub mod dot;
pub mod graphml;
pub mod host;
pub mod json;
#[cfg(test)]
mod tests;
pub mod text;
pub mod why;

/// An IP protocol's name, or its number.
pub fn protocol(number: u8) -> String {
    match number {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        58 => "icmpv6".into(),
        132 => "sctp".into(),
        other => format!("protocol {other}"),
    }
}

fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}
