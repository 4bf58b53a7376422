//! Link-layer addresses that are wrong, or that two have.

use super::{KNOWN, ROUTED, STD, brief};

#[test]
fn an_entry_of_the_hosts_own_for_an_address_that_nobody_has() {
    let known = "0.04 tapB>  15>b arp 10.9.2.254 is-at for 10.9.2.1\n    0.05 host neighbor 5 10.9.2.1 b reachable\n    0.06 brB>   15>b udp - 10.9.2.254:1>10.9.2.1:2";
    let silent: String =
        ROUTED.lines().filter(|line| !line.contains(" b>") && !known.contains(line.trim())).map(|line| format!("{line}\n")).collect();
    let wrong = "
        0.05 host neighbor 5 10.9.2.1 99 permanent
        1.00 tapA<   a>14 icmp request 10.9.1.1>10.9.2.1 7/1
        1.01 brA<    a>14 icmp request 10.9.1.1>10.9.2.1 7/1
        1.02 brB>   15>99 icmp request 10.9.1.1>10.9.2.1 7/1
        1.03 tapB>  15>99 icmp request 10.9.1.1>10.9.2.1 7/1
    ";
    brief(&format!("{silent}{wrong}"), "10.9.1.1", "10.9.2.1", "fails proven: STALE_ARP_ENTRY / ");
}

#[test]
fn a_bridge_that_gave_up_the_address_that_the_guest_still_sends_to() {
    let left = "
        0 host address 4 10.9.0.254/24
        0 host route 10.9.0.0/24 4
        0 host device 9 v9 veth 1 lower 10
        0 host device 10 v9p veth 2 lower 9
        1.0 tapA< a>1 icmp request 10.9.0.1>10.9.0.254 7/1
        1.1 tapB> a>1 icmp request 10.9.0.1>10.9.0.254 7/1
        2.0 tapA< a>1 icmp request 10.9.0.1>10.9.0.254 7/2
    ";
    brief(&format!("{STD}{left}"), "10.9.0.1", "10.9.0.254", "fails proven: GATEWAY_MAC_CHANGED / ");
}

#[test]
fn a_guest_that_is_taken_for_a_router_and_is_none() {
    let sent = "
        0.5 tapB< b>* arp who-has 10.9.0.9 tell 10.9.0.2
        0.5 host fdb 3 b bridge 4 age 1
        1.0 tapA< a>b icmp request 10.9.0.1>10.77.0.1 7/1
        1.1 tapB> a>b icmp request 10.9.0.1>10.77.0.1 7/1
        2.0 tapA< a>b icmp request 10.9.0.1>10.77.0.1 7/2
        2.1 tapB> a>b icmp request 10.9.0.1>10.77.0.1 7/2
    ";
    brief(&format!("{STD}{sent}"), "10.9.0.1", "10.77.0.1", "fails probable: WRONG_GATEWAY / ");
    // Who sends what others sent is a router: what is behind it is not in view.
    let routes = "0.6 tapB< b>a icmp request 10.55.0.1>10.9.0.1 1/1";
    brief(&format!("{STD}{routes}\n{sent}"), "10.9.0.1", "10.77.0.1", "undetermined undetermined:  / ");
}

#[test]
fn a_bridge_that_answers_for_a_guest_with_an_address_that_nobody_has() {
    let suppressed = "
        0 host device 3 tapB tap 13 master 4 suppress
        0 host neighbor 4 10.9.0.2 77 permanent
        0.1 tapB< b>* arp who-has 10.9.0.9 tell 10.9.0.2
        0.5 tapA< a>* arp who-has 10.9.0.2 tell 10.9.0.1
        0.6 tapA> 77>a arp 10.9.0.2 is-at for 10.9.0.1
        1.0 tapA< a>77 icmp request 10.9.0.1>10.9.0.2 7/1
        1.1 tapB> a>77 icmp request 10.9.0.1>10.9.0.2 7/1
    ";
    brief(&format!("{STD}{suppressed}"), "10.9.0.1", "10.9.0.2", "fails proven: NEIGH_SUPPRESS_STALE / ");
}

/// C answers for B's address, too.
const RIVAL: &str = "
    0.02 tapC< c>a arp 10.9.0.2 is-at for 10.9.0.1
    0.03 tapA> c>a arp 10.9.0.2 is-at for 10.9.0.1
";

#[test]
fn two_who_answer_one_question_are_named_also_where_something_else_stops_the_echo() {
    let odd = "
        1.01 tapB>   a>b icmp request 10.9.0.1>10.9.0.2 7/1
        1.02 tapB<   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
        1.03 tapA>   b>a icmp reply 10.9.0.2>10.9.0.1 7/1
    ";
    let down = "1.5 host device 3 tapB tap 13 master 4 down";
    let third = "0 host device 5 tapC tap 15 master 4";
    brief(&format!("{STD}{third}{RIVAL}{KNOWN}{odd}{down}"), "10.9.0.1", "10.9.0.2", "degraded proven: IFACE_ADMIN_DOWN DUPLICATE_IP / ");
}

#[test]
fn who_takes_an_address_over_later_is_no_rival() {
    let later = RIVAL.replace("0.02", "9.0").replace("0.03", "9.1");
    let answered = "
        9.20 tapA<   a>c icmp request 10.9.0.1>10.9.0.2 8/1
        9.21 tapC>   a>c icmp request 10.9.0.1>10.9.0.2 8/1
        9.22 tapC<   c>a icmp reply 10.9.0.2>10.9.0.1 8/1
        9.23 tapA>   c>a icmp reply 10.9.0.2>10.9.0.1 8/1
    ";
    let third = "0 host device 5 tapC tap 15 master 4";
    let known: String = KNOWN.lines().filter(|line| !line.contains("icmp")).map(|line| format!("{line}\n")).collect();
    brief(&format!("{STD}{third}{known}{later}{answered}"), "10.9.0.1", "10.9.0.2", "works proven:  / ");
}
