//! What is printed of cables.

use super::{dot, host, text};
use crate::common::view;
use crate::show::Reading;
use expect_test::{Expect, expect};

/// Set-ups 1 and 2, and a guest of which nothing can be seen.
const CABLES: &str = "
    0 host guest 100 g1 a@user
    0 host cable user_g1/n0 user unknown peer=100.0 asked=tapscope_watch_--qmp_/run/qmp.sock
    0 host guest 101 g2 57@socket:listen=:8010
    0 host guest 102 g3 56@socket:connect=127.0.0.1:8010
    0 host cable tcp_127.0.0.1:8010 tcp connected listens=101.0 connects=102.0 carried
    0 host guest 103 g4 d@vhost-user
    0 host cable vhost-user_g4/n0 vhost-user unknown peer=103.0 unseen=its_frames_are_in_shared_memory=mirror_them_in_the_switch
    0 host guest 104 g5 e@socket:listen=:8011
    0 host cable tcp_0.0.0.0:8011 tcp listening listens=104.0
    0.1 tcp_127.0.0.1:8010> 56>* arp who-has 10.0.2.100 tell 10.0.2.101
    0.1 tcp_127.0.0.1:8010< 57>56 arp 10.0.2.100 is-at for 10.0.2.101
";

fn check(print: impl Fn(&mut Vec<u8>, &Reading) -> anyhow::Result<()>, expected: Expect) {
    let mut out = Vec::new();
    print(&mut out, &Reading { files: Vec::new(), at: None, view: view(CABLES) }).expect("it is written to memory");
    expected.assert_eq(&String::from_utf8(out).expect("UTF-8"));
}

#[test]
fn text_has_a_line_for_each_cable_with_how_it_can_be_seen() {
    check(
        |out, reading| text::write(out, reading, false),
        expect![[r#"
        this host: listened on 1 point
          tcp 127.0.0.1:8010: 2 packets

        Topology
          tcp 127.0.0.1:8010
          ├─ guest g3  02:00:00:00:00:56  sent 1, received 1
          │     10.0.2.101  by arp, 1 packet
          └─ guest g2  02:00:00:00:00:57  sent 1, received 0
                10.0.2.100  by arp, 1 packet
          tcp 0.0.0.0:8011  nobody is connected
          └─ guest g5  02:00:00:00:00:0e  sent 0, received 0
          user g1/n0  QEMU gives a copy of its frames if it is asked, which changes the running guest: tapscope watch --qmp /run/qmp.sock
          ├─ guest g1  02:00:00:00:00:0a  sent 0, received 0
          └─ user-mode stack  sent 0, received 0
                10.0.2.2  configured
                10.0.2.3  configured
          vhost-user g4/n0  its frames cannot be seen: its frames are in shared memory; mirror them in the switch
          └─ guest g4  02:00:00:00:00:0d  sent 0, received 0

        What is wrong
          note    SOCKET_NETDEV_NOT_CONNECTED g5 waits on tcp 0.0.0.0:8011, and nobody is connected: start its peer with connect= to that address
    "#]],
    );
}

#[test]
fn json_has_the_cables_of_the_host_with_their_ends() {
    let view = view(CABLES);
    let report = view.tables.host.cables().map(|cable| host::CableReport::of(&view.tables.host, cable));
    let rows: Vec<String> = report.map(|row| serde_json::to_string(&row).expect("JSON")).collect();
    expect![[r#"
        {"key":"tcp 0.0.0.0:8011","kind":"tcp","netns":null,"state":"nobody is connected","ends":[{"pid":104,"guest":"g5","nic":0,"program":null,"role":"listens","local":null,"remote":null,"path":null}],"sight":"unknown","sight_text":""}
        {"key":"tcp 127.0.0.1:8010","kind":"tcp","netns":null,"state":"connected","ends":[{"pid":101,"guest":"g2","nic":0,"program":null,"role":"listens","local":null,"remote":null,"path":null},{"pid":102,"guest":"g3","nic":0,"program":null,"role":"connects","local":null,"remote":null,"path":null}],"sight":"carried","sight_text":"its frames pass device 1 as tcp port 8010, which can be listened to without a change"}
        {"key":"user g1/n0","kind":"user","netns":null,"state":"unknown","ends":[{"pid":100,"guest":"g1","nic":0,"program":null,"role":"peer","local":null,"remote":null,"path":null}],"sight":"asked","sight_text":"QEMU gives a copy of its frames if it is asked, which changes the running guest: tapscope watch --qmp /run/qmp.sock"}
        {"key":"vhost-user g4/n0","kind":"vhost-user","netns":null,"state":"unknown","ends":[{"pid":103,"guest":"g4","nic":0,"program":null,"role":"peer","local":null,"remote":null,"path":null}],"sight":"unseen","sight_text":"its frames cannot be seen: its frames are in shared memory; mirror them in the switch"}"#]].assert_eq(&rows.join("\n"));
}

#[test]
fn dot_says_where_nobody_is_connected() {
    check(
        |out, reading| dot::write(out, &reading.view),
        expect![[r#"
        graph tapscope {
          node [fontname="sans-serif", fontsize=11];
          "guest-0" [shape=box, label="g1\n02:00:00:00:00:0a"];
          "guest-2" [shape=box, label="g2\n02:00:00:00:00:57\n10.0.2.100"];
          "guest-3" [shape=box, label="g3\n02:00:00:00:00:56\n10.0.2.101"];
          "guest-5" [shape=box, label="g4\n02:00:00:00:00:0d"];
          "guest-7" [shape=box, label="g5\n02:00:00:00:00:0e"];
          "stack-1" [shape=component, label="user-mode stack\n10.0.2.2\n10.0.2.3"];
          "cable-4" [shape=ellipse, style=dashed, label="tcp 127.0.0.1:8010"];
          "cable-8" [shape=ellipse, style=dashed, label="tcp 0.0.0.0:8011\nnobody is connected"];
          "cable-1" [shape=ellipse, style=dashed, label="user g1/n0"];
          "cable-6" [shape=ellipse, style=dashed, label="vhost-user g4/n0"];
          "guest-7" -- "cable-8";
          "guest-2" -- "cable-4" [label="1 packets"];
          "guest-3" -- "cable-4" [label="2 packets"];
          "guest-0" -- "cable-1";
          "stack-1" -- "cable-1";
          "guest-5" -- "cable-6";
        }
    "#]],
    );
}
