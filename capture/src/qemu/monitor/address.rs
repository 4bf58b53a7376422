//! Where a monitor is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tapscope_graph::Text;

/// Where a monitor is, or who holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// The name of a unix socket without a file (unix(7), abstract), without its leading NUL.
    Abstract(String),
    /// Host and port.
    Tcp(String, u16),
    /// A domain of libvirt's, which holds the monitor: asked through virsh(1).
    Libvirt(String),
}

/// As the inventory and the command line write it: `unix:/run/g1.qmp`, `/run/g1.qmp`, `unix:@name`, `tcp:127.0.0.1:4444`, `libvirt:DOMAIN`.
impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Address, NoAddress> {
        let wrong = || NoAddress(Text::path(text));
        match text.split_once(':') {
            Some(("unix", name)) if name.starts_with('@') && name.len() > 1 => Ok(Address::Abstract(name[1..].to_owned())),
            Some(("unix", path)) if !path.is_empty() => Ok(Address::Unix(PathBuf::from(path))),
            Some(("tcp", place)) => {
                let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
                let host = host.trim_start_matches('[').trim_end_matches(']');
                // QEMU listens on all addresses where none is named; this host is the one that we mean.
                let host = if host.is_empty() || host == "0.0.0.0" { "127.0.0.1" } else { host };
                Ok(Address::Tcp(host.to_owned(), port.parse().map_err(|_| wrong())?))
            }
            Some(("libvirt", domain)) if !domain.is_empty() => Ok(Address::Libvirt(domain.to_owned())),
            _ if text.contains('/') => Ok(Address::Unix(PathBuf::from(text))),
            _ => Err(wrong()),
        }
    }
}

/// A text that says no address of a monitor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no monitor: write the path of its socket, tcp:HOST:PORT, or libvirt:DOMAIN")]
pub struct NoAddress(Text);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", Text::path(&path.to_string_lossy())),
            Address::Abstract(name) => write!(f, "unix:@{}", Text::path(name)),
            Address::Tcp(host, port) => write!(f, "tcp:{}:{port}", Text::long(host)),
            Address::Libvirt(domain) => write!(f, "libvirt:{}", Text::long(domain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_it_is_written() {
        let read = |text: &str| text.parse::<Address>().map_or_else(|error| error.to_string(), |address| address.to_string());
        assert_eq!(read("/run/g1.qmp"), "unix:/run/g1.qmp");
        assert_eq!(read("unix:g1.qmp"), "unix:g1.qmp");
        assert_eq!(read("unix:@g1"), "unix:@g1");
        assert_eq!(read("tcp::4444"), "tcp:127.0.0.1:4444");
        assert_eq!(read("tcp:[::1]:4444"), "tcp:::1:4444");
        assert_eq!(read("libvirt:vm1"), "libvirt:vm1");
        for wrong in ["", "g1", "fd:29", "tcp:4444", "tcp:a:b", "unix:"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
