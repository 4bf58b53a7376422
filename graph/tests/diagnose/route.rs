//! What the host's IP stack does.

use super::{ROUTED, SENT, brief, check};
use expect_test::expect;

/// The routed network with more said, and the echo that comes as far as the host.
fn with(lines: &str) -> String {
    format!("{ROUTED}\n{lines}\n{SENT}")
}

fn one(lines: &str, expected: &str) {
    brief(&with(lines), "10.9.1.1", "10.9.2.1", expected);
}

#[test]
fn forwarding_is_off_and_a_rule_waits_behind_it() {
    check(
        &with(
            "0.1 host set net.ipv4.ip_forward 0\n 0.1 host nft inet fw forward forward/0 4 iifname \"brA\" oifname \"brB\" icmp type echo-request drop",
        ),
        "10.9.1.1",
        "10.9.2.1",
        expect![[r#"
            ping 10.9.1.1 (guest a, tapA) -> 10.9.2.1 (guest b, tapB): FAILS  2 of 2 echo requests lost  [proven]

             cause  IP_FORWARD_OFF   the host does not route between brA and brB
                    net.ipv4.ip_forward = 0
             fix    sysctl -w net.ipv4.ip_forward=1          then expect: the packet out on brB

             path   request  --> tapA in            #6     22:13:21.000  ok
                             --> brA in             #7     22:13:21.010  ok
                              X  host routing        died here
                             --- brB out             not seen
                    last seen brA in, next expected brB out
                    the way of the reply was not exercised
             next obstacle (not reached yet): NFT_DROP  a rule of the host's firewall drops it: iifname "brA" oifname "brB" icmp type echo-request drop  nft inet fw chain forward rule 4: iifname "brA" oifname "brB" icmp type echo-request drop
        "#]],
    );
}

#[test]
fn routes_that_stop_it_or_lead_elsewhere() {
    one("0.1 host route blackhole 10.9.2.1/32", "fails proven: ROUTE_BLACKHOLE / ");
    one("0.1 host set net.ipv4.conf.brA.forwarding 0", "fails proven: IP_FORWARD_OFF / ");
    let third = "0.1 host device 6 brC bridge 16\n 0.1 host address 6 10.9.3.254/24";
    one(&format!("{third}\n 0.1 host route 10.9.2.0/28 6"), "fails proven: ROUTE_SHADOWED / ");
    let rules = "0.1 host rule 0 table 255\n 0.1 host rule 100 from 10.9.1.0/24 table 100\n 0.1 host rule 32766 table 254";
    one(&format!("{third}\n {rules}\n 0.1 host route 0.0.0.0/0 6 table 100"), "fails proven: POLICY_RULE_MISROUTE / ");
}

#[test]
fn sources_that_the_host_does_not_believe() {
    let own = with("0.1 host address 5 10.9.1.1/32");
    brief(&own, "10.9.1.1@a", "10.9.2.1", "fails proven: MARTIAN_SOURCE / ");
    let away = "0.1 host device 6 brC bridge 16\n 0.1 host set net.ipv4.conf.all.rp_filter 1\n 0.1 host route 10.9.1.0/28 6";
    // The reply would take the wrong way, too.
    one(away, "fails proven: RP_FILTER_DROP / ROUTE_SHADOWED");
}

#[test]
fn rules_of_the_firewall() {
    one("0.1 host nft inet fw forward forward/0 0 iifname \"brA\" oifname \"brB\" counter drop", "fails proven: NFT_DROP / ");
    one("0.1 host iptables raw PREROUTING prerouting/-300 0 -i brA -p icmp -j DROP", "fails proven: NFT_DROP / ");
    one("0.1 host iptables filter FORWARD forward/0 0 -o brB -j REJECT --reject-with icmp-port-unreachable", "fails proven: NFT_REJECT / ");
    // Neither of these concerns the echo.
    one("0.1 host nft inet fw forward forward/0 0 iifname \"brB\" oifname \"brA\" ct state new drop", "undetermined undetermined:  / ");
    one("0.1 host iptables filter FORWARD forward/0 0 -i brA -p tcp -j DROP", "undetermined undetermined:  / ");
}

#[test]
fn a_next_hop_that_does_not_answer() {
    let asks = "
        0.1 host gone device 3
        0.1 host device 3 tapB tap 13 master 5
        0.1 host neighbor 5 10.9.2.1 - failed
        1.1 brB>  15>* arp who-has 10.9.2.1 tell 10.9.2.254
        1.1 tapB> 15>* arp who-has 10.9.2.1 tell 10.9.2.254
        2.1 brB>  15>* arp who-has 10.9.2.1 tell 10.9.2.254
        2.1 tapB> 15>* arp who-has 10.9.2.1 tell 10.9.2.254
    ";
    check(
        &with(asks),
        "10.9.1.1",
        "10.9.2.1@tapB",
        expect![[r#"
            ping 10.9.1.1 (guest a, tapA) -> 10.9.2.1 (guest b, tapB): FAILS  2 of 2 echo requests lost  [proven]

             cause  TAP_NOT_READ   frames wait in tapB: the guest b does not fetch them
                    1 frames went out on tapB, 0 were fetched
             fix    kill -CONT 101 (or QMP cont); else see why it is stuck          then expect: a reply
             maybe  VM_PAUSED, GUEST_NIC_NOT_READY
                    decide with: QMP {"execute":"query-status"}, or ask again with --qmp

             path   request  --> tapA in            #10    22:13:21.000  ok
                             --> brA in             #11    22:13:21.010  ok
                              X  neighbour on brB    died here
                             --- brB out             not seen
                    ask      --> brB out            #6     22:13:21.100  ok
                             --> tapB out           #7     22:13:21.100  ok
                              X  reader of tapB      not read
                    the way of the reply was not exercised
        "#]],
    );
}

#[test]
fn the_next_hop_is_asked_for_on_a_bridge_whose_port_blocks() {
    let asks = "
        0.1 host device 3 tapB tap 13 master 5 state disabled
        0.1 host neighbor 5 10.9.2.1 - failed
        1.1 brB>  15>* arp who-has 10.9.2.1 tell 10.9.2.254
        2.1 brB>  15>* arp who-has 10.9.2.1 tell 10.9.2.254
    ";
    one(asks, "fails proven: PORT_STATE_DISABLED / ");
}

#[test]
fn a_host_without_a_route_back_and_one_that_drops_the_reply_twice() {
    let answered = "
        1.02 brB>   15>b icmp request 10.9.1.1>10.9.2.1 7/1
        1.03 tapB>  15>b icmp request 10.9.1.1>10.9.2.1 7/1
        1.04 tapB<  b>15 icmp reply 10.9.2.1>10.9.1.1 7/1
        1.05 brB<   b>15 icmp reply 10.9.2.1>10.9.1.1 7/1
    ";
    let request = SENT.lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
    let without = ROUTED.replace("0 host route 10.9.1.0/24 4", "").replace("0 host address 4 10.9.1.254/24", "");
    brief(&format!("{without}{request}{answered}"), "10.9.1.1", "10.9.2.1", "fails proven: NO_ROUTE_BACK / ");
    let rules = "
        0.1 host nft inet fw pre prerouting/-300 1 iifname \"brB\" icmp type echo-reply drop
        0.1 host nft inet fw forward forward/0 2 icmp type echo-reply drop
    ";
    brief(&format!("{ROUTED}{rules}{request}{answered}"), "10.9.1.1", "10.9.2.1", "fails proven: NFT_DROP / NFT_DROP");
}
