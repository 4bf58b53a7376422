//! What may be written next.

use super::parse::{TokenKind, tokens};
use super::{Field, Kind, Protocol};
use std::ops::Range;

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What it replaces: octets of the text.
    pub at: Range<usize>,
    /// What to put there.
    pub text: String,
    /// What it is, for people.
    pub help: &'static str,
}

/// The most that are offered.
const MOST: usize = 12;

/// How a filter may go on where the cursor, an octet of `text`, stands. `known` are names and addresses that there are.
pub fn complete<'a>(text: &str, cursor: usize, known: impl IntoIterator<Item = &'a str>) -> Vec<Completion> {
    let cursor = (0..=cursor.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    // Behind an open quotation everything is text.
    let Ok(before) = tokens(&text[..cursor]) else { return Vec::new() };
    let (word, at, earlier) = match before.split_last() {
        Some((last, earlier)) if last.at.end == cursor => match &last.kind {
            TokenKind::Word(word) => (word.as_str(), last.at.clone(), earlier),
            TokenKind::Quoted(_) => return Vec::new(),
            TokenKind::Sign(_) => ("", cursor..cursor, before.as_slice()),
        },
        _ => ("", cursor..cursor, before.as_slice()),
    };
    let starts =
        |name: &str| name.len() >= word.len() && name.is_char_boundary(word.len()) && name[..word.len()].eq_ignore_ascii_case(word);
    let offer = |name: &str, help: &'static str| Completion { at: at.clone(), text: name.to_owned(), help };
    let field_before = |back: usize| match earlier.iter().rev().nth(back).map(|token| &token.kind) {
        Some(TokenKind::Word(name)) => Field::named(name),
        _ => None,
    };
    let is_operator = |kind: &TokenKind| match kind {
        TokenKind::Sign(sign) => ["==", "!=", "<=", ">=", "<", ">", "="].contains(sign),
        TokenKind::Word(word) => word == "contains",
        TokenKind::Quoted(_) => false,
    };
    let mut offers = Vec::new();
    if earlier.last().is_some_and(|token| is_operator(&token.kind)) {
        let kind = field_before(1).map(Field::kind);
        offers.extend(known.into_iter().filter(|value| starts(value) && fits(kind, value)).map(|value| offer(value, "seen here")));
    } else if let Some(field) = field_before(0) {
        let operators: &[&str] = match field.kind() {
            Kind::Number => &["==", "!=", "<", "<=", ">", ">=", "in"],
            Kind::Ip | Kind::Mac => &["==", "!=", "in"],
            Kind::Text => &["==", "!=", "contains"],
        };
        offers.extend(operators.iter().chain(&["and", "or"]).filter(|operator| starts(operator)).map(|operator| offer(operator, "")));
    } else {
        let fields = Field::ALL.iter().map(|(_, names, _, help)| (names[0], *help));
        let protocols = Protocol::ALL.iter().map(|(_, names)| (names[0], "protocol"));
        offers.extend(protocols.chain(fields).filter(|(name, _)| starts(name)).map(|(name, help)| offer(name, help)));
        if !word.is_empty() {
            offers.extend(known.into_iter().filter(|value| starts(value)).map(|value| offer(value, "seen here")));
        }
    }
    offers.retain(|offer| offer.text != word);
    offers.truncate(MOST);
    offers
}

fn fits(kind: Option<Kind>, value: &str) -> bool {
    match kind {
        Some(Kind::Ip) => value.parse::<std::net::IpAddr>().is_ok(),
        Some(Kind::Mac) => value.split(':').count() == 6,
        Some(Kind::Number) => value.parse::<u64>().is_ok(),
        Some(Kind::Text) | None => true,
    }
}
