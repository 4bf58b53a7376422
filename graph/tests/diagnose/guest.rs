//! What only guests decide, and what a TAP's counters prove.

use super::{ASKED, KNOWN, STD, brief, check};
use expect_test::expect;

/// The requests come out at tapB.
const DELIVERED: &str = "
    1.01 tapB>   a>b icmp request 10.9.0.1>10.9.0.2 7/1
    2.01 tapB>   a>b icmp request 10.9.0.1>10.9.0.2 7/2
";

#[test]
fn a_guest_that_takes_the_request_and_says_nothing() {
    let counted = "
        0.01 host device 3 tapB tap 13 master 4 packets 5 10
        2.90 host device 3 tapB tap 13 master 4 packets 6 13
    ";
    check(
        &format!("{STD}{KNOWN}{DELIVERED}{counted}"),
        "a",
        "b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): UNDETERMINED  2 of 2 echo requests lost  [undetermined]

         cause  TARGET_SILENT   the request came into guest b, tapB, and no reply came out; inside it cannot be seen from here
                the guest's process took them: 3 seen out, 3 fetched; 2 requests out, no reply in
         fix    in the guest: ip route get 10.9.0.1; iptables -nvL INPUT; sysctl net.ipv4.icmp_echo_ignore_all          then expect: the reply in from the guest
         maybe  GUEST_FIREWALL, ICMP_ECHO_IGNORED, NO_ROUTE_BACK, WRONG_PREFIX_LENGTH
                decide with: in the guest: ip route get 10.9.0.1; iptables -nvL INPUT

         path   request  --> tapA in            #5     22:13:21.000  ok
                         --> tapB out           #7     22:13:21.010  ok
                          X  receiver            died here
         ruled out: TAP_NOT_READ (tapB is read: 3 seen out, 3 fetched)
         evidence: frames #7 #8
    "#]],
    );
}

#[test]
fn a_guest_that_does_not_fetch_the_request() {
    let counted = "
        0.01 host device 3 tapB tap 13 master 4 packets 5 10
        0.01 host device 2 tapA tap 12 master 4 packets 5 10
        2.90 host device 3 tapB tap 13 master 4 packets 6 11
    ";
    check(
        &format!("{STD}{KNOWN}{DELIVERED}{counted}"),
        "a",
        "b",
        expect![[r#"
            ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): FAILS  2 of 2 echo requests lost  [proven]

             cause  TAP_NOT_READ   frames wait in tapB: the guest b does not fetch them
                    3 frames went out on tapB, 1 were fetched
             fix    kill -CONT 101 (or QMP cont); else see why it is stuck          then expect: a reply
             maybe  VM_PAUSED
                    decide with: QMP {"execute":"query-status"}, or ask again with --qmp

             path   request  --> tapA in            #5     22:13:21.000  ok
                             --> tapB out           #7     22:13:21.010  ok
                              X  reader of tapB      not read
                    the way of the reply was not exercised
        "#]],
    );
}

#[test]
fn a_guest_that_asks_for_its_router_instead_has_a_prefix_that_is_too_long() {
    let asks = "1.02 tapB< b>* arp who-has 10.9.0.253 tell 10.9.0.2\n 1.03 tapA> b>* arp who-has 10.9.0.253 tell 10.9.0.2";
    brief(&format!("{STD}{KNOWN}{DELIVERED}\n{asks}"), "a", "b", "fails proven: WRONG_PREFIX_LENGTH / ");
}

/// The questions of `ASKED` come out at tapB.
const ASKED_OUT: &str = "
    1.01 tapB> a>* arp who-has 10.9.0.2 tell 10.9.0.1
    2.01 tapB> a>* arp who-has 10.9.0.2 tell 10.9.0.1
";

#[test]
fn a_guest_that_speaks_but_never_with_the_address_does_not_have_it() {
    let asked = ASKED.replace("tell 10.9.0.2", "tell 169.254.7.7");
    brief(&format!("{STD}{asked}{ASKED_OUT}"), "a", "10.9.0.2@b", "fails probable: NO_ADDRESS / ");
}

#[test]
fn a_guest_that_uses_the_address_and_does_not_answer_for_it_is_not_without_one() {
    brief(&format!("{STD}{ASKED}{ASKED_OUT}"), "a", "10.9.0.2@b", "undetermined undetermined: TARGET_SILENT / ");
}

#[test]
fn of_a_guest_that_never_spoke_nothing_is_known() {
    let asked = ASKED.replace("0.1 tapB<    b>* arp who-has 10.9.0.9 tell 10.9.0.2", "");
    brief(&format!("{STD}{asked}{ASKED_OUT}"), "a", "10.9.0.2@b", "undetermined undetermined: TARGET_SILENT / ");
}

#[test]
fn nothing_was_sent() {
    check(
        &format!(
            "{STD}\n 0.1 tapA< a>* arp who-has 10.9.0.9 tell 10.9.0.1\n 0.2 tapA> c>a arp 10.9.0.9 is-at for 10.9.0.1\n 0.3 tapB> c>* arp who-has 10.9.0.7 tell 10.9.0.9"
        ),
        "a",
        "10.9.0.2@b",
        expect![[r#"
        ping 10.9.0.1 (guest a, tapA) -> 10.9.0.2 (guest b, tapB): NOT SENT  no echo request was seen  [probable]

         cause  NOT_SENT   guest a, tapA sent neither an echo to 10.9.0.2 nor a question for its address while tapscope listened
                nothing of it came in on tapA, where all was heard
         fix    ping 10.9.0.2 in the guest while tapscope listens; if nothing comes then: ip route get 10.9.0.2; iptables -S OUTPUT          then expect: the echo in on tapA

         path   request   X  sender              died here
                         --- tapA in             not seen
    "#]],
    );
}
