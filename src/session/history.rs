//! What the window saw, to go back to: a ring of recordings on the disk, bounded, and gone when the window is.

use crate::live::LiveArguments;
use crate::live::order::Listener;
use crate::record::{Recording, section};
use anyhow::{Context, Result};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tapscope_capture::record::{End, Limits, Options, Place};

/// Octets of a file, and how many files there are: what is kept of the past.
const FILE: u64 = 32 << 20;
const FILES: u32 = 8;

/// The ring.
pub(super) struct History {
    recording: Option<Recording>,
    folder: PathBuf,
}

impl History {
    /// Begins one, in a folder that only this user may read.
    ///
    /// # Errors
    /// Where there is no place for it.
    pub fn begin(arguments: &LiveArguments) -> Result<History> {
        let above = place();
        sweep(&above);
        let folder = above.join(std::process::id().to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let ring = Limits { octets: Some(FILE), files: Some(FILES), ..Limits::default() };
        let place = Place::File(folder.join("past.pcapng"));
        let recording = Recording::begin(Options { ring: Some(ring), ..Options::new(place, section(arguments)) });
        let mut history = History { recording: None, folder };
        history.recording = Some(recording?);
        Ok(history)
    }

    /// What hears the events.
    pub fn listener(&self) -> Option<Box<dyn Listener>> {
        self.recording.as_ref().map(Recording::listener)
    }

    /// The files that there are, the oldest first, the last of them unfinished.
    pub fn files(&self) -> Vec<PathBuf> {
        self.recording.as_ref().map_or_else(Vec::new, |recording| recording.status().kept)
    }

    /// Why there is no more of it, if there is not.
    pub fn problem(&self) -> Option<String> {
        match self.recording.as_ref()?.status().end? {
            End::Failed(error) => Some(format!("the past is not kept any more: {error}")),
            End::Asked | End::Limit => None,
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.finish();
        }
        // What cannot be removed now is swept by the next.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `$XDG_CACHE_HOME/tapscope/past`, or as the XDG Base Directory Specification has it where that is not set.
fn place() -> PathBuf {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("tapscope").join("past")
}

/// Removes what windows left behind that were killed.
fn sweep(above: &Path) {
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    for entry in entries {
        let process: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
