//! `nft -j list ruleset`, printed back as nft(8) writes rules. Read libnftables-json(5) first.

use super::{chain, row};
use serde_json::Value;
use std::fmt::Write;
use tapscope_graph::Text;
use tapscope_graph::host::{FirewallRule, Netns};

/// The most elements of a set that are said: lists of bad addresses have a hundred thousand.
const ELEMENTS: usize = 1024;

/// The rules, chain by chain, and what is in sets.
///
/// # Errors
/// The text is not what libnftables-json(5) describes.
pub(super) fn read(netns: Netns, json: &str) -> Result<Vec<FirewallRule>, String> {
    let whole: Value = serde_json::from_str(json).map_err(|error| format!("its JSON cannot be read: {error}"))?;
    let objects = whole["nftables"].as_array().ok_or("its JSON has no list called nftables")?;
    let mut found = Vec::new();
    for declared in objects.iter().filter_map(|object| object.get("chain")) {
        let [family, table, name] = ["family", "table", "name"].map(|key| word(&declared[key]));
        let policy = declared["policy"].as_str();
        let hook = declared["hook"].as_str().map(|hook| {
            let policy = policy.map_or(String::new(), |policy| format!(" policy {policy}"));
            // A chain of the family netdev belongs to devices.
            let devices = list(&declared["dev"]);
            let devices = if devices.is_empty() { String::new() } else { format!(" device {}", devices.join(",")) };
            format!("{hook} {}{devices}{policy}", declared["prio"].as_i64().unwrap_or(0))
        });
        let place = row(netns, "nft", &format!("{family} {table}"), &name, hook.as_deref());
        let is_ours = |rule: &&Value| word(&rule["family"]) == family && word(&rule["table"]) == table && word(&rule["chain"]) == name;
        let rules = objects.iter().filter_map(|object| object.get("rule")).filter(is_ours);
        let said = |rule: &Value| FirewallRule {
            rule: Text::long(&text(rule)),
            handle: rule["handle"].as_u64(),
            hits: hits(rule),
            ..place.clone()
        };
        let rows = rules.map(said).collect();
        let last = policy.map(|policy| FirewallRule { rule: Text::new(&format!("policy {policy}")), ..place.clone() });
        found.extend(chain(rows, last));
    }
    found.extend(objects.iter().filter_map(|object| object.get("set")).flat_map(|set| elements(netns, set)));
    Ok(found)
}

/// What is in a set that rules call by its name: rows of a chain that nothing jumps to, `set NAME`. If there are too many the last row
/// is `…`.
fn elements(netns: Netns, set: &Value) -> impl Iterator<Item = FirewallRule> {
    let [family, table, name] = ["family", "table", "name"].map(|key| word(&set[key]));
    let place = row(netns, "nft", &format!("{family} {table}"), &format!("set {name}"), None);
    let elements = set["elem"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rest = (elements.len() > ELEMENTS).then(|| Text::new("…"));
    // An element may be an object with its timeout and counter beside it.
    let texts = elements.iter().take(ELEMENTS).map(|one| Text::long(&expression(one.get("elem").map_or(one, |elem| &elem["val"]))));
    let rows: Vec<FirewallRule> = texts.chain(rest).map(|rule| FirewallRule { rule, ..place.clone() }).collect();
    chain(rows, None)
}

/// The first counter of a rule.
fn hits(rule: &Value) -> Option<(u64, u64)> {
    let counter = statements(rule).find_map(|statement| statement.get("counter"))?;
    Some((counter["packets"].as_u64()?, counter["bytes"].as_u64()?))
}

fn statements(rule: &Value) -> impl Iterator<Item = &Value> {
    rule["expr"].as_array().into_iter().flatten()
}

/// A rule, without its counters' values, which stand beside it and would make each reading another rule.
fn text(rule: &Value) -> String {
    let mut words: Vec<String> = statements(rule).map(statement).collect();
    if let Some(comment) = rule["comment"].as_str() {
        words.push(format!("comment \"{comment}\""));
    }
    words.join(" ")
}

/// One statement: an object with one key, its name. serde_json bounds how deep they nest.
fn statement(value: &Value) -> String {
    let Some((name, value)) = value.as_object().and_then(|object| object.iter().next()) else { return expression(value) };
    match name.as_str() {
        "match" => {
            // Nft leaves out the operators that go without saying.
            let (left, right) = (&value["left"], &value["right"]);
            let is_masked = ["&", "|", "^"].into_iter().any(|operator| left.get(operator).is_some());
            let operator = match value["op"].as_str().unwrap_or_default() {
                "==" | "in" if !is_masked => String::new(),
                other => format!("{other} "),
            };
            // Devices' names are in quotes, other names are not.
            let is_name = left["meta"]["key"].as_str().is_some_and(|key| key.ends_with("ifname")) && right.is_string();
            let right = if is_name { format!("\"{}\"", word(right)) } else { expression(right) };
            format!("{} {operator}{right}", expression(left))
        }
        "counter" => "counter".into(),
        "jump" | "goto" => format!("{name} {}", word(&value["target"])),
        "mangle" => format!("{} set {}", expression(&value["key"]), expression(&value["value"])),
        "vmap" => format!("{} vmap {}", expression(&value["key"]), expression(&value["data"])),
        "log" => match value["prefix"].as_str() {
            Some(prefix) => format!("log prefix \"{prefix}\""),
            None => "log".into(),
        },
        "limit" => {
            let over = if value["inv"].as_bool() == Some(true) { "over " } else { "" };
            let unit = value["rate_unit"].as_str().filter(|&unit| unit != "packets").map_or(String::new(), |unit| format!(" {unit}"));
            format!("limit rate {over}{}{unit}/{}", word(&value["rate"]), word(&value["per"]))
        }
        "reject" => match (value["type"].as_str(), value.get("expr")) {
            (Some(kind), Some(with)) => format!("reject with {kind} {}", expression(with)),
            (Some(kind), None) => format!("reject with {kind}"),
            (None, _) => "reject".into(),
        },
        "snat" | "dnat" | "masquerade" | "redirect" => nat(name, value),
        "queue" => value.get("num").map_or("queue".into(), |number| format!("queue num {}", expression(number))),
        "set" => format!("{} @{} {{ {} }}", word(&value["op"]), word(&value["set"]).trim_start_matches('@'), expression(&value["elem"])),
        _ if value.is_null() => name.clone(),
        _ => format!("{name} {}", expression(value)),
    }
}

fn nat(name: &str, value: &Value) -> String {
    let mut text = name.to_owned();
    if let Some(family) = value["family"].as_str() {
        let _ = write!(text, " {family}");
    }
    if value.get("addr").is_some() || value.get("port").is_some() {
        text.push_str(" to ");
        text.push_str(&value.get("addr").map_or(String::new(), expression));
        if let Some(port) = value.get("port") {
            let _ = write!(text, ":{}", expression(port));
        }
    }
    let flags = list(&value["flags"]);
    if !flags.is_empty() {
        let _ = write!(text, " {}", flags.join(","));
    }
    text
}

/// The elements of a list, or the one that stands for a list of one.
fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(expression).collect(),
        Value::Null => Vec::new(),
        one => vec![expression(one)],
    }
}

/// A word or number, without quotes.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

fn expression(value: &Value) -> String {
    let object = match value {
        Value::Object(object) => object,
        Value::Array(_) => return list(value).join(","),
        plain => return word(plain),
    };
    let Some((name, value)) = object.iter().next() else { return "{}".into() };
    match name.as_str() {
        "payload" if value.get("field").is_some() => format!("{} {}", word(&value["protocol"]), word(&value["field"])),
        "payload" => format!("@{},{},{}", word(&value["base"]), word(&value["offset"]), word(&value["len"])),
        // Some keys stand without their word, as nft(8) prints them.
        "meta" => match word(&value["key"]).as_str() {
            key @ ("iif" | "iifname" | "oif" | "oifname" | "iifgroup" | "oifgroup") => key.into(),
            key => format!("meta {key}"),
        },
        "ct" | "rt" | "socket" | "fib" | "osf" => {
            let parts = [&value["dir"], &value["family"], &value["result"], &value["key"]].into_iter().filter(|part| !part.is_null());
            let flags = list(&value["flags"]);
            let flags = if flags.is_empty() { String::new() } else { format!(" {}", flags.join(" . ")) };
            let words: Vec<String> = parts.map(word).collect();
            // `fib` names what it is about before what it gives.
            if name == "fib" { format!("fib{flags} {}", words.join(" ")) } else { format!("{name} {}{flags}", words.join(" ")) }
        }
        "prefix" => format!("{}/{}", expression(&value["addr"]), word(&value["len"])),
        "range" => list(value).join("-"),
        "concat" => list(value).join(" . "),
        "set" => {
            let pair = |element: &Value| match element.as_array().map(Vec::as_slice) {
                Some([key, verdict]) => format!("{} : {}", expression(key), statement(verdict)),
                _ => expression(element),
            };
            let elements: Vec<String> = value.as_array().map_or_else(|| list(value), |all| all.iter().map(pair).collect());
            format!("{{ {} }}", elements.join(", "))
        }
        "elem" => expression(&value["val"]),
        "map" => format!("{} map {}", expression(&value["key"]), expression(&value["data"])),
        "exthdr" | "tcp option" | "ip option" => format!("{name} {} {}", word(&value["name"]), word(&value["field"])),
        operator @ ("&" | "|" | "^" | "<<" | ">>") => match value.as_array().map(Vec::as_slice) {
            Some([left, Value::Array(right)]) => {
                format!("{} {operator} ({})", expression(left), right.iter().map(expression).collect::<Vec<_>>().join("|"))
            }
            _ => list(value).join(&format!(" {operator} ")),
        },
        _ if value.is_null() => name.clone(),
        // What is not known is shown as it came.
        _ => format!("{name} {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    #[test]
    fn rules_read_as_nft_writes_them() {
        let json = include_str!("nft.json");
        let rules = read(Netns(1), json).expect("nft's own output");
        let line = |rule: &FirewallRule| {
            let hook = rule.hook.as_ref().map_or("-".into(), |hook| hook.to_string());
            format!("{} {} [{hook}] {} {:?} {}\n", rule.table, rule.chain, rule.number, rule.hits, rule.rule)
        };
        expect![[r#"
            inet filter other [-] 0 None tcp flags & (syn|ack) == syn meta mark set 1 return
            inet filter forward [forward 0 policy drop] 0 Some((0, 0)) ct state established,related counter accept
            inet filter forward [forward 0 policy drop] 1 Some((5, 300)) iifname "tap0" oifname != "br0" ip saddr 10.0.0.0/24 tcp dport { 22, 80-90 } counter accept comment "ssh in"
            inet filter forward [forward 0 policy drop] 2 None ip saddr @allowed log prefix "x: " limit rate 5/second jump other
            inet filter forward [forward 0 policy drop] 3 None icmp type echo-request drop
            inet filter forward [forward 0 policy drop] 4 None reject with icmpx admin-prohibited
            inet filter forward [forward 0 policy drop] 5 None tcp dport vmap { 22 : accept, 23 : drop }
            inet filter forward [forward 0 policy drop] 6 None policy drop
            ip nat post [postrouting 100 policy accept] 0 None oifname "eth0" masquerade
            ip nat post [postrouting 100 policy accept] 1 None ip daddr 1.2.3.4 ip protocol tcp snat to 10.0.0.1:80
            ip nat post [postrouting 100 policy accept] 2 None policy accept
            bridge b f [forward -200 policy accept] 0 None ether saddr 02:00:00:00:00:01 drop
            bridge b f [forward -200 policy accept] 1 None vlan id 5 accept
            bridge b f [forward -200 policy accept] 2 None policy accept
            inet filter set allowed [-] 0 None 10.0.0.1
            inet filter set allowed [-] 1 None 10.0.0.2
        "#]].assert_eq(&rules.iter().map(line).collect::<String>());
    }

    #[test]
    fn what_is_not_json_or_not_nfts_is_an_error() {
        assert!(read(Netns(1), "netlink: Error").is_err_and(|why| why.starts_with("its JSON cannot be read")));
        assert_eq!(read(Netns(1), "{}"), Err("its JSON has no list called nftables".into()));
        assert!(read(Netns(1), &"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_object_is_survived(
            name in prop_oneof![Just("match"), Just("set"), Just("snat"), Just("&"), Just("fib"), Just("vmap"), Just("limit")],
            inner in "(\\{\"(op|left|right|set|key|data)\":(1|null|\"a\"|\\[1,\\[2]]|\\{})})|[0-9]|null",
        ) {
            let chain = r#"{"chain":{"family":"ip","table":"t","name":"c"}}"#;
            let rule = format!(r#"{{"rule":{{"family":"ip","table":"t","chain":"c","expr":[{{"{name}":{inner}}}]}}}}"#);
            let rules = read(Netns(1), &format!(r#"{{"nftables":[{chain},{rule}]}}"#));
            prop_assert_eq!(rules.map(|rules| rules.len()), Ok(1));
        }
    }
}
