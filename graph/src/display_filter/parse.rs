//! Text to filter.
//!
//! ```text
//! either  = both { ("or" | "||") both }
//! both    = term { ["and" | "&&"] term }
//! term    = ("not" | "!") term | "(" either ")" | field [relation] | protocol | word
//! relation = ("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains") value | "in" "{" value { "," value } "}"
//! ```

use super::{Expression, Field, Kind, Literal, Operator, Protocol};
use crate::MacAddr;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

/// The longest filter, octets, and how deep its parentheses may go.
const LENGTH: usize = 4096;
const DEPTH: usize = 64;

/// What of a filter is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where: octets of the text; at its end where something is missing.
    pub at: Range<usize>,
    /// What, with what would be right.
    pub text: String,
}

/// `at 12: expected …`, counted from 1.
impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at.start + 1, self.text)
    }
}

impl std::error::Error for FilterError {}

/// A word or sign, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub at: Range<usize>,
    pub kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

/// Signs, longer ones first.
const SIGNS: [&str; 14] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "!", "(", ")", "{", "}"];

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "._:-/*%@#+".contains(character)
}

/// Splits a filter.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, kind) = if character.is_whitespace() || character == ',' {
            at += character.len_utf8();
            continue;
        } else if character == '"' {
            let Some(end) = rest[1..].find('"') else {
                return Err(FilterError { at: at..text.len(), text: "the quotation is not closed".to_owned() });
            };
            (end + 2, TokenKind::Quoted(rest[1..=end].to_owned()))
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (sign.len(), TokenKind::Sign(sign))
        } else if is_of_word(character) {
            let end = rest.find(|character| !is_of_word(character)).unwrap_or(rest.len());
            (end, TokenKind::Word(rest[..end].to_owned()))
        } else {
            let at = at..at + character.len_utf8();
            return Err(FilterError { at, text: format!("{:?} means nothing here: put text in quotation marks", character) });
        };
        tokens.push(Token { at: at..at + length, kind });
        at += length;
    }
    Ok(tokens)
}

/// Reads a filter; none for an empty one.
pub(super) fn parse(text: &str) -> Result<Option<Expression>, FilterError> {
    if text.len() > LENGTH {
        return Err(FilterError { at: LENGTH..text.len(), text: format!("a filter has at most {LENGTH} octets") });
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.len(), depth: 0 };
    let root = parser.either()?;
    match parser.peek() {
        None => Ok(Some(root)),
        Some(token) => Err(FilterError { at: token.at.clone(), text: format!("{} has nothing to close or to join", token.words()) }),
    }
}

impl Token {
    fn words(&self) -> String {
        match &self.kind {
            TokenKind::Word(word) | TokenKind::Quoted(word) => format!("{word:?}"),
            TokenKind::Sign(sign) => format!("{sign:?}"),
        }
    }

    fn is(&self, words: &[&str]) -> bool {
        match &self.kind {
            TokenKind::Word(word) => words.iter().any(|known| known.eq_ignore_ascii_case(word)),
            TokenKind::Sign(sign) => words.contains(sign),
            TokenKind::Quoted(_) => false,
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let is_there = self.peek().is_some_and(|token| token.is(words));
        self.at += usize::from(is_there);
        is_there
    }

    fn wanted(&self, what: &str) -> FilterError {
        match self.peek() {
            Some(token) => FilterError { at: token.at.clone(), text: format!("expected {what}, not {}", token.words()) },
            None => FilterError { at: self.end..self.end, text: format!("expected {what}") },
        }
    }

    fn either(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.both()?;
        while self.take(&["or", "||"]) {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, FilterError> {
        let mut left = self.term()?;
        loop {
            let is_joined = self.take(&["and", "&&"]);
            let is_over = self.peek().is_none_or(|token| token.is(&["or", "||", ")"]));
            if !is_joined && is_over {
                return Ok(left);
            }
            left = Expression::And(Box::new(left), Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH {
            let text = format!("parentheses go at most {DEPTH} deep");
            return Err(self
                .peek()
                .map_or(FilterError { at: self.end..self.end, text: text.clone() }, |token| FilterError { at: token.at.clone(), text }));
        }
        let term = if self.take(&["not", "!"]) {
            Expression::Not(Box::new(self.term()?))
        } else if self.take(&["("]) {
            let inner = self.either()?;
            if !self.take(&[")"]) {
                return Err(self.wanted("\")\""));
            }
            inner
        } else {
            self.simple()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn simple(&mut self) -> Result<Expression, FilterError> {
        let token = self
            .peek()
            .filter(|token| !token.is(&["and", "&&", "or", "||"]))
            .ok_or_else(|| self.wanted("a field, a protocol or a word"))?;
        match &token.kind {
            TokenKind::Sign(_) => Err(self.wanted("a field, a protocol or a word")),
            TokenKind::Quoted(text) => {
                self.at += 1;
                Ok(Expression::Word(Literal::Text(text.to_lowercase())))
            }
            TokenKind::Word(word) => {
                self.at += 1;
                let follows = self.operator();
                if let Some(field) = Field::named(word) {
                    return match follows {
                        None => Ok(Expression::Present(field)),
                        Some(operator) => self.relation(field, operator),
                    };
                }
                if follows.is_some() {
                    let text = format!("there is no field {word:?}; fields are ip.addr, eth.addr, port, name, …");
                    return Err(FilterError { at: token.at.clone(), text });
                }
                Ok(Protocol::named(word).map_or_else(|| Expression::Word(any_literal(word)), Expression::Has))
            }
        }
    }

    /// The operator that stands here, `in` as equality; it is not taken.
    fn operator(&self) -> Option<Operator> {
        let token = self.peek()?;
        const OPERATORS: [(&[&str], Operator); 8] = [
            (&["==", "=", "eq"], Operator::Equals),
            (&["!=", "ne"], Operator::Differs),
            (&["<=", "le"], Operator::LessOrEqual),
            (&[">=", "ge"], Operator::GreaterOrEqual),
            (&["<", "lt"], Operator::Less),
            (&[">", "gt"], Operator::Greater),
            (&["contains"], Operator::Contains),
            (&["in"], Operator::Equals),
        ];
        OPERATORS.iter().find(|(words, _)| token.is(words)).map(|(_, operator)| *operator)
    }

    fn relation(&mut self, field: Field, operator: Operator) -> Result<Expression, FilterError> {
        let is_set = self.peek().is_some_and(|token| token.is(&["in"]));
        let sign = self.peek().map_or(0..0, |token| token.at.clone());
        let fits = match operator {
            Operator::Equals | Operator::Differs => true,
            Operator::Contains => field.kind() == Kind::Text,
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => field.kind() == Kind::Number,
        };
        if !fits {
            let text = format!("{} is {}: compare it with == or !=", field.name(), kind_words(field.kind()));
            return Err(FilterError { at: sign, text });
        }
        self.at += 1;
        if !is_set {
            return Ok(Expression::Compare(field, operator, vec![self.value(field)?]));
        }
        if !self.take(&["{"]) {
            return Err(self.wanted("\"{\" and values, such as {22 80}"));
        }
        let mut values = vec![self.value(field)?];
        while !self.take(&["}"]) {
            values.push(self.value(field)?);
        }
        Ok(Expression::Compare(field, operator, values))
    }

    fn value(&mut self, field: Field) -> Result<Literal, FilterError> {
        let wanted = field.kind().wanted();
        let token = self.peek().ok_or_else(|| self.wanted(wanted))?;
        let literal = match (&token.kind, field.kind()) {
            (TokenKind::Quoted(text) | TokenKind::Word(text), Kind::Text) => Some(Literal::Text(text.to_lowercase())),
            (TokenKind::Word(word), Kind::Number) => number(word).map(Literal::Number),
            (TokenKind::Word(word), Kind::Ip) => prefix(word),
            (TokenKind::Word(word), Kind::Mac) => mac(word).map(Literal::Mac),
            (TokenKind::Quoted(_) | TokenKind::Sign(_), _) => None,
        };
        let literal = literal.ok_or_else(|| self.wanted(wanted))?;
        self.at += 1;
        Ok(literal)
    }
}

fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "a number",
        Kind::Ip | Kind::Mac => "an address",
        Kind::Text => "a text",
    }
}

/// A word to look for.
fn any_literal(word: &str) -> Literal {
    let number = || word.parse().ok().map(Literal::Number);
    mac(word).map(Literal::Mac).or_else(|| prefix(word)).or_else(number).unwrap_or_else(|| Literal::Text(word.to_lowercase()))
}

/// Decimal, or hexadecimal with `0x`.
fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn prefix(word: &str) -> Option<Literal> {
    let (ip, length) = word.split_once('/').map_or((word, None), |(ip, length)| (ip, Some(length)));
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(most), |length| length.parse().ok().filter(|length| *length <= most))?;
    Some(Literal::Prefix(ip, length))
}

fn mac(word: &str) -> Option<MacAddr> {
    let separator = if word.contains('-') { '-' } else { ':' };
    let octets: Vec<u8> =
        word.split(separator).map(|octet| u8::from_str_radix(octet, 16).ok().filter(|_| octet.len() <= 2)).collect::<Option<_>>()?;
    <[u8; 6]>::try_from(octets).ok().map(MacAddr)
}
