//! VLANs on a bridge that filters them.

use super::brief;

/// Two guests on a bridge that filters VLANs.
fn bridge(a: &str, b: &str) -> String {
    format!(
        "
        0 host ns 1 own
        0 host device 2 tapA tap 12 master 4 {a}
        0 host device 3 tapB tap 13 master 4 {b}
        0 host device 4 br0 bridge 14 filtering
        0 host guest 100 a a@2
        0 host guest 101 b b@3
        0.1 tapB< b>* arp who-has 10.9.0.9 tell 10.9.0.2
    "
    )
}

const UNTAGGED: &str = "
    1.0 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
";
const TAGGED: &str = "
    1.0 tapA< a.30>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 tapA< a.30>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn each_way_that_a_vlan_keeps_guests_apart() {
    let one = |a: &str, b: &str, frames: &str, code: &str| {
        brief(&format!("{}{frames}", bridge(a, b)), "a", "b", &format!("fails proven: {code}"));
    };
    one("pvid 10", "pvid 20", UNTAGGED, "VLAN_PVID_MISMATCH / ");
    one("vlan 10", "pvid 1", UNTAGGED, "VLAN_NO_PVID / ");
    one("pvid 1", "pvid 1", TAGGED, "VLAN_INGRESS_FILTERED / VLAN_EGRESS_FILTERED");
    one("pvid 1 vlan 30", "pvid 1", TAGGED, "VLAN_EGRESS_FILTERED / ");
}

#[test]
fn a_port_that_tags_what_the_guest_wants_untagged() {
    let frames = "
        1.00 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
        1.01 tapB> a.1>* arp who-has 10.9.0.2 tell 10.9.0.1
        2.00 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
        2.01 tapB> a.1>* arp who-has 10.9.0.2 tell 10.9.0.1
    ";
    brief(&format!("{}{frames}", bridge("pvid 1", "vlan 1")), "a", "b", "fails proven: VLAN_EGRESS_TAGGED / ");
}
