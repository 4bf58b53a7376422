//! The model of tapscope: frames and host facts in, a network out.
//!
//! Everything arrives as an [`Event`]. [`Network::observe`] takes the next one in three pure steps: [`decode`] the bytes, say which
//! facts they prove ([`fact`]), learn the facts, remembering which frames proved them ([`evidence`]). What was learned are flat
//! [`tables`]; the picture ([`topology`]) and what is wrong ([`finding`]) are pure functions of the tables. Whoever wants to look reads
//! a [`View`].
//!
//! Nothing in this crate has a clock, a file, a socket or a thread, and nothing depends on a hash table's order: the same events give
//! the same view. Bytes are hostile: any bytes give a clear result, in bounded time and memory.

pub mod addr;
pub mod changes;
pub mod decode;
pub mod diagnose;
pub mod display_filter;
pub mod event;
pub mod evidence;
pub mod fact;
pub mod finding;
pub mod happening;
pub mod host;
pub mod journey;
mod learn;
pub mod link_type;
pub mod network;
pub mod packets;
mod printed;
pub mod selection;
mod storm;
pub mod tables;
pub mod text;
pub mod topology;

pub use addr::MacAddr;
pub use event::{Batch, Direction, Event, Frame, FrameNo, Head, LinkType, LossCause, PointId, PointInfo, Timestamp};
pub use network::{Network, View};
pub use packets::Packets;
pub use selection::Selection;
pub use text::Text;
