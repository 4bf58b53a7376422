//! DNS and mDNS messages.

use super::Reading;
use crate::Text;
use simple_dns::rdata::RData;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The most questions and the most answers that are listed.
const RECORDS: usize = 32;

fn answer(record: &simple_dns::ResourceRecord<'_>) -> String {
    let data = match &record.rdata {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(aaaa) => Ipv6Addr::from(aaaa.address).to_string(),
        RData::CNAME(name) => Text::new(&name.0.to_string()).to_string(),
        RData::PTR(name) => Text::new(&name.0.to_string()).to_string(),
        RData::NS(name) => Text::new(&name.0.to_string()).to_string(),
        other => format!("{:?}", other.type_code()),
    };
    format!("{} {data}", Text::new(&record.name.to_string()))
}

/// What a message asks or answers.
pub(in crate::decode) fn dns_words(bytes: &[u8]) -> String {
    let Ok(message) = simple_dns::Packet::parse(bytes) else { return "malformed, or cut short".to_owned() };
    let question = message
        .questions
        .first()
        .map_or_else(String::new, |question| format!("{:?} {}", question.qtype, Text::new(&question.qname.to_string())));
    if !message.has_flags(simple_dns::PacketFlag::RESPONSE) {
        return format!("query {question}");
    }
    let answers: Vec<String> = message.answers.iter().take(3).map(answer).collect();
    match bytes.get(3).map_or(0, |flags| flags & 0xf) {
        0 if answers.is_empty() => format!("answer {question}: nothing"),
        0 => format!("answer {}", answers.join(", ")),
        3 => format!("answer {question}: no such name"),
        code => format!("answer {question}: error {code}"),
    }
}

impl Reading<'_> {
    pub(super) fn dns(&mut self, at: usize, end: usize, name: &'static str) {
        let mut draft = self.draft(name, at, end - at);
        draft.hex16("identifier", 0);
        draft.hex16("flags", 2);
        for (name, at) in [("questions", 4), ("answers", 6), ("authority records", 8), ("additional records", 10)] {
            draft.u16(name, at);
        }
        let bytes = draft.bytes;
        if let Ok(message) = simple_dns::Packet::parse(bytes) {
            for question in message.questions.iter().take(RECORDS) {
                draft.add("question", 12..12, format!("{:?} {}", question.qtype, Text::new(&question.qname.to_string())));
            }
            for record in message.answers.iter().chain(&message.additional_records).take(RECORDS) {
                draft.add("answer", 12..12, format!("{}, {} s", answer(record), record.ttl));
            }
        }
        let words = dns_words(bytes);
        self.push(draft, words);
    }
}
