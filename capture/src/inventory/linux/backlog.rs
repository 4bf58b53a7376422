//! Frames that the kernel threw away because it did not keep up (`net.core.netdev_max_backlog`).

use super::provider::{Provider, World};
use std::fs;
use std::time::Duration;
use tapscope_graph::host::{HostChange, HostFact};

/// Reads `/proc/net/softnet_stat`, which counts for all namespaces.
pub(super) struct Backlog;

impl Provider for Backlog {
    fn facts(&mut self, _: &World<'_>) -> Vec<HostFact> {
        fs::read_to_string("/proc/net/softnet_stat").map(|text| HostFact::Backlog(dropped(&text))).into_iter().collect()
    }

    fn good_for(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn is_outdated_by(&mut self, _: &HostChange) -> bool {
        false
    }
}

/// The sum of the second column, hexadecimal, over the processors (net/core/net-procfs.c, `softnet_seq_show`).
fn dropped(text: &str) -> u64 {
    let column = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
    text.lines().filter_map(column).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::dropped;

    #[test]
    fn the_second_column_of_each_processor_counts() {
        let text = "0004ba7b 00000010 00000007 00000000\n0002c1f5 00000001 00000002 00000000\nodd\n";
        assert_eq!(dropped(text), 17);
    }
}
