//! What is asked: why does a ping from A to B fail?

use crate::{MacAddr, Text, Timestamp};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One end of a ping, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// By its address.
    Ip(IpAddr),
    /// By its link-layer address.
    Mac(MacAddr),
    /// By the name of a guest, of a node, or of the device that it is behind.
    Name(Text),
    /// An address, and the guest or device that should have it: `10.0.0.2@tap1`.
    At(IpAddr, Text),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who pings.
    pub from: Party,
    /// Whom.
    pub to: Party,
    /// What was seen earlier does not count.
    pub since: Option<Timestamp>,
    /// What was seen later does not count.
    pub until: Option<Timestamp>,
    /// What the program that pinged said itself, where it was asked.
    pub pinged: Option<Pinged>,
}

/// What ping(8) said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pinged {
    /// Requests that it sent.
    pub sent: u64,
    /// Replies that it got.
    pub received: u64,
}

impl Question {
    /// Whether a ping from one to the other works, over all that was seen.
    pub fn new(from: Party, to: Party) -> Question {
        Question { from, to, since: None, until: None, pinged: None }
    }
}

/// An address of IPv4, IPv6 or Ethernet, else a name; `ADDRESS@NAME` for both.
impl FromStr for Party {
    type Err = Empty;

    fn from_str(text: &str) -> Result<Party, Empty> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Empty);
        }
        // The scope of a link-local address says where it is.
        if let Some((ip, name)) = text.split_once(['@', '%'])
            && let (Ok(ip), false) = (ip.parse(), name.is_empty())
        {
            return Ok(Party::At(ip, Text::new(name)));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Party::Ip(ip));
        }
        let octets: Vec<Option<u8>> = text.split([':', '-']).map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
        let octets = octets.into_iter().collect::<Option<Vec<u8>>>().and_then(|octets| <[u8; 6]>::try_from(octets).ok());
        Ok(octets.map_or_else(|| Party::Name(Text::new(text)), |octets| Party::Mac(MacAddr(octets))))
    }
}

/// A party without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Empty;

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("name an address, a guest, a node or a device")
    }
}

impl std::error::Error for Empty {}

/// As it is parsed.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Ip(ip) => ip.fmt(f),
            Party::Mac(mac) => mac.fmt(f),
            Party::Name(name) => name.fmt(f),
            Party::At(ip, name) => write!(f, "{ip}@{name}"),
        }
    }
}
