//! Text from the wire, which only comes out sanitised.
//!
//! Host names, DHCP options, LLDP names and interface names in files are chosen by strangers. [`Text`] keeps what they said within a
//! bound and prints it so that it can neither move a terminal's cursor, nor turn the reading direction, nor hide, nor flood.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The most characters of a [`Text`] that are kept; what is longer ends in `…`.
pub const MAX_CHARS: usize = 64;
/// The same for fields that are longer by their standards, such as DHCP's options (255 octets).
pub const MAX_LONG_CHARS: usize = 255;

/// The most octets of a text that was written sanitised: a path, with every character written out.
const MAX_WRITTEN: usize = 64 * 1024;

/// Untrusted text, sanitised when it is made: there is no way to the raw form.
///
/// Invalid UTF-8 becomes U+FFFD. Control characters (C0, DEL, C1), bidirectional controls (U+061C, U+200E, U+200F, U+202A to U+202E,
/// U+2066 to U+2069), invisible and format characters, line separators, private use and unassigned-looking specials are written as
/// `\n`, `\t`, `\x1b` or `\u{202e}`; a backslash as `\\`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Sanitises octets that should be UTF-8 or ASCII. Trailing NULs, which padding leaves behind, are dropped.
    pub fn from_wire(bytes: &[u8]) -> Text {
        Self::bounded(bytes, MAX_CHARS)
    }

    /// As [`Text::from_wire`], with room for [`MAX_LONG_CHARS`].
    pub fn long_from_wire(bytes: &[u8]) -> Text {
        Self::bounded(bytes, MAX_LONG_CHARS)
    }

    /// Sanitises a file's path, which may be longer than any name.
    pub fn path(path: &str) -> Text {
        Self::build(path.chars(), 4096, false)
    }

    /// Octets as hexadecimal digits.
    pub fn hex(bytes: &[u8]) -> Text {
        use fmt::Write;
        let mut out = String::new();
        for byte in bytes.iter().take(MAX_CHARS / 2) {
            let _ = write!(out, "{byte:02x}");
        }
        if bytes.len() > MAX_CHARS / 2 {
            out.push('…');
        }
        Text(out.into())
    }

    fn bounded(bytes: &[u8], limit: usize) -> Text {
        let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        // A character takes at most four octets, and what lies behind the bound is not worth reading.
        let (head, cut) = if end > 4 * limit { (&bytes[..4 * limit], true) } else { (&bytes[..end], false) };
        Self::build(String::from_utf8_lossy(head).chars(), limit, cut)
    }

    /// Sanitises a string.
    pub fn new(text: &str) -> Text {
        Self::build(text.chars(), MAX_CHARS, false)
    }

    /// Sanitises a string that may be longer than a name, such as a rule: up to [`MAX_LONG_CHARS`].
    pub fn long(text: &str) -> Text {
        Self::build(text.chars(), MAX_LONG_CHARS, false)
    }

    fn build(chars: impl Iterator<Item = char>, limit: usize, cut: bool) -> Text {
        let mut out = String::new();
        let mut cut = cut;
        for (count, c) in chars.enumerate() {
            if count == limit {
                cut = true;
                break;
            }
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if (c as u32) < 0x100 && c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
                c if is_deceptive(c) => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
                c => out.push(c),
            }
        }
        if cut {
            out.push('…');
        }
        Text(out.into())
    }

    /// The sanitised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A text as content or attribute of an XML 1.0 document: what has a meaning there is escaped, and what may not stand there at all (section
/// 2.2 of the recommendation: most control characters, U+FFFE, U+FFFF) is U+FFFD.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // As they are, an attribute would turn them into spaces.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", c as u32)),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// As it is printed.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A text that was sanitised before it was written stays as it is; whatever else somebody wrote there is sanitised now.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_sanitised = text.len() <= MAX_WRITTEN && !text.chars().any(|c| ((c as u32) < 0x100 && c.is_control()) || is_deceptive(c));
        Ok(if is_sanitised { Text(text.into()) } else { Text::path(&text) })
    }
}

/// Characters that print as nothing, turn the text around, break the line, or mean nothing outside of one system.
fn is_deceptive(c: char) -> bool {
    matches!(c as u32,
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164
        | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffc
        | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
        || c as u32 & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_direction_overrides_are_written_out() {
        assert_eq!(Text::from_wire(b"web\x1b[31m\x9b\r\n\0\0").as_str(), "web\\x1b[31m\u{fffd}\\r\\n");
        assert_eq!(Text::new("a\u{202e}b\u{200b}\\").as_str(), "a\\u{202e}b\\u{200b}\\\\");
        assert_eq!(Text::new("küche 厨房").as_str(), "küche 厨房");
    }

    #[test]
    fn xml_gets_no_character_that_it_forbids_and_no_mark_up_from_a_name() {
        assert_eq!(xml("<a b='&\"'>\n\0\x1b\u{ffff}"), "&lt;a b=&#39;&amp;&quot;&#39;&gt;&#10;\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = Text::from_wire(&[b'a'; 100_000]);
        assert_eq!(text.as_str().chars().count(), MAX_CHARS + 1);
        assert!(text.as_str().ends_with('…'));
    }

    #[test]
    fn a_text_is_sanitised_once_also_when_it_was_written_and_read_again() {
        for raw in ["a\\b", "web\x1b[31m", "a\u{202e}b", "küche", "", "\\x1b"] {
            let text = Text::new(raw);
            let written = serde_json::to_string(&text).expect("JSON");
            assert_eq!(serde_json::from_str::<Text>(&written).expect("a text"), text);
        }
        let forged: Text = serde_json::from_str(r#""a\u001b[2Jb""#).expect("a text");
        assert_eq!(forged.as_str(), "a\\x1b[2Jb");
    }
}
