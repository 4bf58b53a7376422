//! The world of tapscope: turns it into events. Knows the model's events, and nothing else of the model.

pub mod cable;
pub mod clock;
#[cfg(target_os = "linux")]
pub mod drops;
pub mod file;
pub mod filter;
pub mod hub;
pub mod interface;
#[cfg(target_os = "linux")]
pub mod interpose;
pub mod inventory;
mod orders;
mod out;
pub mod qemu;
pub mod record;
pub mod remote;
