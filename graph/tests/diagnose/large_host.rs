//! The right answer on a large host; `graph/benches/why.rs` measures how long it takes.

use super::{KNOWN, STD, brief};

#[test]
fn among_500_taps_and_5000_rules_the_one_that_drops_is_named() {
    brief(&super::large::script(STD, KNOWN), "a", "b", "fails proven: BRIDGE_NF_CALL_IPTABLES / ");
}
