//! What ifconfig(8) and brconfig(8) of the BSDs and macOS print, as facts.
//!
//! Pure functions of text, so that they are tested everywhere. The formats follow the printing code: NetBSD's `sbin/ifconfig` and
//! `sbin/brconfig`, FreeBSD's `sbin/ifconfig/ifbridge.c`. Lines and words that are not known are passed over. Devices are numbered in the
//! order of their lines, as these texts do not tell their index.

mod bridge;
mod ifconfig;

pub use bridge::{Ports, brconfig};
pub use ifconfig::ifconfig;

#[cfg(any(target_os = "netbsd", target_os = "freebsd", target_os = "openbsd", target_os = "macos"))]
mod inventory;
#[cfg(any(target_os = "netbsd", target_os = "freebsd", target_os = "openbsd", target_os = "macos"))]
pub(super) use inventory::Bsd;

use tapscope_graph::MacAddr;

/// A MAC address, also without leading zeros as ether_ntoa(3) of some systems prints it: `52:54:0:12:34:57`.
fn mac(word: &str) -> Option<MacAddr> {
    let mut octets = [0; 6];
    let mut parts = word.split(':');
    for octet in &mut octets {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *octet = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(octets))
}

/// The words in `flags=8943<UP,BROADCAST>`; none without the brackets.
fn flags(line: &str) -> impl Iterator<Item = &str> {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(inside, _)| inside);
    inside.split(',').filter(|word| !word.is_empty())
}

/// The word after another one.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let mut words = line.split_whitespace();
    words.find(|&found| found == word)?;
    words.next()
}

/// The number after a word.
fn number<T: std::str::FromStr>(line: &str, word: &str) -> Option<T> {
    after(line, word)?.parse().ok()
}

/// The text in blocks: a line that is not indented and the indented ones below it. A block's name is the first word up to its colon.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str, Vec<&str>)> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let head = lines.next()?;
            let mut body = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                body.push(line.trim());
            }
            if let Some((name, rest)) = head.split_once(": ").filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace)) {
                return Some((name, rest, body));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_may_lack_leading_zeros() {
        let text = |word| mac(word).map(|mac| mac.to_string());
        assert_eq!(text("52:54:0:12:34:57").as_deref(), Some("52:54:00:12:34:57"));
        assert_eq!(text("52:54:00:12:34:57").as_deref(), Some("52:54:00:12:34:57"));
        assert_eq!(text("52:54:00:12:34"), None);
        assert_eq!(text("52:54:00:12:34:57:58"), None);
        assert_eq!(text("52:54:000:12:34:57"), None);
        assert_eq!(text("::::::"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}", lines in proptest::collection::vec(
            "\t?(tap0: |bridge0: |inet |inet6 |member: |ether |id |port |Interfaces:|Address cache|flags=|mtu |fe80::1%tap0|10.0.0.1|0xff|/| |<UP>|9999999999|52:54:0:1:2:3|Vlan1|Opened by PID ){0,8}", 0..20,
        )) {
            for text in [text, lines.join("\n")] {
                let facts = ifconfig(&text);
                let _ = brconfig(&text, &facts);
            }
        }
    }
}
