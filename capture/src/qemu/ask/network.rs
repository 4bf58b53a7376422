//! What `info network` prints (QEMU, `net/net.c`, `hmp_info_network`): text of an untrusted process.
//!
//! A card, then ` \ ` and its backend; several queues repeat both with other indexes. A backend without a card stands alone. A hub stands
//! before its ports, each ` \ PORT: CLIENT: …`. Then come filters.

use tapscope_graph::Text;
use tapscope_graph::host::AskedCard;

/// The most cards and backends that are kept, and lines that are read.
const MOST: usize = 256;
const LINES: usize = 4096;

/// Reads the cards and backends.
pub fn read(said: &str) -> Vec<AskedCard> {
    let mut cards: Vec<AskedCard> = Vec::new();
    for line in said.lines().take(LINES) {
        let line = line.trim_end();
        if line == "filters:" || cards.len() >= MOST {
            break;
        }
        let (is_peer, line) = match line.trim_start().strip_prefix("\\ ") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        // A hub's ports have a name of their own before the client's.
        let line = match line.split_once(": ") {
            Some((port, rest)) if port.starts_with("hub") && rest.contains(": index=") => rest,
            _ => line,
        };
        let Some((name, fields)) = line.split_once(": index=") else { continue };
        let Some((index, fields)) = fields.split_once(",type=") else { continue };
        if index != "0" || name.is_empty() {
            continue;
        }
        let (kind, rest) = fields.split_once(',').unwrap_or((fields, ""));
        if kind == "nic" {
            let field = |key: &str| rest.split(',').find_map(|field| field.strip_prefix(key));
            cards.push(AskedCard {
                card: Some(Text::new(name)),
                model: field("model=").map(Text::new),
                mac: field("macaddr=").and_then(|mac| mac.parse().ok()),
                ..AskedCard::default()
            });
            continue;
        }
        let (netdev, backend) = (Some(Text::new(name)), Some((Text::new(kind), Text::long(rest))));
        match cards.last_mut().filter(|card| is_peer && card.card.is_some() && card.netdev.is_none()) {
            Some(card) => (card.netdev, card.backend) = (netdev, backend),
            None => cards.push(AskedCard { netdev, backend, ..AskedCard::default() }),
        }
    }
    cards
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(said: &str) -> Vec<String> {
        let text = |text: &Option<Text>| text.as_ref().map_or_else(|| "-".to_owned(), Text::to_string);
        let line = |card: AskedCard| {
            let (kind, state) = card.backend.unwrap_or_default();
            let mac = card.mac.map_or_else(|| "-".to_owned(), |mac| mac.to_string());
            format!("{} {mac} {} {kind} {state}", text(&card.card), text(&card.netdev)).trim_end().to_owned()
        };
        read(said).into_iter().map(line).collect()
    }

    #[test]
    fn cards_have_their_backends_and_filters_are_none() {
        let said = "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:57\n \\ n0: index=0,type=user,net=10.0.2.0,\
            restrict=off\nn9: index=0,type=tap,ifname=tapq9,script=no\nfilters:\n  - d0: type=filter-dump,file=/x,netdev=n0,queue=all\n";
        assert_eq!(
            lines(said),
            ["virtio-net-pci.0 52:54:00:12:34:57 n0 user net=10.0.2.0,restrict=off", "- - n9 tap ifname=tapq9,script=no"]
        );
    }

    #[test]
    fn several_queues_are_one_card() {
        let said = "net0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:57\n \\ n0: index=0,type=tap,fds=8\n\
            net0: index=1,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:57\n \\ n0: index=1,type=tap,fds=9\n";
        assert_eq!(lines(said), ["net0 52:54:00:12:34:57 n0 tap fds=8"]);
    }

    #[test]
    fn a_connection_that_is_cut_has_no_words() {
        let said = "e: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n \\ n0: index=0,type=socket,\n";
        assert_eq!(lines(said), ["e 52:54:00:12:34:56 n0 socket"]);
    }

    #[test]
    fn a_hub_has_ports_on_which_backends_and_cards_are() {
        let said = "hub 0\n \\ hub0port1: #net158: index=0,type=user,net=10.0.2.0\n \\ hub0port0: e1000.0: index=0,type=nic,model=e1000,\
            macaddr=52:54:00:12:34:56\n";
        assert_eq!(lines(said), ["- - #net158 user net=10.0.2.0", "e1000.0 52:54:00:12:34:56 -"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(said in "((hub|n0|x)?(: )?(index=[01],)?(type=(nic|tap),)?[ -~\\\\\n]{0,12}){0,40}") {
            prop_assert!(read(&said).len() <= MOST);
        }
    }
}
