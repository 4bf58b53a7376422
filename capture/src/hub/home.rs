//! A place and how it stands: listening, being tried, or in use.

use super::place::{self, Listener, Place, PlaceError};
use super::wire::Wire;
use nix::poll::{PollFd, PollFlags};
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tapscope_graph::Text;

/// The first and the longest time until it is tried again.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(2);

/// A place of the hub.
pub(super) struct Home {
    pub place: Place,
    pub state: State,
    wait: Duration,
    /// Whether it was told that it cannot be had now.
    is_told: bool,
}

/// How a place stands.
pub(super) enum State {
    /// Whoever comes gets a port; not before `rest`, if the system refused the last one.
    Listening { listener: Listener, rest: Option<Instant> },
    /// To be tried.
    Idle { retry: Instant },
    /// The guest was called and has not answered.
    Dialling(Socket),
    /// Open, and not in its port yet.
    Opened(Option<Wire>),
    /// In use.
    Up,
}

impl Home {
    /// Opens a place for the first time. What others have to be there for is tried again, all else must work now.
    pub fn open_first(place: Place) -> Result<Home, PlaceError> {
        let (place, state) = match place {
            Place::Listen(address) => {
                let (listener, address) = Listener::tcp(address)?;
                (Place::Listen(address), State::Listening { listener, rest: None })
            }
            Place::Unix(path) => {
                let listener = Listener::unix(&path)?;
                (Place::Unix(path), State::Listening { listener, rest: None })
            }
            Place::Connect(_) => (place, State::Idle { retry: Instant::now() }),
            Place::Udp { local, remote } => (place, State::Opened(Some(self::place::udp(local, remote)?))),
            Place::Tap(ref name) => {
                let wire = self::place::tap(name)?;
                (place, State::Opened(Some(wire)))
            }
        };
        Ok(Home { place, state, wait: FIRST, is_told: false })
    }

    /// When there is something to do by itself.
    pub fn retry(&self) -> Option<Instant> {
        match self.state {
            State::Idle { retry } => Some(retry),
            State::Listening { rest, .. } => rest,
            State::Dialling(_) | State::Opened(_) | State::Up => None,
        }
    }

    /// What to wait for.
    pub fn poll(&self) -> Option<PollFd<'_>> {
        match &self.state {
            State::Listening { listener, .. } => Some(PollFd::new(listener.as_fd(), PollFlags::POLLIN)),
            State::Dialling(socket) => Some(PollFd::new(socket.as_fd(), PollFlags::POLLOUT)),
            State::Idle { .. } | State::Opened(_) | State::Up => None,
        }
    }

    /// Tries again, when it is due; gives what came of it, if it is known at once.
    pub fn open(&mut self) -> Option<Result<Wire, PlaceError>> {
        match (&mut self.state, &self.place) {
            (State::Listening { rest, .. }, _) => {
                *rest = None;
                None
            }
            (State::Idle { .. }, &Place::Connect(address)) => match place::dial(address) {
                Ok(socket) => {
                    self.state = State::Dialling(socket);
                    None
                }
                Err(error) => Some(Err(error)),
            },
            (State::Idle { .. }, &Place::Udp { local, remote }) => Some(place::udp(local, remote)),
            (State::Idle { .. }, Place::Tap(name)) => Some(place::tap(name)),
            _ => None,
        }
    }

    /// What came of the call.
    pub fn dialled(&mut self) -> Option<Result<Wire, PlaceError>> {
        let Place::Connect(address) = self.place else { return None };
        let State::Dialling(socket) = std::mem::replace(&mut self.state, State::Idle { retry: Instant::now() }) else { return None };
        Some(place::dialled(socket, address))
    }

    /// The next who is at the door; none where nobody is.
    pub fn accept(&mut self, now: Instant) -> Option<Result<(Wire, Text), Text>> {
        let State::Listening { listener, rest } = &mut self.state else { return None };
        match listener.accept() {
            Ok(caller) => Some(Ok(caller)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::InvalidInput) => None,
            Err(error) => {
                // Such as: no more descriptors. poll(2) would say again and again that somebody waits.
                *rest = Some(now + LONGEST);
                Some(Err(Text::long(&format!("somebody cannot be let in: {error}"))))
            }
        }
    }

    /// It could not be had. Gives whether that is news.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.state = State::Idle { retry: now + self.wait };
        self.wait = (self.wait * 2).min(LONGEST);
        !std::mem::replace(&mut self.is_told, true)
    }

    /// It has a port.
    pub fn plugged(&mut self) {
        if !matches!(self.state, State::Listening { .. }) {
            self.state = State::Up;
            (self.wait, self.is_told) = (FIRST, false);
        }
    }

    /// Its port, or one of its ports, is free.
    pub fn unplugged(&mut self, now: Instant) {
        if !matches!(self.state, State::Listening { .. }) {
            self.state = State::Idle { retry: now + self.wait };
        }
    }

    /// Who is at the other end, where that is given.
    pub fn peer(&self) -> Text {
        let address = |address: &SocketAddr| Text::new(&address.to_string());
        match &self.place {
            Place::Listen(at) | Place::Connect(at) => address(at),
            Place::Udp { remote, .. } => address(remote),
            Place::Unix(_) => Text::new("a process"),
            Place::Tap(_) => Text::new("this host"),
        }
    }
}
