//! The pages of a thing besides its facts: rates, what happened over time, the firewall's rules.

use super::Inspector;
use crate::commands::Wish;
use crate::sidebar::heading;
use crate::{format, target, theme, things};
use egui::{RichText, Ui};
use egui_plot::{Corner, Legend, Line, Plot, PlotPoints};
use std::collections::BTreeSet;
use tapscope_graph::host::{DeviceId, FirewallRule};
use tapscope_graph::tables::Series;
use tapscope_graph::topology::{Configured, Key, Node};
use tapscope_graph::{MacAddr, Timestamp};

/// Rows of a list before it is cut.
const ROWS: usize = 100;
/// Links whose rates are drawn.
const PLOTS: usize = 6;

/// What is shown of a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// What is known, and how.
    #[default]
    Facts,
    /// What passes it.
    Rates,
    /// What happened, in order.
    Time,
    /// The firewall's rules where it is.
    Rules,
}

impl Page {
    const ALL: [(Page, &'static str); 4] =
        [(Page::Facts, "Facts"), (Page::Rates, "Rates"), (Page::Time, "Over time"), (Page::Rules, "Firewall")];

    /// The tabs; which make sense is the caller's business.
    pub fn tabs(&mut self, ui: &mut Ui, has_rules: bool) {
        ui.horizontal_wrapped(|ui| {
            for (page, name) in Page::ALL {
                if (page != Page::Rules || has_rules) && ui.selectable_label(*self == page, name).clicked() {
                    *self = page;
                }
            }
        });
        ui.separator();
        if !has_rules && *self == Page::Rules {
            *self = Page::Facts;
        }
    }
}

impl Inspector<'_> {
    /// Octets per second of each of a thing's attachments, over the last minute.
    pub(super) fn rates(&self, ui: &mut Ui, key: Key) {
        let attached = self.shown.view.topology.attachments().filter(|(node, link, _)| node.key == key || link.key == key);
        let mut count = 0;
        for (node, link, interface) in attached.filter(|(_, _, interface)| !interface.series.buckets.is_empty()) {
            count += 1;
            if count > PLOTS {
                continue;
            }
            let other = if node.key == key { link.name.to_string() } else { self.called(node) };
            heading(ui, &other);
            plot(ui, &format!("{key} {}", link.key), &interface.series, self.shown.now());
        }
        if count == 0 {
            ui.label(RichText::new("nothing passed it in the last minute").color(theme::palette(ui.ctx()).weak));
        } else if count > PLOTS {
            ui.label(format!("and {} more", count - PLOTS));
        }
    }

    /// Addresses as they came and went, leases, and what the host told.
    pub(super) fn over_time(&mut self, ui: &mut Ui, key: Key) {
        let (macs, devices, guest) = self.parts(key);
        self.bindings(ui, &macs);
        self.leases(ui, &macs);
        heading(ui, "WHAT HAPPENED");
        let palette = theme::palette(ui.ctx());
        let log = &self.shown.view.tables.log;
        let concerns = |device: Option<DeviceId>, pid: Option<u32>| {
            device.is_some_and(|device| devices.contains(&device)) || pid.is_some_and(|pid| Some(pid) == guest)
        };
        let mut count = 0;
        for row in log.iter().rev().filter(|row| concerns(row.device, row.guest)).take(ROWS) {
            count += 1;
            let color = if row.is_bad { palette.warn } else { palette.strong };
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(format::clock(row.at)).monospace().color(palette.weak));
                ui.label(RichText::new(&row.text).color(color));
            });
        }
        if count == 0 {
            ui.label(RichText::new("the host told of no change here").color(palette.weak));
        }
    }

    fn bindings(&mut self, ui: &mut Ui, macs: &BTreeSet<MacAddr>) {
        heading(ui, "ADDRESSES");
        let weak = theme::palette(ui.ctx()).weak;
        let mut rows: Vec<_> = self.shown.view.tables.bindings.iter().filter(|row| macs.contains(&row.mac)).collect();
        rows.sort_by_key(|row| (row.evidence.first_at, row.ip));
        if rows.is_empty() {
            ui.label(RichText::new("no address was seen in use").color(weak));
        }
        for row in rows.iter().take(ROWS) {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(row.ip.to_string()).monospace());
                ui.label(RichText::new(row.learned.name()).small().color(weak));
            });
            let point = target::label(&self.shown.view, row.point);
            let text = format!(
                "{} to {}, ×{}, at {point}",
                format::clock(row.evidence.first_at),
                format::clock(row.evidence.last_at),
                row.evidence.count
            );
            ui.label(RichText::new(text).small().color(weak));
        }
    }

    fn leases(&mut self, ui: &mut Ui, macs: &BTreeSet<MacAddr>) {
        let tables = &self.shown.view.tables;
        let asked = tables.dhcp.iter().filter(|row| row.client_mac.is_some_and(|mac| macs.contains(&mac)));
        let asked: Vec<_> = asked.take(ROWS).collect();
        if asked.is_empty() {
            return;
        }
        heading(ui, "LEASES");
        let weak = theme::palette(ui.ctx()).weak;
        for row in asked {
            let Some(first) = row.messages.first() else { continue };
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(format::clock(first.at)).monospace().color(weak));
                let address = row.acked.last().or(row.offered.last()).map_or_else(String::new, ToString::to_string);
                ui.label(format!("{} {address}", row.state()));
                if ui.link(first.frame.0.to_string()).on_hover_text("show this packet").clicked() {
                    self.wishes.push(Wish::Jump(first.frame));
                }
            });
        }
    }

    /// The link-layer addresses, devices and guest that a thing is made of.
    fn parts(&self, key: Key) -> (BTreeSet<MacAddr>, BTreeSet<DeviceId>, Option<u32>) {
        let view = &self.shown.view;
        let (mut macs, mut devices) = (BTreeSet::new(), BTreeSet::new());
        for (node, link, interface) in view.topology.attachments().filter(|(node, link, _)| node.key == key || link.key == key) {
            macs.extend(interface.mac);
            // All devices that a bridge's ports are would be too much of this host.
            if link.key == key || !matches!(node.host, Some(Configured::Local(_))) {
                devices.extend(link.device);
            }
        }
        let node = target::node(view, key);
        if let Some(node) = node {
            macs.extend(node.macs.iter().copied());
        }
        if let Some(Configured::Device(device)) = node.and_then(|node| node.host) {
            devices.insert(device);
        }
        let guest = node.and_then(|node| things::guest(view, node));
        macs.extend(guest.into_iter().flat_map(|guest| &guest.nics).filter_map(|nic| nic.mac));
        (macs, devices, guest.map(|guest| guest.pid))
    }

    /// The rules of the namespace that a thing is in; of this host's own, where it is outside of all.
    pub(super) fn rules_of(&self, node: Option<&Node>) -> Vec<&FirewallRule> {
        let host = &self.shown.view.tables.host;
        let wanted = match node.and_then(|node| node.host) {
            Some(Configured::Local(netns)) => Some(netns),
            Some(Configured::Device(device)) => Some(device.netns),
            Some(Configured::Guest(_)) | None => None,
        };
        let is_own = |rule: &FirewallRule| host.namespace(rule.netns).is_none_or(|namespace| namespace.is_own);
        host.firewall().filter(|rule| wanted.map_or_else(|| is_own(rule), |netns| rule.netns == netns)).collect()
    }

    pub(super) fn rules(&self, ui: &mut Ui, rules: &[&FirewallRule]) {
        let palette = theme::palette(ui.ctx());
        // As the answer calls them; the policy of a chain has no number.
        let titles =
            |rule: &FirewallRule| [format!("{}: {}", rule.chain, rule.rule), format!("{} rule {}: {}", rule.chain, rule.number, rule.rule)];
        let is_accused = |rule: &FirewallRule| {
            !self.accused.is_empty() && titles(rule).iter().any(|title| self.accused.iter().any(|object| object.ends_with(title)))
        };
        let first = rules.iter().position(|rule| is_accused(rule)).filter(|at| *at >= ROWS).map_or(0, |at| at - ROWS / 10);
        if first > 0 {
            ui.label(RichText::new(format!("{first} rules before these")).color(palette.weak));
        }
        let mut chain = String::new();
        for rule in rules.iter().skip(first).take(ROWS) {
            let title = format!("{} {} {}", rule.tool, rule.table, rule.chain);
            if chain != title {
                heading(ui, &title);
                if let Some(hook) = &rule.hook {
                    ui.label(RichText::new(hook.as_str()).small().color(palette.weak));
                }
                chain = title;
            }
            ui.horizontal_wrapped(|ui| {
                let is_accused = is_accused(rule);
                let text = RichText::new(rule.rule.as_str()).monospace();
                ui.label(if is_accused { text.color(palette.bad).strong() } else { text });
                if is_accused {
                    super::badge(ui, "drops it", palette.bad);
                }
                match rule.hits {
                    Some((packets, _)) if packets > 0 => {
                        ui.label(RichText::new(format!("{packets} packets")).small().color(palette.warn));
                    }
                    Some(_) => drop(ui.label(RichText::new("no hit").small().color(palette.weak))),
                    None => drop(ui.label(RichText::new("does not count").small().color(palette.weak))),
                }
            });
        }
        if rules.len() > first + ROWS {
            ui.label(format!("and {} more", rules.len() - ROWS - first));
        }
    }
}

/// A minute of a series up to a moment: bits per second, sent and received. Where there is no traffic there is no bucket.
fn plot(ui: &mut Ui, id: &str, series: &Series, now: Timestamp) {
    let palette = theme::palette(ui.ctx());
    let now = now.parts().0;
    let oldest = series.second - series.buckets.len() as i64 + 1;
    let points = |pick: fn(&(u32, u32)) -> u32| -> PlotPoints<'static> {
        let bucket = |second: i64| usize::try_from(second - oldest).ok().and_then(|index| series.buckets.get(index));
        let seconds = (1 - Series::SECONDS as i64)..=0;
        seconds.map(|back| [back as f64, bucket(now + back).map_or(0.0, |bucket| f64::from(pick(bucket)))]).collect()
    };
    let (sent, received) = (points(|bucket| bucket.0), points(|bucket| bucket.1));
    Plot::new(id)
        .height(130.0)
        .include_y(0.0)
        .include_y(125.0)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .show_grid(false)
        .legend(Legend::default().position(Corner::LeftTop))
        .x_axis_formatter(|mark, _| if mark.value == 0.0 { "now".to_owned() } else { format!("{:.0} s", mark.value) })
        .y_axis_formatter(|mark, _| format::rate(mark.value.max(0.0) as u32))
        .show(ui, move |plot| {
            plot.line(Line::new("sent", sent).color(palette.good).width(1.5));
            plot.line(Line::new("received", received).color(palette.accent).width(1.5));
        });
}
