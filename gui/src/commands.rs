//! Everything that can be done, once: the top bar, the menus, the palette, the keys and their help are made of this table.

use crate::icons::{self, Icon};
use crate::inspector::Page;
use crate::names::Names;
use crate::session::{PlaybackState, Shown};
use crate::tables::Tab;
use crate::target;
use crate::theme;
use crate::window::Selection;
use egui::{Button, Context, Id, Key, KeyboardShortcut, Modifiers, Popup, Response, RichText, SetOpenCommand, Ui};
use std::sync::Arc;
use tapscope_graph::FrameNo;
use tapscope_graph::Text;
use tapscope_graph::diagnose::Party;
use tapscope_graph::topology;

/// Something that the user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    PlayOrPause,
    Restart,
    ToTheEnd,
    StopReading,
    EarlierEvent,
    LaterEvent,
    Compare,
    Record,
    StopRecording,
    Why,
    CloseWhy,
    Export,
    Wireshark,
    Open,
    Demo,
    Search,
    ClearFilter,
    FollowSelection,
    Undo,
    Redo,
    SelectNothing,
    ShowAll,
    UnfoldAll,
    ShowHidden,
    Show(Tab),
    Dark,
    Light,
    SystemTheme,
    LargerText,
    SmallerText,
    NormalText,
    ResetSettings,
    Palette,
    Keys,
    // About a thing.
    WhyFrom,
    WhyTo,
    WhyThis,
    Only,
    Listen,
    StopListening,
    Packets,
    ExportThis,
    WiresharkThis,
    Unpin,
    ZoomTo,
    Name,
    Hide,
    Fold,
    Unfold,
}

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The window, or everything.
    All,
    /// What is selected, or what the menu was opened on.
    Thing,
}

/// A row of the table.
pub(crate) struct Entry {
    pub action: Action,
    /// What it is called; `…` if it asks for more.
    pub name: &'static str,
    pub icon: Icon,
    pub keys: Option<KeyboardShortcut>,
    pub about: About,
}

const fn all(action: Action, name: &'static str, icon: Icon, keys: Option<KeyboardShortcut>) -> Entry {
    Entry { action, name, icon, keys, about: About::All }
}

const fn thing(action: Action, name: &'static str, icon: Icon, keys: Option<KeyboardShortcut>) -> Entry {
    Entry { action, name, icon, keys, about: About::Thing }
}

const fn key(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn control(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn control_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

/// All commands, in the order of the palette.
pub(crate) const ENTRIES: &[Entry] = &[
    all(Action::Why, "Why A to B…", Icon::Route, control(Key::D)),
    all(Action::CloseWhy, "Close the answer", Icon::X, None),
    all(Action::Record, "Record…", Icon::Circle, control(Key::R)),
    all(Action::StopRecording, "Stop recording", Icon::Square, control(Key::R)),
    all(Action::Export, "Export…", Icon::Download, control(Key::E)),
    all(Action::Wireshark, "Open in Wireshark", Icon::Fish, control(Key::W)),
    all(Action::Open, "Open a capture…", Icon::FolderOpen, control(Key::O)),
    all(Action::Demo, "Open the demo", Icon::Play, None),
    all(Action::PlayOrPause, "Play or pause", Icon::Play, key(Key::Space)),
    all(Action::Restart, "Restart", Icon::SkipBack, key(Key::Home)),
    all(Action::ToTheEnd, "To the end", Icon::SkipForward, key(Key::End)),
    all(Action::StopReading, "Stop reading", Icon::Square, None),
    all(Action::EarlierEvent, "Earlier event", Icon::ChevronLeft, key(Key::OpenBracket)),
    all(Action::LaterEvent, "Later event", Icon::ChevronRight, key(Key::CloseBracket)),
    all(Action::Compare, "Mark this moment to compare", Icon::Bookmark, key(Key::M)),
    all(Action::Search, "Search or filter", Icon::Search, control(Key::F)),
    all(Action::ClearFilter, "Clear the filter", Icon::FilterX, control_shift(Key::F)),
    all(Action::FollowSelection, "Tables follow the selection", Icon::Link, control(Key::L)),
    all(Action::SelectNothing, "Select nothing", Icon::X, key(Key::Escape)),
    all(Action::ShowAll, "Fit the picture into view", Icon::Maximize, key(Key::F)),
    all(Action::UnfoldAll, "Unfold everything", Icon::UnfoldVertical, None),
    all(Action::ShowHidden, "Show what is hidden", Icon::Eye, None),
    all(Action::Undo, "Undo", Icon::Undo2, control(Key::Z)),
    all(Action::Redo, "Redo", Icon::Redo2, control_shift(Key::Z)),
    all(Action::Show(Tab::Echoes), "Show echoes", Icon::Table, key(Key::Num1)),
    all(Action::Show(Tab::Flows), "Show flows", Icon::Table, key(Key::Num2)),
    all(Action::Show(Tab::Hosts), "Show hosts", Icon::Table, key(Key::Num3)),
    all(Action::Show(Tab::Resolutions), "Show ARP and ND", Icon::Table, key(Key::Num4)),
    all(Action::Show(Tab::Dhcp), "Show DHCP", Icon::Table, key(Key::Num5)),
    all(Action::Show(Tab::Packets), "Show packets", Icon::Table, key(Key::Num6)),
    all(Action::Show(Tab::Findings), "Show findings", Icon::Table, key(Key::Num7)),
    all(Action::Show(Tab::Devices), "Show devices", Icon::Table, key(Key::Num8)),
    all(Action::Show(Tab::Neighbors), "Show neighbours", Icon::Table, key(Key::Num9)),
    all(Action::Dark, "Dark theme", Icon::Moon, None),
    all(Action::Light, "Light theme", Icon::Sun, None),
    all(Action::SystemTheme, "Theme of the system", Icon::Monitor, None),
    all(Action::LargerText, "Larger text", Icon::AArrowUp, control(Key::Plus)),
    all(Action::SmallerText, "Smaller text", Icon::AArrowDown, control(Key::Minus)),
    all(Action::NormalText, "Normal text", Icon::Type, control(Key::Num0)),
    all(Action::ResetSettings, "Reset the settings", Icon::RotateCcw, None),
    all(Action::Palette, "All commands…", Icon::Command, control(Key::K)),
    all(Action::Keys, "Keys", Icon::Keyboard, key(Key::Questionmark)),
    thing(Action::WhyThis, "Why…", Icon::Route, key(Key::W)),
    thing(Action::WhyFrom, "Why from here…", Icon::Route, None),
    thing(Action::WhyTo, "Why to here…", Icon::Route, None),
    thing(Action::Only, "Only this", Icon::ListFilter, key(Key::O)),
    thing(Action::Listen, "Listen here", Icon::Ear, key(Key::L)),
    thing(Action::StopListening, "Stop listening here", Icon::EarOff, key(Key::L)),
    thing(Action::Packets, "Its packets", Icon::Table, None),
    thing(Action::ExportThis, "Export its frames…", Icon::Download, None),
    thing(Action::WiresharkThis, "Its frames in Wireshark", Icon::Fish, None),
    thing(Action::Unpin, "Let the card go", Icon::PinOff, None),
    thing(Action::ZoomTo, "Zoom to it", Icon::ZoomIn, key(Key::Z)),
    thing(Action::Name, "Name it…", Icon::Pencil, key(Key::F2)),
    thing(Action::Hide, "Hide it", Icon::EyeOff, key(Key::H)),
    thing(Action::Fold, "Fold", Icon::FoldVertical, key(Key::G)),
    thing(Action::Unfold, "Unfold", Icon::UnfoldVertical, key(Key::G)),
];

/// Keys that are no commands, for the help.
pub(crate) const OTHER_KEYS: &[(&str, &str)] = &[
    ("Tab", "on to the next thing; Space or Enter presses it"),
    ("drag, arrow keys", "move the picture"),
    ("Tab to a card, arrow keys", "from card to card; Enter selects"),
    ("Tab to the time line", "arrow keys and Page: step through time"),
    ("wheel, + and -", "zoom the picture"),
    ("Shift-click", "why from the selected card to this one"),
    ("drag a card", "pin it there; double-click lets it go"),
    ("double-click a bridge", "fold what hangs on it, or unfold it"),
    ("right click, Shift+F10", "what can be done with a card, a link or a row"),
    ("Up, Down, Page, Home, End", "in a table: move; Enter opens"),
    ("Ctrl+C", "in a table: copy the row"),
    ("N, P", "next and previous packet"),
];

/// What a view asks of the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// To do something, with a thing where it is about one.
    Do(Action, Selection),
    /// To see a packet.
    Jump(FrameNo),
    /// To listen to a cable whose guest must be asked.
    Ask(Text),
    /// To know why a ping between two nodes of the picture fails.
    WhyBetween(topology::Key, topology::Key),
    /// To know why a ping fails.
    Why(Party, Party),
    /// To see the state of a thing that an answer rests on.
    Look(topology::Key, Page),
}

/// What decides whether a command makes sense now.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub shown: &'a Shown,
    /// What the user calls nodes.
    pub names: &'a Arc<Names>,
    /// Whether the host, rather than a file, is looked at.
    pub is_of_host: bool,
    /// What a command about a thing is about.
    pub target: Selection,
    pub has_filter: bool,
    pub has_answer: bool,
    pub can_undo: bool,
    pub can_redo: bool,
    pub is_pinned: bool,
    pub is_folded: bool,
    /// How many things are hidden.
    pub hidden: usize,
    /// Whether anything is folded.
    pub has_folds: bool,
}

impl Situation<'_> {
    /// What the user calls a node, or what it is called.
    pub fn title(&self, node: &topology::Node) -> String {
        self.names.title(node)
    }

    /// Why something cannot be done now; none where it can.
    pub fn objection(&self, action: Action) -> Option<&'static str> {
        let unless = |holds: bool, why: &'static str| (!holds).then_some(why);
        let view = &self.shown.view;
        let is_recording = self.shown.doing.recording.is_some();
        let device = || target::device(view, self.target);
        match action {
            Action::Record => unless(self.is_of_host, "a file is recorded already: Export… writes a part of it")
                .or(unless(!is_recording, "it is being recorded: stop that first")),
            Action::StopRecording => unless(is_recording, "nothing is recorded"),
            Action::StopReading => unless(matches!(self.shown.playback.state, PlaybackState::Loading(_)), "nothing is being read"),
            Action::Restart => unless(!self.is_of_host || self.shown.playback.is_past, "this is the host as it is now"),
            Action::ClearFilter => unless(self.has_filter, "there is no filter"),
            Action::CloseWhy => unless(self.has_answer, "nothing was asked"),
            Action::Undo => unless(self.can_undo, "nothing was changed"),
            Action::Redo => unless(self.can_redo, "nothing was undone"),
            Action::Show(Tab::Devices | Tab::Neighbors) => unless(!view.tables.host.is_empty(), "the host said nothing of itself"),
            Action::WhyFrom | Action::WhyTo => match self.target {
                Selection::Thing(key) => unless(target::party(view, key, None).is_some(), "nobody there pings"),
                _ => Some("select a guest or a host"),
            },
            Action::WhyThis => unless(
                target::parties(view, self.target).is_some() || matches!(self.target, Selection::Thing(_)),
                "select a guest, a host, an echo or a flow",
            ),
            Action::Only | Action::Packets => unless(target::filter(view, self.target).is_some(), "nothing is selected"),
            Action::Listen => unless(self.is_of_host, "a recording hears what it heard").or_else(|| match device() {
                None => Some("no device of this host is there"),
                Some(device) => unless(!target::is_listened(view, device), "somebody listens there"),
            }),
            Action::StopListening => match device() {
                Some(device) if self.is_of_host => unless(target::is_listened(view, device), "nobody listens there"),
                _ => Some("nobody listens there"),
            },
            Action::ExportThis | Action::WiresharkThis => unless(
                self.target != Selection::None && target::frames(view, self.target).is_some(),
                "its frames cannot be told from others",
            ),
            Action::Unpin => unless(self.is_pinned, "it is not pinned"),
            Action::ZoomTo => unless(matches!(self.target, Selection::Thing(_)), "select something in the picture"),
            Action::ShowHidden => unless(self.hidden > 0, "nothing is hidden"),
            Action::Name => unless(target::is_named(view, self.target), "select a card or a bridge"),
            Action::Hide => match self.target {
                Selection::Thing(_) => unless(!target::is_own_host(view, self.target), "the picture is of this host"),
                _ => Some("select something in the picture"),
            },
            Action::Fold => unless(target::is_group(view, self.target), "select a bridge, or a namespace with bridges of its own")
                .or(unless(!self.is_folded, "it is folded already")),
            Action::Unfold => unless(self.is_folded, "it is not folded"),
            Action::UnfoldAll => unless(self.has_folds, "nothing is folded"),
            _ => None,
        }
    }
}

/// The row of an action.
pub(crate) fn entry(action: Action) -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.action == action).unwrap_or(&ENTRIES[0])
}

/// How a shortcut is written.
pub(crate) fn written(context: &Context, entry: &Entry) -> String {
    match entry.keys {
        Some(keys) if keys.logical_key == Key::Questionmark => "?".to_owned(),
        // egui has no signs for these.
        Some(keys) => context.format_shortcut(&keys).replace("OpenBracket", "[").replace("CloseBracket", "]"),
        None => String::new(),
    }
}

/// The button of a command, with its key as a hint; disabled, with the reason, where it makes no sense.
pub(crate) fn button(ui: &mut Ui, situation: &Situation<'_>, action: Action, wishes: &mut Vec<Wish>) {
    press(ui, situation, action, false, wishes);
}

/// The same as an icon, which is called by the command's name.
pub(crate) fn short_button(ui: &mut Ui, situation: &Situation<'_>, action: Action, wishes: &mut Vec<Wish>) {
    press(ui, situation, action, true, wishes);
}

fn press(ui: &mut Ui, situation: &Situation<'_>, action: Action, is_short: bool, wishes: &mut Vec<Wish>) {
    let entry = entry(action);
    let objection = situation.objection(action);
    let response = icons::enabled_button(ui, objection.is_none(), is_short, entry.icon, entry.name);
    let keys = written(ui.ctx(), entry);
    let response = match objection {
        Some(why) if is_short => response.on_disabled_hover_text(format!("{}: {why}", entry.name)),
        Some(why) => response.on_disabled_hover_text(why),
        None if is_short => response.on_hover_text(format!("{}  {keys}", entry.name).trim_end()),
        None if !keys.is_empty() => response.on_hover_text(keys),
        None => response,
    };
    if response.clicked() {
        wishes.push(Wish::Do(action, situation.target));
    }
}

/// What can be done with what a widget is of: by a right click, or by Shift+F10 where it has the keyboard.
pub(crate) fn context_menu(response: &Response, has_keyboard: bool, content: impl FnOnce(&mut Ui)) {
    let context = &response.ctx;
    let is_asked = has_keyboard && context.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::F10));
    let below = Popup::default_response_id(response).with("below");
    if is_asked || Popup::is_id_open(context, below) {
        if is_asked {
            context.data_mut(|data| data.insert_temp(first_item(), Id::NULL));
        }
        // Where a pointer may be far away, or not there at all.
        let open = is_asked.then_some(SetOpenCommand::Bool(true));
        Popup::menu(response).id(below).open_memory(open).show(content);
    } else {
        Popup::context_menu(response).show(content);
    }
}

/// Which line of a menu that was opened by a key is to have the keyboard: none yet, or this one.
fn first_item() -> Id {
    Id::unique("first item of a menu")
}

/// Gives the keyboard to the first line of a menu that was opened by a key; the first frame of a menu only measures it.
fn take_keyboard(response: &Response) {
    let context = &response.ctx;
    let Some(first) = context.data(|data| data.get_temp::<Id>(first_item())) else { return };
    if first == response.id && response.has_focus() {
        context.data_mut(|data| data.remove::<Id>(first_item()));
    } else if first == Id::NULL || first == response.id {
        context.data_mut(|data| data.insert_temp(first_item(), response.id));
        response.request_focus();
    }
}

/// The line of a command in a menu.
pub(crate) fn menu_item(ui: &mut Ui, situation: &Situation<'_>, action: Action, wishes: &mut Vec<Wish>) {
    let entry = entry(action);
    let weak = theme::palette(ui.ctx()).weak;
    let keys = RichText::new(written(ui.ctx(), entry)).small().color(weak);
    let item = |button: Button<'static>| button.right_text(keys).min_size(egui::vec2(190.0, 0.0));
    let objection = situation.objection(action);
    let response = ui.add_enabled_ui(objection.is_none(), |ui| icons::button(ui, entry.icon, entry.name, item)).inner;
    take_keyboard(&response);
    if let Some(why) = objection {
        response.on_disabled_hover_text(why);
    } else if response.clicked() {
        wishes.push(Wish::Do(action, situation.target));
        ui.close();
    }
}

/// What can be done with a thing: the menu of a right click. What makes no sense for it is left out.
pub(crate) fn thing_menu(ui: &mut Ui, situation: &Situation<'_>, wishes: &mut Vec<Wish>) {
    let about_things = ENTRIES.iter().filter(|entry| entry.about == About::Thing);
    for entry in about_things.filter(|entry| situation.objection(entry.action).is_none()) {
        menu_item(ui, situation, entry.action, wishes);
    }
}

/// The commands whose keys were pressed, first of all that a menu would offer.
pub(crate) fn pressed(context: &Context, situation: &Situation<'_>) -> Vec<Action> {
    let is_typing = context.text_edit_focused();
    let is_free = context.memory(|memory| memory.focused()).is_none();
    // An open menu is closed by Escape before anything else.
    let has_menu = Popup::is_any_open(context);
    let mut actions = Vec::new();
    // Those with Shift first: the others would take them for theirs.
    let with_shift = |entry: &&Entry| entry.keys.is_some_and(|keys| keys.modifiers.shift);
    let (first, others): (Vec<&Entry>, Vec<&Entry>) = ENTRIES.iter().partition(with_shift);
    for entry in first.into_iter().chain(others) {
        let Some(keys) = entry.keys else { continue };
        let is_plain = keys.modifiers.is_none();
        // What a focused control does with these keys is its own business.
        let is_taken = match keys.logical_key {
            Key::Space | Key::Home | Key::End => !is_free,
            Key::Escape if has_menu => true,
            // Undo in a text field undoes what was typed there.
            Key::Z => is_typing,
            _ => is_plain && is_typing,
        };
        if is_taken || situation.objection(entry.action).is_some() {
            continue;
        }
        let is_pressed = match keys.logical_key {
            // Which keys make a question mark, and plus, is the keyboard's business.
            Key::Questionmark => context.input(|input| input.key_pressed(Key::Questionmark)),
            Key::Plus => context
                .input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Plus) || input.consume_key(Modifiers::COMMAND, Key::Equals)),
            _ if is_plain => context.input_mut(|input| input.modifiers.is_none() && input.consume_key(Modifiers::NONE, keys.logical_key)),
            _ => context.input_mut(|input| input.consume_shortcut(&keys)),
        };
        if is_pressed {
            actions.push(entry.action);
        }
    }
    actions
}

/// What Space does now, for its button.
pub(crate) fn is_running(state: PlaybackState) -> bool {
    matches!(state, PlaybackState::Playing | PlaybackState::Live)
}
