//! The window as a whole: its parts, what is selected, and what commands do.

use crate::arrangement::Arrangement;
use crate::ask::{self, Asking};
use crate::canvas::{Canvas, Marks};
use crate::choices::History;
use crate::commands::{self, Action, Situation, Wish};
use crate::compare::Compare;
use crate::dialog::{Answer, Dialog};
use crate::icons::Icon;
use crate::latest::Latest;
use crate::names::Names;
use crate::palette::CommandPalette;
use crate::search::{Matching, Search};
use crate::session::{Chosen, Command, Shown};
use crate::settings::{Settings, Theme};
use crate::tables::{Desk, Tab, Tables};
use crate::why::{Follow, Why};
use crate::{doing, icons, inspector, keys, notice, sidebar, target, theme, timeline, topbar, welcome};
use egui::{CentralPanel, Context, Id, Panel, Sense, Ui, UiBuilder};
use std::sync::Arc;
use std::time::Duration;
use tapscope_graph::diagnose::Party;
use tapscope_graph::topology;
use tapscope_graph::{FrameNo, PointId};

/// What the inspector explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Nothing: the recording as a whole.
    #[default]
    None,
    /// A node or a link.
    Thing(topology::Key),
    /// A point.
    Point(PointId),
    /// A row of the flows.
    Flow(usize),
    /// A row of the echoes.
    Echo(usize),
    /// A row of the findings.
    Finding(usize),
    /// A row of DHCP transactions; those of DHCPv6 come behind those of DHCP.
    Dhcp(usize),
    /// A row of ARP and Neighbor Discovery.
    Resolution(usize),
}

/// The window's own state: what does not come from the session.
pub struct Window {
    pub(crate) selection: Selection,
    pub(crate) packet: Option<FrameNo>,
    pub(crate) canvas: Canvas,
    pub(crate) tables: Tables,
    pub(crate) search: Search,
    pub(crate) settings: Settings,
    /// What the frames of one snapshot share.
    latest: Latest,
    matching: Matching,
    history: History,
    palette: CommandPalette,
    dialog: Dialog,
    why: Option<Why>,
    follow: Follow,
    page: inspector::Page,
    compare: Compare,
    is_help_open: bool,
    /// The cable that the user wants to listen to, until it is agreed to what that changes.
    asking: Asking,
    is_set_up: bool,
    /// Whether a living host was shown: then time that stands may go back to now.
    is_of_host: bool,
    /// The notice that the user has read.
    dismissed: Option<String>,
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

impl Window {
    /// A window that nobody has touched, of somebody who knows what it is.
    pub fn new() -> Window {
        Window::with(Settings { is_welcomed: true, ..Settings::default() })
    }

    /// A window with what was remembered.
    pub fn with(settings: Settings) -> Window {
        Window {
            selection: Selection::None,
            packet: None,
            canvas: Canvas::default(),
            tables: Tables::default(),
            search: Search::default(),
            settings,
            latest: Latest::default(),
            matching: Matching::default(),
            history: History::default(),
            palette: CommandPalette::default(),
            dialog: Dialog::None,
            why: None,
            follow: Follow::default(),
            page: inspector::Page::default(),
            compare: Compare::default(),
            is_help_open: false,
            asking: None,
            is_set_up: false,
            is_of_host: false,
            dismissed: None,
        }
    }

    /// What is to be remembered.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How the user arranged the picture; what is being dragged is not decided yet.
    pub fn arrangement(&self) -> Option<&Arrangement> {
        (!self.canvas.is_dragging()).then(|| self.canvas.arrangement())
    }

    /// Arranges the picture as it was remembered; that cannot be undone.
    pub fn arrange(&mut self, arrangement: Arrangement) {
        self.canvas.arrange(arrangement);
        self.history = History::of(self.choices());
    }

    /// Shows everything; gives what the user asked for.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Arc<Shown>) -> Vec<Command> {
        if !self.is_set_up {
            self.set_up(ui.ctx());
        }
        let mut commands = Vec::new();
        let mut wishes = Vec::new();
        self.is_of_host |= shown.is_live();
        let (shown, digest) = &self.latest.of(ui.ctx(), shown);
        self.look(ui.ctx(), shown);
        let names = self.canvas.arranged().names.clone();
        self.keys(ui.ctx(), shown, &names, &mut wishes);
        let situation = self.situation(shown, &names);
        Panel::top("top").show(ui, |ui| topbar::show(ui, &situation, &mut self.search, &mut commands, &mut wishes));
        notice::show(ui, shown, &mut self.dismissed);
        // The picture is what the window is for: what is around it begins smaller where the window is small or the text large.
        let room = ui.available_size();
        // How it was dragged is remembered for each size of the text: what was right for small text is not for large.
        let scale = (ui.ctx().zoom_factor() * 100.0).round() as u32;
        let id = |name: &str| Id::unique(name).with(scale);
        let height = (room.y / 3.0).min(250.0);
        Panel::bottom(id("tables")).resizable(true).default_size(height).min_size(90.0).max_size(room.y * 0.6).show(ui, |ui| {
            let mut is_following = self.settings.is_following;
            let mut desk = Desk {
                situation: &situation,
                search: self.search.filter(),
                is_following: &mut is_following,
                selection: &mut self.selection,
                packet: &mut self.packet,
                wishes: &mut wishes,
            };
            self.tables.show(ui, shown, &mut desk);
            self.settings.is_following = is_following;
        });
        doing::show(ui, shown, &mut commands);
        let marked = self.compare.marked();
        Panel::bottom("time").resizable(false).exact_size(76.0).show(ui, |ui| timeline::show(ui, shown, &names, marked, &mut commands));
        let matching = self.matching.refresh(shown, self.search.filter());
        Panel::left(id("things")).resizable(true).default_size((room.x * 0.24).min(230.0)).show(ui, |ui| {
            column(ui, |ui| sidebar::show(ui, &situation, digest, matching.as_deref(), &mut self.selection, &mut wishes));
        });
        let mut reaction = crate::why::Reaction::default();
        match &mut self.why {
            Some(why) if !why.is_aside => {
                Panel::right(id("answer"))
                    .resizable(true)
                    .default_size((room.x * 0.35).min(370.0))
                    .show(ui, |ui| column(ui, |ui| reaction = why.answer(ui, &situation, &mut wishes)));
            }
            why => {
                Panel::right(id("inspector")).resizable(true).default_size((room.x * 0.25).min(300.0)).show(ui, |ui| {
                    if let Some(why) = why {
                        ui.add_space(4.0);
                        why.is_aside = !icons::button(ui, Icon::ChevronLeft, "Back to the answer", |button| button).clicked();
                    }
                    let accused = why.as_ref().map_or_else(Vec::new, |why| why.accused());
                    column(ui, |ui| inspector::show(ui, &situation, &accused, &mut self.selection, &mut self.page, &mut wishes));
                });
            }
        }
        let packet = self.packet.filter(|_| self.tables.is_open(Tab::Packets));
        let way = match &self.why {
            Some(why) => Some(why.way.clone()),
            None => self.follow.way(&shown.view, self.selection, packet),
        };
        self.canvas.marks = Marks { matching, way };
        let palette = theme::palette(ui.ctx());
        let mut is_welcomed = self.settings.is_welcomed;
        CentralPanel::no_frame().frame(egui::Frame::new().fill(palette.canvas)).show(ui, |ui| {
            if !self.settings.is_welcomed {
                is_welcomed = welcome::show(ui, &situation, &mut wishes);
            }
            if let Some(why) = &self.why {
                let height = (ui.available_height() * 0.42).min(260.0);
                let frame = egui::Frame::new().inner_margin(10);
                Panel::bottom("ladder").frame(frame).resizable(true).default_size(height).show(ui, |ui| why.ladder(ui, &mut wishes));
            }
            self.canvas.show(ui, &situation, shown, digest, &mut self.selection, &mut wishes);
        });
        self.settings.is_welcomed = is_welcomed;
        if reaction.is_watching_again
            && let Some(why) = &mut self.why
        {
            why.watch_again(shown);
        }
        if reaction.is_closed {
            wishes.push(Wish::Do(Action::CloseWhy, Selection::None));
        }
        ask::show(ui.ctx(), shown, &mut self.asking, &mut commands);
        self.compare.show(ui.ctx(), shown);
        let situation = self.situation(shown, &names);
        self.palette.show(ui.ctx(), &situation, &mut wishes);
        keys::show(ui.ctx(), &mut self.is_help_open);
        match self.dialog.show(ui.ctx(), shown, &names) {
            Some(Answer::Do(command)) => commands.push(command),
            Some(Answer::Why(from, to)) => wishes.push(Wish::Why(from, to)),
            Some(Answer::Name(key, name)) => self.canvas.rearrange(|arranged, view| arranged.name(view, key, &name)),
            None => {}
        }
        for wish in wishes {
            self.grant(ui.ctx(), wish, shown, &mut commands);
        }
        if self.canvas.is_waiting() {
            ui.ctx().request_repaint();
        }
        commands
    }

    fn set_up(&mut self, context: &Context) {
        theme::install(context);
        icons::install(context);
        // The table of commands has these keys, and the settings remember what they did.
        context.options_mut(|options| options.zoom_with_keyboard = false);
        if self.settings != (Settings { is_welcomed: true, ..Settings::default() }) {
            self.settings.apply(context);
        }
        self.is_set_up = true;
    }

    /// Before anything is shown: the choices that can be undone, the answer to why.
    fn look(&mut self, context: &Context, shown: &Arc<Shown>) {
        let now = context.input(|input| input.time);
        self.history.look(now, self.choices());
        if self.history.is_in_flux() {
            context.request_repaint_after(Duration::from_millis(300));
        }
        if let Some(why) = &mut self.why
            && let Some(wait) = why.refresh(shown, now)
        {
            context.request_repaint_after(Duration::from_secs_f64(wait));
        }
    }

    fn situation<'a>(&self, shown: &'a Shown, names: &'a Arc<Names>) -> Situation<'a> {
        let arranged = self.canvas.arranged();
        Situation {
            shown,
            names,
            is_of_host: self.is_of_host,
            target: self.selection,
            has_filter: !self.search.text().is_empty(),
            has_answer: self.why.is_some(),
            can_undo: self.history.can_undo(),
            can_redo: self.history.can_redo(),
            is_folded: matches!(self.selection, Selection::Thing(key) if arranged.folded.contains_key(&key)),
            has_folds: !arranged.arrangement.folded.is_empty(),
            is_pinned: matches!(self.selection, Selection::Thing(key) if arranged.pins.contains_key(&key)),
            hidden: arranged.hidden.len(),
        }
    }

    fn keys(&mut self, context: &Context, shown: &Shown, names: &Arc<Names>, wishes: &mut Vec<Wish>) {
        // A question, and the palette, have the keyboard for themselves.
        if self.dialog.is_open() || self.asking.is_some() {
            return;
        }
        let situation = self.situation(shown, names);
        if self.palette.is_open() {
            let keys = commands::entry(Action::Palette).keys;
            if keys.is_some_and(|keys| context.input_mut(|input| input.consume_shortcut(&keys))) {
                self.palette.toggle();
            }
            return;
        }
        wishes.extend(commands::pressed(context, &situation).into_iter().map(|action| Wish::Do(action, situation.target)));
    }

    fn grant(&mut self, context: &Context, wish: Wish, shown: &Arc<Shown>, commands: &mut Vec<Command>) {
        match wish {
            Wish::Jump(frame) => {
                self.packet = Some(frame);
                self.tables.open(Tab::Packets);
            }
            Wish::Ask(cable) => self.asking = Some(cable),
            Wish::WhyBetween(from, to) => {
                let view = &shown.view;
                let to_party = target::party(view, to, None);
                let from_party = target::party(view, from, to_party.as_ref());
                let to_party = target::party(view, to, from_party.as_ref());
                match (from_party, to_party) {
                    (Some(from), Some(to)) => self.ask_why(context, from, to, shown, commands),
                    (from, to) => self.dialog = Dialog::why(shown, from, to),
                }
            }
            Wish::Look(thing, page) => {
                self.selection = Selection::Thing(thing);
                self.page = page;
                if let Some(why) = &mut self.why {
                    why.is_aside = true;
                }
            }
            Wish::Why(from, to) => self.ask_why(context, from, to, shown, commands),
            Wish::Do(action, about) => self.perform(context, action, about, shown, commands),
        }
    }

    fn ask_why(&mut self, context: &Context, from: Party, to: Party, shown: &Shown, commands: &mut Vec<Command>) {
        commands.push(Command::Why(from.clone(), to.clone()));
        self.why = Some(Why::ask(shown, from, to, context.input(|input| input.time)));
    }

    /// Carries a command out, or asks what it needs, or hands it to the session.
    fn perform(&mut self, context: &Context, action: Action, about: Selection, shown: &Arc<Shown>, commands: &mut Vec<Command>) {
        let view = &shown.view;
        let party = |other: Option<&Party>| match about {
            Selection::Thing(key) => target::party(view, key, other),
            _ => None,
        };
        match action {
            Action::PlayOrPause => commands.push(if commands::is_running(shown.playback.state) { Command::Pause } else { Command::Play }),
            Action::Restart => commands.push(Command::Restart),
            Action::ToTheEnd => commands.push(match (shown.playback.is_past, self.is_of_host) {
                (true, _) => Command::Now,
                (false, true) => Command::Play,
                (false, false) => Command::End,
            }),
            Action::StopReading => commands.push(Command::StopReading),
            Action::EarlierEvent => commands.extend(timeline::next_event(shown, false).map(Command::Seek)),
            Action::LaterEvent => commands.extend(timeline::next_event(shown, true).map(Command::Seek)),
            Action::Compare => self.compare.toggle(shown),
            Action::Record => self.dialog = Dialog::record(),
            Action::StopRecording => commands.push(Command::StopRecording),
            Action::Why => self.dialog = Dialog::why(shown, party(None), None),
            Action::CloseWhy => {
                self.why = None;
                commands.push(Command::StopWhy);
            }
            Action::WhyFrom => self.dialog = Dialog::why(shown, party(None), None),
            Action::WhyTo => self.dialog = Dialog::why(shown, None, party(None)),
            Action::WhyThis => match target::parties(view, about) {
                Some((from, to)) => self.ask_why(context, from, to, shown, commands),
                None => self.dialog = Dialog::why(shown, party(None), None),
            },
            Action::Export => self.dialog = Dialog::export(shown, Selection::None, self.search.filter()),
            Action::ExportThis => self.dialog = Dialog::export(shown, about, self.search.filter()),
            Action::Wireshark => {
                commands.push(Command::Wireshark(Chosen { filter: self.search.filter().clone(), ..Chosen::default() }));
            }
            Action::WiresharkThis => {
                let selection = target::frames(view, about).unwrap_or_default();
                commands.push(Command::Wireshark(Chosen { selection, ..Chosen::default() }));
            }
            Action::Open => self.dialog = Dialog::open(),
            Action::Demo => commands.push(Command::Demo),
            Action::Search => self.search.focus(),
            Action::ClearFilter => self.search.set(""),
            Action::Only => self.search.set(&target::filter(view, about).unwrap_or_default()),
            Action::Packets => {
                self.search.set(&target::filter(view, about).unwrap_or_default());
                self.tables.open(Tab::Packets);
            }
            Action::FollowSelection => self.settings.is_following = !self.settings.is_following,
            Action::Undo => {
                if let Some(choices) = self.history.undo() {
                    self.choose(choices);
                }
            }
            Action::Redo => {
                if let Some(choices) = self.history.redo() {
                    self.choose(choices);
                }
            }
            Action::SelectNothing => {
                if let Some(why) = &mut self.why {
                    why.is_aside = false;
                }
                self.selection = Selection::None;
                self.is_help_open = false;
            }
            Action::Show(tab) => self.tables.open(tab),
            Action::Dark => self.set(context, |settings| settings.theme = Theme::Dark),
            Action::Light => self.set(context, |settings| settings.theme = Theme::Light),
            Action::SystemTheme => self.set(context, |settings| settings.theme = Theme::System),
            Action::LargerText => self.set(context, |settings| settings.zoom(1.0)),
            Action::SmallerText => self.set(context, |settings| settings.zoom(-1.0)),
            Action::NormalText => self.set(context, |settings| settings.scale = 1.0),
            Action::ResetSettings => self.set(context, |settings| *settings = Settings { is_welcomed: true, ..Settings::default() }),
            Action::Palette => self.palette.toggle(),
            Action::Keys => self.is_help_open = !self.is_help_open,
            Action::Listen => commands.extend(target::device(view, about).map(Command::Listen)),
            Action::StopListening => commands.extend(target::device(view, about).map(Command::StopListening)),
            Action::ShowAll => self.canvas.show_all(),
            Action::UnfoldAll => self.canvas.rearrange(|arranged, view| {
                arranged.arrangement.folded.clear();
                arranged.resolve(view);
            }),
            Action::ZoomTo => {
                if let Selection::Thing(key) = about {
                    self.canvas.zoom_to(key);
                }
            }
            Action::Name => {
                if let Selection::Thing(key) = about {
                    let given = self.canvas.arranged().names.get(&key).cloned();
                    self.dialog = Dialog::name(key, given.unwrap_or_default(), &target::title(shown, about));
                }
            }
            Action::Hide => {
                if let Selection::Thing(key) = about {
                    self.canvas.rearrange(|arranged, view| arranged.hide(view, key));
                    self.selection = Selection::None;
                }
            }
            Action::ShowHidden => self.canvas.rearrange(|arranged, view| {
                arranged.arrangement.hidden.clear();
                arranged.resolve(view);
            }),
            Action::Fold | Action::Unfold => {
                if let Selection::Thing(key) = about {
                    self.canvas.rearrange(|arranged, view| arranged.fold(view, key));
                }
            }
            Action::Unpin => {
                if let Selection::Thing(key) = about {
                    self.canvas.rearrange(|arranged, view| arranged.pin(view, key, None));
                }
            }
        }
    }

    fn set(&mut self, context: &Context, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.settings.apply(context);
    }
}

/// Shows something in all the room that a column has and never in more: a long word in it would widen it, and so move the picture.
fn column(ui: &mut Ui, show: impl FnOnce(&mut Ui)) {
    let room = ui.available_rect_before_wrap();
    let mut inside = ui.new_child(UiBuilder::new().max_rect(room));
    inside.shrink_clip_rect(room);
    show(&mut inside);
    ui.allocate_rect(room, Sense::hover());
}
