//! Where captures come from: a file, a program that serves one by TCP, or another host by ssh.
//!
//! `tcp://host:port` is "pcap-over-IP": whoever connects gets a capture file that goes on. `ssh://user@host` runs tapscope there.

mod ssh;
mod tcp;

pub use ssh::Place;
pub use tcp::PORT;

use crate::file::{self, Reader};
use std::ffi::OsStr;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tapscope_graph::Text;

/// Where a capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, or `-` for standard input.
    File(PathBuf),
    /// A server of a capture: host and port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// tapscope on another host.
    Ssh(Place),
}

/// Why an origin's name makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not `tcp://host:port`.
    #[error("{0} is no server: it is written as tcp://127.0.0.1:57012 or tcp://[::1]:57012")]
    Tcp(Text),
    /// Not `ssh://user@host`.
    #[error("{0} is no place for ssh: it is written as ssh://user@host, ssh://host:2222, or ssh://host/usr/local/bin/tapscope")]
    Ssh(Text),
}

/// Why an origin gives no capture.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What it gives is no capture.
    #[error(transparent)]
    File(#[from] file::OpenError),
    /// Nobody answers.
    #[error("cannot connect to {host} port {port} (is `tapscope record --serve {host}:{port}` running there?)")]
    Connect {
        /// Which host.
        host: Text,
        /// Which port.
        port: u16,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// It took the connection, and says nothing.
    #[error("{host} port {port} sent no capture within {seconds} seconds; is it a server of captures?")]
    Silent {
        /// Which host.
        host: Text,
        /// Which port.
        port: u16,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no ssh here.
    #[error("cannot run ssh (install it: apt-get install openssh-client)")]
    NoSsh(#[source] io::Error),
    /// ssh, or the other host, ended without a capture.
    #[error("{place}: {reason}")]
    Ssh {
        /// Where to.
        place: Text,
        /// ssh's own words, or the remote tapscope's, and what to do.
        reason: String,
    },
}

impl Origin {
    /// What a command line's FILE means: `tcp://…`, `ssh://…`, else a path.
    ///
    /// # Errors
    /// Where it begins like a server or a host, and does not go on like one.
    pub fn new(name: &OsStr) -> Result<Origin, OriginError> {
        let path = || Ok(Origin::File(PathBuf::from(name)));
        let Some(text) = name.to_str() else { return path() };
        if let Some(rest) = text.strip_prefix("tcp://") {
            return tcp::parse(rest).map(|(host, port)| Origin::Tcp { host, port }).ok_or_else(|| OriginError::Tcp(Text::new(text)));
        }
        if let Some(rest) = text.strip_prefix("ssh://") {
            return Place::parse(rest).map(Origin::Ssh).ok_or_else(|| OriginError::Ssh(Text::new(text)));
        }
        path()
    }

    /// Whether what it gives comes as it happens, once, and perhaps without an end.
    pub fn is_stream(&self) -> bool {
        matches!(self, Origin::Tcp { .. } | Origin::Ssh(_))
    }

    /// Whether it can be read a second time from the start.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Origin::File(path) if path != Path::new("-") && path.metadata().is_ok_and(|file| file.is_file()))
    }

    /// Opens it. A stream can be ended from another thread by its [`Stop`].
    ///
    /// # Errors
    /// Where nobody answers, or what comes is no capture.
    pub fn open(&self) -> Result<(Reader, Stop), OpenError> {
        match self {
            Origin::File(path) => Ok((Reader::open(path)?, Stop::default())),
            Origin::Tcp { host, port } => tcp::open(host, *port),
            Origin::Ssh(place) => ssh::open(place),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::File(path) => Text::path(&path.to_string_lossy()).fmt(f),
            Origin::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{}]:{port}", Text::new(host)),
            Origin::Tcp { host, port } => write!(f, "tcp://{}:{port}", Text::new(host)),
            Origin::Ssh(place) => write!(f, "ssh://{place}"),
        }
    }
}

/// Ends a stream that somebody reads, so that the reader sees its end. Dropping it does, too.
#[derive(Debug, Default)]
pub struct Stop {
    socket: Option<TcpStream>,
    child: Option<Arc<Mutex<ssh::Child>>>,
}

impl Stop {
    /// Ends the stream.
    pub fn stop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        if let Some(child) = self.child.take() {
            child.lock().unwrap_or_else(PoisonError::into_inner).end();
        }
    }

    /// Why the other side ended, where it said so; for people, sanitised.
    pub fn words(&self) -> Option<String> {
        let child = self.child.as_ref()?;
        child.lock().unwrap_or_else(PoisonError::into_inner).words()
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<String, String> {
        Origin::new(OsStr::new(text)).map(|origin| format!("{origin:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_a_server_a_host_or_a_path() {
        let tcp = |host: &str, port| Ok(format!("{:?}", Origin::Tcp { host: host.to_owned(), port }));
        assert_eq!(origin("tcp://127.0.0.1:5000"), tcp("127.0.0.1", 5000));
        assert_eq!(origin("tcp://[::1]:5000"), tcp("::1", 5000));
        assert_eq!(origin("tcp://host"), tcp("host", PORT));
        assert_eq!(origin("capture.pcap"), Ok("File(\"capture.pcap\")".to_owned()));
        assert!(origin("tcp://").is_err() && origin("tcp://host:0").is_err() && origin("tcp://host:http").is_err());
        let shown = |text: &str| Origin::new(OsStr::new(text)).map(|origin| origin.to_string());
        for text in ["ssh://host", "ssh://root@10.0.0.1:2222", "ssh://me@[fe80::1]:22/opt/tapscope", "tcp://[::1]:57012"] {
            assert_eq!(shown(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_host_cannot_be_an_option_of_ssh() {
        for text in ["ssh://", "ssh://-oProxyCommand=x", "ssh://-l@host", "ssh://a b", "ssh://host:x", "ssh://host\n", "ssh://user@"] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
