//! One client: events become octets for it as fast as it takes them.

use super::Shared;
use crate::live::order::Listener;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use tapscope_capture::record::{Encoder, Section};
use tapscope_graph::{Event, LossCause, PointId};

/// Pieces that may wait for the client, of a batch each: some 4 MiB at the most.
const QUEUE: usize = 64;
/// Octets of what is no frame that may wait beside: points, the host's facts. Who is behind by more has to connect again.
const TOLD: usize = 16 << 20;

/// Hears events for a client.
pub(super) struct Client {
    encoder: Encoder,
    queue: Sender<Vec<u8>>,
    /// What must not be left out and is not in the queue yet.
    told: Vec<u8>,
    /// Frames that were left out and not told, by point.
    shed: BTreeMap<PointId, u64>,
    shared: Arc<Shared>,
}

impl Client {
    /// A client, and what goes to it.
    pub fn new(section: Section, shared: Arc<Shared>) -> (Client, Receiver<Vec<u8>>) {
        let (queue, octets) = bounded(QUEUE);
        let mut client = Client { encoder: Encoder::new(section), queue, told: Vec::new(), shed: BTreeMap::new(), shared };
        client.encoder.begin(&mut client.told);
        (client, octets)
    }

    /// Sends what waits; says whether there is room for frames now. `None`: the client is gone.
    fn catch_up(&mut self) -> Option<bool> {
        if self.queue.is_full() {
            return Some(false);
        }
        for (point, frames) in std::mem::take(&mut self.shed) {
            self.encoder.event(&Event::Lost { point, frames, cause: LossCause::Queue }, &mut self.told);
        }
        if self.told.is_empty() {
            return Some(true);
        }
        match self.queue.try_send(std::mem::take(&mut self.told)) {
            Ok(()) => Some(!self.queue.is_full()),
            Err(TrySendError::Full(told)) => {
                self.told = told;
                Some(false)
            }
            Err(TrySendError::Disconnected(_)) => None,
        }
    }
}

impl Listener for Client {
    fn hear(&mut self, event: &Event) -> bool {
        let Event::Frames(batch) = event else {
            self.encoder.event(event, &mut self.told);
            return self.catch_up().is_some() && self.told.len() <= TOLD;
        };
        match self.catch_up() {
            Some(true) => {
                let mut octets = Vec::with_capacity(batch.octets() + 64 * batch.len());
                self.encoder.frames(batch, &mut octets);
                // There is room: nobody else fills the queue.
                !matches!(self.queue.try_send(octets), Err(TrySendError::Disconnected(_)))
            }
            Some(false) => {
                for frame in batch.frames() {
                    *self.shed.entry(frame.point).or_default() += 1;
                }
                self.shared.count_shed(batch.len() as u64);
                true
            }
            None => false,
        }
    }
}

/// The client's thread: sends until nothing more comes, or the client is gone.
pub(super) fn send(mut socket: impl Write, queue: &Receiver<Vec<u8>>) {
    for octets in queue {
        if socket.write_all(&octets).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tapscope_capture::file::{Next, Reader};
    use tapscope_graph::{Batch, Frame, LinkType, PointInfo, Timestamp};

    fn frames(count: usize) -> Event {
        let mut batch = Batch::default();
        for _ in 0..count {
            batch.push(Frame { at: Timestamp(1), point: PointId(0), direction: Default::default(), original_length: 60, bytes: &[0; 60] });
        }
        Event::Frames(batch)
    }

    #[test]
    fn what_a_slow_client_does_not_get_is_counted_and_told_and_points_are_never_left_out() {
        let shared = Arc::new(Shared::default());
        let (mut client, queue) = Client::new(Section::default(), shared.clone());
        let point =
            |name: &str| Event::Opened(PointInfo { name: Some(name.into()), link_type: LinkType::ETHERNET, ..PointInfo::default() });
        assert!(client.hear(&point("tap0")));
        for _ in 0..2 * QUEUE {
            assert!(client.hear(&frames(10)));
        }
        assert!(client.hear(&point("tap1")), "a point opens while the queue is full");
        let mut octets: Vec<u8> = queue.try_iter().flatten().collect();
        assert!(client.hear(&frames(1)));
        drop(client);
        octets.extend(queue.iter().flatten());
        let mut reader = Reader::new(std::io::Cursor::new(octets), "client").expect("a header");
        let (mut got, mut lost, mut points, mut batch) = (0, 0, Vec::new(), Batch::default());
        loop {
            match reader.next(&mut batch) {
                Next::Frames => got += batch.len() as u64,
                Next::Event(Event::Lost { frames, .. }) => lost += frames,
                Next::Event(Event::Opened(info)) => points.push(info.name.unwrap_or_default()),
                Next::Event(_) => {}
                Next::End => break,
            }
        }
        assert_eq!((reader.facts().incomplete.as_deref(), points), (None, vec!["tap0".to_owned(), "tap1".to_owned()]));
        assert_eq!((got + lost, lost), (20 * QUEUE as u64 + 1, shared.shed.load(std::sync::atomic::Ordering::Relaxed)));
        assert!(lost > 0);
    }
}
