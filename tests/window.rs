//! The real window, on a display of its own: the demo runs, the picture is not blank, the guests' addresses can be read off it, and it is
//! opened in Wireshark.
#![cfg(feature = "window")]

#[expect(dead_code, reason = "what the session does besides")]
mod screen;

use screen::{Screen, StandIn};
use std::path::Path;
use std::process::Command;

#[test]
fn the_demo_shows_the_guests_addresses_and_opens_in_wireshark() {
    let Some(screen) = Screen::open((1280, 800), "demo") else { return };
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo-home");
    std::fs::create_dir_all(&home).expect("a folder");
    let wireshark = StandIn::new(&home);
    let tapscope = &mut Command::new(env!("CARGO_BIN_EXE_tapscope"));
    let mut window = screen.show(tapscope.arg("demo").env("PATH", wireshark.path()), &home);
    // The recording takes ten seconds; both guests are there after one.
    screen.wait_for(&["10.0.2.101", "10.0.3.101", "10.0.2.100", "tap0", "tap1"]);
    let picture = screen.keep("demo");
    assert!(window.0.try_wait().expect("its state").is_none(), "the window closed by itself");
    let colors = Command::new("identify").args(["-format", "%k"]).arg(&picture).output().expect("identify runs");
    let colors: u32 = String::from_utf8_lossy(&colors.stdout).trim().parse().expect("a number of colours");
    assert!(colors > 50, "the picture has {colors} colours");

    // What is played is opened in Wireshark, all of it.
    screen.focus();
    screen.press("ctrl+w");
    screen.wait_until("Wireshark is given echoes", |_| wireshark.echoes().iter().any(|echo| echo == "10.0.2.101 to 10.0.3.101"));
    assert_eq!(wireshark.arguments(), "-k -i -");
    assert!(window.0.try_wait().expect("its state").is_none(), "the window closed by itself");
}
