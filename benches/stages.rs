//! The stages of reading a capture, one by one, per packet.
fn main() {}
