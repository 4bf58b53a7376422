//! The rows of the table, one file for a layer.

mod arp;
mod bridge;
mod bsd;
mod cable;
mod dhcp;
mod echo;
mod fdb;
mod filter;
mod flood;
mod guest;
mod link;
mod macvtap;
mod mtu;
mod nat;
mod nd;
mod outside;
mod port;
mod refused;
mod route;
pub(crate) mod ruling;
mod subnet;
mod tap;
mod user_mode;
mod vlan;

use super::cause::Cause;

/// All rows. At one place they are asked in this order.
pub(super) const LAYERS: [&[Cause]; 23] = [
    bsd::CAUSES,
    user_mode::CAUSES,
    cable::CAUSES,
    bridge::CAUSES,
    port::CAUSES,
    flood::CAUSES,
    link::CAUSES,
    tap::CAUSES,
    macvtap::CAUSES,
    vlan::CAUSES,
    fdb::CAUSES,
    filter::CAUSES,
    nat::CAUSES,
    refused::CAUSES,
    route::CAUSES,
    mtu::CAUSES,
    arp::CAUSES,
    dhcp::CAUSES,
    nd::CAUSES,
    subnet::CAUSES,
    outside::CAUSES,
    guest::CAUSES,
    echo::CAUSES,
];

/// What the rows are made of.
mod prelude {
    pub(crate) use crate::diagnose::cause::{Answer, Cause, Hit, ProvenBy, Test};
    pub(crate) use crate::diagnose::diagnosis::{Leg, Rank};
    pub(crate) use crate::diagnose::scene::{Scene, tool, within};
    pub(crate) use crate::diagnose::trail::At;
}
