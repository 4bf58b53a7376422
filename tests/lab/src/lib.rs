//! Networks for tests: namespaces, bridges, TAPs, and real QEMU guests that boot in seconds.
//!
//! A test reads like what one would do by hand:
//!
//! ```no_run
//! use tapscope_lab::{Error, Lab};
//!
//! # /*
//! #[test]
//! # */
//! fn guests_on_one_bridge_reach_each_other() -> Result<(), Error> {
//!     let Some(lab) = Lab::or_say("guests_on_one_bridge_reach_each_other") else { return Ok(()) };
//!     let host = lab.namespace("host")?;
//!     host.tap("tap0")?.tap("tap1")?.bridge("bridge0", ["tap0", "tap1"])?.address("bridge0", "10.0.2.100/24")?;
//!     let [a, b] = lab.boot([
//!         lab.guest("a").ip("10.0.2.101/16").tap(&host, "tap0"),
//!         lab.guest("b").ip("10.0.3.101/16").tap(&host, "tap1"),
//!     ])?;
//!     assert!(a.can("ping -c1 -W5 10.0.3.101")?);
//!     b.must("ip link set eth0 down")?;
//!     assert!(!a.can("ping -c1 -W1 10.0.3.101")?);
//!     Ok(())
//! }
//! ```
//!
//! # What is where
//!
//! - [`Lab`]: made first, dropped last. `Lab::or_say` is for tests that a developer's machine may not be able to run; where the variable `CI`
//!   is set, it panics instead, so that no test is left out in silence. `Lab::without_guests` needs neither QEMU nor a kernel.
//! - [`Namespace`]: a host, or a wire between hosts. It has a word for what tests need often (`tap`, `bridge`, `veth`, `address`, `nft`, `dnsmasq`,
//!   `forwards`); for all else, `host.must("ip …")`. [`Namespace::command`] is an ordinary [`std::process::Command`] that runs inside, such as the
//!   program under test; [`Namespace::start`] keeps one in the background.
//! - [`Plan`]: what a guest is to be, [`Plan::boot`]: it is. A NIC's addresses come before what it is attached to.
//! - [`Guest`]: commands in it, its monitors and its process id; it can be paused, stopped and started anew.
//!
//! On hosts and in guests alike, `run` gives the status and the text, `must` gives the text of a command that has to work, or all about why it
//! did not, and `can` gives whether it worked. The `?` of a test prints the whole of it.
//!
//! # How to write one
//!
//! - Boot guests together with [`Lab::boot`]: two take little longer than one.
//! - Wait for a condition ([`Process::wait_for`], `ping -c1 -W5`), never for a time.
//! - A negative needs a limit of its own: `ping -c1 -W1`.
//! - What a guest does in the background must write elsewhere: `ping 10.0.2.1 >/dev/null 2>&1 &`.
//! - IPv6 is off unless [`Namespace::ipv6`] and [`Plan::ipv6`] say otherwise: a network that is silent by itself is easier to assert.
//! - Names of devices are free in each namespace; nothing is ever made in the host's own.
//! - A guest's tools are busybox's, and `modprobe` has 8021q, bridge, veth, macvlan, dummy, gre, vxlan and tun.
//!
//! # What is left behind
//!
//! Nothing, however a test ends; see `keeper.rs`. What a lab starts carries its id in the variable `TAPSCOPE_LAB`, and its namespaces and its
//! folder in `/run` begin with that id, `tslab-PID-NUMBER`. If a machine went down in the middle, the next lab takes away what has no process.
//!
//! Guests boot Debian's cloud kernel, which `guest/fetch-kernel` downloads and never installs, with an initramfs made of `guest/init` and busybox.
//! Both are kept in `lab/` in cargo's target folder; remove that to start afresh. They are run by KVM where a probe shows that it works, and are
//! emulated elsewhere: 4 to 6 seconds to an address, 150 MB each.

mod accelerator;
mod console;
mod cpio;
mod error;
mod guest;
mod image;
mod keeper;
mod lab;
mod namespace;
mod need;
mod output;
mod plan;
mod process;
mod qmp;
mod run;

pub use error::Error;
pub use guest::Guest;
pub use lab::Lab;
pub use namespace::Namespace;
pub use output::Output;
pub use plan::Plan;
pub use process::Process;
