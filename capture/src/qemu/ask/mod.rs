//! What a guest's QEMU says of itself that its command line does not: whether it runs, what was plugged in since, what its cards take.
//!
//! Only questions: nothing here changes a guest. Read QEMU's `qapi/run-state.json` and `qapi/net.json`.

pub mod network;

use super::monitor::{Monitor, MonitorError};
use serde_json::{Value, json};
use tapscope_graph::host::{Asked, ReceiveFilter};
use tapscope_graph::{MacAddr, Text};

/// Groups of a card that are kept.
const GROUPS: usize = 64;
/// Virtio cards that are asked for, each with two questions.
const VIRTIO: usize = 64;
/// Cards whose filters are read.
const CARDS: usize = 256;

/// Asks the guest of a process.
///
/// # Errors
/// The connection fails. What an older QEMU does not know stays open.
pub fn ask(monitor: &mut Monitor, pid: u32) -> Result<Asked, MonitorError> {
    let mut asked = Asked { pid, status: status(monitor)?, cards: network::read(&monitor.human("info network")?) };
    for (card, filter) in receive_filters(monitor)? {
        if let Some(known) = asked.cards.iter_mut().find(|known| known.card.as_ref() == Some(&card)) {
            known.filter = Some(filter);
        }
    }
    for (mac, is_started) in drivers(monitor)? {
        for known in asked.cards.iter_mut().filter(|known| known.mac == Some(mac)) {
            known.is_started = Some(is_started);
        }
    }
    Ok(asked)
}

/// Whether the guest's driver has started each virtio card, by address. The commands are for tests (`x-`, since QEMU 7.2): what they do not
/// tell stays open.
fn drivers(monitor: &mut Monitor) -> Result<Vec<(MacAddr, bool)>, MonitorError> {
    let Some(devices) = optional(monitor.execute("x-query-virtio", Value::Null))? else { return Ok(Vec::new()) };
    let is_card = |row: &&Value| row.get("name").and_then(Value::as_str) == Some("virtio-net");
    let mut drivers = Vec::new();
    for row in devices.as_array().into_iter().flatten().filter(is_card).take(VIRTIO) {
        let Some(path) = row.get("path").and_then(Value::as_str) else { continue };
        let Some(card) = path.strip_suffix("/virtio-backend") else { continue };
        let mac = optional(monitor.execute("qom-get", json!({ "path": card, "property": "mac" })))?;
        let status = optional(monitor.execute("x-query-virtio-status", json!({ "path": path })))?;
        let mac = mac.as_ref().and_then(Value::as_str).and_then(|mac| mac.parse().ok());
        let statuses = status.as_ref().and_then(|status| status.get("status")?.get("statuses")?.as_array());
        if let (Some(mac), Some(statuses)) = (mac, statuses) {
            let is_ok = |status: &Value| status.as_str().is_some_and(|status| status.starts_with("VIRTIO_CONFIG_S_DRIVER_OK"));
            drivers.push((mac, statuses.iter().any(is_ok)));
        }
    }
    Ok(drivers)
}

/// An answer, if QEMU has one and this monitor takes such questions.
fn optional(answer: Option<Result<Value, MonitorError>>) -> Result<Option<Value>, MonitorError> {
    match answer {
        None => Ok(None),
        Some(Err(error)) if error.is_refusal() => Ok(None),
        Some(answer) => answer.map(Some),
    }
}

fn status(monitor: &mut Monitor) -> Result<Text, MonitorError> {
    match monitor.execute("query-status", Value::Null) {
        Some(answer) => Ok(Text::new(answer?.get("status").and_then(Value::as_str).unwrap_or_default())),
        // `VM status: paused (prelaunch)`
        None => {
            let said = monitor.human("info status")?;
            let words = said.trim().strip_prefix("VM status: ").unwrap_or_default();
            Ok(Text::new(words.split(' ').next().unwrap_or_default()))
        }
    }
}

/// What each card takes, by QEMU's name of it; only some models tell, and the monitor for people does not.
fn receive_filters(monitor: &mut Monitor) -> Result<Vec<(Text, ReceiveFilter)>, MonitorError> {
    let answer = optional(monitor.execute("query-rx-filter", Value::Null))?.unwrap_or_default();
    Ok(filters(&answer))
}

/// What `query-rx-filter` returns.
pub(super) fn filters(answer: &Value) -> Vec<(Text, ReceiveFilter)> {
    answer.as_array().into_iter().flatten().take(CARDS).filter_map(receive_filter).collect()
}

fn receive_filter(row: &Value) -> Option<(Text, ReceiveFilter)> {
    let address = |value: &Value| -> Option<MacAddr> { value.as_str()?.parse().ok() };
    let groups = row.get("multicast-table").and_then(Value::as_array).into_iter().flatten();
    let filter = ReceiveFilter {
        is_promiscuous: row.get("promiscuous").and_then(Value::as_bool).unwrap_or_default(),
        mac: row.get("main-mac").and_then(address),
        groups: groups.filter_map(address).take(GROUPS).collect(),
        takes_all_groups: row.get("multicast").and_then(Value::as_str) == Some("all")
            || row.get("multicast-overflow").and_then(Value::as_bool).unwrap_or_default(),
    };
    Some((Text::new(row.get("name")?.as_str()?), filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_takes_its_address_and_its_groups() {
        let row = r#"{"promiscuous": false, "name": "virtio-net-pci.0", "main-mac": "52:54:00:12:34:57", "unicast": "normal", "vlan": "none",
            "vlan-table": [], "unicast-table": [], "multicast": "normal", "multicast-overflow": false, "unicast-overflow": false,
            "multicast-table": ["01:00:5e:00:00:01", 5, "x", "33:33:00:00:00:01"], "broadcast-allowed": false}"#;
        let (card, filter) = receive_filter(&serde_json::from_str(row).expect("JSON")).expect("a card");
        assert_eq!(card.as_str(), "virtio-net-pci.0");
        let groups: Vec<String> = filter.groups.iter().map(MacAddr::to_string).collect();
        assert_eq!(groups, ["01:00:5e:00:00:01", "33:33:00:00:00:01"]);
        assert_eq!(filter.mac.map(|mac| mac.to_string()).as_deref(), Some("52:54:00:12:34:57"));
        assert!(!filter.is_promiscuous && !filter.takes_all_groups);
        assert_eq!(receive_filter(&Value::Null), None);
    }
}
