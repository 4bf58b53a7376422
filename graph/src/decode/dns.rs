//! DNS (RFC 1035) and multicast DNS (RFC 6762): names for addresses. The format is `simple-dns`'s business.

use crate::Text;
use crate::fact::{Dns, Fact, Name, NameSource};
use simple_dns::rdata::RData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most answers that are taken from one message.
const ANSWERS: usize = 64;

/// Appends the message and the names that its answers give.
pub(super) fn parse(bytes: &[u8], is_multicast: bool, out: &mut Vec<Fact>) {
    let Ok(message) = simple_dns::Packet::parse(bytes) else { return };
    let is_response = message.has_flags(simple_dns::PacketFlag::RESPONSE);
    let question = message.questions.first();
    out.push(Fact::Dns(Dns {
        id: message.id(),
        is_response,
        is_multicast,
        question: question.map(|question| Text::new(&question.qname.to_string())),
        question_type: question.map(|question| question.qtype.into()),
        response_code: bytes.get(3).map_or(0, |flags| flags & 0xf),
    }));
    if !is_response {
        return;
    }
    let by = if is_multicast { NameSource::Mdns } else { NameSource::Dns };
    let names = message.answers.iter().chain(&message.additional_records).take(ANSWERS);
    out.extend(names.filter_map(|record| {
        let ip: IpAddr = match &record.rdata {
            RData::A(a) => Ipv4Addr::from(a.address).into(),
            RData::AAAA(aaaa) => Ipv6Addr::from(aaaa.address).into(),
            _ => return None,
        };
        Some(Fact::Name(Name { ip, name: Text::new(&record.name.to_string()), by }))
    }));
}
