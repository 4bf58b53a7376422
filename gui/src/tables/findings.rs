//! What is wrong.

use super::{Cell, Column, Rows, Tone, column};
use crate::session::Shown;
use crate::window::Selection;
use tapscope_graph::finding::Severity;

pub struct Findings<'a>(pub &'a Shown);

const COLUMNS: &[Column] = &[column("severity", 80.0), column("code", 190.0), column("count", 60.0), column("what", 500.0)];

impl Rows for Findings<'_> {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn len(&self) -> usize {
        self.0.view.findings.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let finding = &self.0.view.findings[row];
        match column {
            0 => Cell::number(finding.severity.name(), finding.severity as i64).tone(match finding.severity {
                Severity::Error => Tone::Bad,
                Severity::Warning => Tone::Plain,
                Severity::Note => Tone::Weak,
            }),
            1 => Cell::text(finding.kind.code()).tone(Tone::Weak),
            2 => Cell::number(finding.count.to_string(), finding.count),
            _ => Cell::text(finding.text.clone()),
        }
    }

    fn selection(&self, row: usize) -> Option<Selection> {
        Some(Selection::Finding(row))
    }

    fn empty(&self) -> &'static str {
        "nothing is wrong as far as was seen"
    }
}
