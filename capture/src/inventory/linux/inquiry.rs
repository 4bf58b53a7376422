//! What the kernel says of single packets, when it is asked.

use super::wire::TrackedQueries;
use super::{Linux, say};
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use tapscope_graph::Text;
use tapscope_graph::host::{HostFact, Inquiry, Netns, RouteLookup, Unreadable};

impl Linux {
    /// Asks, and says the answer.
    pub(super) fn ask_kernel(&mut self, inquiry: &Inquiry) {
        match *inquiry {
            Inquiry::Route(packet) => {
                let Some(space) = self.spaces.get_mut(&packet.netns) else { return };
                match space.look_up(&packet) {
                    Ok(answer) => self.rows.set(HostFact::RouteLookup(Box::new(RouteLookup { packet, answer }))),
                    Err(cause) => {
                        let what = format!("the kernel's way to {}", packet.destination);
                        self.rows.gone(packet.key());
                        self.rows.set(unreadable(&what, &cause, &format!("sudo ip route get {}", packet.destination)));
                    }
                }
            }
            Inquiry::Fdb { bridge, mac, vlan } => {
                let Some(space) = self.spaces.get_mut(&bridge.netns) else { return };
                // Where one entry cannot be asked for, all that the kernel told stands.
                let _ = space.look_up_fdb(bridge, mac, vlan, &mut self.rows);
            }
            Inquiry::Tracked { netns, one, other } => self.ask_tracked(netns, one, other),
        }
    }

    fn ask_tracked(&mut self, netns: Netns, one: IpAddr, other: IpAddr) {
        let Some(place) = self.places.get(&netns) else { return };
        let read = || TrackedQueries::open().and_then(|mut queries| queries.between(netns, one, other));
        let what = format!("the tracked connections of {}", place.title());
        match place.within(read).and_then(|read| read) {
            Ok(found) => {
                let is_pair = |ip: IpAddr| ip == one || ip == other;
                let is_known = |row: &&tapscope_graph::host::Tracked| row.netns == netns && is_pair(row.original.source);
                let known = self.rows.host.tracked().filter(is_known).cloned().map(|row| HostFact::Tracked(row).key());
                let mut said: BTreeSet<_> = known.collect();
                say(&mut self.rows, &mut said, found.into_iter().map(HostFact::Tracked).collect());
                self.rows.gone(tapscope_graph::host::HostKey::Unreadable(Text::long(&what)));
            }
            Err(cause) => self.rows.set(unreadable(&what, &cause, "sudo conntrack -L")),
        }
    }
}

fn unreadable(what: &str, cause: &io::Error, remedy: &str) -> HostFact {
    HostFact::Unreadable(Unreadable { what: Text::long(what), why: Text::long(&cause.to_string()), remedy: Text::long(remedy) })
}
