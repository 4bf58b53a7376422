//! Queueing disciplines: what they dropped (linux/rtnetlink.h, `struct tcmsg`; linux/gen_stats.h).

use super::nla::{attributes, word_at};
use super::{News, Unread};
use tapscope_graph::Text;

const ABOUT: &str = "a queueing discipline";
/// `struct tcmsg`
const HEADER: usize = 20;
/// `TC_H_ROOT`, and `TC_H_INGRESS` of ingress and clsact.
const ROOT: u32 = 0xffff_ffff;
const INGRESS: u32 = 0xffff_fff1;

/// What the root of a device's queues dropped, and what filters at its clsact did. What is below a root counts there, too.
pub(super) fn dropped(bytes: &[u8]) -> Result<Option<News>, Unread> {
    const TCA_STATS2: u16 = 7;
    const TCA_STATS_QUEUE: u16 = 3;
    let rest = bytes.get(HEADER..).ok_or(Unread::short(ABOUT))?;
    let index = word_at(bytes, 4).ok_or(Unread::short(ABOUT))?;
    let name = match word_at(bytes, 12) {
        Some(ROOT) => "qdisc dropped",
        Some(INGRESS) => "clsact dropped",
        _ => return Ok(None),
    };
    let stats = attributes(rest).filter(|(kind, _)| *kind == TCA_STATS2).flat_map(|(_, value)| attributes(value));
    // `struct gnet_stats_queue`: length, backlog, drops.
    let drops = stats.filter(|(kind, _)| *kind == TCA_STATS_QUEUE).find_map(|(_, value)| word_at(value, 8));
    Ok(drops.map(|drops| News::Dropped { index, name: Text::new(name), packets: drops.into() }))
}
