//! One option's argument as keys and values: QEMU's `key=value,…` (util/qemu-option.c) and JSON (qobject/json-parser.c).

use serde_json::Value;
use tapscope_graph::Text;

/// The most keys of one argument that are kept.
const KEYS: usize = 1024;
/// The longest key that is kept, octets; QEMU's own are shorter than 40.
const KEY_LENGTH: usize = 128;

/// Keys and values, in order. Objects within JSON become dotted keys, as QEMU's `addr.type=inet`; booleans are `on` and `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(Vec<(String, String)>);

impl Options {
    /// Reads an argument; `implied` is the key of a first value that has none. JSON that cannot be read gives no keys.
    pub(super) fn parse(argument: &[u8], implied: &str) -> Options {
        let text = String::from_utf8_lossy(argument);
        if !text.starts_with('{') {
            return Options::from_pairs(&text, implied);
        }
        let mut out = Options::default();
        if let Ok(value) = serde_json::from_str(&double_quoted(&text)) {
            out.flatten("", &value);
        }
        out
    }

    /// `a,b=1,c,nod` with `implied`=`k` is `k=a`, `b=1`, `c=on`, `d=off`; `,,` is a comma within a value.
    pub(super) fn from_pairs(text: &str, implied: &str) -> Options {
        let mut out = Options::default();
        let mut rest = text;
        let mut is_first = true;
        while !rest.is_empty() && out.0.len() < KEYS {
            let end = rest.find(['=', ',']).unwrap_or(rest.len());
            if rest[end..].starts_with('=') {
                let (value, after) = take_value(&rest[end + 1..]);
                out.push(&rest[..end], value);
                rest = after;
            } else if is_first && !implied.is_empty() {
                let (value, after) = take_value(rest);
                out.push(implied, value);
                rest = after;
            } else {
                match rest[..end].strip_prefix("no") {
                    Some(key) => out.push(key, "off".into()),
                    None => out.push(&rest[..end], "on".into()),
                }
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            is_first = false;
        }
        out
    }

    fn flatten(&mut self, key: &str, value: &Value) {
        let under = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        match value {
            _ if key.len() > KEY_LENGTH || self.0.len() >= KEYS => {}
            Value::Null => {}
            Value::Bool(is_on) => self.push(key, if *is_on { "on" } else { "off" }.into()),
            Value::Number(number) => self.push(key, number.to_string()),
            Value::String(text) => self.push(key, text.clone()),
            Value::Array(items) => items.iter().take(KEYS).enumerate().for_each(|(at, item)| self.flatten(&under(&at.to_string()), item)),
            Value::Object(items) => items.iter().take(KEYS).for_each(|(name, item)| self.flatten(&under(name), item)),
        }
    }

    fn push(&mut self, key: &str, value: String) {
        if key.len() <= KEY_LENGTH {
            self.0.push((key.to_owned(), value));
        }
    }

    /// A key's value; the last one counts.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A key's value as a number.
    pub(super) fn number(&self, key: &str) -> Option<u32> {
        self.value(key)?.parse().ok()
    }

    /// Whether a key is set to `on`, or by an old spelling of it.
    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.value(key), Some("on" | "yes" | "true" | "y"))
    }

    /// The numbers in a key's value, which are separated by colons: `fds=3:4`.
    pub(super) fn numbers(&self, key: &str) -> Vec<u32> {
        self.value(key).unwrap_or_default().split(':').filter_map(|number| number.parse().ok()).take(KEYS).collect()
    }

    /// As `key=value,…` for people, without some keys.
    pub(super) fn text(&self, without: &[&str]) -> Text {
        let mut out = String::new();
        for (key, value) in self.0.iter().filter(|(key, _)| !without.contains(&key.as_str())) {
            if !out.is_empty() {
                out.push(',');
            }
            out.push_str(key);
            out.push('=');
            out.extend(value.chars().take(tapscope_graph::text::MAX_LONG_CHARS));
            if out.len() > 4 * tapscope_graph::text::MAX_LONG_CHARS {
                break;
            }
        }
        Text::long(&out)
    }
}

/// A value up to its comma, and what is behind the comma.
fn take_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let Some(comma) = rest.find(',') else {
            value.push_str(rest);
            return (value, "");
        };
        value.push_str(&rest[..comma]);
        rest = &rest[comma + 1..];
        let Some(after) = rest.strip_prefix(',') else { return (value, rest) };
        value.push(',');
        rest = after;
    }
}

/// QEMU also takes strings in single quotes, which JSON does not know.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (_, '\\') => match chars.next() {
                Some('\'') => out.push('\''),
                next => {
                    out.push('\\');
                    out.extend(next);
                }
            },
            (None, '"' | '\'') => {
                quote = Some(c);
                out.push('"');
            }
            (Some(open), c) if c == open => {
                quote = None;
                out.push('"');
            }
            (Some('\''), '"') => out.push_str("\\\""),
            (_, c) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(argument: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        assert_eq!(Options::parse(argument.as_bytes(), "type"), Options(expected), "{argument}");
    }

    #[test]
    fn keys_flags_and_escaped_commas_are_read_as_qemu_reads_them() {
        check("tap,id=n0,script=no", &[("type", "tap"), ("id", "n0"), ("script", "no")]);
        check("id=n0,tap", &[("id", "n0"), ("tap", "on")]);
        check("unix:/a,,b,server,nowait", &[("type", "unix:/a,b"), ("server", "on"), ("wait", "off")]);
        check("tap,script=/a,,b=c,,", &[("type", "tap"), ("script", "/a,b=c,")]);
        check("a,,,b", &[("type", "a,"), ("b", "on")]);
        check("=,=", &[("", ""), ("", "")]);
        check("", &[]);
    }

    #[test]
    fn json_becomes_the_same_keys() {
        check(
            r#"{"type":"stream","addr":{"type":"unix","path":"/a,b"},"server":false,"reconnect":5}"#,
            &[("addr.path", "/a,b"), ("addr.type", "unix"), ("reconnect", "5"), ("server", "off"), ("type", "stream")],
        );
        check(r#"{'type':'tap','ifname':'a"\'b'}"#, &[("ifname", "a\"'b"), ("type", "tap")]);
        check(r#"{"hostfwd":[{"str":"tcp::1-:2"}]}"#, &[("hostfwd.0.str", "tcp::1-:2")]);
        check(r#"{"type":"#, &[]);
        check(&"{\"a\":".repeat(100_000), &[]);
    }

    #[test]
    fn the_text_leaves_out_what_has_a_field_of_its_own() {
        let options = Options::parse(b"socket,id=n0,listen=:8010", "type");
        assert_eq!(options.text(&["type", "id"]).as_str(), "listen=:8010");
    }
}
