//! Labs come and go: nothing is left of them, however they end.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::left_of;
use tapscope_lab::{Error, Lab};

#[test]
fn two_labs_live_side_by_side_with_the_same_names_and_end_without_a_trace() -> Result<(), Error> {
    let (Some(left), Some(right)) = (Lab::or_say("two_labs"), Lab::or_say("two_labs")) else { return Ok(()) };
    let ids = [left.id().to_owned(), right.id().to_owned()];
    let mut hosts = Vec::new();
    for lab in [&left, &right] {
        let host = lab.namespace("host")?;
        host.tap("tap0")?.address("tap0", "10.0.2.100/24")?.resolver("10.0.2.100")?;
        host.dnsmasq(["--interface=tap0", "--dhcp-range=10.0.2.50,10.0.2.90,255.255.255.0,1h"])?;
        hosts.push(host);
    }
    let plan = |lab: &Lab, host| lab.guest("g1").mac("52:54:00:12:34:56").ip("dhcp").tap(host, "tap0").start();
    let (one, two) = (plan(&left, &hosts[0])?, plan(&right, &hosts[1])?);
    one.wait_until_up()?;
    two.wait_until_up()?;
    assert_eq!(hosts[0].must("cat /etc/resolv.conf")?, "nameserver 10.0.2.100\n");

    // The one's end is not the other's.
    drop(left);
    assert_eq!(left_of(&ids[0]), [""; 0]);
    assert!(!one.is_running());
    assert!(one.run("true").is_err());
    assert!(hosts[0].run("true").is_err());
    assert!(two.can("ping -c1 -W5 10.0.2.100")?);
    drop(right);
    assert_eq!(left_of(&ids[1]), [""; 0]);
    Ok(())
}

#[test]
fn a_panic_takes_the_lab_down() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_panic") else { return Ok(()) };
    let id = lab.id().to_owned();
    let ended = thread::spawn(move || {
        let host = lab.namespace("host").expect("a namespace");
        // What a program starts itself ends, too, and so does what has no parent any more.
        host.must("sleep 1000 &").expect("a process in the background");
        host.tap("tap0").expect("a tap");
        let guest = lab.guest("g1").tap(&host, "tap0").start().expect("a guest");
        assert_eq!(guest.pid(), 0, "this panic is what is tested");
    })
    .join();
    assert!(ended.is_err());
    assert_eq!(left_of(&id), [""; 0]);
    Ok(())
}

#[test]
fn a_killed_process_leaves_neither_guests_nor_namespaces() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_killed_process") else { return Ok(()) };
    drop(lab);
    let mut owner = Command::new(env!("CARGO_BIN_EXE_setup"));
    let mut owner = owner.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("setup runs");
    let id = format!("tslab-{}-0", owner.id());
    let said = BufReader::new(owner.stdout.take().expect("its output")).lines().map_while(Result::ok);
    // Both guests are up when it says who they are.
    let up = said.into_iter().any(|line| line.starts_with("  g2  52:54:00:12:34:56"));
    let there = left_of(&id);
    owner.kill().expect("it runs");
    owner.wait().expect("it has ended");
    assert!(up, "setup ended before its guests were up");
    // Folder, namespace, and two guests at least.
    assert!(there.len() >= 4, "{there:?}");

    let deadline = Instant::now() + Duration::from_secs(10);
    while !left_of(&id).is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(left_of(&id), [""; 0]);
    Ok(())
}

#[test]
fn what_a_lost_keeper_left_is_swept_by_the_next_lab() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_lost_keeper") else { return Ok(()) };
    // A process that is gone for good, with a namespace of its lab and a process in it.
    let mut gone = Command::new("true").spawn().expect("true runs");
    gone.wait().expect("true ends");
    let id = format!("tslab-{}-0", gone.id());
    let name = format!("{id}-host");
    assert!(Command::new("ip").args(["netns", "add", &name]).status().expect("ip runs").success());
    let mut orphan = Command::new("ip");
    let orphan = orphan.args(["netns", "exec", &name, "sleep", "1000"]).env("TAPSCOPE_LAB", &id).spawn();
    let mut orphan = orphan.expect("ip runs");

    drop(lab);
    let next = Lab::without_guests("the_next");
    let left = left_of(&id);
    // If it was not ended, it is listed above, and ends now.
    orphan.kill().and_then(|()| orphan.wait()).expect("it ends");
    drop(next?);
    assert_eq!(left, [""; 0]);
    Ok(())
}
