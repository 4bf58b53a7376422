//! Capture filters: libpcap's language, compiled by libpcap, run on frames that are already there.

use pcap::{BpfProgram, Capture, Linktype};
use std::collections::HashMap;
use tapscope_graph::LinkType;

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// libpcap does not understand the expression, or not on this link type.
    #[error("the filter {expression:?} does not fit link type {link_type}: {reason}")]
    Compile {
        /// The expression.
        expression: String,
        /// The link type's name or number.
        link_type: String,
        /// libpcap's words.
        reason: String,
    },
}

/// A filter expression, compiled once for each link type that it meets.
pub struct Filter {
    expression: String,
    programs: HashMap<LinkType, BpfProgram>,
}

impl Filter {
    /// Checks the expression against Ethernet, so that a typing error shows before anything is read.
    ///
    /// # Errors
    /// Where libpcap does not understand it. An expression that Ethernet cannot have but another link type can is refused by
    /// [`Filter::matches`] later.
    pub fn new(expression: &str) -> Result<Filter, FilterError> {
        let mut filter = Filter { expression: expression.to_owned(), programs: HashMap::new() };
        filter.program(LinkType::ETHERNET)?;
        Ok(filter)
    }

    /// Whether a frame passes. Lengths in the expression (`len`, `greater`) are captured lengths.
    ///
    /// # Errors
    /// Where the expression cannot be compiled for the link type.
    pub fn matches(&mut self, link_type: LinkType, bytes: &[u8]) -> Result<bool, FilterError> {
        Ok(self.program(link_type)?.filter(bytes))
    }

    fn program(&mut self, link_type: LinkType) -> Result<&BpfProgram, FilterError> {
        if !self.programs.contains_key(&link_type) {
            let error = |reason: pcap::Error| FilterError::Compile {
                expression: self.expression.clone(),
                link_type: link_type.name().map_or_else(|| link_type.0.to_string(), str::to_owned),
                reason: reason.to_string(),
            };
            let program =
                Capture::dead(Linktype(dlt(link_type))).and_then(|capture| capture.compile(&self.expression, true)).map_err(error)?;
            self.programs.insert(link_type, program);
        }
        Ok(&self.programs[&link_type])
    }
}

/// libpcap's own number (DLT_) of a file's link type (LINKTYPE_): they differ where the systems' numbers clash (pcap-common.c).
fn dlt(link_type: LinkType) -> i32 {
    match link_type.0 {
        101 => 12,
        100 => 11,
        102 => 15,
        103 => 16,
        106 => 19,
        other => i32::try_from(other).unwrap_or(i32::MAX),
    }
}

/// The other way round: a file's link type for libpcap's own number.
pub(crate) fn link_type(dlt: i32) -> LinkType {
    LinkType(match dlt {
        12 => 101,
        11 => 100,
        15 => 102,
        16 => 103,
        19 => 106,
        other => u32::try_from(other).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_chooses_by_link_type() {
        let mut ethernet = vec![0; 12];
        ethernet.extend_from_slice(&[8, 6]);
        ethernet.resize(60, 0);
        let mut raw = vec![0x45, 0, 0, 28];
        raw.resize(28, 0);
        raw[9] = 17;
        let mut filter = Filter::new("arp or udp").expect("a filter");
        assert!(filter.matches(LinkType::ETHERNET, &ethernet).expect("compiles"));
        assert!(filter.matches(LinkType::RAW, &raw).expect("compiles"));
        raw[9] = 6;
        assert!(!filter.matches(LinkType::RAW, &raw).expect("compiles"));
    }

    #[test]
    fn a_typing_error_is_told_in_libpcaps_words() {
        let error = Filter::new("hots 10.0.0.1").err().expect("an error").to_string();
        assert!(error.contains("hots 10.0.0.1") && error.contains("ETHERNET"), "{error}");
    }
}
