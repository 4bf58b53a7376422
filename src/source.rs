//! What is looked at: the recording inside the program, or files.

use anyhow::{Context, Result};
use std::path::PathBuf;
use tapscope_capture::file::{Merged, Reader};
use tapscope_graph::Text;

/// What is played.
#[derive(Clone, Debug)]
pub enum Source {
    /// The recording inside the program.
    Demo,
    /// Files, merged by time.
    Files(Vec<PathBuf>),
}

/// Two real guests on a bridge; see `tests/scenario/README.md`.
pub const DEMO: &[u8] = include_bytes!("../tests/scenario/bridge/recording.pcapng");

impl Source {
    /// Opens it from the start.
    pub fn open(&self) -> Result<Merged> {
        let readers = match self {
            Source::Demo => vec![Reader::new(DEMO, "demo")?],
            Source::Files(paths) => paths
                .iter()
                .map(|path| Reader::open(path).with_context(|| Text::path(&path.to_string_lossy()).to_string()))
                .collect::<Result<_>>()?,
        };
        Ok(Merged::new(readers))
    }

    /// What the window is called.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "only the window has a title"))]
    pub fn title(&self) -> String {
        match self {
            Source::Demo => "demo: two guests on a bridge".to_owned(),
            Source::Files(paths) => {
                let names: Vec<String> = paths
                    .iter()
                    .map(|path| Text::new(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()).to_string())
                    .collect();
                names.join(", ")
            }
        }
    }
}
