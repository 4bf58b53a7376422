//! Cables: packets as they are seen on the carrier's device, and the guests' frames that come out of them.

#[path = "../lab/carrier.rs"]
#[allow(dead_code)]
mod carrier;
#[path = "../lab/frame.rs"]
#[allow(dead_code)]
mod frame;

mod joined;
mod recorded;
mod said;
mod segments;
