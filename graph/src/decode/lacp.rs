//! The Link Aggregation Control Protocol (IEEE 802.1AX, clause 6.4.2): subtype 1 of the slow protocols.

use super::read::{array, be16};
use crate::MacAddr;
use crate::fact::Lacp;

/// A version 1 LACPDU: TLVs of fixed place and length for the actor and the partner.
pub(super) fn parse(bytes: &[u8]) -> Option<Lacp> {
    let &[subtype, _version, actor, actor_length, ..] = bytes else { return None };
    let (partner, partner_length) = (*bytes.get(22)?, *bytes.get(23)?);
    if subtype != 1 || (actor, actor_length, partner, partner_length) != (1, 20, 2, 20) {
        return None;
    }
    let system = |at: usize| Some((be16(bytes, at)?, MacAddr(array(bytes, at + 2)?)));
    let port = |at: usize| Some((be16(bytes, at + 8)?, be16(bytes, at + 12)?, *bytes.get(at + 14)?));
    Some(Lacp { actor: system(4)?, actor_port: port(4)?, partner: system(24)?, partner_port: port(24)? })
}
