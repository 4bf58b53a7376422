//! Guests that did not get an address.

use super::{STD, brief};

/// The host on the bridge asks twice for an address that A should have got.
const HOST_ASKS: &str = "
    0 host address 4 10.9.0.254/24
    0 host route 10.9.0.0/24 4
    3.00 br0>  14>* arp who-has 10.9.0.50 tell 10.9.0.254
    3.01 tapA> 14>* arp who-has 10.9.0.50 tell 10.9.0.254
    4.00 br0>  14>* arp who-has 10.9.0.50 tell 10.9.0.254
    4.01 tapA> 14>* arp who-has 10.9.0.50 tell 10.9.0.254
";

fn one(lines: &str, expected: &str) {
    brief(&format!("{STD}{lines}{HOST_ASKS}"), "10.9.0.254", "10.9.0.50@tapA", expected);
}

#[test]
fn a_guest_without_an_address_because_nobody_answers_its_dhcp() {
    let discovers = "0.1 tapA< a>* dhcp discover a\n 0.2 br0< a>* dhcp discover a\n 1.1 tapA< a>* dhcp discover a";
    one(discovers, "fails proven: DHCP_NO_SERVER / ");
}

#[test]
fn a_rule_that_keeps_dhcp_from_its_server_is_named_before_the_server_is_missed() {
    let blocked = "0 host iptables filter INPUT input/0 0 -i br0 -p udp -m udp --dport 67 -j DROP\n 0.1 tapA< a>* dhcp discover a";
    one(blocked, "fails proven: DHCP_BLOCKED / ");
}

#[test]
fn a_server_that_gives_leases_to_others_has_none_left() {
    let exhausted = "
        0.1 tapB< b>* dhcp discover b
        0.2 tapB> 14>b dhcp offer b 10.9.0.51
        0.3 tapB< b>* dhcp request b
        0.4 tapB> 14>b dhcp ack b 10.9.0.51
        0.5 tapA< a>* dhcp discover a
        1.5 tapA< a>* dhcp discover a
    ";
    one(exhausted, "fails probable: DHCP_POOL_EXHAUSTED / ");
}

#[test]
fn an_old_address_that_is_refused_again_and_again() {
    let refused = "
        0.1 tapA< a>* dhcp request a
        0.2 br0> 14>* dhcp nak a
        0.3 tapA> 14>* dhcp nak a
        0.8 tapA< a>* dhcp request a
        0.9 br0> 14>* dhcp nak a
        1.0 tapA> 14>* dhcp nak a
    ";
    one(refused, "fails proven: DHCP_NAK_LOOP / ");
}
