//! The how-to's set-ups with real guests: who reaches whom.

use std::thread;

use tapscope_lab::{Error, Guest, Lab, Namespace};

/// Who asked whom, and whether there was an answer. All ask for one address at the same time.
fn pings(host: &Namespace, guests: [&Guest; 2], targets: &[&str]) -> Result<String, Error> {
    let mut lines = String::new();
    for target in targets {
        let command = format!("ping -c1 -W2 {target}");
        let [answers @ .., of_host] = thread::scope(|scope| {
            let in_guests = guests.map(|guest| scope.spawn(|| guest.can(&command)));
            let of_host = host.can(&command);
            let [one, two] = in_guests.map(|thread| thread.join().expect("no panic"));
            [one, two, of_host]
        });
        for (guest, answer) in guests.iter().zip(answers) {
            lines += &line(guest.name(), target, answer?);
        }
        lines += &line("host", target, of_host?);
    }
    Ok(lines)
}

fn line(who: &str, target: &str, answered: bool) -> String {
    format!("{who} {} {target}\n", if answered { "->" } else { "-x" })
}

#[test]
fn set_up_3_guest_and_host_reach_each_other_over_a_tap() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_3") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.address("tap0", "10.0.2.100/24")?;
    let g1 = lab.guest("g1").mac("52:54:00:12:34:56").ip("10.0.2.101/24").tap(&host, "tap0").boot()?;
    assert!(g1.can("ping -c1 -W2 10.0.2.100")?);
    assert!(host.can("ping -c1 -W2 10.0.2.101")?);
    assert!(host.must("ip neigh show dev tap0")?.starts_with("10.0.2.101 lladdr 52:54:00:12:34:56 "));
    Ok(())
}

/// Two guests on a bridge; the host's two addresses are on these devices.
fn set_up_4(lab: &Lab, devices: [&str; 2]) -> Result<String, Error> {
    let host = lab.namespace("host")?;
    host.forwards()?.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?;
    host.address(devices[0], "10.0.2.100/24")?.address(devices[1], "10.0.3.100/24")?;
    let [g1, g2] = lab.boot([
        lab.guest("g1").mac("52:54:00:12:34:57").ip("10.0.2.101/16").tap(&host, "tap0"),
        lab.guest("g2").mac("52:54:00:12:34:56").ip("10.0.3.101/16").tap(&host, "tap1"),
    ])?;
    pings(&host, [&g1, &g2], &["10.0.2.100", "10.0.3.100", "10.0.2.101", "10.0.3.101"])
}

#[test]
fn set_up_4_all_reach_all_if_the_bridge_has_the_addresses() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_4_bridge") else { return Ok(()) };
    let expected = "\
g1 -> 10.0.2.100
g2 -> 10.0.2.100
host -> 10.0.2.100
g1 -> 10.0.3.100
g2 -> 10.0.3.100
host -> 10.0.3.100
g1 -> 10.0.2.101
g2 -> 10.0.2.101
host -> 10.0.2.101
g1 -> 10.0.3.101
g2 -> 10.0.3.101
host -> 10.0.3.101
";
    assert_eq!(set_up_4(&lab, ["bridge0", "bridge0"])?, expected);
    Ok(())
}

/// A port of a Linux bridge receives nothing for itself: the host asks for the guest's address on the tap, and the answer comes in by the bridge.
#[test]
fn set_up_4_guests_and_host_do_not_reach_each_other_if_the_taps_have_the_addresses() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("set_up_4_taps") else { return Ok(()) };
    let expected = "\
g1 -x 10.0.2.100
g2 -x 10.0.2.100
host -> 10.0.2.100
g1 -x 10.0.3.100
g2 -x 10.0.3.100
host -> 10.0.3.100
g1 -> 10.0.2.101
g2 -> 10.0.2.101
host -x 10.0.2.101
g1 -> 10.0.3.101
g2 -> 10.0.3.101
host -x 10.0.3.101
";
    assert_eq!(set_up_4(&lab, ["tap0", "tap1"])?, expected);
    Ok(())
}
