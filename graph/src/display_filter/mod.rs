//! The display filter: which packets, flows, stations and other rows the user wants to see.
//!
//! One language for the window and the command line, with Wireshark's names and operators (wireshark-filter(4)) where the meaning is the
//! same: `arp or icmp`, `ip.addr == 10.0.2.0/24 and not tcp.port == 22`, `frame.len > 1514`, `name contains "web"`. A word that is no field
//! is looked for: an address, a link-layer address, a port, a protocol, a name, else any text of the row. Capture filters are another
//! language, that of pcap-filter(7).

mod complete;
mod field;
mod parse;
mod subject;

pub use complete::{Completion, complete};
pub use field::{Field, Kind, Protocol};
pub use parse::FilterError;
pub use subject::{PacketSubject, Subject, Value};

use crate::MacAddr;
use std::net::IpAddr;

/// A filter that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisplayFilter {
    /// None: everything.
    root: Option<Expression>,
}

/// What is asked of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    /// Whether it has such a layer.
    Has(Protocol),
    /// Whether it has such a field at all.
    Present(Field),
    Compare(Field, Operator, Vec<Literal>),
    /// A word to look for.
    Word(Literal),
}

/// How a field is compared. All but [`Operator::Differs`] hold if one value of the field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `==`, `in {…}`
    Equals,
    /// `!=`: no value equals.
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// A part of a text, whatever its case.
    Contains,
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Literal {
    Number(u64),
    /// An address with its prefix length.
    Prefix(IpAddr, u8),
    Mac(MacAddr),
    /// In lower case.
    Text(String),
}

impl DisplayFilter {
    /// Reads a filter; an empty one lets everything pass.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn parse(text: &str) -> Result<DisplayFilter, FilterError> {
        Ok(DisplayFilter { root: parse::parse(text)? })
    }

    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether a row passes.
    pub fn matches(&self, subject: &dyn Subject) -> bool {
        self.root.as_ref().is_none_or(|root| root.holds(subject))
    }
}

impl Expression {
    fn holds(&self, subject: &dyn Subject) -> bool {
        match self {
            Expression::And(a, b) => a.holds(subject) && b.holds(subject),
            Expression::Or(a, b) => a.holds(subject) || b.holds(subject),
            Expression::Not(inner) => !inner.holds(subject),
            Expression::Has(protocol) => subject.has(*protocol),
            Expression::Present(field) => subject.any(*field, &mut |_| true),
            Expression::Compare(field, Operator::Differs, literals) => {
                !subject.any(*field, &mut |value| literals.iter().any(|literal| literal.relates(Operator::Equals, value)))
            }
            Expression::Compare(field, operator, literals) => {
                subject.any(*field, &mut |value| literals.iter().any(|literal| literal.relates(*operator, value)))
            }
            Expression::Word(literal) => literal.is_in(subject),
        }
    }
}

impl Literal {
    /// Whether a value of a field stands in a relation to this one.
    fn relates(&self, operator: Operator, value: Value<'_>) -> bool {
        match (self, value) {
            (Literal::Number(wanted), Value::Number(value)) => match operator {
                Operator::Less => value < *wanted,
                Operator::LessOrEqual => value <= *wanted,
                Operator::Greater => value > *wanted,
                Operator::GreaterOrEqual => value >= *wanted,
                Operator::Equals | Operator::Differs | Operator::Contains => value == *wanted,
            },
            (Literal::Prefix(ip, length), Value::Ip(value)) => crate::host::Prefix { ip: *ip, length: *length }.contains(value),
            (Literal::Mac(mac), Value::Mac(value)) => *mac == value,
            (Literal::Text(wanted), Value::Text(value)) if operator == Operator::Contains => contains(value, wanted),
            (Literal::Text(wanted), Value::Text(value)) => value.eq_ignore_ascii_case(wanted) || value.to_lowercase() == *wanted,
            (Literal::Text(_) | Literal::Number(_) | Literal::Prefix(..) | Literal::Mac(_), _) => false,
        }
    }

    /// Whether a row has it anywhere.
    fn is_in(&self, subject: &dyn Subject) -> bool {
        let has = |field| subject.any(field, &mut |value| self.relates(Operator::Equals, value));
        match self {
            Literal::Prefix(..) => has(Field::IpAddr),
            Literal::Mac(_) => has(Field::EthAddr),
            Literal::Number(number) => has(Field::Port) || Literal::Text(number.to_string()).is_in(subject),
            Literal::Text(wanted) => [Field::Name, Field::Interface, Field::State, Field::Info]
                .into_iter()
                .any(|field| subject.any(field, &mut |value| matches!(value, Value::Text(text) if contains(text, wanted)))),
        }
    }
}

/// Whether a text has another one in it, which is in lower case already.
fn contains(text: &str, wanted: &str) -> bool {
    if wanted.is_ascii() {
        // Without a copy of each row's text.
        return wanted.is_empty() || text.as_bytes().windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted.as_bytes()));
    }
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests;
