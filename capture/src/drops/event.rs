//! The words of the tracepoint: what its `format` file says it has, and the lines of `trace_pipe`.

use tapscope_graph::Text;

/// What a packet was dropped for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// By the clock of the trace, nanoseconds.
    pub at: i64,
    /// EtherType.
    pub protocol: u16,
    /// The function, such as `nft_do_chain`.
    pub location: String,
    /// The name, such as `NETFILTER_DROP`; a number where the kernel has no name for it.
    pub reason: String,
}

/// A line of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A drop.
    Event(Event),
    /// So many were lost, because they were not read in time.
    Lost(u64),
}

/// What the event has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// The names of reasons, in the kernel's order; none before Linux 5.17.
    pub reasons: Vec<Text>,
}

/// Reads `events/skb/kfree_skb/format`, of whose `print fmt` the names are the symbols of `REC->reason`.
pub fn format(text: &str) -> Format {
    let symbols = text.split_once("__print_symbolic(REC->reason,").map_or("", |(_, symbols)| symbols);
    // `{ 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" }`
    let reasons = symbols.split('{').skip(1).take(1024).filter_map(|pair| {
        let (_, quoted) = pair.split_once('"')?;
        let (name, _) = quoted.split_once('"')?;
        is_name(name).then(|| Text::new(name))
    });
    Format { reasons: reasons.collect() }
}

/// Reads a line of `trace_pipe` (kernel/trace/trace_output.c, `trace_print_context`).
pub fn line(text: &str) -> Option<Line> {
    // `CPU:1 [LOST 312 EVENTS]`
    if let Some(lost) = text.strip_prefix("CPU:").and_then(|rest| rest.split_once("[LOST ")) {
        return lost.1.split_whitespace().next()?.parse().ok().map(Line::Lost);
    }
    // `ping-28098   [001] .Ns1. 30499.305833: kfree_skb: skbaddr=0 … reason: NETFILTER_DROP`. A task may call itself anything.
    let (context, fields) = text.rsplit_once(": kfree_skb: ")?;
    let at = moment(context.split_whitespace().next_back()?)?;
    let field = |name: &str| fields.split_once(name)?.1.split_whitespace().next();
    let location = field(" location=")?;
    let location = location.split_once('+').map_or(location, |(function, _)| function);
    let reason = field(" reason: ")?;
    (is_name(reason) && is_symbol(location))
        .then(|| Some(Event { at, protocol: field(" protocol=")?.parse().ok()?, location: location.into(), reason: reason.into() }))?
        .map(Line::Event)
}

/// Seconds with a fraction of at most nine digits, in nanoseconds.
fn moment(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos = fraction.parse::<i64>().ok()? * 10_i64.pow(9 - fraction.len() as u32);
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Letters, digits and `_`.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
}

/// A function's name, which a compiler may have cut in parts: `ip_rcv_core.isra.0`.
fn is_symbol(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "            ping-28098   [001] .Ns1. 30499.305833: kfree_skb: skbaddr=00000000007551a3 \
        rx_sk=0000000000000000 protocol=2048 location=nft_do_chain+0x5ad/0x610 reason: NETFILTER_DROP\n";

    fn dropped() -> Event {
        let (location, reason) = ("nft_do_chain".into(), "NETFILTER_DROP".into());
        Event { at: 30_499_305_833_000, protocol: 0x800, location, reason }
    }

    #[test]
    fn a_line_says_when_which_protocol_where_and_why() {
        assert_eq!(line(LINE), Some(Line::Event(dropped())));
        assert_eq!(line("CPU:1 [LOST 312 EVENTS]\n"), Some(Line::Lost(312)));
        assert_eq!(line("# tracer: nop\n"), None);
    }

    #[test]
    fn a_task_cannot_pretend_to_be_a_drop() {
        let named = LINE.replace("ping-", "1.0: kfree_skb: -");
        assert_eq!(line(&named), Some(Line::Event(dropped())));
    }

    #[test]
    fn a_reason_without_a_name_is_a_number() {
        // Subsystems have reasons of their own (include/net/dropreason.h); mac80211's are not in the table.
        let Some(Line::Event(event)) = line(&LINE.replace("NETFILTER_DROP", "0x10005")) else { panic!("a drop") };
        assert_eq!(event.reason, "0x10005");
    }

    #[test]
    fn the_names_of_reasons_are_those_of_the_kernel() {
        let text = "name: kfree_skb\nprint fmt: \"reason: %s\", REC->location, __print_symbolic(REC->reason, { 2, \"NOT_SPECIFIED\" }, \
            { 3, \"NO_SOCKET\" })\n";
        assert_eq!(format(text).reasons, [Text::new("NOT_SPECIFIED"), Text::new("NO_SOCKET")]);
        assert_eq!(format("print fmt: \"skbaddr=%p protocol=%u location=%p\"").reasons, [], "before Linux 5.17");
    }

    proptest! {
        #[test]
        fn any_line_is_survived(text in "(CPU:[0-9]{1,2} \\[LOST )?[ -~]{0,20}([0-9.]{0,30}: kfree_skb: )?( (location|protocol)=\\PC{0,9})?( reason: [A-Z]{0,3})?") {
            if let Some(Line::Event(event)) = line(&text) {
                prop_assert!(is_name(&event.reason) && is_symbol(&event.location));
            }
            let _ = format(&text);
        }
    }
}
