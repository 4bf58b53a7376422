//! The time line: traffic over the recording, events marked on it, and where we are.

use crate::names::Names;
use crate::session::{Command, Playback, Shown};
use crate::sidebar::triangle;
use crate::{format, theme};
use egui::{Align2, EventFilter, FontId, Key, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};
use tapscope_graph::Timestamp;
use tapscope_graph::happening::Happening;
use tapscope_graph::tables::{DhcpTransaction, EchoRow, Resolution, Tables};

/// The most marks of one kind.
const MARKS: usize = 500;

pub(crate) fn show(ui: &mut Ui, shown: &Shown, names: &Names, marked: Option<Timestamp>, commands: &mut Vec<Command>) {
    let palette = theme::palette(ui.ctx());
    let playback = &shown.playback;
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let label = format!("time line at {}", format::clock(playback.position));
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, &label));
    let painter = ui.painter_at(rect);
    let plot = Rect::from_min_max(rect.min + vec2(96.0, 10.0), rect.max - vec2(96.0, 16.0));
    let length = playback.end.since(playback.begin).max(1) as f64;
    let x_of = |at: Timestamp| plot.left() + (at.since(playback.begin) as f64 / length).clamp(0.0, 1.0) as f32 * plot.width();

    traffic(shown, plot, &painter, x_of, &palette);
    painter.line_segment([plot.left_bottom(), plot.right_bottom()], Stroke::new(1.0, palette.edge));
    let base = plot.bottom() + 7.0;
    let marks = marks(&shown.whole.tables);
    for mark in &marks {
        let center = pos2(x_of(mark.at), base);
        match mark.what {
            What::Dhcp(_) => drop(painter.rect_filled(Rect::from_center_size(center, vec2(7.0, 7.0)), 1.0, palette.accent)),
            What::Unanswered(_) => drop(painter.add(triangle(center, 4.5, palette.warn))),
            What::LostEcho(_) => drop(painter.circle_filled(center, 3.5, palette.bad)),
            What::Host(entry) => drop(painter.add(diamond(center, 4.5, if entry.is_bad { palette.bad } else { palette.strong }))),
        }
    }
    let small = FontId::proportional(11.0);
    painter.text(rect.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER, format::clock(playback.begin), small.clone(), palette.weak);
    painter.text(rect.right_center() - vec2(10.0, 0.0), Align2::RIGHT_CENTER, format::clock(playback.end), small.clone(), palette.weak);
    if let Some(marked) = marked {
        let x = x_of(marked);
        painter.line_segment([pos2(x, rect.top() + 4.0), pos2(x, plot.bottom() + 2.0)], Stroke::new(1.5, palette.warn));
    }
    let x = x_of(playback.position);
    painter.line_segment([pos2(x, rect.top() + 4.0), pos2(x, plot.bottom() + 2.0)], Stroke::new(1.5, palette.strong));
    let text = format::clock(playback.position);
    let anchor = if x > plot.right() - 90.0 { (Align2::RIGHT_TOP, -5.0) } else { (Align2::LEFT_TOP, 5.0) };
    painter.text(pos2(x + anchor.1, rect.top() + 3.0), anchor.0, text, small, palette.strong);

    let moment_at = |x: f32| {
        let fraction = f64::from(((x - plot.left()) / plot.width()).clamp(0.0, 1.0));
        Timestamp(playback.begin.0.saturating_add((fraction * length) as i64))
    };
    if response.has_focus() {
        painter.rect_stroke(rect.shrink(1.0), 2.0, Stroke::new(2.0, palette.accent), egui::StrokeKind::Inside);
        commands.extend(stepped(ui, &response).map(|share| Command::Seek(step(playback, share))));
    }
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.clicked() || response.dragged()) {
        commands.push(Command::Seek(moment_at(pointer.x)));
    }
    let here = |x: f32| {
        let near = marks.iter().filter(|mark| (x_of(mark.at) - x).abs() < 5.0);
        let lines: Vec<String> = near.take(LINES).map(|mark| format!("{}  {}", format::clock(mark.at), mark.text(names))).collect();
        if lines.is_empty() { HINT.to_owned() } else { lines.join("\n") }
    };
    if let Some(pointer) = response.hover_pos() {
        response.on_hover_text_at_pointer(here(pointer.x));
    }
}

const HINT: &str = "click or drag: show that moment; [ and ] step from event to event\n\
    square DHCP, triangle ARP or ND without an answer, circle lost echo, diamond guests, devices and ports";
/// The most lines of a hint.
const LINES: usize = 8;

/// How far the keys of a slider that has the focus move it, as a share of the whole.
fn stepped(ui: &Ui, response: &Response) -> Option<f64> {
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    ui.input(|input| {
        let keys = [
            (Key::ArrowLeft, -0.01),
            (Key::ArrowRight, 0.01),
            (Key::PageUp, -0.1),
            (Key::PageDown, 0.1),
            (Key::Home, -1.0),
            (Key::End, 1.0),
        ];
        keys.into_iter().find(|(key, _)| input.key_pressed(*key) && input.modifiers.is_none()).map(|(_, share)| share)
    })
}

/// The moment that is a share of the whole away from the one that is shown.
fn step(playback: &Playback, share: f64) -> Timestamp {
    let length = playback.end.since(playback.begin).max(1) as f64;
    let wanted = playback.position.0.saturating_add((share * length) as i64);
    Timestamp(wanted.max(playback.begin.0).min(playback.end.0.max(playback.begin.0)))
}

/// An event that is marked. What it says is only put into words where the pointer is.
struct Mark<'a> {
    at: Timestamp,
    what: What<'a>,
}

enum What<'a> {
    Dhcp(&'a DhcpTransaction),
    Unanswered(&'a Resolution),
    LostEcho(&'a EchoRow),
    Host(&'a Happening),
}

impl Mark<'_> {
    fn text(&self, names: &Names) -> String {
        match self.what {
            What::Dhcp(row) => {
                let client = row.client_mac.map_or_else(String::new, |mac| mac.to_string());
                format!("DHCP {client} {}", row.state())
            }
            What::Unanswered(row) => format!("{} asks for {}, and nobody answers", names.told(row.asker_ip), names.told(row.target)),
            What::LostEcho(echo) => format!("echo {} to {} is lost", names.told(echo.source), names.told(echo.destination)),
            What::Host(entry) => entry.text.clone(),
        }
    }
}

/// What is worth a mark, of each kind the latest.
fn marks(tables: &Tables) -> Vec<Mark<'_>> {
    let dhcp = tables.dhcp.iter().rev().take(MARKS);
    let dhcp = dhcp.filter_map(|row| Some(Mark { at: row.messages.first()?.at, what: What::Dhcp(row) }));
    let unanswered = tables.resolutions.iter().rev().filter(|row| row.open > 0 && row.answers.is_empty() && !row.is_probe());
    let unanswered = unanswered.take(MARKS).map(|row| Mark { at: row.asked.first_at, what: What::Unanswered(row) });
    let patience = 1_000_000_000;
    let is_lost = |at: Timestamp| tables.now.is_some_and(|now| now.since(at) > patience);
    let lost = tables.echo_requests().filter(|(_, echo)| echo.reply.is_none() && is_lost(echo.at));
    let lost = lost.take(MARKS).map(|(_, echo)| Mark { at: echo.at, what: What::LostEcho(echo) });
    let host = tables.log.iter().rev().take(MARKS).map(|entry| Mark { at: entry.at, what: What::Host(entry) });
    dhcp.chain(unanswered).chain(lost).chain(host).collect()
}

/// The moment of the next event after the one that is shown, or of the one before it.
pub fn next_event(shown: &Shown, is_forward: bool) -> Option<Timestamp> {
    let position = shown.playback.position;
    let moments = marks(&shown.whole.tables).into_iter().map(|mark| mark.at);
    // A little behind the event: then it has happened.
    let behind = |at: Timestamp| Timestamp(at.0.saturating_add(1_000_000));
    let moments = moments.map(behind);
    if is_forward { moments.filter(|at| *at > position).min() } else { moments.filter(|at| *at < position).max() }
}

fn diamond(center: Pos2, radius: f32, color: egui::Color32) -> Shape {
    let points = [vec2(0.0, -radius), vec2(radius, 0.0), vec2(0.0, radius), vec2(-radius, 0.0)].map(|offset| center + offset);
    Shape::convex_polygon(points.to_vec(), color, Stroke::NONE)
}

/// Octets of all points over time, as an area.
fn traffic(shown: &Shown, plot: Rect, painter: &egui::Painter, x_of: impl Fn(Timestamp) -> f32, palette: &theme::Palette) {
    let columns = (plot.width().max(1.0) / 2.0) as usize + 1;
    let mut sums = vec![0.0_f64; columns];
    for history in shown.whole.tables.points.iter().map(|point| &point.history) {
        for (index, &octets) in history.buckets.iter().enumerate().filter(|(_, octets)| **octets > 0) {
            let start = Timestamp(history.start.0.saturating_add(history.width.saturating_mul(index as i64)));
            let end = Timestamp(start.0.saturating_add(history.width));
            let column = |at| (((x_of(at) - plot.left()) / 2.0) as usize).min(columns - 1);
            let (from, to) = (column(start), column(end).max(column(start)));
            for sum in &mut sums[from..=to] {
                *sum += octets as f64 / (to - from + 1) as f64;
            }
        }
    }
    let most = sums.iter().copied().fold(1.0, f64::max);
    let mut mesh = egui::epaint::Mesh::default();
    let mut ridge: Vec<Pos2> = Vec::with_capacity(columns);
    for (index, sum) in sums.iter().enumerate() {
        // A square root: one big transfer shall not hide every ping.
        let height = (sum / most).sqrt() as f32 * plot.height();
        let x = plot.left() + index as f32 * 2.0;
        ridge.push(pos2(x, plot.bottom() - height));
        if height > 0.0 {
            let bar = Rect::from_min_max(pos2(x - 1.0, plot.bottom() - height), pos2(x + 1.0, plot.bottom()));
            mesh.add_colored_rect(bar, palette.good.gamma_multiply(0.3));
        }
    }
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::line(ridge, Stroke::new(1.0, palette.good)));
}
