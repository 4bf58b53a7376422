//! What of a capture is meant, as it is said on the command line.

use super::cut::{Cut, Moment};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use std::net::IpAddr;
use std::time::SystemTime;
use tapscope_capture::filter::Filter;
use tapscope_graph::display_filter::DisplayFilter;
use tapscope_graph::selection::FlowPattern;
use tapscope_graph::topology::NodeKind;
use tapscope_graph::{MacAddr, Selection, Text, Timestamp, View};

/// Names that an error lists.
const LISTED: usize = 12;

/// Which frames.
#[derive(Args, Clone, Debug, Default)]
pub struct ChoiceArguments {
    /// Only this point, by its interface's name or number; may be repeated, as all that follow
    #[arg(long = "point", value_name = "NAME", help_heading = "Which frames")]
    points: Vec<String>,
    /// Only this link, such as `tap0` or `tap0 VLAN 10`, or its id in `show --format json`
    #[arg(long = "link", value_name = "NAME", help_heading = "Which frames")]
    links: Vec<String>,
    /// Only this guest or host, by name, address or MAC: what it sends and gets, and who asks for it
    #[arg(long = "node", visible_alias = "guest", value_name = "NAME", help_heading = "Which frames")]
    nodes: Vec<String>,
    /// Only this flow, both ways: 10.0.0.1:1234-10.0.0.2:80/tcp, ports and protocol optional; or its place in `show --format json`, from 0
    #[arg(long = "flow", value_name = "FLOW", help_heading = "Which frames")]
    flows: Vec<String>,
    /// Only the sightings of this packet, by the journey's id in `show --format json`
    #[arg(long = "journey", value_name = "ID", help_heading = "Which frames")]
    journeys: Vec<u64>,
    /// From this moment on: 2026-11-24T12:00:00Z, or seconds or a time such as 1m30s from the first frame
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Which frames")]
    from: Option<Moment>,
    /// Up to and without this moment
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = "Which frames")]
    to: Option<Moment>,
    /// Only what passes this filter (pcap-filter(7))
    #[arg(short = 'f', long, value_name = "BPF", help_heading = "Which frames")]
    filter: Option<String>,
    /// Only what this display filter means, in the language of the window's search box: `arp or icmp`, `ip.addr == 10.0.0.0/8`
    #[arg(long = "where", value_name = "FILTER", value_parser = crate::show::display_filter, help_heading = "Which frames")]
    pub display: Option<DisplayFilter>,
}

impl ChoiceArguments {
    /// Whether the whole has to be known before a frame can be judged.
    pub fn must_be_learned(&self) -> bool {
        let is_relative = |moment: &Option<Moment>| matches!(moment, Some(Moment::After(_)));
        let is_named = !self.points.is_empty() || !self.links.is_empty() || !self.nodes.is_empty() || !self.journeys.is_empty();
        is_named || self.flows.iter().any(|flow| flow.parse::<usize>().is_ok()) || is_relative(&self.from) || is_relative(&self.to)
    }

    /// The filter.
    ///
    /// # Errors
    /// Where libpcap does not understand it.
    pub fn filter(&self) -> Result<Option<Filter>> {
        Ok(self.filter.as_deref().map(Filter::new).transpose()?)
    }

    /// Looks everything up.
    ///
    /// # Errors
    /// Where there is no such thing; says what there is.
    pub fn selected(&self, view: &View) -> Result<Selection> {
        let mut selection = Selection::default();
        for name in &self.points {
            if !selection.add_point(&view.tables, name) {
                let points = view.tables.points.iter().enumerate();
                let labels = points.map(|(index, point)| point.label(tapscope_graph::PointId(index as u32)));
                bail!("there is no point {}; there {}", Text::new(name), listed(labels));
            }
        }
        for name in &self.links {
            if !selection.add_link(&view.topology, name) {
                let links = view.topology.links().filter(|link| link.point.is_some());
                bail!("no point listens on a link {}; there {}", Text::new(name), listed(links.map(|link| link.name.to_string())));
            }
        }
        for name in &self.nodes {
            if !selection.add_node(view, name) {
                let nodes = view.topology.nodes().filter(|node| node.kind != NodeKind::Outside);
                bail!("there is no guest or host {}; there {}", Text::new(name), listed(nodes.map(tapscope_graph::topology::Node::title)));
            }
        }
        for flow in &self.flows {
            match flow.parse::<usize>() {
                Ok(index) if selection.add_flow(&view.tables, index) => {}
                Ok(index) => bail!("there is no flow {index}: there are {}, counted from 0", view.tables.flows.len()),
                Err(_) => selection.flows.push(pattern(flow)?),
            }
        }
        for &id in &self.journeys {
            if !selection.add_journey(&view.tables, id) {
                bail!("there is no journey {id}: `tapscope show --format json` lists them, with their ids");
            }
        }
        let begin = view.tables.begin.unwrap_or_default();
        selection.from = self.from.map(|moment| moment.from(begin));
        selection.to = self.to.map(|moment| moment.from(begin));
        Ok(selection)
    }

    /// What is known without looking: for what is read once.
    ///
    /// # Errors
    /// Where a thing is named that only the whole tells.
    pub fn streamed(&self) -> Result<Cut> {
        let why = "this can only be found when everything was read once, and a stream cannot be read twice: save it to a file first";
        if !self.links.is_empty() || !self.journeys.is_empty() {
            bail!("{why} (--link, --journey)");
        }
        let mut selection = Selection::default();
        for name in &self.nodes {
            let (ip, mac) = (name.parse::<IpAddr>().ok(), name.parse::<MacAddr>().ok());
            if ip.is_none() && mac.is_none() {
                bail!("{why}; or give the address or the MAC of {}", Text::new(name));
            }
            selection.add_address(ip, mac);
        }
        for flow in &self.flows {
            if flow.parse::<usize>().is_ok() {
                bail!("{why}; or write the flow out: 10.0.0.1:1234-10.0.0.2:80/tcp");
            }
            selection.flows.push(pattern(flow)?);
        }
        let mut cut = Cut::new(selection, self.filter()?);
        cut.wait_for(self.points.clone(), self.from, self.to);
        cut.only(self.display.clone().unwrap_or_default());
        Ok(cut)
    }
}

fn pattern(text: &str) -> Result<FlowPattern> {
    text.parse().map_err(|reason| anyhow!("{}: {reason}", Text::new(text)))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match (names.is_empty(), more) {
        (true, _) => "is none".to_owned(),
        (false, 0) => format!("are {}", names.join(", ")),
        (false, more) => format!("are {} and {more} more", names.join(", ")),
    }
}

/// A moment: RFC 3339, seconds, or a duration.
pub fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let nanos = seconds * 1e9;
        // Beyond, a number is no time any more.
        return if nanos.is_finite() && nanos.abs() < 9e18 { Ok(Moment::After(nanos as i64)) } else { Err("too far away".to_owned()) };
    }
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        };
        return Ok(Moment::At(Timestamp(nanos)));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| "neither 2026-11-24T12:00:00Z nor a time from the start such as 2.5 or 1m30s".to_owned())?;
    i64::try_from(duration.as_nanos()).map(Moment::After).map_err(|_| "too far away".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_distance_from_the_start() {
        assert_eq!(moment("2.5"), Ok(Moment::After(2_500_000_000)));
        assert_eq!(moment("1m30s"), Ok(Moment::After(90_000_000_000)));
        let noon = Ok(Moment::At(Timestamp(1_795_521_600_250_000_000)));
        assert_eq!(moment("2026-11-24T12:00:00.25Z"), noon);
        assert_eq!(moment("2026-11-24 12:00:00.25"), noon);
        for wrong in ["", "noon", "1e30", "inf", "2026-13-01T00:00:00Z"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
