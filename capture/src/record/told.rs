//! What pcapng has no block for: written into custom options, which other programs pass over and tapscope reads back.
//!
//! An event goes into a name resolution block without names, in as many options as it needs. Not into a custom block: Wireshark lists each
//! of these as if it were a packet, and numbers the packets behind it otherwise than everybody else. An option begins with a private
//! enterprise number; the content of all together begins with a mark and a version; then comes JSON. JSON, because recordings outlive
//! versions: a field that is not known is passed over, one that is missing has its default, and a stranger can read it with strings(1).
//! A binary form would save octets where there are few: it is frames that fill files.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tapscope_graph::host::HostChange;
use tapscope_graph::{LossCause, PointId, PointInfo, Timestamp};

/// The enterprise number for examples (RFC 5612): nobody owns it, so the mark behind it tells that the rest is ours.
pub(crate) const ENTERPRISE: u32 = 32_473;
/// Format and version of what follows.
pub(crate) const MARK: &[u8] = b"tapscope/1 ";
/// How every version's mark begins.
const ANY_MARK: &[u8] = b"tapscope/";

/// The most octets of an event that are read.
pub(crate) const MAX_TOLD: usize = 4 << 20;
/// Changes of the host are written in blocks of about so many octets.
pub(crate) const CHUNK: usize = 256 << 10;

/// In a name resolution block: an event that is neither an interface nor a packet.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Told<'a> {
    /// [`Event::Closed`](tapscope_graph::Event::Closed)
    Closed { point: PointId, reason: Option<Cow<'a, str>> },
    /// [`Event::Resumed`](tapscope_graph::Event::Resumed) of a point that is as it was described: it needs no other interface.
    Resumed { point: PointId, at: Timestamp },
    /// [`Event::Lost`](tapscope_graph::Event::Lost)
    Lost { point: PointId, frames: u64, cause: LossCause },
    /// [`Event::Host`](tapscope_graph::Event::Host)
    Host {
        at: Timestamp,
        changes: Cow<'a, [HostChange]>,
        /// The event goes on in the next block of this kind.
        #[serde(default)]
        goes_on: bool,
    },
}

/// In a custom option of an interface description: the point in full, and whether it goes on there.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Described<'a> {
    /// [`Event::Resumed`](tapscope_graph::Event::Resumed), of which point and when; else the point is new.
    #[serde(default)]
    pub resumes: Option<(PointId, Timestamp)>,
    /// Beside what the interface description says.
    pub point: Cow<'a, PointInfo>,
}

/// Reads what custom options hold behind their enterprise number; none where it is somebody else's.
pub(crate) fn read<'de, T: Deserialize<'de>>(content: &'de [u8]) -> Option<Result<T, String>> {
    let Some(json) = content.strip_prefix(MARK) else {
        let is_ours = content.starts_with(ANY_MARK);
        return is_ours.then(|| Err("it is of a newer version of tapscope".to_owned()));
    };
    if json.len() > MAX_TOLD {
        return Some(Err(format!("it has {} octets, more than the {MAX_TOLD} that are taken", json.len())));
    }
    Some(serde_json::from_slice(json).map_err(|error| error.to_string()))
}
