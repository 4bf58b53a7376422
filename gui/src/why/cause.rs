//! A cause as it is told: what is wrong and where, how that is known, what to do, what to expect then.

use super::state::{self, Where};
use super::words::{commands, wrapped};
use crate::commands::Wish;
use crate::sidebar::heading;
use crate::theme;
use egui::{CornerRadius, Frame, Margin, RichText, Stroke, Ui};
use tapscope_graph::diagnose::{Accusation, Diagnosis, Fix, Leg, Needs, Proof, Rank};
use tapscope_graph::{FrameNo, View};

/// Packets of a proof that are named.
const FRAMES: usize = 8;

/// How much a cause matters now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Here it died.
    First,
    /// This stops it, too.
    Enough,
    /// It is still ahead.
    Ahead,
}

/// A cause with its evidence and its fix.
pub(super) fn show(ui: &mut Ui, view: &View, diagnosis: &Diagnosis, accused: &Accusation, weight: Weight, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    let tint = match weight {
        Weight::First => palette.bad,
        Weight::Enough => palette.warn,
        Weight::Ahead => palette.weak,
    };
    let frame = Frame::new()
        .fill(tint.gamma_multiply(0.12))
        .stroke(Stroke::new(1.0, tint.gamma_multiply(0.5)))
        .corner_radius(CornerRadius::same(5))
        .inner_margin(Margin::same(9));
    ui.add_space(4.0);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(accused.cause.code).monospace().strong()).on_hover_text(accused.cause.meaning);
        wrapped(ui, &accused.summary, palette.strong);
        let leg = leg_name(accused.leg);
        wrapped(ui, &format!("{}, on the way of the {leg}", accused.place), palette.weak);
        if let Some(object) = &accused.object {
            ui.add(egui::Label::new(RichText::new(object).monospace().small().color(palette.weak)).wrap());
        }
    });
    let state = state::find(view, accused, [&diagnosis.from, &diagnosis.to]);
    if !accused.proofs.is_empty() {
        heading(ui, "EVIDENCE");
    }
    for proof in &accused.proofs {
        evidence(ui, proof, state.as_ref(), wishes);
    }
    if !accused.fix.command.is_empty() {
        heading(ui, "FIX");
        fix(ui, &accused.fix);
    }
}

/// A part of the way, in a sentence.
pub(super) fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::ArpRequest => "question for the next hop's address",
        Leg::ArpReply => "answer with the next hop's address",
        Leg::Request => "echo request",
        Leg::Reply => "echo reply",
    }
}

fn evidence(ui: &mut Ui, proof: &Proof, state: Option<&Where>, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.ctx());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(RichText::new(proof.rank.name()).small().color(palette.accent)).on_hover_text(kind(proof.rank));
        ui.label(&proof.text);
        if let Some((before, after)) = proof.counted {
            ui.label(RichText::new(format!("{before} then {after}")).monospace().color(palette.warn));
        }
    });
    let is_of_host = matches!(proof.rank, Rank::DropEvent | Rank::Counter | Rank::State | Rank::Oracle);
    let state = state.filter(|_| is_of_host);
    if proof.frames.is_empty() && state.is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.add_space(14.0);
        jumps(ui, &proof.frames, wishes);
        if let Some(state) = state
            && ui.link(RichText::new(&state.title).small()).on_hover_text("show where this is set").clicked()
        {
            wishes.push(Wish::Look(state.thing, state.page));
        }
    });
}

/// What a rank means.
fn kind(rank: Rank) -> &'static str {
    match rank {
        Rank::DropEvent => "the kernel says that it dropped the packet, and why",
        Rank::IcmpError => "an ICMP error quotes the packet",
        Rank::Counter => "a counter there grew by the number of lost packets",
        Rank::State => "with this state the kernel cannot do otherwise",
        Rank::Oracle => "the kernel's own tables lead elsewhere",
        Rank::Packets => "packets show a pattern that only this makes",
        Rank::Log => "a log says so",
        Rank::Absence => "it was not seen, though somebody listened",
    }
}

/// Packets, each a jump to its row.
pub(super) fn jumps(ui: &mut Ui, frames: &[FrameNo], wishes: &mut Vec<Wish>) {
    for frame in frames.iter().take(FRAMES) {
        if ui.link(RichText::new(format!("#{}", frame.0)).small()).on_hover_text("show this packet").clicked() {
            wishes.push(Wish::Jump(*frame));
        }
    }
    if frames.len() > FRAMES {
        ui.label(RichText::new(format!("and {} more", frames.len() - FRAMES)).small());
    }
}

fn fix(ui: &mut Ui, fix: &Fix) {
    let palette = theme::palette(ui.ctx());
    let place = match fix.needs {
        Needs::Host => None,
        Needs::Guest => Some("inside the guest"),
        Needs::Outside => Some("not on this host"),
    };
    if let Some(place) = place {
        wrapped(ui, place, palette.weak);
    }
    commands(ui, &fix.command, "Copy the fix");
    if let Some(undo) = &fix.undo {
        wrapped(ui, "what takes it back:", palette.weak);
        commands(ui, undo, "Copy the undo");
    }
    if let Some(expected) = &fix.then_expect {
        wrapped(ui, &format!("then expect: {expected}"), palette.weak);
    }
}
