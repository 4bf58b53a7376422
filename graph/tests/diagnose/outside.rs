//! What lies beyond the host's devices.

use super::{STD, brief};

/// A asks for 10.9.0.9, which is somewhere behind the uplink.
const ASKED_UPLINK: &str = "
    0 host device 6 up0 physical 16 master 4
    0 host address 4 10.9.0.254/24
    1.0 tapA< a>* arp who-has 10.9.0.9 tell 10.9.0.1
    1.1 tapB> a>* arp who-has 10.9.0.9 tell 10.9.0.1
    1.2 up0>  a>* arp who-has 10.9.0.9 tell 10.9.0.1
    2.0 tapA< a>* arp who-has 10.9.0.9 tell 10.9.0.1
    2.1 tapB> a>* arp who-has 10.9.0.9 tell 10.9.0.1
    2.2 up0>  a>* arp who-has 10.9.0.9 tell 10.9.0.1
";

#[test]
fn who_is_behind_an_uplink_is_not_known_to_be_absent() {
    brief(&format!("{STD}{ASKED_UPLINK}"), "10.9.0.1", "10.9.0.9", "undetermined undetermined:  / ");
}

#[test]
fn an_uplink_that_answers_the_host_and_not_the_guest() {
    let host = "
        2.5 br0>  14>* arp who-has 10.9.0.9 tell 10.9.0.254
        2.6 up0>  14>* arp who-has 10.9.0.9 tell 10.9.0.254
        2.7 up0<  e>14 arp 10.9.0.9 is-at for 10.9.0.254
    ";
    brief(&format!("{STD}{ASKED_UPLINK}{host}"), "10.9.0.1", "10.9.0.9", "fails probable: UPLINK_REJECTS_FOREIGN_MAC / ");
}

/// The host on a card, and a guest's namespace with a macvlan over it.
const MACVLAN: &str = "
    0 host ns 1 own
    0 host ns 2 web
    0 host device 2 up0 physical 12
    0 host address 2 10.9.0.2/24
    0 host device 2/5 eth0 macvlan 15 lower 2
    0 host address 2/5 10.9.0.1/24
    1.0 eth0> 15>* arp who-has 10.9.0.2 tell 10.9.0.1
    1.1 up0>  15>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.0 eth0> 15>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn a_macvlan_does_not_reach_the_host_on_its_own_base() {
    brief(MACVLAN, "10.9.0.1", "10.9.0.2", "fails proven: MACVTAP_HOST_ISOLATION / ");
}
