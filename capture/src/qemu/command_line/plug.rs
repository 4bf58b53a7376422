//! What a backend without a device is plugged into: `-netdev socket`, `stream`, `dgram`, `vhost-user`, `vde`, …
//!
//! Read net/socket.c, net/stream.c and net/dgram.c of QEMU, and `NetdevSocketOptions` and its neighbours in qapi/net.json.

use super::options::Options;
use std::net::{IpAddr, SocketAddr};

/// The longest host name, port or path that is kept.
const LONGEST: usize = 255;

/// Where a backend's frames go, as the command line says. Names of hosts are not looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plug {
    /// Into a device, into nothing but QEMU itself, or into something that is not known.
    #[default]
    None,
    /// A stream of frames, each behind its length.
    Stream {
        /// Whether it waits for a peer, rather than going to one.
        listens: bool,
        /// Where.
        address: PlugAddress,
    },
    /// A frame in each datagram.
    Datagram {
        /// Where it is bound.
        local: Option<PlugAddress>,
        /// Where its frames go.
        remote: Option<PlugAddress>,
    },
    /// A frame in each datagram to a group.
    Group {
        /// The group and port.
        group: SocketAddr,
        /// The address of the device that carries them; none where the kernel's routes choose.
        interface: Option<IpAddr>,
    },
    /// An open socket that QEMU was handed.
    Descriptor(u32),
    /// A path that only its own kind of program understands: vde's switch, vDPA's device.
    Path(String),
}

/// An address of a socket on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlugAddress {
    /// Host, empty for any, and port.
    Inet(String, u16),
    /// The path of a Unix socket, as it was written: relative to QEMU's working directory.
    Unix(String),
    /// The name of a Unix socket without a file.
    Abstract(String),
    /// A descriptor of QEMU's that was handed over.
    Descriptor(u32),
}

impl PlugAddress {
    /// The address of an Internet socket, where it is written in numbers; the unspecified one for any.
    pub fn ip(&self) -> Option<SocketAddr> {
        let PlugAddress::Inet(host, port) = self else { return None };
        let ip = match host.as_str() {
            "" => IpAddr::from([0, 0, 0, 0]),
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            host => host.trim_start_matches('[').trim_end_matches(']').parse().ok()?,
        };
        Some(SocketAddr::new(ip, *port))
    }

    /// `host:port`, the last colon separates; the host may be left out.
    fn host_port(text: &str) -> Option<PlugAddress> {
        let (host, port) = text.rsplit_once(':')?;
        PlugAddress::inet(host, port)
    }

    fn inet(host: &str, port: &str) -> Option<PlugAddress> {
        (host.len() <= LONGEST).then_some(PlugAddress::Inet(host.to_owned(), port.parse().ok()?))
    }

    /// `SocketAddress` of qapi/sockets.json, below a key.
    fn of(options: &Options, key: &str) -> Option<PlugAddress> {
        let value = |name: &str| options.value(&format!("{key}.{name}"));
        match value("type")? {
            "inet" => PlugAddress::inet(value("host").unwrap_or_default(), value("port")?),
            "unix" => {
                let path = value("path").filter(|path| path.len() <= LONGEST)?.to_owned();
                let is_abstract = options.is_on(&format!("{key}.abstract"));
                Some(if is_abstract { PlugAddress::Abstract(path) } else { PlugAddress::Unix(path) })
            }
            "fd" => value("str")?.parse().ok().map(PlugAddress::Descriptor),
            _ => None,
        }
    }
}

/// What the options of a backend say; for `vhost-user` also those of its character device.
pub(super) fn plug(options: &Options, chardev: Option<&Plug>) -> Plug {
    match options.value("type").unwrap_or_default() {
        "socket" => socket(options),
        "stream" => match PlugAddress::of(options, "addr") {
            Some(PlugAddress::Descriptor(number)) => Plug::Descriptor(number),
            Some(address) => Plug::Stream { listens: options.is_on("server"), address },
            None => Plug::None,
        },
        "dgram" => dgram(options),
        "vhost-user" => chardev.cloned().unwrap_or_default(),
        "vde" => path(options.value("sock")),
        "vhost-vdpa" => path(options.value("vhostdev")),
        "netmap" | "af-xdp" => path(options.value("ifname")),
        _ => Plug::None,
    }
}

/// The socket of a character device (`-chardev socket,path=…`).
pub(super) fn chardev(options: &Options) -> Plug {
    let listens = options.is_on("server");
    let path = options.value("path").filter(|path| path.len() <= LONGEST);
    let address = match (path, options.number("fd")) {
        (Some(path), _) if options.is_on("abstract") => Some(PlugAddress::Abstract(path.to_owned())),
        (Some(path), _) => Some(PlugAddress::Unix(path.to_owned())),
        (None, Some(number)) => return Plug::Descriptor(number),
        (None, None) => PlugAddress::inet(options.value("host").unwrap_or_default(), options.value("port").unwrap_or_default()),
    };
    address.map_or(Plug::None, |address| Plug::Stream { listens, address })
}

fn path(path: Option<&str>) -> Plug {
    path.filter(|path| !path.is_empty() && path.len() <= LONGEST).map_or(Plug::None, |path| Plug::Path(path.to_owned()))
}

fn socket(options: &Options) -> Plug {
    let address = |key| options.value(key).and_then(PlugAddress::host_port);
    if let Some(number) = options.number("fd") {
        return Plug::Descriptor(number);
    }
    if let Some(group) = address("mcast").as_ref().and_then(PlugAddress::ip) {
        return Plug::Group { group, interface: options.value("localaddr").and_then(|address| address.parse().ok()) };
    }
    match (address("listen"), address("connect"), address("udp")) {
        (Some(address), ..) => Plug::Stream { listens: true, address },
        (None, Some(address), _) => Plug::Stream { listens: false, address },
        (None, None, Some(remote)) => Plug::Datagram { local: address("localaddr"), remote: Some(remote) },
        (None, None, None) => Plug::None,
    }
}

fn dgram(options: &Options) -> Plug {
    match (PlugAddress::of(options, "local"), PlugAddress::of(options, "remote")) {
        (Some(PlugAddress::Descriptor(number)), None) => Plug::Descriptor(number),
        (local, Some(remote)) => match remote.ip().filter(|group| group.ip().is_multicast()) {
            // As the local address, a group takes the address of a device only.
            Some(group) => Plug::Group { group, interface: local.and_then(|local| local.ip()).map(|local| local.ip()) },
            None => Plug::Datagram { local, remote: Some(remote) },
        },
        (Some(local), None) => Plug::Datagram { local: Some(local), remote: None },
        (None, None) => Plug::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(lines: &str, expected: Expect) {
        let shown = lines.split_whitespace().map(|line| format!("{:?}\n", plug(&Options::parse(line.as_bytes(), "type"), None)));
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn the_socket_backend_says_where_by_one_of_five_keys() {
        check(
            "socket,listen=:8010 socket,connect=127.0.0.1:8010 socket,listen=localhost:1 socket,mcast=230.0.0.1:1234
             socket,mcast=230.0.0.1:1234,localaddr=127.0.0.1 socket,udp=10.0.0.2:7002,localaddr=:7001 socket,fd=7 socket
             socket,listen=8010 socket,connect=host:http {\"type\":\"socket\",\"listen\":\"127.0.0.1:8010\",\"id\":\"hostnet2\"}",
            expect![[r#"
                Stream { listens: true, address: Inet("", 8010) }
                Stream { listens: false, address: Inet("127.0.0.1", 8010) }
                Stream { listens: true, address: Inet("localhost", 1) }
                Group { group: 230.0.0.1:1234, interface: None }
                Group { group: 230.0.0.1:1234, interface: Some(127.0.0.1) }
                Datagram { local: Some(Inet("", 7001)), remote: Some(Inet("10.0.0.2", 7002)) }
                Descriptor(7)
                None
                None
                None
                Stream { listens: true, address: Inet("127.0.0.1", 8010) }
            "#]],
        );
    }

    #[test]
    fn a_stream_goes_to_its_peer_unless_it_is_told_to_serve() {
        check(
            "stream,addr.type=inet,addr.host=::1,addr.port=8010 stream,server=off,addr.type=unix,addr.path=/a
             stream,server=on,addr.type=unix,addr.path=a,addr.abstract=on stream,addr.type=fd,addr.str=5 stream,addr.type=vsock
             {\"type\":\"stream\",\"addr\":{\"type\":\"unix\",\"path\":\"/run/p.socket\"},\"server\":false,\"reconnect\":5}",
            expect![[r#"
                Stream { listens: false, address: Inet("::1", 8010) }
                Stream { listens: false, address: Unix("/a") }
                Stream { listens: true, address: Abstract("a") }
                Descriptor(5)
                None
                Stream { listens: false, address: Unix("/run/p.socket") }
            "#]],
        );
    }

    #[test]
    fn datagrams_go_to_a_peer_or_to_a_group() {
        check(
            "dgram,remote.type=inet,remote.host=230.0.0.1,remote.port=1234
             dgram,remote.type=inet,remote.host=230.0.0.1,remote.port=1234,local.type=inet,local.host=127.0.0.1,local.port=1
             dgram,local.type=inet,local.host=127.0.0.1,local.port=7001,remote.type=inet,remote.host=127.0.0.1,remote.port=7002
             dgram,local.type=unix,local.path=/a,remote.type=unix,remote.path=/b dgram,local.type=fd,local.str=9 vde,sock=/run/vde.ctl",
            expect![[r#"
                Group { group: 230.0.0.1:1234, interface: None }
                Group { group: 230.0.0.1:1234, interface: Some(127.0.0.1) }
                Datagram { local: Some(Inet("127.0.0.1", 7001)), remote: Some(Inet("127.0.0.1", 7002)) }
                Datagram { local: Some(Unix("/a")), remote: Some(Unix("/b")) }
                Descriptor(9)
                Path("/run/vde.ctl")
            "#]],
        );
    }

    proptest! {
        #[test]
        fn any_options_are_survived(text in "(socket|stream|dgram|vde)(,(listen|mcast|udp|fd|local(\\.type|\\.host)?|addr\\.(type|path|port))=[a-z0-9:.\\[\\]]{0,9}){0,6}") {
            let _ = plug(&Options::parse(text.as_bytes(), "type"), None);
        }
    }
}
