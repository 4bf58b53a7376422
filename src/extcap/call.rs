//! What Wireshark asks for: its options, which come as `--name value` and as `--name=value` (extcap(4), and usbpcap's trouble with it).

use std::ffi::OsString;
use std::path::PathBuf;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Which interfaces are there?
    Interfaces,
    /// How do an interface's frames start?
    LinkTypes,
    /// What can be set up?
    Config,
    /// Capture.
    Capture {
        /// Which interface.
        interface: String,
        /// The pipe to write to.
        fifo: PathBuf,
        /// A capture filter.
        filter: Option<String>,
    },
}

impl Call {
    /// Whether the arguments are Wireshark's. Options that nobody knows yet are passed over: newer versions add some.
    ///
    /// # Errors
    /// Where something is missing.
    pub fn of(arguments: &[OsString]) -> Option<Result<Call, &'static str>> {
        let is_ours = |argument: &OsString| argument.to_str().is_some_and(|text| text == "--capture" || text.starts_with("--extcap-"));
        if !arguments.first().is_some_and(is_ours) && !arguments.iter().any(|argument| argument == "--extcap-interface") {
            return None;
        }
        let value = |name: &str| {
            let mut left = arguments.iter();
            while let Some(argument) = left.next() {
                if argument == name {
                    return left.next().cloned();
                }
                let rest = argument.to_str().and_then(|text| text.strip_prefix(name)).and_then(|text| text.strip_prefix('='));
                if let Some(rest) = rest {
                    return Some(rest.into());
                }
            }
            None
        };
        let text = |name: &str| value(name).map(|value| value.to_string_lossy().into_owned());
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        if has("--extcap-interfaces") {
            return Some(Ok(Call::Interfaces));
        }
        if has("--extcap-dlts") {
            return Some(Ok(Call::LinkTypes));
        }
        if !has("--capture") {
            return Some(Ok(Call::Config));
        }
        let (Some(interface), Some(fifo)) = (text("--extcap-interface"), value("--fifo")) else {
            return Some(Err("--capture needs --extcap-interface and --fifo"));
        };
        let filter = text("--extcap-capture-filter").filter(|filter| !filter.trim().is_empty());
        Some(Ok(Call::Capture { interface, fifo: fifo.into(), filter }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Option<Result<Call, &'static str>> {
        Call::of(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn wiresharks_calls_are_known_in_both_spellings_and_nobody_elses() {
        assert_eq!(call("--extcap-interfaces --extcap-version=4.0"), Some(Ok(Call::Interfaces)));
        assert_eq!(call("--extcap-interfaces --extcap-version 4.0"), Some(Ok(Call::Interfaces)));
        assert_eq!(call("--extcap-config --extcap-interface tapscope-tap0"), Some(Ok(Call::Config)));
        assert_eq!(call("--extcap-dlts --extcap-interface=tapscope-tap0"), Some(Ok(Call::LinkTypes)));
        let capture = |filter: Option<&str>| {
            Some(Ok(Call::Capture { interface: "tapscope-tap0".into(), fifo: "/tmp/f".into(), filter: filter.map(str::to_owned) }))
        };
        assert_eq!(call("--capture --extcap-interface tapscope-tap0 --fifo /tmp/f --extcap-capture-filter arp"), capture(Some("arp")));
        assert_eq!(call("--capture --extcap-interface=tapscope-tap0 --fifo=/tmp/f --new-option x"), capture(None));
        assert_eq!(call("--extcap-interface tapscope-tap0 --capture --fifo /tmp/f"), capture(None));
        assert!(matches!(call("--capture --fifo /tmp/f"), Some(Err(_))));
        for other in ["", "show capture.pcap", "record -w x", "--help", "extcap install"] {
            assert_eq!(call(other), None, "{other}");
        }
    }
}
