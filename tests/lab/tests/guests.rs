//! What a guest can do.

use tapscope_lab::{Error, Lab};

#[test]
fn commands_in_a_guest_give_their_status_and_all_that_they_wrote() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("commands_in_a_guest") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.ipv6()?.tap("tap0")?.address("tap0", "fd00::100/64")?;
    let g1 = lab.guest("g1").ip("10.0.2.101/24").ip("fd00::101/64").ipv6().tap(&host, "tap0").boot()?;

    let output = g1.run("printf 'no end of line, %s' \"it's $((6 * 7))\"; echo ' and errors' >&2; exit 3")?;
    assert_eq!((output.status, output.text.as_str()), (3, "no end of line, it's 42 and errors\n"));
    // Lines are many, and none is lost or changed.
    assert_eq!(g1.must("seq 1 2000")?, (1..=2000).map(|number| format!("{number}\n")).collect::<String>());
    let refused = g1.must("cat /nowhere").map_err(|error| format!("{error:?}"));
    assert_eq!(
        refused,
        Err("`cat /nowhere` in g1 ended with status 1:\ncat: can't open '/nowhere': No such file or directory\n".to_owned())
    );
    assert!(g1.can("ping -6 -c1 -W5 fd00::100")?);

    // A command that does not end is given up, and the next one works.
    let late = g1.run_within("echo begun; sleep 2", std::time::Duration::from_millis(500));
    assert!(matches!(&late, Err(Error::TooLong { text, .. }) if text.contains("begun")), "{late:?}");
    assert_eq!(g1.must("echo next; cat /sys/class/net/eth0/address")?, format!("next\n{}\n", g1.macs()[0]));

    // Modules are there for who wants them.
    g1.must("modprobe 8021q && ip link add link eth0 name eth0.5 type vlan id 5")?;
    Ok(())
}

#[test]
fn a_guest_has_monitors_and_can_be_paused_stopped_and_started_anew() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("monitors") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.address("tap0", "10.0.2.100/24")?;
    let g1 = lab.guest("g1").ip("10.0.2.101/24").legacy_tap(&host, "tap0").boot()?;
    let first = g1.pid();
    assert_eq!(g1.qmp("query-name", serde_json::Value::Null)?, serde_json::json!({ "name": "g1" }));
    assert!(host.can("ping -c1 -W2 10.0.2.101")?);
    g1.pause()?;
    assert!(!host.can("ping -c1 -W1 10.0.2.101")?);
    g1.resume()?;
    assert!(host.can("ping -c1 -W5 10.0.2.101")?);
    assert!(g1.monitor().exists() && g1.second_monitor().exists() && g1.console().exists());

    g1.stop();
    assert!(!g1.is_running());
    assert!(!host.can("ping -c1 -W1 10.0.2.101")?);
    g1.restart()?;
    assert_ne!(g1.pid(), first);
    assert!(host.can("ping -c1 -W5 10.0.2.101")?);
    Ok(())
}

#[test]
fn guests_have_several_nics_on_any_back_end() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("several_nics") else { return Ok(()) };
    let host = lab.namespace("host")?;
    // A multicast group needs a way out, which lo is not by itself.
    host.must("ip route add 224.0.0.0/4 dev lo")?;
    let group = "socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1";
    let wire = lab.folder().join("wire");
    let stream = |server: &str| format!("stream,server={server},addr.type=unix,addr.path={}", wire.display());
    // The one that connects has to find the other one listening.
    let a = lab.guest("a").ip("10.1.0.1/24").netdev(&stream("on")).ip("10.2.0.1/24").within(&host).netdev(group);
    let a = a.ip("dhcp").user(&host).start()?;
    let b = lab.guest("b").within(&host).ip("10.1.0.2/24").netdev(&stream("off")).ip("10.2.0.2/24").netdev(group).boot()?;
    a.wait_until_up()?;
    assert!(a.can("ping -c1 -W5 10.1.0.2")?, "over the socket of the domain unix");
    assert!(b.can("ping -c1 -W5 10.2.0.1")?, "over the multicast group");
    assert!(a.must("ip -4 -o addr show dev eth2")?.contains("inet 10.0.2.15/24"), "QEMU's own DHCP server");
    assert_eq!(a.macs(), ["52:54:00:00:00:00", "52:54:00:00:00:01", "52:54:00:00:00:02"]);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("no_sense") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let other = lab.namespace("other")?;
    host.tap("tap0")?;
    let why = |plan: tapscope_lab::Plan| plan.start().map(drop).map_err(|error| format!("{error:?}"));
    let refused = |text: &str| Err(text.to_owned());
    assert_eq!(why(lab.guest("g1").netdev("user")), refused("the guest g1: it is in no namespace: say which by Plan::within"));
    assert_eq!(
        why(lab.guest("g1").tap(&host, "tap0").ip("10.0.2.101/24")),
        refused("the guest g1: the last address is of a NIC that is attached to nothing: say what it is attached to after it")
    );
    assert_eq!(why(lab.guest("g1").tap(&host, "tap0").user(&other)), refused("the guest g1: a guest's QEMU can run in one namespace only"));
    assert_eq!(
        why(lab.guest("../g1").user(&host)),
        refused("the guest ../g1: a guest's name is made of letters, digits and hyphens; see Plan::unnamed for others")
    );
    // QEMU's own words are shown.
    let nonsense = lab.guest("g1").within(&host).netdev("nonsense").boot().map(drop).map_err(|error| format!("{error:?}"));
    assert!(
        nonsense.as_ref().is_err_and(|text| text.starts_with("the guest g1 ended; it wrote:\nQEMU: ") && text.contains("nonsense")),
        "{nonsense:?}"
    );
    // And so are those of ip.
    let twice = host.tap("tap0").map(drop).map_err(|error| format!("{error:?}"));
    assert!(twice.as_ref().is_err_and(|text| text.contains("ioctl(TUNSETIFF): Device or resource busy")), "{twice:?}");
    assert!(lab.namespace("host").is_err());
    Ok(())
}
