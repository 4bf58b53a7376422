//! A cable: what carries it, who is plugged in, and how its frames can be seen, at what price.

use super::{Inspector, badge};
use crate::sidebar::heading;
use crate::{theme, things};
use egui::{RichText, Ui};
use tapscope_graph::host::{Cable, CableEnd, CableSight, CableState};
use tapscope_graph::topology::Link;

impl Inspector<'_> {
    pub(super) fn cable(&mut self, ui: &mut Ui, link: &Link, cable: &Cable) {
        let view = &self.shown.view;
        let palette = theme::palette(ui.ctx());
        heading(ui, "CABLE");
        let mut facts = vec![("carried by", cable.kind.name().to_owned())];
        if cable.state != CableState::Unknown {
            facts.push(("state", cable.state.name().to_owned()));
        }
        facts.extend(cable.netns.map(|netns| ("namespace", things::namespace_name(view, netns))));
        self.facts(ui, "cable", &facts);
        for (index, end) in cable.ends.iter().enumerate().take(16) {
            heading(ui, &format!("END {}", index + 1));
            let mut facts = vec![(end.role.name(), end.called(&view.tables.host))];
            facts.extend(card(self, end));
            facts.extend(end.local.map(|local| ("at", local.to_string())));
            facts.extend(end.remote.map(|remote| ("to", remote.to_string())));
            facts.extend(end.path.as_ref().map(|path| ("path", path.to_string())));
            facts.extend(end.pid.map(|pid| ("process", pid.to_string())));
            self.facts(ui, &format!("end {index}"), &facts);
        }
        heading(ui, "HOW IT CAN BE SEEN");
        if things::is_listened(view, link) {
            badge(ui, "listened to", palette.good);
            return;
        }
        let words = cable.sight.words(&view.tables.host);
        ui.label(RichText::new(if words.is_empty() { "nobody knows how" } else { &words }).color(palette.weak));
        let can_be_asked = matches!(cable.sight, CableSight::Asked { monitor: Some(_), .. });
        if can_be_asked && self.shown.is_live() && ui.button("Listen here…").clicked() {
            self.wishes.push(crate::commands::Wish::Ask(cable.key.clone()));
        }
    }
}

/// The card of a guest at an end.
fn card(inspector: &Inspector<'_>, end: &CableEnd) -> Option<(&'static str, String)> {
    let (_, nic) = inspector.shown.view.tables.host.plugged(end)?;
    let mac = nic.mac.map_or_else(String::new, |mac| mac.to_string());
    Some(("card", format!("{mac} {}", things::model(nic)).trim().to_owned()))
}
