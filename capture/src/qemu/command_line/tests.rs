//! Command lines of every syntax, and what is made of them.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fmt::Write;

fn show(line: &CommandLine) -> String {
    let mut out = String::new();
    let text = |text: &Option<Text>| text.as_ref().map_or("-".into(), Text::to_string);
    if line.name.is_some() || line.uuid.is_some() || line.is_libvirt {
        let libvirt = if line.is_libvirt { " libvirt" } else { "" };
        let _ = writeln!(out, "{} {}{libvirt}", text(&line.name), text(&line.uuid));
    }
    for monitor in &line.monitors {
        let language = if monitor.is_qmp { "qmp" } else { "hmp" };
        let _ = writeln!(out, "{language} {}{}", monitor.address, if monitor.is_server { "" } else { " (no server)" });
    }
    for card in &line.nics {
        let nic = &card.nic;
        let mac = nic.mac.map_or("-".into(), |mac| mac.to_string());
        let _ = write!(out, "{} {} {mac}{}", text(&nic.id), text(&nic.model), if nic.has_default_mac { " default" } else { "" });
        if let Some(backend) = &nic.backend {
            let _ = write!(out, " <- {} {}", text(&backend.id), backend.kind.name());
            let _ = write!(out, "({})", backend.options);
            let notes = [
                backend.interface.as_ref().map(|name| format!(" interface {name}")),
                (backend.queues != 1).then(|| format!(" queues {}", backend.queues)),
                backend.has_vhost.then(|| " vhost".to_owned()),
                backend.hub.map(|hub| format!(" hub {hub}")),
                (!card.descriptors.is_empty()).then(|| format!(" descriptors {:?}", card.descriptors)),
                card.by_helper.then(|| " helper".to_owned()),
            ];
            notes.into_iter().flatten().for_each(|note| out.push_str(&note));
        }
        out.push('\n');
    }
    line.files.iter().for_each(|file| out.push_str(&format!("more in {file}\n")));
    out
}

/// Words are separated by blanks and newlines.
fn check(line: &str, expected: Expect) {
    let argv: Vec<&str> = line.split_whitespace().collect();
    expected.assert_eq(&show(&CommandLine::parse(&argv)));
}

#[test]
fn a_tap_with_a_card_of_its_own() {
    check(
        "/usr/bin/qemu-system-x86_64 -name web -uuid 6f1c -m 96 -netdev tap,id=n0,ifname=tap0,script=no,downscript=no
         -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01,id=net0 --netdev tap,id=n1,ifname=tap1,vhost=on,queues=4
         --device e1000,netdev=n1",
        expect![[r#"
            web 6f1c
            net0 virtio-net-pci 52:54:00:00:00:01 <- n0 tap(ifname=tap0,script=no,downscript=no) interface tap0
            - e1000 52:54:00:12:34:56 default <- n1 tap(ifname=tap1,vhost=on,queues=4) interface tap1 queues 4 vhost
        "#]],
    );
}

#[test]
fn what_libvirt_writes() {
    check(
        r#"/usr/bin/qemu-system-x86_64 -name guest=labvm1,debug-threads=on -S
           -object {"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/qemu/domain-1-labvm1/master-key.aes"}
           -machine pc-i440fx-7.2,usb=off,dump-guest-core=off -uuid 1b2c3d4e-0000-4000-8000-000000000001 -no-user-config -nodefaults
           -chardev socket,id=charmonitor,fd=29,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control -rtc base=utc
           -no-shutdown -boot strict=on -device {"driver":"piix3-usb-uhci","id":"usb","bus":"pci.0","addr":"0x1.0x2"}
           -netdev {"type":"tap","fd":"31","id":"hostnet0"}
           -device {"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:aa:00:01","bus":"pci.0","addr":"0x2"}
           -netdev {"type":"tap","fds":"33:34","vhost":true,"vhostfds":"35:36","id":"hostnet1"}
           -device {"driver":"virtio-net-pci","mq":true,"vectors":6,"netdev":"hostnet1","id":"net1","mac":"52:54:00:aa:00:02"}
           -netdev {"type":"user","id":"hostnet2"} -device rtl8139,netdev=hostnet2,id=net2,mac=52:54:00:aa:00:03,bus=pci.0
           -netdev {"type":"socket","listen":"127.0.0.1:8010","id":"hostnet3"}
           -netdev {"type":"stream","addr":{"type":"unix","path":"/run/passt/net0.socket"},"server":false,"reconnect":5,"id":"hostnet4"}
           -chardev socket,id=charnet5,path=/run/vhost.sock -netdev {"type":"vhost-user","chardev":"charnet5","id":"hostnet5"}
           -device {"driver":"virtio-net-pci","netdev":"hostnet5","id":"net5","mac":"52:54:00:aa:00:05"}
           -audiodev {"id":"audio1","driver":"none"} -sandbox on,obsolete=deny -msg timestamp=on"#,
        expect![[r#"
            labvm1 1b2c3d4e-0000-4000-8000-000000000001 libvirt
            qmp fd:29
            net0 virtio-net-pci 52:54:00:aa:00:01 <- hostnet0 tap(fd=31) descriptors [31]
            net1 virtio-net-pci 52:54:00:aa:00:02 <- hostnet1 tap(fds=33:34,vhost=on,vhostfds=35:36) queues 2 vhost descriptors [33, 34]
            net2 rtl8139 52:54:00:aa:00:03 <- hostnet2 user()
            - - - <- hostnet3 socket(listen=127.0.0.1:8010)
            - - - <- hostnet4 stream(addr.path=/run/passt/net0.socket,addr.type=unix,reconnect=5,server=off)
            net5 virtio-net-pci 52:54:00:aa:00:05 <- hostnet5 vhost-user(chardev=charnet5)
        "#]],
    );
}

#[test]
fn what_an_older_libvirt_writes() {
    check(
        "/usr/libexec/qemu-kvm -name guest=old,debug-threads=on -S -machine pc-i440fx-rhel7.6.0,accel=kvm -nodefaults
         -chardev socket,id=charmonitor,path=/var/lib/libvirt/qemu/domain-3-old/monitor.sock,server,nowait
         -mon chardev=charmonitor,id=monitor,mode=control -netdev tap,fd=26,id=hostnet0,vhost=on,vhostfd=28
         -device virtio-net-pci,netdev=hostnet0,id=net0,mac=52:54:00:5e:aa:01,bus=pci.0,addr=0x3",
        expect![[r#"
            old - libvirt
            qmp unix:/var/lib/libvirt/qemu/domain-3-old/monitor.sock
            net0 virtio-net-pci 52:54:00:5e:aa:01 <- hostnet0 tap(fd=26,vhost=on,vhostfd=28) vhost descriptors [26]
        "#]],
    );
}

#[test]
fn a_card_and_its_backend_in_one() {
    check(
        "qemu-system-x86_64 -nic user,model=virtio,mac=52:54:00:00:00:01,id=a -nic tap,ifname=tap0 -nic model=rtl8139 -nic none
         -nic bridge,br=br0 -nic socket,mcast=230.0.0.1:1234",
        expect![[r#"
            - virtio-net-pci 52:54:00:00:00:01 <- a user()
            - e1000 52:54:00:12:34:56 default <- - tap(ifname=tap0) interface tap0
            - rtl8139 52:54:00:12:34:57 default <- - user()
            - e1000 52:54:00:12:34:58 default <- - tap(br=br0) helper
            - e1000 52:54:00:12:34:59 default <- - socket(mcast=230.0.0.1:1234)
        "#]],
    );
}

#[test]
fn the_vlans_of_older_versions_are_hubs() {
    check(
        "qemu -hda a.img -net nic,vlan=0,macaddr=52:54:00:12:34:56 -net tap,vlan=0,ifname=tap0,script=no -net nic,vlan=1,model=ne2k_pci
         -net socket,vlan=1,listen=:8010",
        expect![[r#"
            - e1000 52:54:00:12:34:56 <- - tap(ifname=tap0,script=no) interface tap0 hub 0
            - ne2k_pci 52:54:00:12:34:57 default <- - socket(listen=:8010) hub 1
        "#]],
    );
    check(
        "qemu-system-x86_64 -net nic -net socket,connect=127.0.0.1:8010 -net tap -net dump,file=x",
        expect![[r#"
            - e1000 52:54:00:12:34:56 default <- - hubport() hub 0
            - - - <- - socket(connect=127.0.0.1:8010) hub 0
            - - - <- - tap() hub 0
        "#]],
    );
    check(
        "qemu-kvm -netdev tap,id=a,ifname=tap0 -net nic,netdev=a,model=virtio -device e1000,vlan=3 -net user,vlan=3,name=u",
        expect![[r#"
            - virtio-net-pci 52:54:00:12:34:56 default <- a tap(ifname=tap0) interface tap0
            - e1000 52:54:00:12:34:57 default <- u user() hub 3
        "#]],
    );
}

#[test]
fn hub_ports_by_name() {
    check(
        "qemu-system-x86_64 -netdev socket,id=s,listen=:1 -netdev user,id=u -netdev hubport,id=p0,hubid=7 -device e1000,netdev=p0
         -netdev hubport,id=p1,hubid=7,netdev=s -netdev hubport,id=p2,hubid=7,netdev=u",
        expect![[r#"
            - - - <- s socket(listen=:1) hub 7
            - - - <- u user() hub 7
            - e1000 52:54:00:12:34:56 default <- p0 hubport(hubid=7) hub 7
        "#]],
    );
    check(
        "qemu-system-x86_64 -netdev tap,id=t,ifname=tap0 -netdev hubport,id=p0,hubid=1 -netdev hubport,id=p1,hubid=1,netdev=t
         -device e1000,netdev=p0 -netdev hubport,id=lonely,hubid=2",
        expect![[r#"
            - e1000 52:54:00:12:34:56 default <- t tap(ifname=tap0) interface tap0 hub 1
            - - - <- lonely hubport(hubid=2) hub 2
        "#]],
    );
}

#[test]
fn without_a_network_option_there_is_a_card_all_the_same() {
    let default = expect![[r#"
        - e1000 52:54:00:12:34:56 default <- - user() hub 0
    "#]];
    check("qemu-system-x86_64 -hda a.img", default);
    check(
        "qemu-system-x86_64 -M q35,accel=kvm -device rtl8139",
        expect![[r#"
            - rtl8139 52:54:00:12:34:57 default
            - e1000e 52:54:00:12:34:56 default <- - user() hub 0
        "#]],
    );
    check(
        "qemu-system-aarch64 -M virt",
        expect![[r#"
            - machine default 52:54:00:12:34:56 default <- - user() hub 0
        "#]],
    );
    for none in ["-nodefaults", "-nic none", "-net none"] {
        check(&format!("qemu-system-x86_64 {none}"), expect![[""]]);
    }
}

#[test]
fn default_addresses_go_by_the_order_in_which_cards_are_made() {
    check(
        r#"qemu-system-x86_64 -device {"driver":"e1000"} -device rtl8139 -device e1000,mac=52:54:00:12:34:57 -device e1000 -net nic
           -nic user"#,
        expect![[r#"
            - e1000 52:54:00:12:34:5a default
            - rtl8139 52:54:00:12:34:58 default
            - e1000 52:54:00:12:34:57
            - e1000 52:54:00:12:34:59 default
            - e1000 52:54:00:12:34:57 default <- - hubport() hub 0
            - e1000 52:54:00:12:34:56 default <- - user()
        "#]],
    );
}

#[test]
fn monitors_of_every_kind() {
    check(
        "qemu-system-x86_64 -nodefaults -qmp unix:/run/a.qmp,server=on,wait=off -qmp-pretty tcp:localhost:4444,server -qmp stdio
         -monitor unix:b.hmp,server,nowait -qmp chardev:late -mon late,mode=control -mon chardev=missing,mode=control
         -chardev socket,id=late,host=::1,port=4445,server=on -qmp unix:hidden,abstract=on,server=on -qmp tcp:peer:1 -monitor none",
        expect![[r#"
            qmp unix:/run/a.qmp
            qmp tcp:localhost:4444
            qmp stdio (no server)
            hmp unix:b.hmp
            qmp tcp:::1:4445
            qmp tcp:::1:4445
            qmp unix:@hidden
            qmp tcp:peer:1 (no server)
        "#]],
    );
}

#[test]
fn what_cannot_be_known_is_not_made_up() {
    check(
        "qemu-system-x86_64 -readconfig more.cfg -netdev {\"type\": -device e1000,netdev=missing,mac=nonsense -netdev vde,id=v,sock=/run/vde",
        expect![[r#"
            - - - <- - unknown()
            - e1000 52:54:00:12:34:56 default
            - - - <- v vde(sock=/run/vde)
            more in more.cfg
        "#]],
    );
}

proptest! {
    #[test]
    fn any_command_line_is_survived(words in prop::collection::vec(prop_oneof![
        prop::sample::select(vec!["-netdev", "-nic", "-net", "-device", "-mon", "-chardev", "-qmp", "-name", "-M", "-S"]).prop_map(|word| word.as_bytes().to_vec()),
        "(nic|tap|user|socket|hubport|e1000|unix:x|)(,(id|netdev|vlan|hubid|fd|fds|mac|path|type|chardev|queues)=(a|b|0|1|1:2|,,|4294967295|52:54:00:12:34:fe|))*".prop_map(String::into_bytes),
        r#"\{("(id|netdev|type|driver|mac|addr)": ?("a"|1|true|\{"a":\[1,'b'\]\}),?)*\}?"#.prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
    ], 0..40)) {
        let line = CommandLine::parse(&words);
        prop_assert!(line.nics.len() <= 2 * NICS);
        let _ = show(&line);
    }
}

#[test]
fn a_very_long_command_line_takes_no_longer_than_it_is_long() {
    let mut argv = vec!["qemu".to_owned()];
    for number in 0..100_000 {
        argv.extend(["-netdev".into(), format!("hubport,id=h{number},hubid={},netdev=h{}", number % 3, number + 1)]);
        argv.extend(["-device".into(), format!("e1000,netdev=h{number}")]);
    }
    assert_eq!(CommandLine::parse(&argv).nics.len(), NICS);
    let one = ["qemu".to_owned(), "-netdev".into(), "a,".repeat(1 << 20), "-device".into(), "{\"a\":[".repeat(1 << 18)];
    assert_eq!(CommandLine::parse(&one).nics.len(), 1);
}
