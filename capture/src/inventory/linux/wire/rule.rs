//! Routing policy rules: `RTM_NEWRULE` (linux/fib_rules.h).

use super::route::protocol_name;
use super::{AF_INET6, Unread};
use netlink_packet_core::Parseable;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use std::fmt::Write;
use std::net::IpAddr;
use tapscope_graph::Text;
use tapscope_graph::host::{Netns, Prefix, Rule};

/// `RTPROT_KERNEL`, which ip(8) does not print.
const KERNEL: u8 = 2;

/// A rule.
pub(super) fn rule(netns: Netns, bytes: &[u8]) -> Result<Rule, Unread> {
    let message = RuleMessage::parse(bytes).map_err(|why| Unread { about: "a routing rule", why: why.to_string() })?;
    let header = &message.header;
    let mut rule = Rule {
        netns,
        is_v6: bytes[0] == AF_INET6,
        priority: 0,
        source: None,
        destination: None,
        in_device: None,
        out_device: None,
        mark: None,
        table: None,
        text: Text::default(),
    };
    let mut table = u32::from(header.table);
    let (mut goto, mut master, mut rest) = (None, false, String::new());
    let prefix = |ip: &IpAddr, length: u8| Some(Prefix { ip: *ip, length });
    for attribute in &message.attributes {
        let _ = match attribute {
            RuleAttribute::Priority(priority) => {
                rule.priority = *priority;
                Ok(())
            }
            RuleAttribute::Source(ip) => {
                rule.source = prefix(ip, header.src_len);
                Ok(())
            }
            RuleAttribute::Destination(ip) => {
                rule.destination = prefix(ip, header.dst_len);
                Ok(())
            }
            RuleAttribute::Iifname(name) => {
                rule.in_device = Some(Text::new(name));
                Ok(())
            }
            RuleAttribute::Oifname(name) => {
                rule.out_device = Some(Text::new(name));
                Ok(())
            }
            RuleAttribute::FwMark(mark) => {
                rule.mark = Some((*mark, rule.mark.map_or(u32::MAX, |(_, mask)| mask)));
                Ok(())
            }
            // The kernel always tells the mask; without a mark it only counts if it is not empty.
            RuleAttribute::FwMask(mask) => {
                rule.mark = rule.mark.or((*mask != 0).then_some((0, 0))).map(|(mark, _)| (mark, *mask));
                Ok(())
            }
            RuleAttribute::Table(number) => {
                table = *number;
                Ok(())
            }
            RuleAttribute::Goto(to) => {
                goto = Some(*to);
                Ok(())
            }
            RuleAttribute::L3MDev(is) => {
                master = *is;
                Ok(())
            }
            RuleAttribute::UidRange(range) => write!(rest, " uidrange {}-{}", range.start, range.end),
            RuleAttribute::IpProtocol(protocol) => {
                // Their names are those of `/etc/protocols`, but for the capital.
                write!(rest, " ipproto {}", format!("{protocol:?}").to_lowercase())
            }
            RuleAttribute::SourcePortRange(range) => ports(&mut rest, "sport", range.start, range.end),
            RuleAttribute::DestinationPortRange(range) => ports(&mut rest, "dport", range.start, range.end),
            RuleAttribute::TunId(id) => write!(rest, " tun_id {id}"),
            _ => Ok(()),
        };
    }
    let looks_up = matches!(header.action, RuleAction::ToTable) && !master;
    rule.table = looks_up.then_some(table);
    rule.text = Text::long(&text(&message, &rule, goto, &rest));
    Ok(rule)
}

fn ports(out: &mut String, name: &str, first: u16, last: u16) -> std::fmt::Result {
    if first == last { write!(out, " {name} {first}") } else { write!(out, " {name} {first}-{last}") }
}

/// As ip(8) prints it (iprule.c, `print_rule`).
fn text(message: &RuleMessage, rule: &Rule, goto: Option<u32>, rest: &str) -> String {
    let header = &message.header;
    let prefix = |prefix: &Prefix| {
        let whole = if prefix.ip.is_ipv4() { 32 } else { 128 };
        if prefix.length == whole { prefix.ip.to_string() } else { prefix.to_string() }
    };
    let mut text = format!("{}: ", rule.priority);
    if header.flags.contains(RuleFlags::Invert) {
        text.push_str("not ");
    }
    text.push_str(&format!("from {}", rule.source.as_ref().map_or("all".into(), prefix)));
    if let Some(to) = &rule.destination {
        text.push_str(&format!(" to {}", prefix(to)));
    }
    if header.tos != 0 {
        text.push_str(&format!(" tos {:#x}", header.tos));
    }
    match rule.mark {
        Some((mark, u32::MAX)) => text.push_str(&format!(" fwmark {mark:#x}")),
        Some((mark, mask)) => text.push_str(&format!(" fwmark {mark:#x}/{mask:#x}")),
        None => {}
    }
    let devices = [("iif", &rule.in_device, RuleFlags::IifDetached), ("oif", &rule.out_device, RuleFlags::OifDetached)];
    for (word, device, detached) in devices {
        if let Some(device) = device {
            let detached = if header.flags.contains(detached) { " [detached]" } else { "" };
            text.push_str(&format!(" {word} {device}{detached}"));
        }
    }
    text.push_str(rest);
    text.push_str(&match (header.action, rule.table) {
        (_, Some(253)) => " lookup default".into(),
        (_, Some(254)) => " lookup main".into(),
        (_, Some(255)) => " lookup local".into(),
        (_, Some(table)) => format!(" lookup {table}"),
        (RuleAction::ToTable, None) => " lookup [l3mdev-table]".into(),
        (RuleAction::Goto, None) => format!(" goto {}", goto.map_or("none".into(), |to| to.to_string())),
        (RuleAction::Nop, None) => " nop".into(),
        (RuleAction::Blackhole, None) => " blackhole".into(),
        (RuleAction::Unreachable, None) => " unreachable".into(),
        (RuleAction::Prohibit, None) => " prohibit".into(),
        (other, None) => format!(" action {}", u8::from(other)),
    });
    for attribute in &message.attributes {
        match attribute {
            // -1: nothing is suppressed.
            RuleAttribute::SuppressPrefixLen(length) if *length != u32::MAX => text.push_str(&format!(" suppress_prefixlength {length}")),
            RuleAttribute::SuppressIfGroup(group) if *group != u32::MAX => text.push_str(&format!(" suppress_ifgroup {group}")),
            RuleAttribute::Protocol(protocol) => {
                let protocol = u8::from(*protocol);
                if protocol != KERNEL && protocol != 0 {
                    text.push_str(&format!(" proto {}", protocol_name(protocol)));
                }
            }
            _ => {}
        }
    }
    text
}
