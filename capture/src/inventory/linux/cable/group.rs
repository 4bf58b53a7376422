//! Which multicast groups are joined on which device: `/proc/net/igmp` (net/ipv4/igmp.c, `igmp_mc_seq_show`).

use std::net::Ipv4Addr;

/// The most memberships that are kept.
const MOST: usize = 4096;

/// A group that is joined on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// The device's index.
    pub(super) index: u32,
    /// The group.
    pub(super) group: Ipv4Addr,
}

/// Reads the file. A device's row begins with its index, its groups' rows with a tab and the group in hexadecimal, as a number of this
/// machine.
pub(super) fn memberships(text: &str) -> Vec<Membership> {
    let mut found = Vec::new();
    let mut device = None;
    for row in text.lines().skip(1) {
        let first = row.split_whitespace().next().unwrap_or_default();
        if !row.starts_with([' ', '\t']) {
            device = first.parse().ok();
        } else if let (Some(index), Ok(group)) = (device, u32::from_str_radix(first, 16))
            && found.len() < MOST
        {
            found.push(Membership { index, group: Ipv4Addr::from(group.to_ne_bytes()) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn groups_stand_below_their_device() {
        let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     2      V3\n\
                    \t\t\t\t010000E6     2 0:00000000\t\t0\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    3\teth0      :     1      V3\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let shown: Vec<String> = memberships(text).iter().map(|row| format!("{} {}", row.index, row.group)).collect();
        assert_eq!(shown, ["1 230.0.0.1", "1 224.0.0.1", "3 224.0.0.1"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(([0-9]{0,11}|\t)[a-zA-Z0-9 \t:]{0,20}\n){0,8}") {
            let _ = memberships(&text);
        }
    }
}
