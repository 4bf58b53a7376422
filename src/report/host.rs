//! What the host says, for `--format json`: members `points` and `host` of `tapscope.show/1`, and `tapscope list`.

use super::card::Outlook;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use tapscope_graph::host::{Backend, Cable, CableEnd, Device, DeviceId, DeviceKind, Guest, Host};
use tapscope_graph::tables::{Point as Row, Tables};
use tapscope_graph::{PointId, Text};

/// Everything that the host says.
#[derive(Serialize)]
pub struct HostReport {
    namespaces: Vec<NamespaceReport>,
    devices: Vec<DeviceReport>,
    guests: Vec<GuestReport>,
    cables: Vec<CableReport>,
    addresses: Vec<AddressReport>,
    neighbors: Vec<NeighborReport>,
    routes: Vec<RouteReport>,
    fdb: Vec<FdbReport>,
    settings: BTreeMap<String, String>,
    unreadable: Vec<UnreadableReport>,
    backlog_dropped: u64,
}

#[derive(Serialize)]
struct NamespaceReport {
    id: u64,
    name: Option<String>,
    pid: Option<u32>,
    own: bool,
}

/// A device.
#[derive(Serialize)]
pub struct DeviceReport {
    netns: u64,
    index: u32,
    name: String,
    kind: String,
    mac: Option<String>,
    mtu: u32,
    up: bool,
    carrier: bool,
    oper_state: &'static str,
    master: Option<String>,
    lower: Option<String>,
    port: Option<PortReport>,
    vlan: Option<u16>,
    received_packets: u64,
    sent_packets: u64,
    received_octets: u64,
    sent_octets: u64,
    received_dropped: u64,
    sent_dropped: u64,
}

#[derive(Serialize)]
struct PortReport {
    state: &'static str,
    pvid: Option<u16>,
    vlans: Vec<u16>,
    isolated: bool,
    hairpin: bool,
    learning: bool,
    flood: bool,
    locked: bool,
}

/// A guest.
#[derive(Serialize)]
pub struct GuestReport {
    pid: u32,
    name: Option<String>,
    uuid: Option<String>,
    netns: Option<u64>,
    program: String,
    libvirt: bool,
    monitors: Vec<String>,
    nics: Vec<NicReport>,
    unreadable: Option<String>,
    /// By QMP; none where it was not asked.
    run_state: Option<String>,
}

#[derive(Serialize)]
struct NicReport {
    id: Option<String>,
    model: Option<String>,
    mac: Option<String>,
    default_mac: bool,
    /// Whether the guest's driver has started it, by QMP; none where it was not asked.
    started: Option<bool>,
    backend: Option<BackendReport>,
    /// Who is at the other side, and how its frames can be seen.
    outlook: Option<Outlook>,
}

#[derive(Serialize)]
struct BackendReport {
    id: Option<String>,
    kind: String,
    options: String,
    devices: Vec<String>,
    vhost: bool,
    queues: u32,
    hub: Option<u32>,
}

/// A cable: what joins guests' cards without a device.
#[derive(Serialize)]
pub struct CableReport {
    key: String,
    kind: String,
    netns: Option<u64>,
    state: &'static str,
    ends: Vec<CableEndReport>,
    /// `carried`, `asked`, `unseen` or `unknown`.
    sight: &'static str,
    /// The same in words, with the price or the reason, and the next step.
    sight_text: String,
}

#[derive(Serialize)]
struct CableEndReport {
    pid: Option<u32>,
    guest: Option<String>,
    /// Place among the guest's `nics`.
    nic: Option<u32>,
    program: Option<String>,
    role: &'static str,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    path: Option<String>,
}

#[derive(Serialize)]
struct AddressReport {
    netns: u64,
    device: String,
    ip: IpAddr,
    prefix_length: u8,
}

#[derive(Serialize)]
struct NeighborReport {
    netns: u64,
    device: String,
    ip: IpAddr,
    mac: Option<String>,
    state: &'static str,
}

#[derive(Serialize)]
struct RouteReport {
    netns: u64,
    table: u32,
    destination: String,
    gateway: Option<IpAddr>,
    device: Option<String>,
    metric: u32,
    kind: &'static str,
    protocol: String,
}

#[derive(Serialize)]
struct FdbReport {
    bridge: Option<String>,
    port: String,
    mac: String,
    vlan: Option<u16>,
    age: Option<u32>,
    permanent: bool,
}

#[derive(Serialize)]
struct UnreadableReport {
    what: String,
    why: String,
    remedy: String,
}

/// A place that is listened on.
#[derive(Serialize)]
pub struct PointReport {
    id: u32,
    name: String,
    description: Option<String>,
    /// The key of the cable that it listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    cable: Option<String>,
    closed: bool,
    reason: Option<String>,
    packets: u64,
    octets: u64,
    lost: u64,
    lost_by: BTreeMap<&'static str, u64>,
}

impl PointReport {
    /// The row of a point.
    pub fn of(index: usize, row: &Row) -> PointReport {
        let text = |text: &Option<String>| text.as_ref().map(|text| Text::long(text).to_string());
        PointReport {
            id: index as u32,
            name: row.label(PointId(index as u32)),
            description: text(&row.info.description),
            cable: optional(&row.info.cable),
            closed: row.closed,
            reason: text(&row.reason),
            packets: row.counters.packets,
            octets: row.counters.octets,
            lost: row.lost,
            lost_by: row.lost_by.iter().map(|(cause, frames)| (cause.name(), *frames)).collect(),
        }
    }
}

fn name(host: &Host, id: DeviceId) -> String {
    host.device(id).map_or_else(|| id.index.to_string(), |device| device.name.to_string())
}

fn texts(texts: &[Text]) -> Vec<String> {
    texts.iter().map(Text::to_string).collect()
}

fn optional<T: ToString>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(T::to_string)
}

impl DeviceReport {
    /// A device of the host.
    pub fn of(host: &Host, device: &Device) -> DeviceReport {
        let counters = device.counters;
        DeviceReport {
            netns: device.id.netns.0,
            index: device.id.index,
            name: device.name.to_string(),
            kind: device.kind.name().to_owned(),
            mac: optional(&device.mac),
            mtu: device.mtu,
            up: device.is_up,
            carrier: device.has_carrier,
            oper_state: device.oper_state.name(),
            master: device.master.map(|id| name(host, id)),
            lower: device.lower.map(|id| name(host, id)),
            port: device.port.as_ref().map(|port| PortReport {
                state: port.state.name(),
                pvid: port.pvid(),
                vlans: port.vlans.iter().map(|vlan| vlan.vid).collect(),
                isolated: port.is_isolated,
                hairpin: port.hairpin,
                learning: port.learning,
                flood: port.flood,
                locked: port.is_locked,
            }),
            vlan: match device.kind {
                DeviceKind::Vlan { vid, .. } => Some(vid),
                _ => None,
            },
            received_packets: counters.received_packets,
            sent_packets: counters.sent_packets,
            received_octets: counters.received_octets,
            sent_octets: counters.sent_octets,
            received_dropped: counters.received_dropped,
            sent_dropped: counters.sent_dropped,
        }
    }
}

impl GuestReport {
    /// A guest of the host.
    pub fn of(host: &Host, guest: &Guest) -> GuestReport {
        GuestReport {
            pid: guest.pid,
            name: optional(&guest.name),
            uuid: optional(&guest.uuid),
            netns: guest.netns.map(|netns| netns.0),
            program: guest.program.to_string(),
            libvirt: guest.is_libvirt,
            monitors: texts(&guest.monitors),
            nics: (0..guest.nics.len()).map(|nic| NicReport::of(host, guest, nic)).collect(),
            unreadable: optional(&guest.unreadable),
            run_state: optional(&guest.run_state),
        }
    }
}

impl NicReport {
    fn of(host: &Host, guest: &Guest, place: usize) -> NicReport {
        let nic = &guest.nics[place];
        let backend = |backend: &Backend| BackendReport {
            id: optional(&backend.id),
            kind: backend.kind.name().to_owned(),
            options: backend.options.to_string(),
            devices: backend.devices.iter().map(|&id| name(host, id)).collect(),
            vhost: backend.has_vhost,
            queues: backend.queues,
            hub: backend.hub,
        };
        NicReport {
            id: optional(&nic.id),
            model: optional(&nic.model),
            mac: optional(&nic.mac),
            default_mac: nic.has_default_mac,
            started: nic.is_started,
            backend: nic.backend.as_ref().map(backend),
            outlook: Outlook::of(host, guest, place),
        }
    }
}

impl CableReport {
    /// A cable of the host.
    pub fn of(host: &Host, cable: &Cable) -> CableReport {
        let end = |end: &CableEnd| CableEndReport {
            pid: end.pid,
            guest: host.plugged(end).and_then(|(guest, _)| optional(&guest.name)),
            nic: end.nic,
            program: optional(&end.program),
            role: end.role.name(),
            local: end.local,
            remote: end.remote,
            path: optional(&end.path),
        };
        CableReport {
            key: cable.key.to_string(),
            kind: cable.kind.name().to_owned(),
            netns: cable.netns.map(|netns| netns.0),
            state: cable.state.name(),
            ends: cable.ends.iter().map(end).collect(),
            sight: cable.sight.name(),
            sight_text: cable.sight.words(host),
        }
    }
}

impl HostReport {
    /// Everything, or nothing where the host said nothing: the model is of a file.
    pub fn of(tables: &Tables) -> Option<HostReport> {
        let host = &tables.host;
        if host.is_empty() {
            return None;
        }
        Some(HostReport {
            namespaces: host
                .namespaces()
                .map(|row| NamespaceReport { id: row.id.0, name: optional(&row.name), pid: row.pid, own: row.is_own })
                .collect(),
            devices: host.devices().map(|device| DeviceReport::of(host, device)).collect(),
            guests: host.guests().map(|guest| GuestReport::of(host, guest)).collect(),
            cables: host.cables().map(|cable| CableReport::of(host, cable)).collect(),
            addresses: host
                .addresses()
                .map(|row| AddressReport {
                    netns: row.device.netns.0,
                    device: name(host, row.device),
                    ip: row.ip,
                    prefix_length: row.length,
                })
                .collect(),
            neighbors: host
                .neighbors()
                .map(|row| NeighborReport {
                    netns: row.device.netns.0,
                    device: name(host, row.device),
                    ip: row.ip,
                    mac: optional(&row.mac),
                    state: row.state.name(),
                })
                .collect(),
            routes: host
                .routes()
                .map(|row| RouteReport {
                    netns: row.netns.0,
                    table: row.table,
                    destination: row.destination.to_string(),
                    gateway: row.gateway,
                    device: row.device.map(|id| name(host, id)),
                    metric: row.metric,
                    kind: row.kind.name(),
                    protocol: row.protocol.to_string(),
                })
                .collect(),
            fdb: host
                .fdb()
                .map(|row| FdbReport {
                    bridge: row.bridge.map(|id| name(host, id)),
                    port: name(host, row.port),
                    mac: row.mac.to_string(),
                    vlan: row.vlan,
                    age: row.age,
                    permanent: row.is_permanent,
                })
                .collect(),
            settings: host.settings().map(|row| (format!("{}:{}", row.netns.0, row.name), row.value.to_string())).collect(),
            unreadable: host
                .unreadable()
                .map(|row| UnreadableReport { what: row.what.to_string(), why: row.why.to_string(), remedy: row.remedy.to_string() })
                .collect(),
            backlog_dropped: host.backlog(),
        })
    }
}
