//! The picture as a file: what the window would draw, as SVG 1.1.
//!
//! The same code lays out and paints; only what it painted is written down instead of being rasterised. Text stays text: it can be searched,
//! and is squeezed into the room that the window gave it, whichever font the viewer has.

use super::draw::Drawing;
use super::layout::{Slots, layout};
use super::lens::Lens;
use crate::arrangement::Arranged;
use crate::digest::Digest;
use crate::session::{Playback, PlaybackState, Shown};
use crate::theme;
use crate::window::Selection;
use egui::epaint::{ClippedShape, ColorMode, RectShape, TextShape};
use egui::{Color32, Context, Pos2, RawInput, Rect, Shape, Stroke, StrokeKind, Theme, Vec2, vec2};
use std::fmt::Write;
use std::sync::Arc;
use tapscope_graph::text::xml;
use tapscope_graph::{Packets, View};

/// Around the picture.
const MARGIN: Vec2 = vec2(24.0, 24.0);
/// Of a picture of nothing.
const EMPTY: Vec2 = vec2(420.0, 120.0);

/// The font that the picture is measured with, for who makes pixels of it: a TrueType file, whose family is `Ubuntu`.
pub fn font() -> Vec<u8> {
    let fonts = egui::FontDefinitions::default();
    fonts.font_data.get("Ubuntu-Light").map(|data| (*data.font).as_ref().to_vec()).unwrap_or_default()
}

/// The picture of a view, for paper and for other programs.
pub fn svg(view: &Arc<View>) -> String {
    let at = view.tables.now.unwrap_or_default();
    let shown = Arc::new(Shown {
        whole: view.clone(),
        view: view.clone(),
        packets: Packets::new(0),
        playback: Playback {
            state: PlaybackState::Ended,
            speed: 1.0,
            position: at,
            begin: view.tables.begin.unwrap_or(at),
            end: at,
            is_past: false,
        },
        title: String::new(),
        notice: None,
        doing: crate::session::Doing::default(),
    });
    let arranged = Arranged::default();
    let digest = Arc::new(Digest::of(&shown));
    let placed = Arc::new(layout(&Slots::default().request(view, &arranged.pins)));
    let bounds = placed.bounds.unwrap_or(Rect::from_min_size(Pos2::ZERO, EMPTY));
    let room = Rect::from_min_size(Pos2::ZERO, bounds.size() + MARGIN * 2.0);
    let context = Context::default();
    theme::install(&context);
    context.set_theme(Theme::Light);
    let output = context.run_ui(RawInput { screen_rect: Some(room), ..RawInput::default() }, |ui| {
        let lens = Lens { zoom: 1.0, offset: MARGIN - bounds.min.to_vec2(), clip: room };
        Drawing::new(ui, &shown, &digest, &placed, &arranged, Selection::None, lens).paint();
    });
    let background = theme::palette(&context).canvas;
    let text = Writer::new(room).write(&output.shapes, background);
    output.drop_without_applying_deltas();
    text
}

/// Collects the elements, and the clips that they refer to.
struct Writer {
    room: Rect,
    body: String,
    clips: Vec<Rect>,
}

impl Writer {
    fn new(room: Rect) -> Writer {
        Writer { room, body: String::new(), clips: Vec::new() }
    }

    fn write(mut self, shapes: &[ClippedShape], background: Color32) -> String {
        for ClippedShape { clip_rect, shape, .. } in shapes {
            let _ = self.clipped(*clip_rect, shape);
        }
        let Vec2 { x: width, y: height } = self.room.size();
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Ubuntu, sans-serif\" font-weight=\"300\">\n<title>tapscope</title>\n<defs>\n"
        );
        for (index, clip) in self.clips.iter().enumerate() {
            let _ = writeln!(out, "<clipPath id=\"c{index}\"><rect {}/></clipPath>", corners(*clip));
        }
        let _ = writeln!(out, "</defs>\n<rect width=\"100%\" height=\"100%\"{}/>", fill(background));
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }

    fn clipped(&mut self, clip: Rect, shape: &Shape) -> std::fmt::Result {
        let bounds = shape.visual_bounding_rect();
        if !bounds.is_positive() || !clip.intersects(bounds) {
            return Ok(());
        }
        if clip.contains_rect(bounds) || clip.contains_rect(self.room) {
            return self.shape(shape);
        }
        let index = self.clips.iter().position(|known| *known == clip).unwrap_or_else(|| {
            self.clips.push(clip);
            self.clips.len() - 1
        });
        writeln!(self.body, "<g clip-path=\"url(#c{index})\">")?;
        self.shape(shape)?;
        writeln!(self.body, "</g>")
    }

    fn shape(&mut self, shape: &Shape) -> std::fmt::Result {
        let out = &mut self.body;
        match shape {
            Shape::Vec(shapes) => shapes.iter().try_for_each(|shape| self.shape(shape)),
            Shape::Rect(rect) => self.rect(rect),
            Shape::Text(text) => self.text(text),
            Shape::LineSegment { points: [a, b], stroke } => {
                writeln!(out, "<path d=\"M{} {}L{} {}\"{}/>", a.x, a.y, b.x, b.y, line(*stroke))
            }
            Shape::Circle(circle) => {
                let (center, radius) = (circle.center, circle.radius);
                let (fill, line) = (fill(circle.fill), line(circle.stroke));
                writeln!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\"{fill}{line}/>", center.x, center.y)
            }
            Shape::Path(path) => {
                write!(out, "<path d=\"")?;
                for (index, point) in path.points.iter().enumerate() {
                    write!(out, "{}{} {}", if index == 0 { 'M' } else { 'L' }, point.x, point.y)?;
                }
                let color = match path.stroke.color {
                    ColorMode::Solid(color) => color,
                    ColorMode::UV(_) => Color32::TRANSPARENT,
                };
                let end = if path.closed { "Z" } else { "" };
                writeln!(out, "{end}\"{}{}/>", fill(path.fill), line(Stroke::new(path.stroke.width, color)))
            }
            // Nothing that the picture is made of at its own size.
            Shape::Noop
            | Shape::Mesh(_)
            | Shape::Ellipse(_)
            | Shape::Band(_)
            | Shape::QuadraticBezier(_)
            | Shape::CubicBezier(_)
            | Shape::Callback(_) => Ok(()),
        }
    }

    /// SVG's strokes lie upon the edge.
    fn rect(&mut self, shape: &RectShape) -> std::fmt::Result {
        let half = shape.stroke.width / 2.0;
        let rect = match shape.stroke_kind {
            StrokeKind::Inside => shape.rect.shrink(half),
            StrokeKind::Middle => shape.rect,
            StrokeKind::Outside => shape.rect.expand(half),
        };
        let radius = shape.corner_radius.nw;
        writeln!(self.body, "<rect {} rx=\"{radius}\"{}{}/>", corners(rect), fill(shape.fill), line(shape.stroke))
    }

    fn text(&mut self, shape: &TextShape) -> std::fmt::Result {
        let Some(section) = shape.galley.job.sections.first() else { return Ok(()) };
        let own = if section.format.color == Color32::PLACEHOLDER { shape.fallback_color } else { section.format.color };
        let color = fill(shape.override_text_color.unwrap_or(own));
        let size = section.format.font_id.size;
        for row in &shape.galley.rows {
            let (Some(first), Some(last)) = (row.glyphs.first(), row.glyphs.last()) else { continue };
            let text: String = row.glyphs.iter().map(|glyph| glyph.chr).collect();
            let at = shape.pos + row.pos.to_vec2() + first.pos.to_vec2();
            let width = last.pos.x + last.advance_width - first.pos.x;
            if text.trim().is_empty() {
                continue;
            }
            let turn = match shape.angle {
                0.0 => String::new(),
                angle => format!(" transform=\"rotate({} {} {})\"", angle.to_degrees(), shape.pos.x, shape.pos.y),
            };
            writeln!(
                self.body,
                "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"{color}{turn}>{}</text>",
                at.x,
                at.y,
                xml(&text)
            )?;
        }
        Ok(())
    }
}

fn corners(rect: Rect) -> String {
    format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", rect.min.x, rect.min.y, rect.width(), rect.height())
}

fn line(stroke: Stroke) -> String {
    if stroke.is_empty() {
        return String::new();
    }
    format!(" stroke-width=\"{}\"{}", stroke.width, paint("stroke", stroke.color))
}

fn fill(color: Color32) -> String {
    if color == Color32::TRANSPARENT { " fill=\"none\"".to_owned() } else { paint("fill", color) }
}

fn paint(what: &str, color: Color32) -> String {
    let [red, green, blue, alpha] = color.to_srgba_unmultiplied();
    let opacity = if alpha == 255 { String::new() } else { format!(" {what}-opacity=\"{:.3}\"", f32::from(alpha) / 255.0) };
    format!(" {what}=\"#{red:02x}{green:02x}{blue:02x}\"{opacity}")
}
