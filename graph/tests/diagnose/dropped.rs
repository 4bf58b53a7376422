//! What the kernel says itself of packets that it dropped.

use crate::{KNOWN, ROUTED, STD, common};
use tapscope_graph::diagnose::{Diagnosis, Pinged, Question, diagnose};

const RULE: &str = "0 host nft bridge f forw forward/0 0 ip protocol icmp icmp type echo-request drop";

fn answer(script: &str, from: &str, to: &str, pinged: Option<Pinged>) -> Diagnosis {
    let mut view = common::view(script);
    view.tables.now = view.tables.now.map(|now| tapscope_graph::Timestamp(now.0 + 1_000_000_000));
    let party = |text: &str| text.parse().expect("a party");
    diagnose(&view, &Question { pinged, ..Question::new(party(from), party(to)) })
}

/// The evidence for the first cause.
fn evidence(found: &Diagnosis) -> Vec<String> {
    let proofs = found.causes.first().map_or(&[][..], |cause| &cause.proofs);
    proofs.iter().map(|proof| format!("{} {}", proof.rank.name(), proof.text)).collect()
}

const STATE: &str = "E4 nft bridge f chain forw rule 0: ip protocol icmp icmp type echo-request drop";

#[test]
fn a_drop_just_after_each_packet_was_seen_is_theirs() {
    let drops = "3 host drop NETFILTER_DROP nft_do_chain 800 1.0001 2.0001";
    let found = answer(&format!("{STD}\n{RULE}\n{KNOWN}\n{drops}"), "a", "b", None);
    assert_eq!(evidence(&found), ["E1 kernel drop NETFILTER_DROP at nft_do_chain, just after 2 of 2 were seen", STATE]);
}

#[test]
fn drops_at_other_times_or_of_another_protocol_or_reason_are_of_other_packets() {
    for drops in [
        "3 host drop NETFILTER_DROP nft_do_chain 800 0.5 1.5 2.5",
        "3 host drop NETFILTER_DROP nft_do_chain 86dd 1.0001 2.0001",
        "3 host drop NO_SOCKET __udp4_lib_rcv 800 1.0001 2.0001",
    ] {
        let found = answer(&format!("{STD}\n{RULE}\n{KNOWN}\n{drops}"), "a", "b", None);
        assert_eq!(evidence(&found), [STATE], "{drops}");
    }
}

#[test]
fn where_much_is_dropped_for_the_same_reason_the_moments_prove_nothing() {
    let others: Vec<String> = (0..12).map(|number| format!("1.{}", 1 + number * 5)).collect();
    let drops = format!("3 host drop NETFILTER_DROP nft_do_chain 800 1.0001 {} 2.0001", others.join(" "));
    let found = answer(&format!("{STD}\n{RULE}\n{KNOWN}\n{drops}"), "a", "b", None);
    let log = "E7 kernel drop NETFILTER_DROP at nft_do_chain, just after 2 of 2 were seen; 12 at other times";
    assert_eq!(evidence(&found), [STATE, log]);
    let some = "3 host drop NETFILTER_DROP nft_do_chain 800 1.0001";
    let found = answer(&format!("{STD}\n{RULE}\n{KNOWN}\n{some}"), "a", "b", None);
    assert_eq!(evidence(&found), [STATE, "E7 kernel drop NETFILTER_DROP at nft_do_chain, just after 1 of 2 were seen"]);
}

#[test]
fn a_drop_that_nothing_explains_is_named_with_what_it_may_be() {
    let drops = "3 host drop NETFILTER_DROP nft_do_chain 800 1.0001 2.0001";
    let found = answer(&format!("{STD}\n{KNOWN}\n{drops}"), "a", "b", None);
    assert!(found.causes.is_empty(), "the reason alone accuses no rule");
    assert_eq!(found.coverage.unreadable, ["kernel drop NETFILTER_DROP at nft_do_chain, just after 2 of 2 were seen"]);
    assert!(found.candidates.iter().any(|candidate| candidate.code == "NFT_BRIDGE_DROP"), "{:?}", found.candidates);
}

#[test]
fn echoes_that_nobody_saw_are_counted() {
    let rule = "0 host nft inet fw output output/0 0 icmp type echo-request drop";
    let drops = "3 host drop NETFILTER_DROP nft_do_chain 800 1.0 1.5 2.0";
    let quiet = "0.1 tapB< b>* arp who-has 10.9.2.254 tell 10.9.2.1";
    let pinged = |sent| Some(Pinged { sent, received: 0 });
    let word = "E3 kernel drop NETFILTER_DROP at nft_do_chain, as often as ping sent: 3".to_owned();
    let script = format!("{ROUTED}\n{rule}\n{quiet}\n{drops}");
    assert!(evidence(&answer(&script, "10.9.2.254", "10.9.2.1", pinged(3))).contains(&word));
    assert!(!evidence(&answer(&script, "10.9.2.254", "10.9.2.1", pinged(4))).contains(&word), "another number proves nothing");
}
