//! Which port a frame leaves by: a learning bridge, without a clock and without sockets.
//!
//! Read IEEE 802.1D, 7.7 to 7.9 first. There is no spanning tree, and its frames pass as all others do: a hub stands for a cable. So two
//! ways from the hub to the same network are a loop.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use tapscope_graph::MacAddr;

/// A port of the switch, from 0.
pub type Port = usize;

/// How long an address is kept that is not heard again (IEEE 802.1D, table 7-5).
pub const AGEING: Duration = Duration::from_secs(300);

/// Addresses that are learned at one port. More are not learned, and frames to them go everywhere: who makes up addresses harms nobody
/// else's.
pub const ADDRESSES: usize = 1024;

/// The least octets of a frame: two addresses and a type.
pub const HEADER: usize = 14;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To one port.
    To(Port),
    /// To every port but the one that it came from.
    Everywhere,
    /// Nowhere: its receiver is at the port that it came from, or it is no frame.
    Nowhere,
}

/// The addresses that were heard, and where.
#[derive(Debug)]
pub struct Switch {
    ageing: Duration,
    heard: HashMap<MacAddr, Heard>,
    /// How many of them are at each port.
    counts: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    port: Port,
    at: Instant,
}

impl Default for Switch {
    fn default() -> Switch {
        Switch::new(AGEING)
    }
}

impl Switch {
    /// A switch that has heard nobody, and forgets who is silent for so long.
    pub fn new(ageing: Duration) -> Switch {
        Switch { ageing, heard: HashMap::new(), counts: Vec::new() }
    }

    /// Learns who sent a frame that came in at a port, and says where it goes.
    pub fn forward(&mut self, from: Port, frame: &[u8], now: Instant) -> Way {
        if frame.len() < HEADER {
            return Way::Nowhere;
        }
        let (Some(&destination), Some(source)) = (frame.first_chunk::<6>(), source(frame)) else { return Way::Nowhere };
        if is_station(source) {
            self.learn(source, from, now);
        }
        match self.port_of(MacAddr(destination), now) {
            Some(port) if port == from => Way::Nowhere,
            Some(port) => Way::To(port),
            None => Way::Everywhere,
        }
    }

    /// Where an address was heard last, if not too long ago.
    pub fn port_of(&self, mac: MacAddr, now: Instant) -> Option<Port> {
        let heard = self.heard.get(&mac).filter(|heard| now.saturating_duration_since(heard.at) < self.ageing)?;
        Some(heard.port)
    }

    /// Forgets what was heard at a port.
    pub fn forget(&mut self, port: Port) {
        self.retain(|heard| heard.port != port);
    }

    /// Makes room: drops the addresses that were not heard for too long. They count for nothing already.
    pub fn age(&mut self, now: Instant) {
        let ageing = self.ageing;
        self.retain(|heard| now.saturating_duration_since(heard.at) < ageing);
    }

    fn learn(&mut self, mac: MacAddr, port: Port, now: Instant) {
        if self.counts.len() <= port {
            self.counts.resize(port + 1, 0);
        }
        match self.heard.get_mut(&mac) {
            Some(heard) if heard.port == port => heard.at = now,
            Some(heard) => {
                self.counts[heard.port] -= 1;
                self.counts[port] += 1;
                *heard = Heard { port, at: now };
            }
            None if self.counts[port] < ADDRESSES => {
                self.counts[port] += 1;
                self.heard.insert(mac, Heard { port, at: now });
            }
            None => {}
        }
    }

    fn retain(&mut self, keep: impl Fn(&Heard) -> bool) {
        let counts = &mut self.counts;
        self.heard.retain(|_, heard| {
            let is_kept = keep(heard);
            if !is_kept {
                counts[heard.port] -= 1;
            }
            is_kept
        });
    }
}

/// Who sent a frame.
pub(super) fn source(frame: &[u8]) -> Option<MacAddr> {
    frame.get(6..)?.first_chunk::<6>().map(|&octets| MacAddr(octets))
}

/// Whether an address can be a sender's: neither a group's nor nobody's.
pub(super) fn is_station(mac: MacAddr) -> bool {
    mac.0[0] & 1 == 0 && mac.0 != [0; 6]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mac(last: u8) -> [u8; 6] {
        [2, 0, 0, 0, 0, last]
    }

    fn frame(to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
        [&to[..], &from, &[8, 0, 0, 0]].concat()
    }

    #[test]
    fn a_frame_goes_everywhere_until_its_receiver_was_heard() {
        let (mut switch, now) = (Switch::default(), Instant::now());
        assert_eq!(switch.forward(0, &frame(mac(2), mac(1)), now), Way::Everywhere);
        assert_eq!(switch.forward(1, &frame(mac(1), mac(2)), now), Way::To(0));
        assert_eq!(switch.forward(0, &frame(mac(2), mac(1)), now), Way::To(1));
        assert_eq!(switch.forward(0, &frame([0xff; 6], mac(1)), now), Way::Everywhere);
        assert_eq!(switch.forward(0, &frame([1, 0, 0x5e, 0, 0, 1], mac(1)), now), Way::Everywhere);
    }

    #[test]
    fn a_frame_never_goes_back_to_its_port() {
        let (mut switch, now) = (Switch::default(), Instant::now());
        switch.forward(0, &frame([0xff; 6], mac(1)), now);
        assert_eq!(switch.forward(0, &frame(mac(1), mac(2)), now), Way::Nowhere);
    }

    #[test]
    fn an_address_moves_to_where_it_was_heard_last_and_is_forgotten_when_it_is_silent() {
        let (mut switch, now) = (Switch::default(), Instant::now());
        switch.forward(0, &frame([0xff; 6], mac(1)), now);
        switch.forward(3, &frame([0xff; 6], mac(1)), now);
        assert_eq!(switch.port_of(MacAddr(mac(1)), now), Some(3));
        assert_eq!(switch.port_of(MacAddr(mac(1)), now + AGEING - Duration::from_secs(1)), Some(3));
        assert_eq!(switch.port_of(MacAddr(mac(1)), now + AGEING), None);
    }

    #[test]
    fn groups_and_nobody_are_no_senders() {
        let (mut switch, now) = (Switch::default(), Instant::now());
        switch.forward(0, &frame(mac(2), [1, 0, 0, 0, 0, 1]), now);
        switch.forward(0, &frame(mac(2), [0; 6]), now);
        assert_eq!(switch.heard.len(), 0);
        assert_eq!(switch.forward(1, &[0xff; 13], now), Way::Nowhere);
    }

    #[test]
    fn who_makes_up_addresses_fills_its_own_share_only() {
        let (mut switch, now) = (Switch::default(), Instant::now());
        for number in 0..100_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            switch.forward(0, &frame([0xff; 6], [2, 9, 9, a, b, c]), now);
        }
        assert_eq!(switch.heard.len(), ADDRESSES);
        switch.forward(1, &frame([0xff; 6], mac(1)), now);
        assert_eq!(switch.port_of(MacAddr(mac(1)), now), Some(1));
        switch.age(now + AGEING);
        assert_eq!((switch.heard.len(), switch.counts.iter().sum::<usize>()), (0, 0));
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_table_whatever_comes(
            steps in prop::collection::vec((0_usize..4, any::<[u8; 2]>(), 0_u64..200, any::<bool>()), 0..300)
        ) {
            let (mut switch, begin, mut seconds) = (Switch::default(), Instant::now(), 0);
            for (port, [to, from], later, is_forgotten) in steps {
                seconds += later;
                let now = begin + Duration::from_secs(seconds);
                let way = switch.forward(port, &frame(mac(to % 8), mac(from % 8)), now);
                prop_assert_ne!(way, Way::To(port));
                if is_forgotten { switch.forget(port) }
                if later > 150 { switch.age(now) }
            }
            for port in 0..4 {
                let held = switch.heard.values().filter(|heard| heard.port == port).count();
                prop_assert_eq!(switch.counts.get(port).copied().unwrap_or(0), held);
            }
        }
    }
}
