//! Who pings whom.

use super::{Answer, Outcome, buttons, title};
use crate::names::Names;
use crate::session::Shown;
use crate::theme;
use egui::{ComboBox, RichText, TextEdit, Ui};
use tapscope_graph::diagnose::Party;
use tapscope_graph::topology::NodeKind;

/// Nodes that are offered.
const OFFERED: usize = 100;

/// A question that is being asked.
pub(crate) struct WhyForm {
    from: String,
    to: String,
    is_focused: bool,
}

impl WhyForm {
    pub fn new(shown: &Shown, from: Option<Party>, to: Option<Party>) -> WhyForm {
        // Whoever pinged last in vain is what is asked for most.
        let lost = shown.view.tables.echoes.iter().rev().find(|echo| echo.reply.is_none());
        let lost = lost.filter(|_| from.is_none() && to.is_none()).map(|echo| (echo.source, echo.destination));
        let text = |party: Option<Party>, ip: Option<std::net::IpAddr>| {
            party.map(|party| party.to_string()).or_else(|| ip.map(|ip| ip.to_string())).unwrap_or_default()
        };
        WhyForm { from: text(from, lost.map(|ends| ends.0)), to: text(to, lost.map(|ends| ends.1)), is_focused: false }
    }

    pub(super) fn show(&mut self, ui: &mut Ui, shown: &Shown, names: &Names) -> Outcome {
        title(ui, "Why does a ping from A to B fail?");
        let is_first = !self.is_focused;
        let first_empty = if self.from.is_empty() { 0 } else { 1 };
        for (index, (name, text)) in [("A", &mut self.from), ("B", &mut self.to)].into_iter().enumerate() {
            ui.horizontal(|ui| {
                let label = ui.label(name);
                let edit = TextEdit::singleline(text).hint_text("address, guest, device, or address@device").desired_width(270.0);
                let response = ui.add(edit).labelled_by(label.id);
                // The first frame of a dialog only measures it.
                if is_first && index == first_empty {
                    response.request_focus();
                    self.is_focused = response.has_focus();
                }
                ComboBox::from_id_salt(name).selected_text("choose").width(110.0).show_ui(ui, |ui| {
                    for (party, title) in offers(shown, names) {
                        if ui.selectable_label(*text == party, title).clicked() {
                            *text = party;
                        }
                    }
                });
            });
        }
        let hint =
            "Let A ping B meanwhile: what is not sent cannot be followed. Shift-click on a card asks the same, from the selected one";
        ui.label(RichText::new(hint).color(theme::palette(ui.ctx()).weak));
        let parties = self.from.parse::<Party>().ok().zip(self.to.parse::<Party>().ok());
        let objection = match &parties {
            None => Some("name both"),
            Some((from, to)) if from == to => Some("name two different ends"),
            Some(_) => None,
        };
        match (buttons(ui, "Ask why", objection), parties) {
            ((_, true), _) => Outcome::Cancelled,
            ((true, _), Some((from, to))) => Outcome::Answered(Box::new(Answer::Why(from, to))),
            _ => Outcome::Open,
        }
    }
}

/// Guests by their names, others by their addresses; with what the user calls them.
fn offers(shown: &Shown, names: &Names) -> Vec<(String, String)> {
    let mut offers = Vec::new();
    for node in shown.view.topology.nodes().take(OFFERED) {
        match (node.kind, &node.name) {
            (NodeKind::Guest, Some(name)) => offers.push((name.to_string(), format!("{}, guest", names.title(node)))),
            (NodeKind::Bridge | NodeKind::Outside, _) => {}
            _ => {
                let addresses = node.addresses.iter().filter(|address| !address.ip.is_loopback()).take(4);
                offers.extend(addresses.map(|address| (address.ip.to_string(), format!("{}, {}", address.ip, names.title(node)))));
            }
        }
    }
    offers
}
