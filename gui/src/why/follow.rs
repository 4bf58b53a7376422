//! The journey of a packet on the picture: where it was seen, in the order in which that happened.

use super::{Reach, Way};
use crate::window::Selection;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use tapscope_graph::journey::Journey;
use tapscope_graph::topology::{Key, LinkKind, NodeKind};
use tapscope_graph::{FrameNo, View};

/// What is followed: an echo with its reply, or the packet that is chosen in its table.
#[derive(Default)]
pub(crate) struct Follow {
    of: Weak<View>,
    what: Option<(Selection, Option<FrameNo>)>,
    way: Option<Arc<Way>>,
}

impl Follow {
    /// The way of what is selected; made once for each view.
    pub fn way(&mut self, view: &Arc<View>, selection: Selection, packet: Option<FrameNo>) -> Option<Arc<Way>> {
        let what = Some((selection, packet));
        if !std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(view)) || self.what != what {
            let journeys = journeys(view, selection, packet);
            self.way = (!journeys.is_empty()).then(|| Arc::new(Way::of_journeys(view, &journeys)));
            (self.of, self.what) = (Arc::downgrade(view), what);
        }
        self.way.clone()
    }
}

fn journeys(view: &View, selection: Selection, packet: Option<FrameNo>) -> Vec<&Journey> {
    let tables = &view.tables;
    if let Selection::Echo(index) = selection {
        let Some(echo) = tables.echoes.get(index) else { return Vec::new() };
        return [echo.journey, echo.reply_journey].into_iter().flatten().filter_map(|id| tables.journey(id)).collect();
    }
    let Some(frame) = packet else { return Vec::new() };
    let is_it = |journey: &&Journey| journey.sightings.iter().any(|seen| seen.frame == frame);
    tables.journeys.iter().rev().find(is_it).into_iter().collect()
}

impl Way {
    /// Where packets were seen, one after the other.
    fn of_journeys(view: &View, journeys: &[&Journey]) -> Way {
        let mut way = Way::default();
        let mut number = 0;
        for seen in journeys.iter().flat_map(|journey| &journey.sightings) {
            number += 1;
            let device = view.tables.points.get(seen.point.0 as usize).and_then(|point| point.own_device());
            let is_there = |link: &&tapscope_graph::topology::Link| {
                link.kind != LinkKind::Beyond && (link.point == Some(seen.point) || device.is_some() && link.device == device)
            };
            for link in view.topology.links().filter(is_there) {
                way.mark(link.key, Reach::Seen);
                way.numbers.entry(link.key).or_default().push(number);
            }
        }
        // Whom it was from and for, and what joins the places.
        let ends: BTreeSet<_> = journeys.iter().flat_map(|journey| [journey.source, journey.destination]).flatten().collect();
        let links: BTreeSet<Key> = way.reach.keys().copied().collect();
        let on_way = view.topology.attachments().filter(|(_, link, _)| links.contains(&link.key));
        let joined = on_way.filter(|(node, _, interface)| {
            let is_end = interface.mac.is_some_and(|mac| ends.contains(&mac)) || node.macs.iter().any(|mac| ends.contains(mac));
            is_end || node.kind == NodeKind::Bridge
        });
        for key in joined.map(|(node, ..)| node.key).collect::<BTreeSet<_>>() {
            way.mark(key, Reach::Seen);
        }
        way
    }
}
