//! Where an export goes: a file that is whole or not there, a pipe, or standard output.

use super::shown;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Octets that are gathered before they are written.
const CHUNK: usize = 256 << 10;

/// An export that is being written.
pub struct Output {
    sink: BufWriter<Box<dyn Write>>,
    /// A file of ours that is not whole yet.
    unfinished: Option<PathBuf>,
    /// What it is called when it is whole, if that is not its name.
    name: Option<PathBuf>,
    path: PathBuf,
}

impl Output {
    /// Opens it; `-` is standard output. What is there is overwritten by force only, and only when the new one is whole.
    ///
    /// # Errors
    /// Where it exists, or cannot be made.
    pub fn create(path: &Path, force: bool) -> Result<Output> {
        let output = |sink: Box<dyn Write>, unfinished: Option<PathBuf>, name| Output {
            sink: BufWriter::with_capacity(CHUNK, sink),
            unfinished,
            name,
            path: path.to_owned(),
        };
        let cannot = || format!("cannot write {}", shown(path));
        if path == Path::new("-") {
            return Ok(output(Box::new(io::stdout()), None, None));
        }
        match fs::metadata(path) {
            // Pipes and devices are written to, not made.
            Ok(there) if !there.is_file() && !there.is_dir() => {
                let file = OpenOptions::new().write(true).open(path).with_context(cannot)?;
                Ok(output(Box::new(file), None, None))
            }
            Ok(_) if !force => bail!("{} is there already (--force overwrites it)", shown(path)),
            Ok(there) if there.is_dir() => bail!("{} is a folder", shown(path)),
            Ok(_) => {
                let mut name = path.file_name().unwrap_or_default().to_owned();
                name.push(format!(".{}.part", std::process::id()));
                let part = path.with_file_name(name);
                let file = File::create_new(&part).with_context(cannot)?;
                Ok(output(Box::new(file), Some(part), Some(path.to_owned())))
            }
            Err(_) => {
                let file = File::create_new(path).with_context(cannot)?;
                Ok(output(Box::new(file), Some(path.to_owned()), None))
            }
        }
    }

    /// The export is whole.
    ///
    /// # Errors
    /// Where the last of it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.flush().with_context(|| format!("cannot write {}", shown(&self.path)))?;
        if let (Some(part), Some(name)) = (&self.unfinished, &self.name) {
            fs::rename(part, name).with_context(|| format!("cannot write {}", shown(name)))?;
        }
        self.unfinished = None;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Drop for Output {
    /// A part of an export would be taken for the whole.
    fn drop(&mut self) {
        if let Some(part) = &self.unfinished {
            let _ = fs::remove_file(part);
        }
    }
}
