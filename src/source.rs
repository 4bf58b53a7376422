//! What is looked at: the recording inside the program, files, or streams from elsewhere.

use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::PathBuf;
use tapscope_capture::file::{Merged, Reader};
use tapscope_capture::remote::Origin;
use tapscope_graph::Text;

/// What is played.
#[derive(Clone, Debug)]
pub enum Source {
    /// The recording inside the program.
    Demo,
    /// Files, merged by time.
    Files(Vec<Origin>),
}

/// Two real guests on a bridge; see `tests/scenario/README.md`.
pub const DEMO: &[u8] = include_bytes!("../tests/scenario/bridge/recording.pcapng");

/// What the FILEs of a command line mean.
///
/// # Errors
/// Where one begins like a server or a host, and does not go on like one.
pub fn origins<T: AsRef<OsStr>>(names: &[T]) -> Result<Vec<Origin>> {
    Ok(names.iter().map(|name| Origin::new(name.as_ref())).collect::<Result<_, _>>()?)
}

/// Opens an origin that is read to its end.
///
/// # Errors
/// Where it cannot be opened; says which.
pub fn reader(origin: &Origin) -> Result<Reader> {
    match origin {
        Origin::File(path) => Reader::open(path).with_context(|| origin.to_string()),
        // Their messages name the place.
        Origin::Tcp { .. } | Origin::Ssh(_) => Ok(origin.open()?.0),
    }
}

impl Source {
    /// What a command line names.
    ///
    /// # Errors
    /// As [`origins`].
    pub fn new(names: &[PathBuf]) -> Result<Source> {
        Ok(Source::Files(origins(names)?))
    }

    /// What comes as it happens: then it cannot be played, only watched.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "only the window plays"))]
    pub fn streams(&self) -> Option<&[Origin]> {
        match self {
            Source::Files(origins) if origins.iter().any(Origin::is_stream) => Some(origins),
            Source::Files(_) | Source::Demo => None,
        }
    }

    /// Opens it from the start.
    pub fn open(&self) -> Result<Merged> {
        let readers = match self {
            Source::Demo => vec![Reader::new(DEMO, "demo")?],
            Source::Files(origins) => origins.iter().map(reader).collect::<Result<_>>()?,
        };
        Ok(Merged::new(readers))
    }

    /// What the window is called.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "only the window has a title"))]
    pub fn title(&self) -> String {
        let name = |origin: &Origin| match origin {
            Origin::File(path) => Text::new(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()).to_string(),
            Origin::Tcp { .. } | Origin::Ssh(_) => origin.to_string(),
        };
        match self {
            Source::Demo => "demo: two guests on a bridge".to_owned(),
            Source::Files(origins) => origins.iter().map(name).collect::<Vec<_>>().join(", "),
        }
    }
}
