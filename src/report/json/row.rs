//! What single frames taught: routers, errors, and what switches say of themselves.

use super::Shown;
use serde::Serialize;
use std::net::IpAddr;
use tapscope_graph::tables::{self};
use tapscope_graph::{MacAddr, Text};

#[derive(Serialize)]
pub(super) struct Router {
    point: u32,
    mac: Option<Shown<MacAddr>>,
    ip: Option<IpAddr>,
    reason: &'static str,
    prefixes: Vec<String>,
    packets: u64,
}

impl Router {
    pub(super) fn of(row: &tables::RouterRow) -> Router {
        Router {
            point: row.point.0,
            mac: row.mac.map(Shown),
            ip: row.ip,
            reason: row.reason.name(),
            prefixes: row.prefixes.iter().map(|prefix| format!("{}/{}", prefix.prefix, prefix.length)).collect(),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
pub(super) struct IcmpError {
    point: u32,
    reporter: IpAddr,
    to: IpAddr,
    version: u8,
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    mtu: Option<u32>,
    gateway: Option<IpAddr>,
    quoted_src: Option<IpAddr>,
    quoted_dst: Option<IpAddr>,
    quoted_protocol: Option<u8>,
    packets: u64,
}

impl IcmpError {
    pub(super) fn of(row: &tables::IcmpErrorRow) -> IcmpError {
        let error = &row.error;
        IcmpError {
            point: row.point.0,
            reporter: error.reporter,
            to: error.to,
            version: if error.is_v6 { 6 } else { 4 },
            kind: error.kind,
            code: error.code,
            mtu: error.mtu,
            gateway: error.gateway,
            quoted_src: error.quoted.map(|quoted| quoted.source),
            quoted_dst: error.quoted.map(|quoted| quoted.destination),
            quoted_protocol: error.quoted.map(|quoted| quoted.protocol),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Lldp<'a> {
    point: u32,
    source: Shown<MacAddr>,
    chassis: Option<Shown<&'a Text>>,
    port: Option<Shown<&'a Text>>,
    system_name: Option<Shown<&'a Text>>,
    port_vlan: Option<u16>,
    packets: u64,
}

impl Lldp<'_> {
    pub(super) fn of(row: &tables::LldpRow) -> Lldp<'_> {
        Lldp {
            point: row.point.0,
            source: Shown(row.source),
            chassis: row.lldp.chassis.as_ref().map(Shown),
            port: row.lldp.port.as_ref().map(Shown),
            system_name: row.lldp.system_name.as_ref().map(Shown),
            port_vlan: row.lldp.port_vlan,
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Stp {
    point: u32,
    source: Shown<MacAddr>,
    version: u8,
    root: String,
    root_path_cost: u32,
    bridge: String,
    port: u16,
    changes: u64,
    packets: u64,
}

impl Stp {
    pub(super) fn of(row: &tables::StpRow) -> Stp {
        Stp {
            point: row.point.0,
            source: Shown(row.source),
            version: row.stp.version,
            root: format!("{}/{}", row.stp.root.0, row.stp.root.1),
            root_path_cost: row.stp.root_path_cost,
            bridge: format!("{}/{}", row.stp.bridge.0, row.stp.bridge.1),
            port: row.stp.port,
            changes: row.changes,
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Tunnel {
    point: u32,
    kind: Shown<tapscope_graph::decode::Tunnel>,
    src: IpAddr,
    dst: IpAddr,
    inner: Vec<[IpAddr; 2]>,
    packets: u64,
}

impl Tunnel {
    pub(super) fn of(row: &tables::TunnelRow) -> Tunnel {
        Tunnel {
            point: row.point.0,
            kind: Shown(row.tunnel),
            src: row.outer.0,
            dst: row.outer.1,
            inner: row.inner.iter().map(|&(source, destination)| [source, destination]).collect(),
            packets: row.evidence.count,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Crossing {
    from: u32,
    to: u32,
    bridged: bool,
    shortest_ns: i64,
    packets: u64,
}

impl Crossing {
    pub(super) fn of(row: &tables::Crossing) -> Crossing {
        Crossing { from: row.from.0, to: row.to.0, bridged: row.is_bridged, shortest_ns: row.shortest_ns, packets: row.evidence.count }
    }
}
