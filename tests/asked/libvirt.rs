//! A guest whose monitor somebody holds as libvirt does, and who asks for others: a stand-in for virsh(1) and libvirtd.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_guest_of_libvirts_is_asked_through_virsh_and_its_monitor_is_never_taken_over() -> Result<(), Error> {
    let Some(lab) = Lab::or_say("a_guest_of_libvirts_is_asked_through_virsh") else { return Ok(()) };
    let host = lab.namespace("host")?;
    let monitor = lab.folder().join("monitor.sock");
    let chardev = format!("socket,id=charmonitor,path={},server=on,wait=off", monitor.display());
    let arguments = ["-chardev", &chardev, "-mon", "chardev=charmonitor,id=monitor,mode=control"];
    let guest = lab.guest("g1").ip("dhcp").user(&host).arguments(arguments).boot()?;

    let (script, held) = (lab.folder().join("virsh"), lab.folder().join("libvirt"));
    std::fs::write(&script, format!("#!/usr/bin/env python3\n{}", include_str!("virsh.py"))).expect("written");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("a program");
    let libvirtd = host.start("libvirtd", host.command(&script).arg("serve").args([&monitor, &held]))?;
    libvirtd.wait_for("holds it", SOON)?;

    let path = std::env::var("PATH").unwrap_or_default();
    let with_virsh = |arguments: &[&str]| {
        let mut command = tapscope(&host, arguments);
        command.env("PATH", format!("{}:{path}", lab.folder().display())).env("FAKE_LIBVIRT", &held);
        command
    };
    let says = |whom: &str, words: &str| {
        let output = with_virsh(&["show", "--live", "--netns", "own", "--for", "3s", "--qmp", whom]).output().expect("tapscope runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{whom}: {said}");
    };
    says("all", "no guest with a monitor is seen here");
    says("g1", "libvirt holds the monitor of g1: --qmp libvirt:g1 asks through virsh");
    says(&monitor.display().to_string(), "is busy: libvirt or another program holds it");
    says("libvirt:g2", "no guest that is seen here has the monitor libvirt:g2");
    assert_eq!(objects(&guest)?, [""; 0]);

    let show = ["show", "--live", "--netns", "own", "--for", "10m", "--format", "json", "--qmp", "libvirt:g1"];
    let show = host.start("show", &mut with_virsh(&show))?;
    show.wait_for("added filters", SOON)?;
    guest.must("ping -c2 -i0.2 -W5 10.0.2.2")?;
    let (report, said) = report(&show)?;
    assert_eq!(rows(&report, "echoes").len(), 2, "{said}");
    assert_eq!(objects(&guest)?, [""; 0], "{said}");
    assert!(libvirtd.is_running());

    // Without libvirt there is what to type.
    libvirtd.stop();
    says("libvirt:g1", "by hand: virsh qemu-monitor-command g1 '{");
    Ok(())
}
