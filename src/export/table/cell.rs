//! Cells, and how rows of them are written.

use anyhow::Result;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::Write;
use tapscope_graph::Timestamp;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, every text in quotes, formulas defused.
    Csv,
    /// An array of objects, one a line.
    Json,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    None,
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// A text; sanitised.
    Text(String),
    /// Several; one text with spaces between in CSV.
    List(Vec<String>),
}

impl Cell {
    /// Whatever prints.
    pub fn text(value: impl ToString) -> Cell {
        Cell::Text(value.to_string())
    }

    /// Whatever prints, where there is something.
    pub fn maybe(value: Option<impl ToString>) -> Cell {
        value.map_or(Cell::None, Cell::text)
    }

    /// Each by its text.
    pub fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Cell {
        Cell::List(values.into_iter().map(|value| value.to_string()).collect())
    }

    /// A count; beyond what programs can read, the largest that they can.
    pub fn count(value: impl TryInto<i64>) -> Cell {
        Cell::Number(value.try_into().unwrap_or(i64::MAX))
    }

    /// Seconds since 1970 with all nine decimals: a text, because a number would lose the last ones.
    pub fn time(at: Timestamp) -> Cell {
        Cell::Text(at.to_string())
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::None => serializer.serialize_none(),
            Cell::Number(number) => serializer.serialize_i64(*number),
            Cell::Flag(flag) => serializer.serialize_bool(*flag),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::List(list) => serializer.collect_seq(list),
        }
    }
}

/// A table that is being written.
pub enum Rows<'a, W: Write> {
    Csv(Box<csv::Writer<&'a mut W>>),
    Json { out: &'a mut W, columns: &'a [&'a str], is_first: bool },
}

impl<'a, W: Write> Rows<'a, W> {
    /// Begins with the columns' names.
    pub fn begin(out: &'a mut W, columns: &'a [&'a str], format: Format) -> Result<Rows<'a, W>> {
        Ok(match format {
            Format::Csv => {
                let mut writer =
                    csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).terminator(csv::Terminator::CRLF).from_writer(out);
                writer.write_record(columns)?;
                Rows::Csv(Box::new(writer))
            }
            Format::Json => {
                out.write_all(b"[")?;
                Rows::Json { out, columns, is_first: true }
            }
        })
    }

    /// Appends a row.
    pub fn row(&mut self, row: Vec<Cell>) -> Result<()> {
        match self {
            Rows::Csv(writer) => writer.write_record(row.iter().map(plain))?,
            Rows::Json { out, columns, is_first } => {
                out.write_all(if std::mem::take(is_first) { b"\n" } else { b",\n" })?;
                let mut serializer = serde_json::Serializer::new(&mut **out);
                let mut object = serializer.serialize_map(Some(columns.len()))?;
                for (column, cell) in columns.iter().zip(&row) {
                    object.serialize_entry(column, cell)?;
                }
                object.end()?;
            }
        }
        Ok(())
    }

    /// Ends the table.
    pub fn end(self) -> Result<()> {
        match self {
            Rows::Csv(mut writer) => writer.flush()?,
            Rows::Json { out, .. } => out.write_all(b"\n]\n")?,
        }
        Ok(())
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Text(text) => defused(text),
        Cell::List(list) => defused(&list.join(" ")),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection): an apostrophe stands before a sign that could begin one, at the
/// text's start and wherever a program with other separators would begin a new cell, also behind quotes and spaces there.
pub fn defused(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut may_begin = true;
    for c in text.chars() {
        if may_begin && matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') {
            out.push('\'');
        }
        out.push(c);
        may_begin = matches!(c, ',' | ';' | '|' | '\t' | '\r' | '\n') || (may_begin && matches!(c, '"' | '\'' | ' '));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula_whatever_the_separator() {
        for (text, expected) in [
            ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\"=1+1\"", "\"'=1+1\""),
            (" =1", " '=1"),
            ("a,=1", "a,'=1"),
            ("a;\"=1", "a;\"'=1"),
            ("＝1", "'＝1"),
            ("web-1 a=b", "web-1 a=b"),
            ("10.0.0.1 -> 10.0.0.2", "10.0.0.1 -> 10.0.0.2"),
        ] {
            assert_eq!(defused(text), expected);
        }
    }
}
