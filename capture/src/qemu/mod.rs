//! QEMU: what its command line says, and what it says and does when it is asked.

#[cfg(unix)]
pub mod ask;
pub mod command_line;
#[cfg(target_os = "linux")]
pub mod filter;
#[cfg(unix)]
pub mod monitor;
