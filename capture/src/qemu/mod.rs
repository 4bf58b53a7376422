//! QEMU: what its command line says, and what it says and does when it is asked.

pub mod command_line;
#[cfg(unix)]
pub mod monitor;
