//! Set-up 4: two guests on TAPs.

use tapscope_lab::{Error, Lab};

use crate::stage::{Attempt, Stage};

/// The host's addresses are on the bridge.
pub fn bridge(lab: &Lab) -> Result<Stage, Error> {
    set_up(lab, Variant::Bridge)
}

/// The host's addresses are on the bridge's ports.
pub fn taps(lab: &Lab) -> Result<Stage, Error> {
    set_up(lab, Variant::Taps)
}

/// The host routes.
pub fn apart(lab: &Lab) -> Result<Stage, Error> {
    set_up(lab, Variant::Apart)
}

/// Where the host has its addresses.
#[derive(Clone, Copy)]
enum Variant {
    Bridge,
    Taps,
    Apart,
}

fn set_up(lab: &Lab, variant: Variant) -> Result<Stage, Error> {
    let host = lab.namespace("host")?;
    host.forwards()?.tap("tap0")?.tap("tap1")?;
    if !matches!(variant, Variant::Apart) {
        host.bridge("bridge0", ["tap0", "tap1"])?;
    }
    let (first, second) = if matches!(variant, Variant::Bridge) { ("bridge0", "bridge0") } else { ("tap0", "tap1") };
    let (g1, g2) = (lab.guest("g1").mac("52:54:00:12:34:57"), lab.guest("g2").mac("52:54:00:12:34:56"));
    let (g1, g2) = match variant {
        Variant::Bridge | Variant::Taps => (g1.ip("10.0.2.101/16"), g2.ip("10.0.3.101/16")),
        Variant::Apart => (g1.ip("10.0.2.101/24").gateway("10.0.2.100"), g2.ip("10.0.3.101/24").gateway("10.0.3.100")),
    };
    host.address(first, "10.0.2.100/24")?.address(second, "10.0.3.100/24")?;
    let guests = lab.boot([g1.tap(&host, "tap0"), g2.tap(&host, "tap1")])?;
    Ok(Stage {
        host,
        guests: guests.into(),
        places: vec!["10.0.2.101  tap0".to_owned(), "10.0.3.101  tap1".to_owned()],
        notes: vec![format!("The host has 10.0.2.100 on {first} and 10.0.3.100 on {second}.")],
        tries: vec![
            ("list".to_owned(), "guests, TAPs, the bridge"),
            ("watch".to_owned(), "what happens, as it happens"),
            ("show --live --for 5s".to_owned(), "the picture as text"),
        ],
        attempts: vec![
            Attempt::ping(0, "10.0.3.101"),
            Attempt::ping(1, "10.0.2.101"),
            Attempt::ping(0, "10.0.2.100"),
            Attempt::ping(1, "10.0.3.100"),
        ],
    })
}
