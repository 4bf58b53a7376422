//! What the host says of itself.

#[cfg(target_os = "linux")]
pub mod linux;
