//! QEMU: what its command line says.

pub mod command_line;
