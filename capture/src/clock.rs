//! The wall clock, which stamps frames and what the host says.

use std::time::SystemTime;
use tapscope_graph::Timestamp;

/// Now; a clock before 1970 counts as 1970.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
