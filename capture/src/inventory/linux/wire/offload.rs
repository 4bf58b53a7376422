//! What devices take off the kernel's hands: frames that are larger than the MTU, checksums that are still to be filled in; and how fast
//! they say they are.
//!
//! Asked over generic netlink, whose family `ethtool` numbers itself anew at every boot; read Documentation/networking/ethtool-netlink.rst
//! and linux/ethtool_netlink_generated.h first.

use super::nla::{attributes, integer, push, word};
use super::socket::Queries;
use std::collections::BTreeMap;
use std::io;
use tapscope_graph::Text;

const NETLINK_GENERIC: isize = 16;
/// The controller's own family, its question for another's number, and the attributes of that (linux/genetlink.h).
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

const ETHTOOL_MSG_FEATURES_GET: u8 = 11;
const ETHTOOL_A_FEATURES_HEADER: u16 = 1;
const ETHTOOL_A_FEATURES_ACTIVE: u16 = 4;
const ETHTOOL_MSG_LINKMODES_GET: u8 = 4;
const ETHTOOL_A_LINKMODES_HEADER: u16 = 1;
const ETHTOOL_A_LINKMODES_SPEED: u16 = 5;
/// No speed: nothing is plugged in, or there is none to tell (linux/ethtool.h).
const SPEED_UNKNOWN: u32 = u32::MAX;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
const ETHTOOL_A_BITSET_BITS: u16 = 3;
const ETHTOOL_A_BITSET_BITS_BIT: u16 = 1;
const ETHTOOL_A_BITSET_BIT_NAME: u16 = 2;
const NLA_F_NESTED: u16 = 0x8000;
/// The kind of an attribute without its flags.
const KIND: u16 = 0x3fff;

/// The length of a generic netlink header: command, version, two octets of nothing.
const HEADER: usize = 4;
/// The most offloads of a device that are told.
const MOST: usize = 64;

/// What ethtool's netlink tells of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Abilities {
    /// As [`Device::offloads`](tapscope_graph::host::Device::offloads).
    pub offloads: Vec<Text>,
    /// As [`Device::speed`](tapscope_graph::host::Device::speed).
    pub speed: Option<u32>,
}

/// Asks for them, in one namespace.
pub(in super::super) struct Offloads {
    queries: Queries,
    family: u16,
}

impl Offloads {
    /// Opens, in the namespace of this thread.
    ///
    /// # Errors
    /// The kernel gives no socket, or was built without ethtool's netlink (before 5.6).
    pub fn open() -> io::Result<Offloads> {
        let mut queries = Queries::speaking(NETLINK_GENERIC)?;
        let mut payload = vec![CTRL_CMD_GETFAMILY, 1, 0, 0];
        push(&mut payload, CTRL_ATTR_FAMILY_NAME, b"ethtool\0");
        let mut family = None;
        queries.ask(GENL_ID_CTRL, 0, &payload, &mut |_, bytes| {
            let mut attributes = attributes(bytes.get(HEADER..).unwrap_or_default());
            family = attributes.find(|(kind, _)| kind & KIND == CTRL_ATTR_FAMILY_ID).and_then(|(_, value)| integer(value));
        })?;
        let family = family.and_then(|family| u16::try_from(family).ok()).ok_or(io::ErrorKind::Unsupported)?;
        Ok(Offloads { queries, family })
    }

    /// Those of all devices, by index.
    ///
    /// # Errors
    /// The kernel refuses, or does not answer.
    pub fn all(&mut self) -> io::Result<BTreeMap<u32, Abilities>> {
        const NLM_F_DUMP: u16 = 0x300;
        self.read(NLM_F_DUMP, &[])
    }

    /// Those of one device.
    ///
    /// # Errors
    /// The kernel refuses, or does not answer; also where the device is not there any more.
    pub fn of(&mut self, index: u32) -> io::Result<Abilities> {
        let mut header = Vec::new();
        push(&mut header, ETHTOOL_A_HEADER_DEV_INDEX, &index.to_ne_bytes());
        Ok(self.read(0, &header)?.remove(&index).unwrap_or_default())
    }

    fn read(&mut self, flags: u16, header: &[u8]) -> io::Result<BTreeMap<u32, Abilities>> {
        let mut payload = vec![ETHTOOL_MSG_FEATURES_GET, 1, 0, 0];
        push(&mut payload, ETHTOOL_A_FEATURES_HEADER | NLA_F_NESTED, header);
        let mut found: BTreeMap<u32, Abilities> = BTreeMap::new();
        self.queries.ask(self.family, flags, &payload, &mut |_, bytes| {
            if let Some((index, offloads)) = features(bytes) {
                found.entry(index).or_default().offloads = offloads;
            }
        })?;
        let mut payload = vec![ETHTOOL_MSG_LINKMODES_GET, 1, 0, 0];
        push(&mut payload, ETHTOOL_A_LINKMODES_HEADER | NLA_F_NESTED, header);
        // Of one device that has no link modes, such as a bridge, the kernel says that it does not support this.
        let _ = self.queries.ask(self.family, flags, &payload, &mut |_, bytes| {
            if let Some((index, speed)) = speed(bytes) {
                found.entry(index).or_default().speed = speed;
            }
        });
        Ok(found)
    }
}

/// The device that a message's header names.
fn device(header: &[u8]) -> Option<u32> {
    attributes(header).find(|(kind, _)| kind & KIND == ETHTOOL_A_HEADER_DEV_INDEX).and_then(|(_, value)| word(value))
}

/// A device and its offloads.
fn features(bytes: &[u8]) -> Option<(u32, Vec<Text>)> {
    let (mut index, mut names) = (None, Vec::new());
    for (kind, value) in attributes(bytes.get(HEADER..)?) {
        match kind & KIND {
            ETHTOOL_A_FEATURES_HEADER => {
                index = device(value);
            }
            ETHTOOL_A_FEATURES_ACTIVE => {
                let bits =
                    attributes(value).filter(|(kind, _)| kind & KIND == ETHTOOL_A_BITSET_BITS).flat_map(|(_, bits)| attributes(bits));
                let bits = bits.filter(|(kind, _)| kind & KIND == ETHTOOL_A_BITSET_BITS_BIT).flat_map(|(_, bit)| attributes(bit));
                let active = bits.filter(|(kind, _)| kind & KIND == ETHTOOL_A_BITSET_BIT_NAME).map(|(_, name)| Text::from_wire(name));
                names = active.filter(|name| changes_frames(name.as_str())).take(MOST).collect();
            }
            _ => {}
        }
    }
    Some((index?, names))
}

/// A device and its speed.
fn speed(bytes: &[u8]) -> Option<(u32, Option<u32>)> {
    let (mut index, mut speed) = (None, None);
    for (kind, value) in attributes(bytes.get(HEADER..)?) {
        match kind & KIND {
            ETHTOOL_A_LINKMODES_HEADER => {
                index = device(value);
            }
            ETHTOOL_A_LINKMODES_SPEED => speed = word(value).filter(|&speed| speed != SPEED_UNKNOWN),
            _ => {}
        }
    }
    Some((index?, speed))
}

/// Whether an offload shows in captured frames.
fn changes_frames(name: &str) -> bool {
    ["segmentation", "checksum", "-gro", "-lro", "vlan"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nest(kind: u16, parts: &[(u16, &[u8])]) -> Vec<u8> {
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        parts.iter().for_each(|(kind, value)| push(&mut inner, *kind, value));
        push(&mut outer, kind | NLA_F_NESTED, &inner);
        outer
    }

    #[test]
    fn what_shows_in_frames_is_told_and_the_rest_is_not() {
        let bit = |name: &[u8]| nest(ETHTOOL_A_BITSET_BITS_BIT, &[(1, &7u32.to_ne_bytes()), (ETHTOOL_A_BITSET_BIT_NAME, name)]);
        let bits = [bit(b"tx-tcp-segmentation\0"), bit(b"highdma\0"), bit(b"rx-gro\0")].concat();
        let mut bitset = Vec::new();
        push(&mut bitset, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED, &bits);
        let mut message = vec![ETHTOOL_MSG_FEATURES_GET, 1, 0, 0];
        message.extend(nest(ETHTOOL_A_FEATURES_HEADER, &[(ETHTOOL_A_HEADER_DEV_INDEX, &5u32.to_ne_bytes())]));
        push(&mut message, ETHTOOL_A_FEATURES_ACTIVE | NLA_F_NESTED, &bitset);
        assert_eq!(features(&message), Some((5, vec![Text::new("tx-tcp-segmentation"), Text::new("rx-gro")])));
        let mut modes = vec![ETHTOOL_MSG_LINKMODES_GET, 1, 0, 0];
        modes.extend(nest(ETHTOOL_A_LINKMODES_HEADER, &[(ETHTOOL_A_HEADER_DEV_INDEX, &5u32.to_ne_bytes())]));
        let unknown = modes.clone();
        push(&mut modes, ETHTOOL_A_LINKMODES_SPEED, &10_000u32.to_ne_bytes());
        assert_eq!((speed(&modes), speed(&unknown)), (Some((5, Some(10_000))), Some((5, None))));
        // Cut anywhere, it tells less, and nothing breaks.
        for end in 0..message.len() {
            features(&message[..end]);
        }
    }
}
