//! DHCP transactions: who waits for whom (RFC 2131, RFC 8415).

use super::{Lesson, Map, add_new, map, row_of};
use crate::fact::{Dhcp, Dhcp6};
use crate::tables::{Dhcp6Transaction, DhcpMessage, DhcpTransaction};
use crate::{MacAddr, Text};

/// The most messages of one DHCPv6 transaction that are kept one by one.
const MESSAGES6: usize = 64;

const OFFER: u8 = 2;
const ACK: u8 = 5;

#[derive(Clone, Debug)]
pub(crate) struct DhcpLearner {
    v4: Map<(u32, Option<MacAddr>), u32>,
    v6: Map<(u32, Option<Text>), u32>,
    /// Messages kept one by one, of all transactions.
    messages: usize,
}

impl DhcpLearner {
    pub fn new(seed: u64) -> DhcpLearner {
        DhcpLearner { v4: map(seed), v6: map(seed), messages: 0 }
    }

    /// Learns a message; gives the transaction's row.
    pub fn learn(&mut self, lesson: &mut Lesson<'_>, dhcp: &Dhcp) -> Option<u32> {
        let (row, transaction) = row_of(
            &mut self.v4,
            &mut lesson.tables.dhcp,
            lesson.limits.transactions,
            &mut lesson.tables.dropped.transactions,
            (dhcp.xid, dhcp.client_mac),
            || DhcpTransaction {
                point: lesson.seen.point,
                vlan: lesson.seen.vlan(),
                xid: dhcp.xid,
                client_mac: dhcp.client_mac,
                ..DhcpTransaction::default()
            },
        )?;
        if self.messages < lesson.limits.transactions {
            self.messages += 1;
            transaction.messages.push(DhcpMessage {
                op: dhcp.op,
                message_type: dhcp.message_type,
                frame: lesson.seen.frame,
                at: lesson.seen.at,
                point: lesson.seen.point,
                repeated: lesson.seen.is_repeated(),
            });
        } else {
            transaction.more_messages += 1;
        }
        let offers = dhcp.message_type == Some(OFFER);
        let acknowledges = dhcp.message_type == Some(ACK);
        let replies = dhcp.message_type.is_none() && dhcp.op == 2;
        let add_all = |list: &mut Vec<_>, values: &[_]| values.iter().for_each(|&value| add_new(list, value));
        match dhcp.your_ip {
            Some(ip) if offers => add_new(&mut transaction.offered, ip),
            Some(ip) if acknowledges => add_new(&mut transaction.acked, ip),
            _ => {}
        }
        dhcp.requested_ip.into_iter().for_each(|ip| add_new(&mut transaction.requested, ip));
        dhcp.server_id.into_iter().for_each(|ip| add_new(&mut transaction.servers, ip));
        if offers || acknowledges {
            dhcp.lease_seconds.into_iter().for_each(|seconds| add_new(&mut transaction.lease_seconds, seconds));
        }
        if offers || acknowledges || replies {
            add_all(&mut transaction.routers, &dhcp.routers);
            add_all(&mut transaction.dns, &dhcp.dns);
            dhcp.subnet_mask.into_iter().for_each(|mask| add_new(&mut transaction.subnet_masks, mask));
            dhcp.domain.iter().for_each(|domain| add_new(&mut transaction.domains, domain.clone()));
        }
        if dhcp.op == 1 {
            dhcp.hostname.iter().for_each(|name| add_new(&mut transaction.hostnames, name.clone()));
            dhcp.vendor_class.iter().for_each(|class| add_new(&mut transaction.vendor_classes, class.clone()));
        }
        dhcp.relay_ip.into_iter().for_each(|ip| add_new(&mut transaction.relays, ip));
        dhcp.message.iter().for_each(|text| add_new(&mut transaction.texts, text.clone()));
        transaction.option82 |= dhcp.has_option82;
        Some(row)
    }

    pub fn learn6(&mut self, lesson: &mut Lesson<'_>, dhcp: &Dhcp6) {
        let row = row_of(
            &mut self.v6,
            &mut lesson.tables.dhcp6,
            lesson.limits.transactions,
            &mut lesson.tables.dropped.transactions,
            (dhcp.xid, dhcp.client_id.clone()),
            || Dhcp6Transaction {
                point: lesson.seen.point,
                vlan: lesson.seen.vlan(),
                xid: dhcp.xid,
                client_id: dhcp.client_id.clone(),
                ..Dhcp6Transaction::default()
            },
        );
        let Some((_, transaction)) = row else { return };
        if transaction.messages.len() < MESSAGES6 {
            transaction.messages.push((dhcp.message_type, lesson.seen.frame, lesson.seen.at));
        }
        transaction.client_mac = transaction.client_mac.or(dhcp.client_mac);
        dhcp.server_id.iter().for_each(|id| add_new(&mut transaction.servers, id.clone()));
        dhcp.hostname.iter().for_each(|name| add_new(&mut transaction.hostnames, name.clone()));
        // ADVERTISE and REPLY: in the client's messages these are wishes.
        if matches!(dhcp.message_type, 2 | 7) {
            dhcp.addresses.iter().for_each(|&address| add_new(&mut transaction.addresses, address));
            dhcp.prefixes.iter().for_each(|&prefix| add_new(&mut transaction.prefixes, prefix));
            dhcp.dns.iter().for_each(|&server| add_new(&mut transaction.dns, server));
        }
    }
}
