//! DHCP transactions as the ladder that a client climbs, and address resolution as question and answer.
//!
//! Read RFC 2131, figure 5, first.

use super::Inspector;
use crate::commands::Wish;
use crate::sidebar::heading;
use crate::tables::dhcp::name6;
use crate::{format, target, theme};
use egui::{RichText, Ui};
use tapscope_graph::FrameNo;
use tapscope_graph::Timestamp;
use tapscope_graph::tables::{DhcpState, DhcpTransaction};

/// Message types (RFC 2132, section 9.6) of the way to a lease, and who says them.
const WAY: [(u8, &str, &str); 4] = [
    (1, "DISCOVER", "client: who has an address for me?"),
    (2, "OFFER", "server: this one"),
    (3, "REQUEST", "client: I take it"),
    (5, "ACK", "server: it is yours"),
];

/// A time in seconds as a lease is spoken of.
fn lease(seconds: u32) -> String {
    match seconds {
        u32::MAX => "for ever".to_owned(),
        s if s % 86_400 == 0 => format!("{} days", s / 86_400),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Inspector<'_> {
    pub(super) fn dhcp(&mut self, ui: &mut Ui, index: usize) {
        let tables = &self.shown.view.tables;
        match index.checked_sub(tables.dhcp.len()) {
            None => self.dhcp4(ui, &tables.dhcp[index]),
            Some(index) => self.dhcp6(ui, index),
        }
    }

    fn dhcp4(&mut self, ui: &mut Ui, transaction: &DhcpTransaction) {
        let palette = theme::palette(ui.ctx());
        let state = transaction.state();
        self.title(ui, "DHCP", &state.to_string());
        let mut facts = Vec::new();
        facts.extend(transaction.client_mac.map(|mac| ("client", mac.to_string())));
        for (name, value) in [
            ("name", joined(&transaction.hostnames)),
            ("address", joined(if transaction.acked.is_empty() { &transaction.offered } else { &transaction.acked })),
            ("asked for", joined(&transaction.requested)),
            ("mask", joined(&transaction.subnet_masks)),
            ("router", joined(&transaction.routers)),
            ("DNS", joined(&transaction.dns)),
            ("server", joined(&transaction.servers)),
            ("relay", joined(&transaction.relays)),
            ("lease", transaction.lease_seconds.iter().map(|seconds| lease(*seconds)).collect::<Vec<_>>().join(", ")),
            ("says", joined(&transaction.texts)),
        ] {
            if !value.is_empty() {
                facts.push((name, value));
            }
        }
        facts.push(("first seen at", target::label(&self.shown.view, transaction.point)));
        self.facts(ui, "dhcp", &facts);
        heading(ui, "LADDER");
        let seen = |kind: u8| transaction.messages.iter().filter(move |message| message.message_type == Some(kind));
        // A client that renews asks at once (RFC 2131, section 4.3.2): the steps before are not missing then.
        let is_short = seen(1).next().is_none() && seen(3).next().is_some();
        let way = WAY.iter().filter(|(kind, ..)| !(is_short && *kind < 3));
        let mut is_broken = false;
        for (kind, name, words) in way {
            let frames: Vec<FrameNo> = seen(*kind).map(|message| message.frame).collect();
            ui.horizontal_wrapped(|ui| {
                let is_there = !frames.is_empty();
                // Only the first step that is missing is to blame.
                let is_missing = !is_there && !is_broken;
                is_broken |= is_missing;
                let (mark, color) = match (is_there, is_missing) {
                    (true, _) => ("✔", palette.good),
                    (false, true) => ("✖", palette.bad),
                    (false, false) => ("…", palette.weak),
                };
                ui.label(RichText::new(mark).color(color));
                ui.label(RichText::new(*name).monospace().color(if is_there { palette.strong } else { palette.weak }))
                    .on_hover_text(*words);
                if is_missing {
                    ui.label(RichText::new("was not seen").small().color(palette.bad));
                }
                if frames.len() > 1 {
                    ui.label(RichText::new(format!("×{}", frames.len())).small().color(palette.weak));
                }
            });
        }
        if matches!(state, DhcpState::Refused | DhcpState::Declined | DhcpState::Released) {
            ui.label(RichText::new(state.to_string()).color(palette.bad));
        }
        heading(ui, "MESSAGES");
        let messages: Vec<(String, FrameNo, Timestamp)> = transaction
            .messages
            .iter()
            .filter(|message| !message.repeated)
            .map(|message| (message.name(), message.frame, message.at))
            .collect();
        self.messages(ui, &messages);
        if transaction.more_messages > 0 {
            ui.label(format!("and {} more", transaction.more_messages));
        }
    }

    fn dhcp6(&mut self, ui: &mut Ui, index: usize) {
        let Some(transaction) = self.shown.view.tables.dhcp6.get(index) else { return };
        self.title(ui, "DHCPv6", "");
        let addresses: Vec<String> =
            transaction.addresses.iter().take(8).map(|(ip, seconds)| format!("{ip} for {}", lease(*seconds))).collect();
        let mut facts = Vec::new();
        facts.extend(transaction.client_mac.map(|mac| ("client", mac.to_string())));
        for (name, value) in [("name", joined(&transaction.hostnames)), ("given", addresses.join(", ")), ("DNS", joined(&transaction.dns))]
        {
            if !value.is_empty() {
                facts.push((name, value));
            }
        }
        self.facts(ui, "dhcp6", &facts);
        heading(ui, "MESSAGES");
        let messages: Vec<(String, FrameNo, Timestamp)> =
            transaction.messages.iter().map(|(kind, frame, at)| (name6(*kind), *frame, *at)).collect();
        self.messages(ui, &messages);
    }

    fn messages(&mut self, ui: &mut Ui, messages: &[(String, FrameNo, Timestamp)]) {
        let weak = theme::palette(ui.ctx()).weak;
        let mut before: Option<Timestamp> = None;
        for (name, frame, at) in messages.iter().take(64) {
            ui.horizontal(|ui| {
                ui.label(RichText::new(format::clock(*at)).monospace().color(weak));
                ui.label(RichText::new(name).monospace());
                if let Some(before) = before {
                    ui.label(RichText::new(format!("after {}", format::span(at.since(before)))).small().color(weak));
                }
                if ui.link(frame.0.to_string()).on_hover_text("show this packet").clicked() {
                    self.wishes.push(Wish::Jump(*frame));
                }
            });
            before = Some(*at);
        }
    }

    /// Who asked for whom by ARP or Neighbor Discovery, and who answered.
    pub(super) fn resolution(&mut self, ui: &mut Ui, index: usize) {
        let Some(row) = self.shown.view.tables.resolutions.get(index) else { return };
        let protocol = if row.target.is_ipv6() { "Neighbor Discovery" } else { "ARP" };
        self.title(ui, &format!("who has {}?", row.target), protocol);
        let mut facts = vec![(
            "asked by",
            if row.is_probe() { format!("{} (probe)", row.asker_mac) } else { format!("{} ({})", row.asker_ip, row.asker_mac) },
        )];
        facts.push((
            "asked",
            format!("{} times, first {}, last {}", row.asked.count, format::clock(row.asked.first_at), format::clock(row.asked.last_at)),
        ));
        facts.push(("unanswered", row.open.to_string()));
        facts.push(("first seen at", target::label(&self.shown.view, row.point)));
        self.facts(ui, "resolution", &facts);
        self.evidence(ui, &row.asked);
        heading(ui, "ANSWERS");
        if row.answers.is_empty() {
            let palette = theme::palette(ui.ctx());
            let (text, color) =
                if row.is_probe() { ("nobody: the address is free", palette.good) } else { ("nobody answered", palette.bad) };
            ui.label(RichText::new(text).color(color));
        }
        for (mac, evidence) in row.answers.iter().take(8) {
            ui.label(RichText::new(format!("{mac}  after {}", format::span(evidence.first_at.since(row.asked.first_at)))).monospace());
            self.evidence(ui, evidence);
        }
    }
}
