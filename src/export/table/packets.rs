//! Every frame, a line each, as it comes.

use super::cell::{Cell, Format, Rows};
use crate::export::cut::Cut;
use crate::export::input::Input;
use crate::export::{Sink, copy};
use anyhow::Result;
use std::io::Write;
use tapscope_capture::file::FileFacts;
use tapscope_graph::decode::summary;
use tapscope_graph::tables::Point;
use tapscope_graph::{Direction, Event, FrameNo, LinkType, PointId};

/// The columns; numbers count all frames that were read, so that they are the same as in the window.
pub const COLUMNS: [&str; 10] = ["number", "time", "point", "direction", "source", "destination", "protocol", "length", "captured", "info"];

struct Lines<'a, W: Write> {
    rows: Rows<'a, W>,
    points: Vec<(LinkType, String)>,
}

/// Writes what was chosen; gives what is known of the files.
///
/// # Errors
/// Where it cannot be written.
pub fn write(input: Input, cut: Cut, out: &mut impl Write, format: Format) -> Result<Vec<FileFacts>> {
    let mut lines = Lines { rows: Rows::begin(out, &COLUMNS, format)?, points: Vec::new() };
    let facts = copy(input, cut, &mut lines)?;
    lines.rows.end()?;
    Ok(facts)
}

impl<W: Write> Sink for Lines<'_, W> {
    fn take(&mut self, event: &Event, numbers: &[FrameNo]) -> Result<()> {
        let label = |info: &tapscope_graph::PointInfo, id| (info.link_type, Point { info: info.clone(), ..Point::default() }.label(id));
        match event {
            Event::Opened(info) => self.points.push(label(info, PointId(self.points.len() as u32))),
            Event::Resumed { point, info, .. } => {
                if let Some(known) = self.points.get_mut(point.0 as usize) {
                    *known = label(info, *point);
                }
            }
            Event::Frames(batch) => {
                for (frame, number) in batch.frames().zip(numbers) {
                    let Some((link_type, name)) = self.points.get(frame.point.0 as usize) else { continue };
                    let summary = summary(*link_type, &frame);
                    let direction = match frame.direction {
                        Direction::Unknown => Cell::None,
                        Direction::Inbound => Cell::text("in"),
                        Direction::Outbound => Cell::text("out"),
                    };
                    self.rows.row(vec![
                        Cell::count(number.0),
                        Cell::time(frame.at),
                        Cell::text(name),
                        direction,
                        Cell::Text(summary.source),
                        Cell::Text(summary.destination),
                        Cell::text(summary.protocol),
                        Cell::count(frame.original_length),
                        Cell::count(frame.bytes.len()),
                        Cell::Text(summary.info),
                    ])?;
                }
            }
            Event::Closed { .. } | Event::Lost { .. } | Event::Host { .. } => {}
        }
        Ok(())
    }
}
