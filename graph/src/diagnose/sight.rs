//! Which packets belong to a leg, and where they were seen.

use super::diagnosis::Leg;
use super::endpoint::{Endpoint, device_of_point};
use crate::fact::{ArpOperation, Fact, Neighbor};
use crate::host::DeviceId;
use crate::journey::Journey;
use crate::tables::{Point, Tables};
use crate::{Direction, FrameNo, PointId, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The same echo under other addresses is seen within this time, nanoseconds.
const REWRITE: i64 = 2_000_000_000;

/// The span of time that is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Window {
    pub fn holds(&self, at: Timestamp) -> bool {
        self.since <= at && at <= self.until
    }
}

/// When a packet was seen first.
pub(crate) fn began(journey: &Journey) -> Timestamp {
    journey.sightings.first().map_or(Timestamp(0), |first| first.at)
}

/// The packets of a leg between two addresses, each once, in order. Where the asker's address is not known, its link-layer address tells.
pub(crate) fn packets<'a>(tables: &'a Tables, leg: Leg, from: &Endpoint, to: &Endpoint, window: Window) -> Vec<&'a Journey> {
    let is_from = |ip: IpAddr| from.ip.is_none_or(|own| own == ip);
    let is_to = |ip: IpAddr| to.ip.is_none_or(|own| own == ip);
    let is_it = |journey: &&Journey| {
        let fits = match (leg, &journey.subject) {
            (Leg::Request, Fact::Echo(echo)) if echo.is_request => is_from(echo.source) && is_to(echo.destination),
            (Leg::Reply, Fact::Echo(echo)) if !echo.is_request => is_from(echo.source) && is_to(echo.destination),
            (Leg::ArpRequest, Fact::Arp(arp)) if arp.operation == ArpOperation::Request => {
                is_from(arp.sender_ip.into()) && is_to(arp.target_ip.into()) && !arp.sender_ip.is_unspecified()
            }
            (Leg::ArpReply, Fact::Arp(arp)) if arp.operation == ArpOperation::Reply => {
                is_from(arp.sender_ip.into()) && is_to(arp.target_ip.into())
            }
            (Leg::ArpRequest, Fact::Neighbor(Neighbor::Solicitation { source, target, .. })) => {
                is_from((*source).into()) && is_to((*target).into()) && !source.is_unspecified()
            }
            (Leg::ArpReply, Fact::Neighbor(Neighbor::Advertisement { target, is_solicited: true, .. })) => is_from((*target).into()),
            _ => false,
        };
        // Who has no address known is told by its card.
        let is_station = from.ip.is_some() || from.mac.is_none() || journey.source == from.mac;
        fits && is_station && (from.ip.is_some() || from.mac.is_some()) && window.holds(began(journey))
    };
    tables.journeys.iter().filter(is_it).collect()
}

/// The identifier and sequence number of an echo.
pub(crate) fn echo_key(journey: &Journey) -> Option<(u16, u16)> {
    match journey.subject {
        Fact::Echo(echo) => Some((echo.identifier, echo.sequence)),
        _ => None,
    }
}

/// The same echoes with an address rewritten on the way, from one that we know.
pub(crate) fn rewritten<'a>(tables: &'a Tables, known: &[&Journey]) -> Vec<&'a Journey> {
    let twin = |journey: &&Journey| {
        let Fact::Echo(echo) = journey.subject else { return false };
        known.iter().any(|one| match one.subject {
            Fact::Echo(other) => {
                other.is_request == echo.is_request
                    && (other.identifier, other.sequence) == (echo.identifier, echo.sequence)
                    && ((other.source == echo.source) != (other.destination == echo.destination))
                    && began(journey).since(began(one)).abs() <= REWRITE
            }
            _ => false,
        })
    };
    tables.journeys.iter().filter(twin).collect()
}

/// Where packets were seen: how often, which frames, when first, under which addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    places: BTreeMap<(DeviceId, Direction), Here>,
    /// Points that no device is known for.
    pub elsewhere: BTreeMap<PointId, Here>,
}

/// What was seen at one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Here {
    pub frames: Vec<FrameNo>,
    pub at: Timestamp,
    pub rewritten: Option<(IpAddr, IpAddr)>,
}

impl Seen {
    /// The sightings of packets, and of the same packets with addresses rewritten.
    pub fn of<'a>(tables: &Tables, packets: impl Iterator<Item = (&'a Journey, bool)>) -> Seen {
        let mut seen = Seen::default();
        for (journey, is_rewritten) in packets {
            let addresses = match journey.subject {
                Fact::Echo(echo) if is_rewritten => Some((echo.source, echo.destination)),
                _ => None,
            };
            for sighting in &journey.sightings {
                let here = match device_of_point(tables, sighting.point) {
                    Some(device) => seen.places.entry((device, sighting.direction)).or_default(),
                    None => seen.elsewhere.entry(sighting.point).or_default(),
                };
                if here.frames.is_empty() {
                    here.at = sighting.at;
                }
                here.frames.push(sighting.frame);
                here.rewritten = here.rewritten.or(addresses);
            }
        }
        seen
    }

    /// What was seen at a device in a direction; sightings without one count for both.
    pub fn at(&self, device: DeviceId, direction: Direction) -> Option<&Here> {
        self.places.get(&(device, direction)).or_else(|| self.places.get(&(device, Direction::Unknown)))
    }
}

/// Whether somebody listened at a place, and whether all that passed was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ear {
    /// All was heard: what was not seen was not there.
    Whole,
    /// Frames were lost there.
    Lossy(u64),
    /// Nobody listened.
    Deaf,
}

/// How well a device is listened to.
pub(crate) fn ear(tables: &Tables, device: DeviceId) -> Ear {
    let listens = |(index, point): &(usize, &Point)| {
        // What ended with a reason did not hear the rest.
        device_of_point(tables, PointId(*index as u32)) == Some(device) && !(point.closed && point.reason.is_some())
    };
    match tables.points.iter().enumerate().find(listens) {
        None => Ear::Deaf,
        Some((_, point)) if point.lost > 0 => Ear::Lossy(point.lost),
        Some(_) => Ear::Whole,
    }
}
