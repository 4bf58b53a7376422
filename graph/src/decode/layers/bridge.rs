//! LLDP, the spanning tree, LACP.

use super::Reading;
use crate::Text;
use crate::decode::read::be16;
use crate::decode::{lacp, lldp, stp};

/// What a BPDU says.
pub(in crate::decode) fn stp_words(bytes: &[u8]) -> String {
    match stp::parse(bytes) {
        Some(stp) if stp.is_topology_change => "topology change notification".into(),
        Some(stp) => format!("root {}/{} cost {} port {:#06x}", stp.root.0, stp.root.1, stp.root_path_cost, stp.port),
        None => "not understood".into(),
    }
}

/// What an LLDP data unit says.
pub(in crate::decode) fn lldp_words(bytes: &[u8]) -> String {
    let Some(lldp) = lldp::parse(bytes) else { return "not understood".to_owned() };
    let part = |text: &Option<Text>| text.as_ref().map_or_else(|| "?".to_owned(), Text::to_string);
    match &lldp.system_name {
        Some(name) => format!("{name}, port {}", part(&lldp.port)),
        None => format!("chassis {}, port {}", part(&lldp.chassis), part(&lldp.port)),
    }
}

/// What a slow protocols data unit says.
pub(in crate::decode) fn slow_words(bytes: &[u8]) -> String {
    match (lacp::parse(bytes), bytes.first()) {
        (Some(lacp), _) => format!("actor {} key {}, partner {}", lacp.actor.1, lacp.actor_port.0, lacp.partner.1),
        (None, Some(subtype)) => format!("subtype {subtype}"),
        (None, None) => "cut short".to_owned(),
    }
}

impl Reading<'_> {
    pub(super) fn stp(&mut self, at: usize) {
        let mut draft = self.draft("STP", at, self.bytes.len() - at.min(self.bytes.len()));
        draft.u16("protocol identifier", 0);
        draft.u8("protocol version", 2);
        draft.u8("BPDU type", 3);
        draft.u8("flags", 4);
        draft.u16("root priority", 5);
        draft.mac("root address", 7);
        draft.u32("root path cost", 13);
        draft.u16("bridge priority", 17);
        draft.mac("bridge address", 19);
        draft.hex16("port identifier", 25);
        for (name, at) in [("message age", 27), ("maximum age", 29), ("hello time", 31), ("forward delay", 33)] {
            if let Some(value) = be16(draft.bytes, at) {
                draft.add(name, at..at + 2, format!("{:.2} s", f32::from(value) / 256.0));
            }
        }
        let words = stp_words(draft.bytes);
        self.push(draft, words);
    }

    pub(super) fn lldp(&mut self, at: usize) {
        let mut draft = self.draft("LLDP", at, self.bytes.len() - at.min(self.bytes.len()));
        let bytes = draft.bytes;
        let mut offset = 0;
        for (kind, value) in lldp::elements(bytes) {
            let range = offset..offset + 2 + value.len();
            offset = range.end;
            let text = |value: &[u8]| Text::from_wire(value).to_string();
            let (name, shown) = match kind {
                1 => ("chassis identifier", lldp::identifier(value, 4, 5).map_or_else(String::new, |id| id.to_string())),
                2 => ("port identifier", lldp::identifier(value, 3, 4).map_or_else(String::new, |id| id.to_string())),
                3 => ("time to live", be16(value, 0).map_or_else(String::new, |ttl| format!("{ttl} s"))),
                4 => ("port description", text(value)),
                5 => ("system name", text(value)),
                6 => ("system description", text(value)),
                7 => ("system capabilities", Text::hex(value).to_string()),
                8 => ("management address", Text::hex(value).to_string()),
                127 => ("organizationally specific", Text::hex(value).to_string()),
                _ => ("reserved", Text::hex(value).to_string()),
            };
            draft.add(name, range, shown);
        }
        let words = lldp_words(bytes);
        self.push(draft, words);
    }

    pub(super) fn slow(&mut self, at: usize) {
        let mut draft = self.draft("Slow protocols", at, self.bytes.len() - at.min(self.bytes.len()));
        draft.u8("subtype", 0);
        draft.u8("version", 1);
        for (who, at) in [("actor", 2), ("partner", 22)] {
            draft.u16(if who == "actor" { "actor priority" } else { "partner priority" }, at + 2);
            draft.mac(if who == "actor" { "actor system" } else { "partner system" }, at + 4);
            draft.u16(if who == "actor" { "actor key" } else { "partner key" }, at + 10);
            draft.u16(if who == "actor" { "actor port" } else { "partner port" }, at + 14);
        }
        let words = slow_words(draft.bytes);
        self.push(draft, words);
    }
}
