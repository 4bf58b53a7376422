//! Single packets under way: an ARP, ND, DHCP or ICMP packet is a dot that travels from its sender's card over the rail to whoever it is
//! for. A dot is the real packet, at the recorded time.

use super::draw::Drawing;
use crate::theme;
use egui::{Align2, FontId, Painter, Pos2, vec2};
use std::collections::BTreeMap;
use tapscope_graph::MacAddr;
use tapscope_graph::tables::JourneyKind;
use tapscope_graph::topology::Key;

/// How long a packet is to be seen, nanoseconds of recorded time.
const FLIGHT: i64 = 700_000_000;
/// More than this at once is no single packet any more.
const MOST: usize = 24;

impl Drawing<'_> {
    /// Paints the packets of this moment; whether there are any.
    pub fn pulses(&self) -> bool {
        let now = self.position;
        let journeys = &self.shown.view.tables.journeys;
        let recent: Vec<_> = journeys
            .iter()
            .rev()
            .take(256)
            .filter_map(|journey| {
                let age = now.since(journey.sightings.first()?.at);
                (0..FLIGHT).contains(&age).then_some((journey, age as f32 / FLIGHT as f32))
            })
            .take(MOST)
            .collect();
        if recent.is_empty() {
            return false;
        }
        let mut by_mac: BTreeMap<MacAddr, Vec<&[Pos2]>> = BTreeMap::new();
        for wire in &self.layout.wires {
            let at = self.digest.interface(wire.node, wire.link).and_then(|interface| interface.mac);
            let own = match wire.node {
                Key::Station(_, mac) => Some(mac),
                _ => at,
            };
            if let Some(mac) = own {
                by_mac.entry(mac).or_default().push(&wire.corners);
            }
        }
        let palette = theme::palette(self.ui.ctx());
        let painter = self.ui.painter_at(self.lens.clip);
        let mut labels = Vec::new();
        for (journey, progress) in recent {
            let Some(from) = journey.source.and_then(|mac| by_mac.get(&mac)).and_then(|wires| wires.first()) else { continue };
            let label = match journey.kind {
                JourneyKind::Arp => "ARP",
                JourneyKind::Ndp => "ND",
                JourneyKind::Dhcp => "DHCP",
                JourneyKind::EchoRequest => "echo request",
                JourneyKind::EchoReply => "echo reply",
                JourneyKind::IcmpError => "ICMP error",
            };
            if progress < 0.5 {
                self.dot(&painter, &mut labels, along(from, 1.0 - progress * 2.0), Some(label), palette.pulse);
                continue;
            }
            // A group's packet goes to everybody else on the same rail.
            let receivers: Vec<&[Pos2]> = match journey.destination.filter(|mac| !mac.is_group()) {
                Some(mac) => by_mac.get(&mac).into_iter().flatten().copied().collect(),
                None => {
                    let rail = self.rail_at(from);
                    let others = by_mac.iter().filter(|(mac, _)| Some(**mac) != journey.source).flat_map(|(_, wires)| wires);
                    others.filter(|wire| self.rail_at(wire) == rail).copied().take(MOST).collect()
                }
            };
            for (index, wire) in receivers.into_iter().enumerate() {
                self.dot(&painter, &mut labels, along(wire, (progress - 0.5) * 2.0), (index == 0).then_some(label), palette.pulse);
            }
        }
        true
    }

    /// The rail or cable that a wire begins at.
    fn rail_at(&self, wire: &[Pos2]) -> Option<Key> {
        let first = *wire.first()?;
        let mut all = self.layout.rails.iter().chain(&self.layout.cables);
        all.find(|(_, rect)| rect.expand(1.0).contains(first)).map(|(key, _)| *key)
    }

    /// A dot, with its label where no other label stands.
    fn dot(&self, painter: &Painter, labels: &mut Vec<(Pos2, &'static str)>, at: Pos2, label: Option<&'static str>, color: egui::Color32) {
        let at = self.lens.place(at);
        painter.circle_filled(at, 5.0 * self.lens.zoom.clamp(0.5, 1.5), color);
        // One word is enough for several packets of a kind that are near each other.
        let is_free = |text: &str| {
            labels.iter().all(|(other, said)| {
                let apart = if *said == text { 120.0 } else { 13.0 };
                (other.y - at.y).abs() > apart || (other.x - at.x).abs() > 80.0
            })
        };
        if let Some(label) = label.filter(|label| self.lens.zoom > 0.5 && is_free(label)) {
            labels.push((at, label));
            painter.text(at + vec2(-9.0, 0.0), Align2::RIGHT_CENTER, label, FontId::proportional(11.0), color);
        }
    }
}

/// A point on a line: 0 at its beginning, 1 at its end.
fn along(corners: &[Pos2], fraction: f32) -> Pos2 {
    let total: f32 = corners.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
    let mut left = total * fraction.clamp(0.0, 1.0);
    for pair in corners.windows(2) {
        let length = pair[0].distance(pair[1]);
        if left <= length {
            return pair[0].lerp(pair[1], if length > 0.0 { left / length } else { 0.0 });
        }
        left -= length;
    }
    corners.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn a_packet_moves_along_its_wire() {
        let wire = [pos2(0.0, 0.0), pos2(0.0, 10.0), pos2(10.0, 10.0)];
        assert_eq!((along(&wire, 0.0), along(&wire, 0.75), along(&wire, 1.0)), (pos2(0.0, 0.0), pos2(5.0, 10.0), pos2(10.0, 10.0)));
    }
}
