//! A forwarding database: entries that move, grow old, and are asked for one at a time.

use super::super::super::rows::Rows;
use super::super::wire::News;
use super::{FdbAge, FdbPlace, Space};
use std::io;
use std::time::{Duration, Instant};
use tapscope_graph::MacAddr;
use tapscope_graph::host::{DeviceId, FdbEntry};

/// An age that differs by less was only rounded otherwise.
const SAME_AGE: Duration = Duration::from_secs(2);

impl Space {
    /// Asks for one entry of a forwarding database; where there is none, what was known of it is taken back.
    ///
    /// # Errors
    /// The kernel does not answer, or cannot be asked for one entry.
    pub fn look_up_fdb(&mut self, bridge: DeviceId, mac: MacAddr, vlan: Option<u16>, rows: &mut Rows) -> io::Result<()> {
        if let Some(entry) = self.queries.fdb_entry(bridge, mac, vlan)? {
            self.take(News::Fdb(entry), rows, Instant::now());
            return Ok(());
        }
        let is_it = |entry: &&FdbEntry| entry.bridge == Some(bridge) && entry.mac == mac && entry.vlan == vlan;
        let gone: Vec<FdbEntry> = rows.host.fdb().filter(is_it).cloned().collect();
        gone.into_iter().for_each(|entry| self.take(News::FdbGone(entry), rows, Instant::now()));
        Ok(())
    }

    /// The age as it was last said, unless a frame refreshed the entry since; and the port that it led to before, if it was another.
    ///
    /// An age grows by itself: whoever knows when it was said knows it now.
    pub(super) fn settle(&mut self, mut entry: FdbEntry, now: Instant) -> (FdbEntry, Option<u32>) {
        let Some(place) = fdb_place(&entry) else { return (entry, None) };
        let refreshed = entry.age.and_then(|age| now.checked_sub(Duration::from_secs(age.into())));
        let before = self.fdb.get(&place);
        let old = before.map(|before| before.port).filter(|&port| port != entry.port.index);
        if let Some(before) = before
            && old.is_none()
            && let (Some(then), Some(refreshed)) = (before.refreshed, refreshed)
            && refreshed.saturating_duration_since(then) < SAME_AGE
        {
            entry.age = before.said;
            return (entry, None);
        }
        self.fdb.insert(place, FdbAge { port: entry.port.index, refreshed, said: entry.age });
        (entry, old)
    }
}

pub(super) fn fdb_place(entry: &FdbEntry) -> Option<FdbPlace> {
    entry.bridge.map(|bridge| (bridge.index, entry.mac, entry.vlan))
}
