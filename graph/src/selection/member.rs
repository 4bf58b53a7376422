//! Nodes as they are meant: by the addresses that frames carry.

use crate::decode::{self, Body, Packet};
use crate::fact::{Fact, Neighbor};
use crate::{MacAddr, PointId};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A node: its frames are those with one of its link-layer addresses as source or destination, those with one of its addresses in the
/// outermost IP header, and those that ask for or tell one of its addresses (ARP, Neighbor Discovery).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its link-layer addresses.
    pub macs: BTreeSet<MacAddr>,
    /// Its addresses.
    pub ips: BTreeSet<IpAddr>,
    /// The points of its own links; none: everywhere. Link-layer addresses, ARP and Neighbor Discovery speak of their own link only.
    pub points: Option<BTreeSet<PointId>>,
    /// Whether nobody else has one of `ips`: then they are its own also where its packets were routed to.
    pub is_unique: bool,
}

impl Member {
    /// Whether a packet at a point is the node's.
    pub fn holds(&self, point: PointId, packet: &Packet<'_>) -> bool {
        let is_near = self.points.as_ref().is_none_or(|points| points.contains(&point));
        let has_mac = |mac: Option<MacAddr>| mac.is_some_and(|mac| self.macs.contains(&mac));
        (is_near || self.is_unique) && self.is_in_header(packet)
            || is_near && (has_mac(packet.source) || has_mac(packet.destination) || self.is_told(packet))
    }

    fn is_in_header(&self, packet: &Packet<'_>) -> bool {
        packet.ip.is_some_and(|ip| self.ips.contains(&ip.addresses.source()) || self.ips.contains(&ip.addresses.destination()))
    }

    /// Whether the packet is about one of its addresses.
    fn is_told(&self, packet: &Packet<'_>) -> bool {
        if !matches!(packet.body, Body::Arp(_) | Body::Icmp6(_)) {
            return false;
        }
        let mut facts = Vec::new();
        decode::facts(packet, &mut facts);
        facts.iter().any(|fact| match fact {
            Fact::Arp(arp) => {
                let has_mac = [arp.sender_mac, arp.target_mac].iter().any(|mac| mac.is_station() && self.macs.contains(mac));
                has_mac || self.ips.contains(&arp.sender_ip.into()) || self.ips.contains(&arp.target_ip.into())
            }
            Fact::Neighbor(Neighbor::Solicitation { target, .. } | Neighbor::Advertisement { target, .. }) => {
                self.ips.contains(&IpAddr::V6(*target))
            }
            _ => false,
        })
    }
}
