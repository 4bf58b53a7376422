//! A session in the real window over a living host, as a user has it: two guests on `tap0` and `tap1`, joined by `bridge0`.
//!
//! What is to be seen is read off the display; `target/screenshots/session` keeps a picture of each step.
#![cfg(feature = "window")]

mod screen;

use screen::{Screen, StandIn};
use std::process::Command;
use std::time::Instant;
use tapscope_lab::{Error, Lab};

/// What traffic is drawn in, in the dark.
const TRAFFIC: [u8; 3] = [0x2b, 0xc4, 0x93];
/// The picture between the columns, above the time line.
const PICTURE: [u32; 4] = [245, 45, 955, 455];

#[test]
fn two_guests_are_seen_to_ping_and_to_fail_and_the_window_says_why() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("two_guests_are_seen_to_ping_and_to_fail_and_the_window_says_why") else { return Ok(()) };
    let Some(screen) = Screen::open((1280, 800), "session") else { return Ok(()) };
    let host = lab.namespace("host")?;
    host.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?;
    host.address("bridge0", "10.0.2.100/24")?;
    let [web, mail] = lab.boot([
        lab.guest("web").mac("52:54:00:12:34:57").ip("10.0.2.101/16").tap(&host, "tap0"),
        lab.guest("mail").mac("52:54:00:12:34:56").ip("10.0.3.101/16").tap(&host, "tap1"),
    ])?;
    screen.keep("0-before");

    // Start: the first thing that it shows is what it is.
    let began = Instant::now();
    let home = lab.folder().join("home");
    std::fs::create_dir_all(&home).expect("a folder");
    let wireshark = StandIn::new(lab.folder());
    let tapscope = &mut host.command(env!("CARGO_BIN_EXE_tapscope"));
    let mut window = screen.show(tapscope.args(["--netns", "own"]).env("PATH", wireshark.path()), &home);
    screen.wait_for(&["Welcome", "tapscope"]);
    screen.focus();
    screen.keep("1-welcome");
    screen.click("Got");
    screen.wait_for(&["web", "mail", "tap0", "tap1", "bridge0", "10.0.2.100"]);
    screen.keep("2-both-guests");
    let calm = screen.ink(TRAFFIC, PICTURE);

    // Ping: the addresses are seen, and the links light up.
    let pinging = Instant::now();
    web.must("ping -i 0.1 10.0.3.101 >/dev/null 2>&1 &")?;
    screen.wait_until("the links light up", |screen| screen.ink(TRAFFIC, PICTURE) > calm + 100);
    screen.wait_for(&["10.0.2.101", "10.0.3.101"]);
    screen.keep("3-they-ping");

    // Open in Wireshark: it gets what happens from now on.
    screen.press("ctrl+w");
    screen.wait_until("Wireshark is given echoes", |_| wireshark.echoes().len() >= 8);
    assert_eq!(wireshark.arguments(), "-k -i -");
    let echoes = wireshark.echoes();
    for way in ["10.0.2.101 to 10.0.3.101", "10.0.3.101 to 10.0.2.101"] {
        assert!(echoes.iter().any(|echo| echo == way), "{way} is not among {echoes:?}");
    }

    // Stop a guest: what goes to it is not answered any more.
    let stopped = Instant::now();
    mail.stop();
    screen.wait_for(&["nobody", "HEALTH", "ping"]);
    screen.keep("4-one-is-stopped");

    // Scrub back to where both were there. The time line goes from one clock reading to the other.
    let moment = pinging + (stopped - pinging) / 2;
    let share = (moment - began).as_secs_f32() / began.elapsed().as_secs_f32();
    screen.click_at((97.0 + share * 1086.0) as u32, 500);
    screen.wait_for(&["past", "Back"]);
    screen.keep("5-the-past");
    screen.click("Back");

    // Ask why: the question that offers itself is that of the lost echo.
    screen.press("ctrl+d");
    screen.wait_for(&["10.0.2.101", "10.0.3.101", "Ask"]);
    screen.keep("6-who-pings-whom");
    screen.press("Return");
    screen.wait_for(&["LADDER", "CARRIER", "process"]);
    screen.keep("7-why");

    // Export what was seen.
    let file = lab.folder().join("session.pcapng");
    screen.press("ctrl+e");
    screen.wait_for(&["Cancel"]);
    screen.press("ctrl+a");
    screen.write(&file.display().to_string());
    screen.keep("8-export");
    screen.press("Return");
    screen.wait_for(&["written"]);
    screen.keep("9-written");
    assert!(window.0.try_wait().expect("its state").is_none(), "the window closed by itself");
    let shown = Command::new(env!("CARGO_BIN_EXE_tapscope")).arg("show").arg(&file).output().expect("tapscope runs");
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("10.0.2.101") && shown.contains("10.0.3.101"), "{shown}");
    Ok(())
}
