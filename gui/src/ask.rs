//! The question before a running guest is changed: what will be done to it, and what is taken back when.

use crate::session::{Command, Shown};
use crate::theme;
use egui::{Context, Id, Modal, RichText};
use tapscope_graph::Text;
use tapscope_graph::host::{Cable, CableSight, Host};

/// What is being asked: the cable that the user wants to listen to, until there is an answer.
pub(crate) type Asking = Option<Text>;

/// Shows the question, if there is one; a yes becomes a command.
pub(crate) fn show(context: &Context, shown: &Shown, asking: &mut Asking, commands: &mut Vec<Command>) {
    let host = &shown.view.tables.host;
    let Some(cable) = asking.as_ref().and_then(|key| host.cable(key)) else {
        *asking = None;
        return;
    };
    let palette = theme::palette(context);
    let (mut is_agreed, mut is_over) = (false, false);
    let modal = Modal::new(Id::unique("ask")).show(context, |ui| {
        ui.set_max_width(430.0);
        ui.label(RichText::new(format!("Listen on {}?", cable.key)).strong().size(16.0));
        ui.add_space(6.0);
        for line in changes(host, cable) {
            ui.label(line);
        }
        ui.add_space(4.0);
        ui.label(RichText::new("It is all removed when tapscope stops; after a crash, when it starts again").color(palette.weak));
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            is_agreed = ui.button("Change the guest and listen").clicked();
            is_over = ui.button("Cancel").clicked();
        });
    });
    if is_agreed {
        commands.push(Command::Ask(cable.key.clone()));
    }
    if is_agreed || is_over || modal.should_close() {
        *asking = None;
    }
}

/// What listening changes, a sentence a line.
fn changes(host: &Host, cable: &Cable) -> Vec<String> {
    let monitor = match &cable.sight {
        CableSight::Asked { monitor, .. } => monitor.as_ref(),
        CableSight::Carried { .. } | CableSight::Unseen { .. } | CableSight::Unknown => None,
    };
    let mut guests = cable.ends.iter().filter(|end| host.plugged(end).is_some());
    let is_asked = |end: &&tapscope_graph::host::CableEnd| {
        host.plugged(end).is_some_and(|(guest, _)| monitor.is_some_and(|monitor| guest.monitors.contains(monitor)))
    };
    let end = cable.ends.iter().find(is_asked).or_else(|| guests.next());
    let guest = end.map_or_else(|| "its guest".to_owned(), |end| format!("guest {}", end.called(host)));
    let by = monitor.map_or_else(String::new, |monitor| format!(", its monitor at {monitor}"));
    vec![
        format!("It adds two filter-mirror objects and two chardevs to {guest} by QMP{by}"),
        "QEMU then sends a copy of each frame to tapscope, which costs the guest a little time for each and cannot stop it".to_owned(),
    ]
}
