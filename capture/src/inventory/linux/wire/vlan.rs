//! A bridge's VLANs: in `IFLA_AF_SPEC` of the family AF_BRIDGE, and as messages of their own (linux/if_bridge.h).

use super::nla::{attributes, word_at};
use super::{News, Unread};
use tapscope_graph::host::PortVlan;

/// `struct bridge_vlan_info`'s flags.
const PVID: u16 = 2;
const UNTAGGED: u16 = 4;
const RANGE_BEGIN: u16 = 8;
const RANGE_END: u16 = 16;

/// Flags and identifier.
fn info(value: &[u8]) -> Option<(u16, u16)> {
    let &[a, b, c, d] = value else { return None };
    Some((u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])))
}

/// `first` to `last`; there are 4094 VLANs, whatever the message says.
fn range(first: u16, last: u16, flags: u16) -> impl Iterator<Item = PortVlan> {
    (first.max(1)..=last.min(4094)).map(move |vid| PortVlan { vid, is_pvid: flags & PVID != 0, is_untagged: flags & UNTAGGED != 0 })
}

/// The VLANs in `IFLA_AF_SPEC`: `IFLA_BRIDGE_VLAN_INFO`, single or as the two ends of a range.
pub(super) fn of_port(value: &[u8]) -> Vec<PortVlan> {
    const IFLA_BRIDGE_VLAN_INFO: u16 = 2;
    let mut vlans = Vec::new();
    let mut begin = None;
    for (flags, vid) in attributes(value).filter(|(kind, _)| *kind == IFLA_BRIDGE_VLAN_INFO).filter_map(|(_, value)| info(value)) {
        if flags & RANGE_BEGIN != 0 {
            begin = Some(vid);
            continue;
        }
        let first = begin.take().filter(|_| flags & RANGE_END != 0).unwrap_or(vid);
        vlans.extend(range(first, vid, flags));
    }
    vlans.sort_unstable();
    vlans.dedup_by_key(|vlan| vlan.vid);
    vlans
}

/// `RTM_NEWVLAN` and `RTM_DELVLAN`: `struct br_vlan_msg` and entries.
pub(super) fn event(bytes: &[u8], left: bool) -> Result<News, Unread> {
    const BRIDGE_VLANDB_ENTRY: u16 = 1;
    const BRIDGE_VLANDB_ENTRY_INFO: u16 = 1;
    const BRIDGE_VLANDB_ENTRY_RANGE: u16 = 2;
    let short = Unread::short("a bridge's VLANs");
    let index = word_at(bytes, 4).ok_or(short.clone())?;
    let mut vlans = Vec::new();
    for (_, entry) in attributes(bytes.get(8..).ok_or(short)?).filter(|(kind, _)| *kind == BRIDGE_VLANDB_ENTRY) {
        let (mut single, mut last) = (None, None);
        for (kind, value) in attributes(entry) {
            match kind {
                BRIDGE_VLANDB_ENTRY_INFO => single = info(value),
                BRIDGE_VLANDB_ENTRY_RANGE => last = <[u8; 2]>::try_from(value).ok().map(u16::from_ne_bytes),
                _ => {}
            }
        }
        if let Some((flags, first)) = single {
            vlans.extend(range(first, last.unwrap_or(first), flags));
        }
    }
    vlans.sort_unstable();
    vlans.dedup_by_key(|vlan| vlan.vid);
    Ok(News::Vlans { index, vlans, left })
}

#[cfg(test)]
mod tests {
    use super::super::nla::push;
    use super::*;

    fn entry(flags: u16, vid: u16) -> Vec<u8> {
        [flags.to_ne_bytes(), vid.to_ne_bytes()].concat()
    }

    fn text(vlans: &[PortVlan]) -> String {
        let one = |vlan: &PortVlan| {
            format!("{}{}{}", vlan.vid, if vlan.is_pvid { " PVID" } else { "" }, if vlan.is_untagged { " untagged" } else { "" })
        };
        vlans.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_port_lists_its_vlans_singly_and_as_ranges() {
        let mut value = Vec::new();
        push(&mut value, 2, &entry(PVID | UNTAGGED, 1));
        push(&mut value, 2, &entry(RANGE_BEGIN, 100));
        push(&mut value, 2, &entry(RANGE_END, 103));
        assert_eq!(text(&of_port(&value)), "1 PVID untagged, 100, 101, 102, 103");
    }

    #[test]
    fn a_range_without_its_beginning_is_one_vlan_and_no_range_is_longer_than_there_are_vlans() {
        let mut value = Vec::new();
        push(&mut value, 2, &entry(RANGE_END, 7));
        assert_eq!(text(&of_port(&value)), "7");
        let mut value = Vec::new();
        push(&mut value, 2, &entry(RANGE_BEGIN, 0));
        push(&mut value, 2, &entry(RANGE_END, 65535));
        assert_eq!(of_port(&value).len(), 4094);
    }

    #[test]
    fn an_event_tells_a_range_by_its_last() {
        let mut nest = Vec::new();
        push(&mut nest, 1, &entry(UNTAGGED, 20));
        push(&mut nest, 2, &22u16.to_ne_bytes());
        let mut message = vec![7, 0, 0, 0];
        message.extend(5u32.to_ne_bytes());
        push(&mut message, 1 | 0x8000, &nest);
        let Ok(News::Vlans { index: 5, vlans, left: true }) = event(&message, true) else { panic!("another message") };
        assert_eq!(text(&vlans), "20 untagged, 21 untagged, 22 untagged");
    }
}
