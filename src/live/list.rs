//! `tapscope list`: guests, bridges, and where one can listen.

use super::scope::{self, Scope};
use super::{Format, LiveArguments, ask};
use crate::cli::{Color, EXIT_OK};
use crate::report::card::{Outlook, place};
use crate::report::host::{CableReport, DeviceReport, GuestReport};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;
use tapscope_capture::interface;
use tapscope_capture::inventory;
use tapscope_capture::qemu::{self, monitor::Monitor};
use tapscope_graph::host::{Backend, Cable, Device, DeviceKind, FirewallRule, Guest, Host, HostChange, HostFact, Nic};
use tapscope_graph::{MacAddr, Text};

/// How long the host may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// `tapscope list`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapscope list                 guests, bridges, and points; also without any privilege
  tapscope list --firewall      the rules that decide over packets, too
  tapscope list --qmp all       what QEMU says of each guest, too: whether it runs, and its drivers; only questions are put
  tapscope list --format json | jq '.guests[].nics'

Exit status: 0 done; 1 this host cannot be asked; 64 usage.")]
pub struct ListArguments {
    #[command(flatten)]
    live: LiveArguments,
    /// Also list the rules of nftables, iptables and ebtables with what met them, which starts their programs
    #[arg(long)]
    firewall: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to use colours in text
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// Schema `tapscope.list/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    points: Vec<PointReport>,
    guests: Vec<GuestReport>,
    cables: Vec<CableReport>,
    devices: Vec<DeviceReport>,
    /// Only where they were asked for.
    firewall: Vec<String>,
    unreadable: Vec<String>,
}

/// A device or a cable as a place to listen.
#[derive(Serialize)]
struct PointReport {
    name: String,
    namespace: Option<String>,
    kind: String,
    description: Option<String>,
    /// Whether it is among what is wanted.
    #[serde(skip)]
    is_wanted: bool,
    /// Whether tapscope listens there.
    listened: bool,
    /// Why it does not, or cannot, and what to do.
    reason: Option<String>,
}

/// Lists what there is; gives the exit code.
pub fn run(arguments: &ListArguments) -> Result<u8> {
    let mut inventory = inventory::open(arguments.live.namespaces()).context("cannot ask this host for its interfaces")?;
    let mut host = Host::default();
    for change in inventory.next(PATIENCE).context("cannot ask this host for its interfaces")? {
        host.apply(super::now(), change);
    }
    if arguments.firewall {
        for change in inventory.firewall() {
            host.apply(super::now(), change);
        }
    }
    let questions = ask::monitors(&arguments.live.qmp, &host)?;
    if questions.is_empty() && !arguments.live.qmp.is_empty() {
        eprintln!("tapscope: --qmp: no guest that is seen here has such a monitor");
    }
    for (pid, monitor) in questions {
        match Monitor::open(&monitor).and_then(|mut monitor| qemu::ask::ask(&mut monitor, pid)) {
            Ok(asked) => drop(host.apply(super::now(), HostChange::Set(HostFact::Asked(Box::new(asked))))),
            Err(error) => eprintln!("tapscope: {error}"),
        }
    }
    let scope = Scope { interfaces: arguments.live.interfaces.clone(), ..Scope::default() };
    let blind = interface::may_capture().err().map(|error| error.to_string());
    let mut points: Vec<PointReport> = host.devices().map(|device| point(&host, &scope, device, blind.as_deref())).collect();
    points.extend(host.cables().map(|cable| cable_point(&host, &scope, cable, blind.as_deref())));
    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            let report = Report {
                schema: "tapscope.list/1",
                points,
                guests: host.guests().map(|guest| GuestReport::of(&host, guest)).collect(),
                cables: host.cables().map(|cable| CableReport::of(&host, cable)).collect(),
                devices: host.devices().map(|device| DeviceReport::of(&host, device)).collect(),
                firewall: host.firewall().map(|row| rule(&host, row)).collect(),
                unreadable: unreadable(&host),
            };
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
        Format::Text => out.write_all(text(&host, &points, arguments.color.is_on()).as_bytes())?,
    }
    out.flush()?;
    Ok(EXIT_OK)
}

fn unreadable(host: &Host) -> Vec<String> {
    host.unreadable().map(|row| format!("{}: {}: {}", row.what, row.why, row.remedy)).collect()
}

fn point(host: &Host, scope: &Scope, device: &Device, blind: Option<&str>) -> PointReport {
    let target = scope.target(host, device);
    let namespace = host.namespace(device.id.netns).filter(|namespace| !namespace.is_own);
    PointReport {
        name: device.name.to_string(),
        namespace: namespace.map(|row| row.name.as_ref().map_or_else(|| row.id.0.to_string(), Text::to_string)),
        kind: device.kind.name().to_owned(),
        is_wanted: target.is_ok(),
        description: target.as_ref().ok().and_then(|target| target.description.clone()),
        listened: target.is_ok() && blind.is_none(),
        reason: match target {
            Err(refusal) => Some(refusal.words().to_owned()),
            Ok(_) => blind.map(str::to_owned),
        },
    }
}

fn cable_point(host: &Host, scope: &Scope, cable: &Cable, blind: Option<&str>) -> PointReport {
    let target = scope.cable(host, cable);
    let namespace = cable.netns.and_then(|netns| host.namespace(netns)).filter(|namespace| !namespace.is_own);
    PointReport {
        name: cable.key.to_string(),
        namespace: namespace.map(|row| row.name.as_ref().map_or_else(|| row.id.0.to_string(), Text::to_string)),
        kind: "cable".to_owned(),
        is_wanted: target.is_ok(),
        description: Some(scope::cable_description(host, cable)),
        listened: target.is_ok() && blind.is_none(),
        reason: target.err().or_else(|| blind.map(str::to_owned)),
    }
}

fn text(host: &Host, points: &[PointReport], color: bool) -> String {
    let bold = |text: &str| if color { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let dim = |text: &str| if color { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = String::new();
    let _ = writeln!(out, "{}", bold("Guests"));
    if host.guests().next().is_none() {
        let _ = writeln!(out, "  none that this user may see");
    }
    for guest in host.guests() {
        let name = guest.name.as_ref().map_or_else(|| "(no name)".to_owned(), Text::to_string);
        let state = guest.run_state.as_ref().map_or_else(String::new, |state| format!(", {state}"));
        let _ = writeln!(out, "  {}  {}", bold(&name), dim(&format!("{} {}{state}", guest.program, guest.pid)));
        cards(host, guest, &mut out);
        if let Some(unreadable) = &guest.unreadable {
            let _ = writeln!(out, "    {unreadable}");
        }
    }
    let _ = writeln!(out, "\n{}", bold("Bridges"));
    let bridges: Vec<&Device> = host.devices().filter(|device| matches!(device.kind, DeviceKind::Bridge(_))).collect();
    if bridges.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for bridge in bridges {
        let addresses: Vec<String> =
            host.addresses().filter(|row| row.device == bridge.id).map(|row| format!("{}/{}", row.ip, row.length)).collect();
        let _ = writeln!(out, "  {}  {}", bold(&place(host, bridge)), addresses.join(" "));
        for port in host.ports(bridge.id) {
            let state = port.port.as_ref().map_or("", |port| port.state.name());
            let _ = writeln!(out, "    {:<16} {state:<11}{}", port.name.as_str(), reader(host, port));
        }
    }
    let _ = writeln!(out, "\n{}", bold("Points"));
    let width = points.iter().map(|point| point.name.chars().count()).max().unwrap_or(0).clamp(8, 32);
    // What holds for many is said once.
    let mut told: Vec<&str> = Vec::new();
    for point in points {
        let namespace = point.namespace.as_ref().map_or_else(String::new, |name| format!("  in {name}"));
        let what = match (&point.reason, point.listened) {
            (_, true) => "listened",
            (Some(reason), false) => {
                if !told.contains(&reason.as_str()) {
                    told.push(reason);
                }
                if point.is_wanted { "cannot be captured" } else { "not listened" }
            }
            (None, false) => "",
        };
        let description = point.description.as_ref().map_or_else(String::new, |text| dim(&format!("  {text}")));
        let _ = writeln!(out, "  {:<width$} {:<9} {what}{namespace}{description}", point.name, point.kind);
    }
    for reason in told {
        let _ = writeln!(out, "  {reason}");
    }
    if host.firewall().next().is_some() {
        let _ = writeln!(out, "\n{}", bold("Firewall"));
    }
    for row in host.firewall() {
        let _ = writeln!(out, "  {}", rule(host, row));
    }
    let unreadable = unreadable(host);
    if !unreadable.is_empty() {
        let _ = writeln!(out, "\n{}", bold("Not readable"));
        for line in unreadable {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// `nft inet filter forward (forward 0 policy drop): icmp drop  3 packets, 252 octets`
fn rule(host: &Host, row: &FirewallRule) -> String {
    let namespace = host.namespace(row.netns).filter(|namespace| !namespace.is_own);
    let namespace = namespace.and_then(|namespace| namespace.name.as_ref()).map_or_else(String::new, |name| format!(" in {name}"));
    let hook = row.hook.as_ref().map_or_else(String::new, |hook| format!(" ({hook})"));
    let hits = row.hits.map_or_else(String::new, |(packets, octets)| format!("  {packets} packets, {octets} octets"));
    format!("{} {} {}{hook}{namespace}: {}{hits}", row.tool, row.table, row.chain, row.rule)
}

fn cards(host: &Host, guest: &Guest, out: &mut String) {
    for (place, nic) in guest.nics.iter().enumerate() {
        let model = nic.model.as_ref().map_or("(no card)", |model| model.as_str());
        let mac = nic.mac.as_ref().map_or_else(String::new, MacAddr::to_string);
        let default = if nic.has_default_mac { " (QEMU's default)" } else { "" };
        let backend = nic.backend.as_ref().map_or_else(|| "no backend".to_owned(), |backend| behind(host, backend));
        let _ = writeln!(out, "    {model} {mac}{default}  {backend}{}", driver(host, guest, nic));
        if let Some(outlook) = Outlook::of(host, guest, place) {
            let _ = writeln!(out, "      {}", outlook.peer);
            let words = if outlook.words.is_empty() { "how its frames could be seen is not known" } else { &outlook.words };
            let _ = writeln!(out, "      {words}");
        }
    }
    if guest.nics.is_empty() {
        let _ = writeln!(out, "    no network card");
    }
}

/// What QEMU said of a card's driver in the guest, where it was asked.
fn driver(host: &Host, guest: &Guest, nic: &Nic) -> String {
    let started = nic.is_started.map(|is_started| if is_started { "driver started" } else { "driver not started" }.to_owned());
    let cards = host.asked().filter(|asked| asked.pid == guest.pid).flat_map(|asked| &asked.cards);
    let filter = cards.filter(|card| card.mac.is_some() && card.mac == nic.mac).find_map(|card| card.filter.as_ref());
    let taken = filter.map(|filter| match (filter.is_promiscuous, filter.takes_all_groups) {
        (true, _) => "takes all frames".to_owned(),
        (false, true) => "takes all groups".to_owned(),
        (false, false) => format!("takes {} groups", filter.groups.len()),
    });
    let said: Vec<String> = started.into_iter().chain(taken).collect();
    if said.is_empty() { String::new() } else { format!("; {}", said.join(", ")) }
}

/// What is behind a card, and how its frames can be seen.
fn behind(host: &Host, backend: &Backend) -> String {
    let kind = backend.kind.name();
    let devices: Vec<String> = backend
        .devices
        .iter()
        .filter_map(|&id| host.device(id))
        .map(|device| {
            let port = device.master.and_then(|master| host.device(master)).map(|bridge| format!(", port of {}", bridge.name));
            format!("{}{}", place(host, device), port.unwrap_or_default())
        })
        .collect();
    match (devices.is_empty(), &backend.interface) {
        (false, _) => format!("{kind} {}", devices.join("; ")),
        (true, Some(name)) => format!("{kind} {name}, which is not seen here"),
        (true, None) => format!("{kind} {}", backend.options),
    }
}

/// Who reads a TAP.
fn reader(host: &Host, device: &Device) -> String {
    let reads =
        |guest: &&Guest| guest.nics.iter().filter_map(|nic| nic.backend.as_ref()).any(|backend| backend.devices.contains(&device.id));
    match host.guests().find(reads) {
        Some(guest) => format!("  {}", guest.name.as_ref().map_or_else(|| format!("process {}", guest.pid), Text::to_string)),
        None if matches!(device.kind, DeviceKind::Tun(_)) && !device.has_carrier => "  nobody has it open".to_owned(),
        None => String::new(),
    }
}
