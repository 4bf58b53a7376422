//! Events in, the chosen ones out, with the points numbered anew.

use anyhow::{Result, bail};
use tapscope_capture::filter::Filter;
use tapscope_graph::decode;
use tapscope_graph::display_filter::{DisplayFilter, PacketSubject};
use tapscope_graph::selection::{Place, Tag};
use tapscope_graph::tables::Point;
use tapscope_graph::{Batch, Event, Frame, FrameNo, LinkType, PointId, PointInfo, Selection, Text, Timestamp};

/// A moment, or a distance from the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A moment.
    At(Timestamp),
    /// Nanoseconds after the first frame.
    After(i64),
}

impl Moment {
    /// The moment, where the first frame's is known.
    pub fn from(self, begin: Timestamp) -> Timestamp {
        match self {
            Moment::At(at) => at,
            Moment::After(nanos) => Timestamp(begin.0.saturating_add(nanos)),
        }
    }
}

/// Chooses.
pub struct Cut {
    selection: Selection,
    filter: Option<Filter>,
    /// What frames have to say.
    display: DisplayFilter,
    /// Points that are meant when they open, by what they are called, and whether they did.
    awaited: Vec<(String, bool)>,
    /// Times that are known when the first frame comes.
    relative: (Option<Moment>, Option<Moment>),
    frames: u64,
    points: Vec<Passage>,
    passed: u32,
}

/// A point: how its frames start, and its number in what is written; none if it is left out.
struct Passage {
    link_type: LinkType,
    label: String,
    number: Option<PointId>,
}

impl Cut {
    /// Lets pass what a selection and a filter both mean.
    pub fn new(selection: Selection, filter: Option<Filter>) -> Cut {
        Cut {
            selection,
            filter,
            display: DisplayFilter::default(),
            awaited: Vec::new(),
            relative: (None, None),
            frames: 0,
            points: Vec::new(),
            passed: 0,
        }
    }

    /// Lets pass only what a display filter means, too.
    pub fn only(&mut self, filter: DisplayFilter) {
        self.display = filter;
    }

    /// So many frames came before the first that is seen here.
    #[cfg(feature = "window")]
    pub fn skip(&mut self, frames: u64) {
        self.frames = frames;
    }

    /// Names points and times that are not known yet.
    pub fn wait_for(&mut self, points: Vec<String>, from: Option<Moment>, to: Option<Moment>) {
        self.awaited = points.into_iter().map(|name| (name, false)).collect();
        self.relative = (from, to);
    }

    /// The event as far as it is chosen, and the numbers of its frames in the order in which they were read, from 1.
    ///
    /// # Errors
    /// Where the filter does not fit a link type.
    pub fn pass(&mut self, event: Event) -> Result<Option<(Event, Vec<FrameNo>)>> {
        let event = match event {
            Event::Frames(batch) => return self.frames(&batch),
            Event::Opened(info) => {
                let label = label(&info, PointId(self.points.len() as u32));
                let number = self.open(&info);
                self.points.push(Passage { link_type: info.link_type, label, number });
                number.map(|_| Event::Opened(info))
            }
            Event::Resumed { point, info, at } => {
                if let Some(known) = self.points.get_mut(point.0 as usize) {
                    known.link_type = info.link_type;
                }
                self.number(point).map(|point| Event::Resumed { point, info, at })
            }
            Event::Closed { point, reason } => self.number(point).map(|point| Event::Closed { point, reason }),
            Event::Lost { point, frames, cause } => self.number(point).map(|point| Event::Lost { point, frames, cause }),
            // How the host stood before the time that is meant is how it stood when it began.
            Event::Host { at, changes } => self.selection.to.is_none_or(|to| at < to).then_some(Event::Host { at, changes }),
        };
        Ok(event.map(|event| (event, Vec::new())))
    }

    /// Whether all that was waited for came.
    ///
    /// # Errors
    /// Which point did not.
    pub fn finish(&self) -> Result<()> {
        match self.awaited.iter().find(|(_, came)| !came) {
            Some((name, _)) => bail!("there was no point {}", Text::new(name)),
            None => Ok(()),
        }
    }

    fn open(&mut self, info: &PointInfo) -> Option<PointId> {
        let id = PointId(self.points.len() as u32);
        let label = label(info, id);
        let mut is_awaited = false;
        for (name, came) in &mut self.awaited {
            if *name == label || *name == id.0.to_string() {
                (*came, is_awaited) = (true, true);
            }
        }
        if is_awaited {
            self.selection.places.push(Place { point: id, tag: Tag::Any });
        }
        let is_meant = if self.awaited.is_empty() { self.selection.may_hold(id) } else { is_awaited };
        is_meant.then(|| {
            self.passed += 1;
            PointId(self.passed - 1)
        })
    }

    fn number(&self, point: PointId) -> Option<PointId> {
        self.points.get(point.0 as usize)?.number
    }

    fn frames(&mut self, batch: &Batch) -> Result<Option<(Event, Vec<FrameNo>)>> {
        let (mut chosen, mut numbers) = (Batch::default(), Vec::new());
        for (index, frame) in batch.frames().enumerate() {
            self.frames += 1;
            if let (from, to) = std::mem::take(&mut self.relative)
                && (from.is_some() || to.is_some())
            {
                self.selection.from = from.map(|moment| moment.from(frame.at));
                self.selection.to = to.map(|moment| moment.from(frame.at));
            }
            let number = FrameNo(self.frames);
            let Some(&Passage { link_type, number: Some(point), ref label }) = self.points.get(frame.point.0 as usize) else { continue };
            if !self.selection.holds(number, link_type, &frame) {
                continue;
            }
            if !self.display.is_empty() && !says(&self.display, number, link_type, label, &frame) {
                continue;
            }
            let passes = self.filter.as_mut().map_or(Ok(true), |filter| filter.matches(link_type, frame.bytes))?;
            if passes {
                chosen.push_beside(Frame { point, ..frame }, batch, index);
                numbers.push(number);
            }
        }
        Ok((!chosen.is_empty()).then_some((Event::Frames(chosen), numbers)))
    }
}

fn label(info: &PointInfo, id: PointId) -> String {
    Point { info: info.clone(), ..Point::default() }.label(id)
}

/// Whether a display filter means a frame.
pub fn says(filter: &DisplayFilter, number: FrameNo, link_type: LinkType, point: &str, frame: &Frame<'_>) -> bool {
    let summary = || decode::summary(link_type, frame);
    let packet = decode::digest(link_type, frame);
    filter.matches(&PacketSubject { number, length: frame.original_length, point, packet, summary: &summary })
}
