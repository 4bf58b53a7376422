//! How the files of a recording are called.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// `dir/trace.pcapng` with a number and a time, as dumpcap has them: `dir/trace_00001_20260101120000.pcapng`. The time is UTC, so that
/// names sort as the files were made also where clocks are changed twice a year.
pub(super) fn numbered(path: &Path, number: u32, at: SystemTime) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.to_string_lossy()));
    path.with_file_name(format!("{stem}_{number:05}_{}{ending}", stamp(at)))
}

/// What a file is called until its header is in it.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.part", path.file_name().unwrap_or_default().to_string_lossy()))
}

fn stamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let of_day = seconds % 86_400;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The day of the Gregorian calendar that lies so many days behind 1970-01-01: eras of 400 years from the first of March on, because the
/// leap day is then the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn files_are_called_as_dumpcap_calls_them() {
        let at = UNIX_EPOCH + Duration::from_secs(1_709_208_000);
        assert_eq!(numbered(Path::new("a/b.c.pcapng"), 7, at), Path::new("a/b.c_00007_20240229120000.pcapng"));
        assert_eq!(numbered(Path::new("trace"), 1, UNIX_EPOCH), Path::new("trace_00001_19700101000000"));
    }
}
