use super::*;
use proptest::prelude::*;

/// A row with some of everything.
struct Row;

impl Subject for Row {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let ip = |text: &str| Value::Ip(text.parse().expect("an address"));
        match field {
            Field::IpSource => test(ip("10.0.2.101")),
            Field::IpDestination => test(ip("10.0.3.101")),
            Field::IpAddr => test(ip("10.0.2.101")) || test(ip("10.0.3.101")),
            Field::EthAddr => test(Value::Mac(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]))),
            Field::Port | Field::TcpPort => test(Value::Number(40_000)) || test(Value::Number(80)),
            Field::FrameLength => test(Value::Number(1514)),
            Field::Name => test(Value::Text("Web-1")),
            Field::Info => test(Value::Text("GET /Grüße")),
            _ => false,
        }
    }

    fn has(&self, protocol: Protocol) -> bool {
        matches!(protocol, Protocol::Tcp | Protocol::Ip)
    }
}

fn holds(filter: &str) -> bool {
    DisplayFilter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).matches(&Row)
}

#[test]
fn a_row_passes_if_what_is_asked_is_so() {
    let yes = [
        "",
        "tcp",
        "tcp and ip.addr == 10.0.2.101",
        "ip.addr == 10.0.0.0/8",
        "ip.src==10.0.2.101 && ip.dst == 10.0.3.101",
        "arp or not udp",
        "!(arp || udp)",
        "port in {22 80}",
        "tcp.port in {22, 80}",
        "frame.len > 1500 and frame.len <= 1514",
        "name contains \"web\"",
        "name == web-1",
        "web",
        "10.0.2.101",
        "10.0.2.0/24 tcp",
        "52:54:00:12:34:56",
        "52-54-0-12-34-56",
        "80",
        "grüße",
        "vlan.id != 7",
        "name",
    ];
    let no = [
        "arp",
        "ip.src == 10.0.3.101",
        "ip.addr != 10.0.2.101",
        "frame.len < 64",
        "udp or arp",
        "web and arp",
        "443",
        "name == web",
        "state",
    ];
    for filter in yes {
        assert!(holds(filter), "{filter}");
    }
    for filter in no {
        assert!(!holds(filter), "{filter}");
    }
}

#[test]
fn an_error_says_where_and_what_would_be_right() {
    let error = |filter: &str| DisplayFilter::parse(filter).expect_err("an error").to_string();
    assert_eq!(error("ip.addr =="), "at 11: expected an address or prefix, such as 10.0.2.101 or 10.0.0.0/8");
    assert_eq!(error("ip.addr == web"), "at 12: expected an address or prefix, such as 10.0.2.101 or 10.0.0.0/8, not \"web\"");
    assert_eq!(error("ip.addr > 10.0.0.1"), "at 9: ip.addr is an address: compare it with == or !=");
    assert_eq!(error("(arp"), "at 5: expected \")\"");
    assert_eq!(error("arp)"), "at 4: \")\" has nothing to close or to join");
    assert_eq!(error("arp or"), "at 7: expected a field, a protocol or a word");
    assert_eq!(error("prot == 7"), "at 1: there is no field \"prot\"; fields are ip.addr, eth.addr, port, name, …");
    assert_eq!(error("name contains \"web"), "at 15: the quotation is not closed");
    assert_eq!(error("web?"), "at 4: '?' means nothing here: put text in quotation marks");
}

#[test]
fn what_may_come_next_is_offered() {
    let offers =
        |text: &str| complete(text, text.len(), ["10.0.2.101", "web", "80"]).into_iter().map(|offer| offer.text).collect::<Vec<_>>();
    assert_eq!(offers("ip.s"), ["ip.src"]);
    assert_eq!(offers("tcp and ip.addr "), ["==", "!=", "in", "and", "or"]);
    assert_eq!(offers("ip.addr == 1"), ["10.0.2.101"]);
    assert_eq!(offers("we"), ["web"]);
    assert_eq!(offers("arp or ic"), ["icmp", "icmpv6"]);
    assert_eq!(offers("\"tc"), [""; 0]);
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_an_error_within_it(text in "\\PC{0,60}", cursor in 0_usize..80) {
        if let Err(error) = DisplayFilter::parse(&text) {
            prop_assert!(error.at.start <= error.at.end && error.at.end <= text.len());
        }
        for offer in complete(&text, cursor, ["10.0.0.1"]) {
            prop_assert!(text.get(offer.at.clone()).is_some());
        }
    }

    #[test]
    fn any_words_of_the_language_are_a_filter_or_an_error(words in prop::collection::vec(prop::sample::select(vec![
        "arp", "and", "or", "not", "(", ")", "{", "}", "in", "==", "!=", "<", "ip.addr", "port", "name", "contains", "80", "10.0.0.1", "\"x\"", ",",
    ]), 0..200)) {
        let text = words.join(" ");
        if let Ok(filter) = DisplayFilter::parse(&text) {
            filter.matches(&Row);
        }
    }
}
