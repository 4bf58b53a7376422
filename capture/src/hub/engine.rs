//! The hub's thread: one loop that reads what comes, sends it where it goes, and never waits for anyone.

use super::home::{Home, State};
use super::place::PlaceError;
use super::port::{Line, Port, PortCounters, PortReport};
use super::queue::Written;
use super::switch::{self, Switch, Way};
use super::tell::{Teller, point};
use super::wire::{Refusal, Wire};
use super::{PORTS, Report, What};
use crate::clock::now;
use crossbeam_channel::Sender;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use tapscope_graph::{Direction, Event, LinkType, PointInfo, Text};

/// Octets that are read of a stream before the others have their turn.
const READ: usize = 256 * 1024;
/// Frames that are read of a wire that gives one at a time, before the others have their turn.
const BURST: usize = 128;
/// How often addresses that were not heard for too long are dropped.
const SWEEP: Duration = Duration::from_secs(10);
/// How soon what the model had no room for is tried again, and after an error of poll(2) what there is.
const RETRY: Duration = Duration::from_millis(5);

/// All of the hub.
pub(super) struct Engine {
    pub homes: Vec<Home>,
    pub ports: Vec<Port>,
    pub switch: Switch,
    pub teller: Teller,
    pub reports: Sender<Report>,
    /// The other end is closed when the hub is to stop.
    pub woken: UnixStream,
    pub queue_octets: usize,
    pub scratch: Vec<u8>,
    pub swept: Instant,
    /// Ports whose wire broke while others' frames were written to it.
    pub broken: Vec<(usize, Text)>,
}

/// What poll(2) said.
#[derive(Default)]
struct Ready {
    is_over: bool,
    homes: Vec<usize>,
    readable: Vec<usize>,
    writable: Vec<usize>,
}

impl Engine {
    pub fn new(homes: Vec<Home>, settings: &super::Settings, teller: Teller, reports: Sender<Report>, woken: UnixStream) -> Engine {
        Engine {
            homes,
            ports: Vec::new(),
            switch: Switch::new(settings.ageing),
            teller,
            reports,
            woken,
            queue_octets: settings.queue_octets,
            scratch: vec![0; READ],
            swept: Instant::now(),
            broken: Vec::new(),
        }
    }

    pub fn run(mut self) -> Vec<PortReport> {
        for home in 0..self.homes.len() {
            let wire = match &mut self.homes[home].state {
                State::Listening { .. } => {
                    self.report(home, None, What::Listens);
                    continue;
                }
                State::Opened(wire) => wire.take(),
                State::Idle { .. } | State::Dialling(_) | State::Up => None,
            };
            if let Some(wire) = wire {
                self.plug(home, wire, None);
            }
        }
        loop {
            let ready = self.wait();
            if ready.is_over {
                break;
            }
            let now = Instant::now();
            for home in ready.homes {
                self.answer(home, now);
            }
            self.retry(now);
            for port in ready.writable {
                if let Some(line) = &mut self.ports[port].line {
                    line.is_blocked = false;
                }
            }
            for port in ready.readable {
                self.read(port, now);
            }
            for port in 0..self.ports.len() {
                self.write(port);
            }
            for (port, reason) in std::mem::take(&mut self.broken) {
                self.unplug(port, &reason, now);
            }
            if now.saturating_duration_since(self.swept) > SWEEP {
                self.switch.age(now);
                self.swept = now;
            }
            self.teller.flush();
        }
        self.end()
    }

    /// Closes everything; gives what was.
    fn end(mut self) -> Vec<PortReport> {
        let report = |(index, port): (usize, &Port)| PortReport {
            number: number(index),
            place: Text::path(&self.homes[port.home].place.to_string()),
            peer: port.line.as_ref().map(|line| line.peer.clone()),
            mac: port.mac,
            counters: port.counters,
        };
        let reports = self.ports.iter().enumerate().map(report).collect();
        for index in 0..self.ports.len() {
            if self.ports[index].line.take().is_some() {
                self.teller.tell(|| Event::Closed { point: point(index), reason: None });
            }
        }
        self.teller.flush();
        reports
    }

    fn wait(&self) -> Ready {
        let listening = |(index, home): (usize, &'_ Home)| match &home.state {
            State::Listening { rest: None, .. } | State::Dialling(_) => Some(index),
            _ => None,
        };
        let homes: Vec<usize> = self.homes.iter().enumerate().filter_map(listening).collect();
        let ports: Vec<usize> = (0..self.ports.len()).filter(|&index| self.ports[index].line.is_some()).collect();
        let mut files = vec![PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
        files.extend(homes.iter().filter_map(|&index| self.homes[index].poll()));
        files.extend(ports.iter().filter_map(|&index| {
            let line = self.ports[index].line.as_ref()?;
            let wanted = if line.queue.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLIN | PollFlags::POLLOUT };
            Some(PollFd::new(line.wire.as_fd(), wanted))
        }));
        let mut ready = Ready::default();
        match poll(&mut files, self.patience()) {
            Ok(_) => {}
            Err(Errno::EINTR) => return ready,
            Err(_) => {
                std::thread::sleep(RETRY);
                return ready;
            }
        }
        let said = |index: usize| files.get(index).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        ready.is_over = !said(0).is_empty();
        ready.homes = homes.iter().enumerate().filter(|(at, _)| !said(1 + at).is_empty()).map(|(_, &home)| home).collect();
        for (at, &port) in ports.iter().enumerate() {
            let said = said(1 + homes.len() + at);
            if said.contains(PollFlags::POLLOUT) {
                ready.writable.push(port);
            }
            // Reading is also how the reason of an error comes out.
            if !(said - PollFlags::POLLOUT).is_empty() {
                ready.readable.push(port);
            }
        }
        ready
    }

    fn patience(&self) -> PollTimeout {
        let now = Instant::now();
        let retries = self.homes.iter().filter_map(Home::retry).map(|at| at.saturating_duration_since(now));
        let wait = retries.chain(self.teller.is_behind().then_some(RETRY)).min();
        // Rounded up: a time-out must not be over before there is something to do.
        wait.map_or(PollTimeout::NONE, |wait| PollTimeout::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX))
    }

    /// Somebody is at the door, or a call is decided.
    fn answer(&mut self, home: usize, now: Instant) {
        match &mut self.homes[home].state {
            State::Listening { .. } => {
                while let Some(caller) = self.homes[home].accept(now) {
                    match caller {
                        Ok((wire, peer)) => self.plug(home, wire, Some(peer)),
                        Err(reason) => return self.report(home, None, What::Trouble { reason }),
                    }
                }
            }
            State::Dialling(_) => {
                if let Some(result) = self.homes[home].dialled() {
                    self.opened(home, result, now);
                }
            }
            State::Idle { .. } | State::Opened(_) | State::Up => {}
        }
    }

    /// Tries again what is due.
    fn retry(&mut self, now: Instant) {
        for home in 0..self.homes.len() {
            if self.homes[home].retry().is_some_and(|at| at <= now)
                && let Some(result) = self.homes[home].open()
            {
                self.opened(home, result, now);
            }
        }
    }

    fn opened(&mut self, home: usize, result: Result<Wire, PlaceError>, now: Instant) {
        match result {
            Ok(wire) => self.plug(home, wire, None),
            Err(error) => {
                if self.homes[home].failed(now) {
                    self.report(home, None, What::Trouble { reason: super::words(&error) });
                }
            }
        }
    }

    /// Puts a wire into the lowest port of its place that is free, or a new one.
    fn plug(&mut self, home: usize, wire: Wire, peer: Option<Text>) {
        self.homes[home].plugged();
        let peer = peer.unwrap_or_else(|| self.homes[home].peer());
        let free = self.ports.iter().position(|port| port.home == home && port.line.is_none());
        if free.is_none() && self.ports.len() >= PORTS {
            let reason = Text::long(&format!("{peer} was sent away: all {PORTS} ports are in use"));
            return self.report(home, None, What::Trouble { reason });
        }
        let line = Some(Line::new(wire, peer.clone(), self.queue_octets));
        let index = match free {
            Some(index) => {
                self.ports[index].line = line;
                let info = self.info(index);
                self.teller.tell(|| Event::Resumed { point: point(index), info, at: now() });
                index
            }
            None => {
                self.ports.push(Port { home, mac: None, counters: PortCounters::default(), line });
                let index = self.ports.len() - 1;
                let info = self.info(index);
                self.teller.tell(|| Event::Opened(info));
                index
            }
        };
        self.report(home, Some(index), What::Came { peer });
    }

    fn info(&self, index: usize) -> PointInfo {
        let port = &self.ports[index];
        let peer = port.line.as_ref().map_or_else(String::new, |line| format!(": {}", line.peer));
        PointInfo {
            name: Some(format!("hub port {}", number(index))),
            description: Some(format!("{}{peer}", self.homes[port.home].place)),
            link_type: LinkType::ETHERNET,
            ..PointInfo::default()
        }
    }

    fn unplug(&mut self, index: usize, reason: &Text, now: Instant) {
        let port = &mut self.ports[index];
        if port.line.take().is_none() {
            return;
        }
        let home = port.home;
        self.switch.forget(index);
        self.homes[home].unplugged(now);
        self.teller.tell(|| Event::Closed { point: point(index), reason: Some(reason.to_string()) });
        self.report(home, Some(index), What::Went { reason: reason.clone() });
    }

    /// Takes what a port has to say.
    fn read(&mut self, port: usize, now: Instant) {
        // While it is out of its port nothing is sent to it: no frame goes back to where it came from.
        let Some(mut line) = self.ports[port].line.take() else { return };
        let mut octets = std::mem::take(&mut self.scratch);
        let mut index = port;
        let end = if line.wire.is_stream() {
            self.read_stream(&mut index, &mut line, &mut octets, now)
        } else {
            self.read_frames(&mut index, &mut line, &mut octets, now)
        };
        self.scratch = octets;
        self.ports[index].line = Some(line);
        if let Some(reason) = end {
            self.unplug(index, &Text::long(&reason), now);
        }
    }

    fn read_stream(&mut self, index: &mut usize, line: &mut Line, octets: &mut [u8], now: Instant) -> Option<String> {
        let Line { wire, decoder, has_spoken, peer, .. } = line;
        match wire.read(octets) {
            Ok(0) => Some(match decoder.pending() {
                None => "the guest closed it".to_owned(),
                Some((held, Some(whole))) => format!("the guest closed it within a frame, {held} of {whole} octets"),
                Some((held, None)) => format!("the guest closed it within a frame, after {held} octets"),
            }),
            Ok(count) => {
                let fed = decoder.feed(&octets[..count], |frame| self.take(index, has_spoken, peer, frame, now));
                fed.err().map(|lie| lie.to_string())
            }
            Err(Refusal::Later | Refusal::Frame) => None,
            Err(Refusal::Gone(error)) => Some(error.to_string()),
        }
    }

    fn read_frames(&mut self, index: &mut usize, line: &mut Line, octets: &mut [u8], now: Instant) -> Option<String> {
        let Line { wire, has_spoken, peer, .. } = line;
        for _ in 0..BURST {
            match wire.read(octets) {
                Ok(count) => self.take(index, has_spoken, peer, &octets[..count], now),
                Err(Refusal::Later | Refusal::Frame) => break,
                Err(Refusal::Gone(error)) => return Some(error.to_string()),
            }
        }
        None
    }

    /// Takes a frame that came in, and sends it where it goes.
    fn take(&mut self, index: &mut usize, has_spoken: &mut bool, peer: &Text, frame: &[u8], instant: Instant) {
        if frame.len() < switch::HEADER {
            self.ports[*index].counters.short_frames += 1;
            return;
        }
        if !*has_spoken && let Some(mac) = switch::source(frame).filter(|&mac| switch::is_station(mac)) {
            *has_spoken = true;
            *index = self.recognise(*index, mac, peer);
        }
        let at = now();
        let counters = &mut self.ports[*index].counters;
        counters.received_frames += 1;
        counters.received_octets += frame.len() as u64;
        self.teller.frame(*index, Direction::Inbound, at, frame);
        match self.switch.forward(*index, frame, instant) {
            Way::Nowhere => {}
            Way::To(port) => self.send(port, frame),
            Way::Everywhere => (0..self.ports.len()).for_each(|port| self.send(port, frame)),
        }
    }

    /// Whether who speaks for the first time was here before, in another port that is free now: then it gets that one back. A guest that
    /// starts again comes from another address, so only its first frame tells.
    fn recognise(&mut self, index: usize, mac: tapscope_graph::MacAddr, peer: &Text) -> usize {
        let home = self.ports[index].home;
        if self.ports[index].mac == Some(mac) {
            return index;
        }
        let is_its = |(other, port): (usize, &Port)| other != index && port.home == home && port.line.is_none() && port.mac == Some(mac);
        let Some(other) = self.ports.iter().enumerate().position(is_its) else {
            self.ports[index].mac = Some(mac);
            return index;
        };
        self.switch.forget(index);
        let reason = format!("who came is the guest of hub port {}", number(other));
        self.teller.tell(|| Event::Closed { point: point(index), reason: Some(reason) });
        let mut info = self.info(other);
        info.description = Some(format!("{}: {peer}", self.homes[home].place));
        self.teller.tell(|| Event::Resumed { point: point(other), info, at: now() });
        self.report(home, Some(other), What::Recognised { peer: peer.clone(), mac, before: number(index) });
        other
    }

    fn send(&mut self, port: usize, frame: &[u8]) {
        let is_queued = |engine: &mut Engine| engine.ports[port].line.as_mut().map(|line| line.queue.push(frame));
        let mut queued = is_queued(self);
        if queued == Some(false) && self.ports[port].line.as_ref().is_some_and(|line| !line.is_blocked) {
            self.write(port);
            queued = is_queued(self);
        }
        let Some(queued) = queued else { return };
        let counters = &mut self.ports[port].counters;
        if queued {
            counters.sent_frames += 1;
            counters.sent_octets += frame.len() as u64;
            self.teller.frame(port, Direction::Outbound, now(), frame);
        } else {
            counters.dropped_frames += 1;
        }
    }

    /// Writes what waits for a port, as far as it takes it.
    fn write(&mut self, index: usize) {
        let port = &mut self.ports[index];
        let Some(line) = port.line.as_mut().filter(|line| !line.is_blocked && !line.queue.is_empty()) else { return };
        match line.queue.write(&line.wire, &mut port.counters.dropped_frames) {
            Written::All => {}
            Written::Some => line.is_blocked = true,
            Written::Gone(error) => {
                line.is_blocked = true;
                self.broken.push((index, Text::long(&error.to_string())));
            }
        }
    }

    fn report(&self, home: usize, port: Option<usize>, what: What) {
        let place = Text::path(&self.homes[home].place.to_string());
        // Who does not listen misses something; the hub goes on.
        let _ = self.reports.try_send(Report { at: now(), port: port.map(number), place, what });
    }
}

/// Ports are numbered from 1 for people.
fn number(index: usize) -> u32 {
    index as u32 + 1
}
