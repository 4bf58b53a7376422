//! QEMU's monitors: how to ask a running guest something, and how to add to it what copies frames.
//!
//! Read QEMU's docs/interop/qmp-spec.rst first. Whoever speaks on the other side may be a guest's owner who wishes us ill: every wait and
//! every length has a bound, and what comes is data. A monitor serves one client at a time, so a session is as short as its work.

mod address;
mod error;
mod hmp;
mod qmp;
mod virsh;
mod wire;

pub use address::{Address, NoAddress};
pub use error::MonitorError;

use hmp::Hmp;
use qmp::Qmp;
use serde_json::{Value, json};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use tapscope_graph::Text;
use virsh::Virsh;
use wire::Wire;

/// How long a monitor may take to greet: one that serves another client stays silent.
pub const GREETING: Duration = Duration::from_secs(2);
/// How long an answer may take. A monitor answers within a millisecond, unless QEMU is stopped or its main loop hangs.
pub const ANSWER: Duration = Duration::from_secs(5);

/// A session with a monitor. It ends when dropped.
pub struct Monitor {
    session: Session,
}

enum Session {
    Qmp(Qmp),
    Hmp(Hmp),
    Virsh(Virsh),
}

/// The process that a monitor belongs to, where the kernel says so: for unix sockets, also busy ones.
pub fn owner(address: &Address) -> Option<u32> {
    Wire::open(address).ok()?.owner()
}

/// Something that was added to QEMU: an object or a character device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its type, such as `child<filter-mirror>`, or where it leads to.
    pub kind: String,
}

/// Which of a backend's frames a filter sees (QEMU, `net/filter.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// What the backend receives: from the guest.
    Rx,
    /// What the backend sends: to the guest.
    Tx,
}

impl Queue {
    /// QEMU's name.
    pub fn name(self) -> &'static str {
        match self {
            Queue::Rx => "rx",
            Queue::Tx => "tx",
        }
    }
}

impl Monitor {
    /// Starts a session. What speaks on the other side, QMP or the language for people, is seen by its greeting.
    ///
    /// # Errors
    /// Nobody is there, or does not greet within two seconds, or is no monitor.
    pub fn open(address: &Address) -> Result<Monitor, MonitorError> {
        if let Address::Libvirt(domain) = address {
            return Ok(Monitor { session: Session::Virsh(Virsh::new(domain)) });
        }
        let mut wire = Wire::open(address)?;
        let by = Instant::now() + GREETING;
        let seen = |said: &[u8], _: usize| (said.contains(&b'\n') || said.ends_with(b"(qemu) ")).then_some(0);
        match wire.take("connect", by, seen) {
            Ok(_) => {}
            Err(MonitorError::Late { address, .. }) if wire.said().as_str().is_empty() => return Err(MonitorError::Busy { address }),
            Err(MonitorError::Late { address, .. } | MonitorError::Flood { address, .. }) => {
                return Err(MonitorError::NoMonitor { address, said: wire.said() });
            }
            Err(error) => return Err(error),
        }
        let said = wire.said();
        let session = if said.as_str().starts_with('{') {
            Session::Qmp(Qmp::start(wire, by)?)
        } else if said.as_str().contains("QEMU") || said.as_str().contains("(qemu)") {
            Session::Hmp(Hmp::start(wire, by)?)
        } else {
            return Err(MonitorError::NoMonitor { address: address.clone(), said });
        };
        Ok(Monitor { session })
    }

    /// Runs a QMP command; none if this monitor only speaks the language for people.
    ///
    /// # Errors
    /// QEMU refuses, or the connection fails.
    pub fn execute(&mut self, command: &'static str, arguments: Value) -> Option<Result<Value, MonitorError>> {
        self.execute_with(command, arguments, &[])
    }

    fn execute_with(
        &mut self,
        command: &'static str,
        arguments: Value,
        descriptors: &[BorrowedFd<'_>],
    ) -> Option<Result<Value, MonitorError>> {
        match &mut self.session {
            Session::Qmp(qmp) => Some(qmp.execute(command, arguments, descriptors)),
            Session::Virsh(virsh) => Some(virsh.execute(command, arguments, descriptors)),
            Session::Hmp(_) => None,
        }
    }

    /// What the monitor for people says to a command that only asks, such as `info network`.
    ///
    /// # Errors
    /// The connection fails.
    pub fn human(&mut self, command: &'static str) -> Result<String, MonitorError> {
        match self.execute("human-monitor-command", json!({ "command-line": command })) {
            Some(answer) => Ok(answer?.as_str().unwrap_or_default().replace('\r', "")),
            None => self.hmp(|hmp| hmp.run(command, command, &[])),
        }
    }

    /// The guest's name, where it has one.
    ///
    /// # Errors
    /// The connection fails.
    pub fn name(&mut self) -> Result<Option<String>, MonitorError> {
        let name = match self.execute("query-name", Value::Null) {
            Some(answer) => answer?.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            None => self.human("info name")?.trim().to_owned(),
        };
        Ok((!name.is_empty()).then_some(name))
    }

    /// Objects, such as filters.
    ///
    /// # Errors
    /// The connection fails.
    pub fn objects(&mut self) -> Result<Vec<Named>, MonitorError> {
        match self.execute("qom-list", json!({ "path": "/objects" })) {
            Some(answer) => Ok(named(&answer?, "name", "type")),
            None => {
                let said = self.hmp(|hmp| hmp.run("qom-list", "qom-list /objects", &[]))?;
                Ok(objects(&said))
            }
        }
    }

    /// Character devices, with where they lead to.
    ///
    /// # Errors
    /// The connection fails.
    pub fn chardevs(&mut self) -> Result<Vec<Named>, MonitorError> {
        match self.execute("query-chardev", Value::Null) {
            Some(answer) => Ok(named(&answer?, "label", "filename")),
            None => {
                let said = self.human("info chardev")?;
                Ok(chardevs(&said))
            }
        }
    }

    /// Adds a character device that writes to a connected socket, which is handed over: each write of QEMU's is one of the socket's.
    ///
    /// # Errors
    /// No descriptor can go over this connection ([`MonitorError::NoDescriptors`]), or QEMU refuses.
    pub fn add_socket(&mut self, id: &str, socket: BorrowedFd<'_>) -> Result<(), MonitorError> {
        // A descriptor's name is used up at once: chardev-add takes it.
        let name = format!("{id}-fd");
        let backend = json!({ "type": "socket", "data": { "addr": { "type": "fd", "data": { "str": name } }, "server": false } });
        match self.execute_with("getfd", json!({ "fdname": name }), &[socket]) {
            Some(answer) => {
                answer?;
                self.must("chardev-add", json!({ "id": id, "backend": backend }))
            }
            None => {
                self.hmp(|hmp| hmp.must("getfd", &format!("getfd {name}"), &[socket]))?;
                self.hmp(|hmp| hmp.must("chardev-add", &format!("chardev-add socket,id={id},fd={name}"), &[]))
            }
        }
    }

    /// Adds a character device that sends datagrams from a port of this host's loopback to another, where no descriptor can be handed over.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn add_datagrams(&mut self, id: &str, from: u16, to: u16) -> Result<(), MonitorError> {
        let place = |port: u16| json!({ "type": "inet", "data": { "host": "127.0.0.1", "port": port.to_string() } });
        let backend = json!({ "type": "udp", "data": { "local": place(from), "remote": place(to) } });
        if let Session::Hmp(hmp) = &mut self.session {
            let line = format!("chardev-add udp,id={id},host=127.0.0.1,port={to},localaddr=127.0.0.1,localport={from}");
            return hmp.must("chardev-add", &line, &[]);
        }
        self.must("chardev-add", json!({ "id": id, "backend": backend }))
    }

    /// Adds a filter that copies a backend's frames to a character device.
    ///
    /// # Errors
    /// QEMU refuses: the backend has vhost or several queues, or does not exist.
    pub fn add_mirror(&mut self, id: &str, netdev: &str, chardev: &str, queue: Queue) -> Result<(), MonitorError> {
        if let Session::Hmp(hmp) = &mut self.session {
            // Commas are doubled (QEMU, `util/qemu-option.c`).
            let netdev = netdev.replace(',', ",,");
            let line =
                format!("object_add filter-mirror,id={id},netdev={netdev},outdev={chardev},queue={},vnet_hdr_support=on", queue.name());
            return hmp.must("object-add", &line, &[]);
        }
        let arguments = json!({
            "qom-type": "filter-mirror", "id": id, "netdev": netdev, "outdev": chardev, "queue": queue.name(), "vnet_hdr_support": true,
        });
        self.must("object-add", arguments)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// QEMU refuses: there is none of that id.
    pub fn remove_object(&mut self, id: &str) -> Result<(), MonitorError> {
        if let Session::Hmp(hmp) = &mut self.session {
            return hmp.must("object-del", &format!("object_del {id}"), &[]);
        }
        self.must("object-del", json!({ "id": id }))
    }

    /// Removes a character device that nothing uses any more.
    ///
    /// # Errors
    /// QEMU refuses: there is none of that id, or it is in use.
    pub fn remove_chardev(&mut self, id: &str) -> Result<(), MonitorError> {
        if let Session::Hmp(hmp) = &mut self.session {
            return hmp.must("chardev-remove", &format!("chardev-remove {id}"), &[]);
        }
        self.must("chardev-remove", json!({ "id": id }))
    }

    fn must(&mut self, command: &'static str, arguments: Value) -> Result<(), MonitorError> {
        self.execute(command, arguments).transpose().map(drop)
    }

    fn hmp<T>(&mut self, ask: impl FnOnce(&mut Hmp) -> Result<T, MonitorError>) -> Result<T, MonitorError> {
        match &mut self.session {
            Session::Hmp(hmp) => ask(hmp),
            Session::Qmp(_) | Session::Virsh(_) => {
                Err(MonitorError::Refused { command: "a command for people", description: Text::new("this monitor is for programs") })
            }
        }
    }
}

/// What `qom-list` prints.
fn objects(said: &str) -> Vec<Named> {
    let line = |line: &str| {
        let (id, kind) = line.trim().split_once(" (")?;
        Some(Named { id: id.to_owned(), kind: kind.trim_end_matches(')').to_owned() })
    };
    said.lines().filter_map(line).collect()
}

/// What `info chardev` prints.
fn chardevs(said: &str) -> Vec<Named> {
    let line = |line: &str| {
        let (id, kind) = line.trim().split_once(": filename=")?;
        Some(Named { id: id.to_owned(), kind: kind.to_owned() })
    };
    said.lines().filter_map(line).collect()
}

/// What an answer says, read in every way: for who tries what becomes of strange ones. Ids are as they came, and not among it.
#[doc(hidden)]
pub fn read_answer(said: &[u8]) -> Vec<String> {
    let plain = hmp::plain(said);
    let mut ids = objects(&plain);
    ids.append(&mut chardevs(&plain));
    let mut words = Vec::new();
    match serde_json::from_slice(said).ok().and_then(|answer| qmp::outcome(answer, "query")) {
        Some(Ok(answer)) => {
            ids.append(&mut named(&answer, "name", "type"));
            words.extend(super::ask::filters(&answer).into_iter().map(|filter| format!("{filter:?}")));
        }
        Some(Err(error)) => words.push(error.to_string()),
        None => {}
    }
    drop(ids);
    words
}

fn named(answer: &Value, id: &str, kind: &str) -> Vec<Named> {
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let rows = answer.as_array().into_iter().flatten();
    rows.filter_map(|row| Some(Named { id: text(row, id)?, kind: text(row, kind).unwrap_or_default() })).collect()
}
