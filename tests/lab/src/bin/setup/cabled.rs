//! Set-ups 1 and 2: guests without a TAP.

use std::time::Duration;

use tapscope_lab::{Error, Guest, Lab, Namespace};

use crate::stage::{Attempt, Stage};

/// How long a server may take to start.
const SOON: Duration = Duration::from_secs(10);

/// One guest behind the user-mode stack.
pub fn user(lab: &Lab) -> Result<Stage, Error> {
    let (host, out) = (lab.namespace("host")?, lab.namespace("out")?);
    host.veth("vout", &out, "vin")?.address("vout", "203.0.113.2/24")?.resolver("203.0.113.1")?;
    host.must("ip route add default via 203.0.113.1")?;
    host.setting("net/ipv4/ping_group_range", "0 2147483647")?;
    out.address("vin", "203.0.113.1/24")?.dnsmasq(["--listen-address=203.0.113.1", "--address=/web.lab.test/203.0.113.1"])?;
    out.nft(
        "table inet fw {
            chain in {
                type filter hook input priority 0; policy accept;
                iif \"vin\" meta l4proto icmp counter drop
            }
        }",
    )?;
    let mut server = out.command("busybox");
    server.args(["httpd", "-f", "-p", "203.0.113.1:8080", "-h"]).arg(lab.folder());
    out.start("httpd", &mut server)?;
    let guest = lab.guest("g1").mac("52:54:00:12:34:57").ip("dhcp").user(&host).boot()?;
    let fetch = Attempt {
        guest: 0,
        target: "http://203.0.113.1:8080".to_owned(),
        command: "timeout 5 wget -qO- http://203.0.113.1:8080/httpd.log >/dev/null".to_owned(),
    };
    let name = Attempt {
        guest: 0,
        target: "web.lab.test by 10.0.2.3".to_owned(),
        command: "timeout 2 nslookup -type=a web.lab.test 10.0.2.3".to_owned(),
    };
    Ok(Stage {
        host,
        guests: vec![guest],
        places: vec!["10.0.2.15 by DHCP  QEMU's user-mode stack".to_owned()],
        notes: vec!["Outside is 203.0.113.1, which serves names and pages; a firewall there drops ICMP.".to_owned()],
        tries: vec![
            ("list".to_owned(), "the guest, and how its frames can be seen"),
            ("watch --qmp g1".to_owned(), "what happens, by asking QEMU, which changes the guest meanwhile"),
            ("show --live --for 5s --qmp g1".to_owned(), "the picture as text"),
        ],
        attempts: vec![Attempt::ping(0, "10.0.2.2"), name, fetch, Attempt::ping(0, "203.0.113.1")],
    })
}

/// TCP by `socket`.
pub fn socket(lab: &Lab) -> Result<Stage, Error> {
    pair(lab, "socket,listen=:8010", "socket,connect=127.0.0.1:8010")
}

/// TCP by `stream`.
pub fn stream(lab: &Lab) -> Result<Stage, Error> {
    let at = |server: &str| format!("stream,server={server},addr.type=inet,addr.host=127.0.0.1,addr.port=8010");
    pair(lab, &at("on"), &at("off"))
}

/// Datagrams.
pub fn udp(lab: &Lab) -> Result<Stage, Error> {
    let at = |own: u16, other: u16| format!("socket,udp=127.0.0.1:{other},localaddr=127.0.0.1:{own}");
    pair(lab, &at(7001, 7002), &at(7002, 7001))
}

/// A group.
pub fn mcast(lab: &Lab) -> Result<Stage, Error> {
    let host = lab.namespace("host")?;
    let group = "socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1";
    let guests = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(group),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(group),
        lab.guest("g3").mac("52:54:00:12:34:58").ip("10.0.2.102/24").within(&host).netdev(group),
    ])?;
    Ok(cabled(host, guests.into(), &[group, group, group]))
}

/// tapscope's own switch.
pub fn hub(lab: &Lab) -> Result<Stage, Error> {
    let host = lab.namespace("host")?;
    let program = crate::tapscope();
    let hub = host.start("hub", host.command(&program).args(["hub", "--watch", "--color", "never"]))?;
    hub.wait_for("the hub forwards", SOON)?;
    let netdev = "socket,connect=127.0.0.1:8010";
    let guests = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(netdev),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(netdev),
    ])?;
    let mut stage = cabled(host, guests.into(), &[netdev, netdev]);
    stage.notes.push(format!("tapscope hub is process {}; what it sees is in {}.", hub.pid(), hub.log().display()));
    Ok(stage)
}

/// Two guests; who listens is started first.
fn pair(lab: &Lab, first: &str, second: &str) -> Result<Stage, Error> {
    let host = lab.namespace("host")?;
    let g1 = lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.100/24").within(&host).netdev(first).start()?;
    let g2 = lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.2.101/24").within(&host).netdev(second).boot()?;
    g1.wait_until_up()?;
    Ok(cabled(host, vec![g1, g2], &[first, second]))
}

/// Guests from 10.0.2.100 on that ping each other.
fn cabled(host: Namespace, guests: Vec<Guest>, netdevs: &[&str]) -> Stage {
    let count = guests.len();
    let others = |guest: usize| (0..count).filter(move |&other| other != guest).map(move |other| (guest, other));
    let pairs = (0..count).flat_map(others);
    Stage {
        host,
        guests,
        places: netdevs.iter().zip(100..).map(|(netdev, last)| format!("10.0.2.{last}  -netdev {netdev}")).collect(),
        notes: Vec::new(),
        tries: vec![
            ("list".to_owned(), "the guests, their cable, and where it can be listened to"),
            ("watch".to_owned(), "what happens, as it happens"),
            ("show --live --for 5s".to_owned(), "the picture as text"),
        ],
        attempts: pairs.map(|(guest, other)| Attempt::ping(guest, &format!("10.0.2.{}", 100 + other))).collect(),
    }
}
