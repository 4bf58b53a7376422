//! The files of a recording. Whatever goes wrong, each ends at the border of a block.

use super::naming::{numbered, unfinished};
use super::{Place, RecordError, block};
use nix::sys::statvfs::fstatvfs;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Octets that stay free where the user did not say how many; on a small file system a twentieth of it.
const MIN_FREE: u64 = 500_000_000;

/// What is written to now, and what was.
pub(super) struct Output {
    place: Place,
    /// Whether its files are numbered, and how many of them are kept.
    ring: Option<Option<u32>>,
    /// Octets that must stay free, where the user said so.
    min_free: Option<u64>,
    /// Whether a border can be found again: in pcapng.
    has_blocks: bool,
    file: File,
    path: PathBuf,
    /// Under which name it is written until its header is in it.
    unfinished: Option<PathBuf>,
    is_regular: bool,
    /// Octets of this file, all of them whole blocks.
    whole: u64,
    /// The same of the files before.
    before: u64,
    kept: VecDeque<PathBuf>,
    made: u32,
}

impl Output {
    pub fn create(place: Place, ring: Option<Option<u32>>, min_free: Option<u64>, has_blocks: bool) -> Result<Output, RecordError> {
        let opened = open(&place, ring.is_some(), 1)?;
        let Opened { file, path, unfinished, is_regular } = opened;
        let kept = VecDeque::from([path.clone()]);
        Ok(Output { place, ring, min_free, has_blocks, file, path, unfinished, is_regular, whole: 0, before: 0, kept, made: 1 })
    }

    /// Octets that were written in all.
    pub fn octets(&self) -> u64 {
        self.before + self.whole
    }

    /// Those that are there.
    pub fn kept(&self) -> &VecDeque<PathBuf> {
        &self.kept
    }

    /// Writes whole blocks, all or as many as there is room for.
    pub fn write(&mut self, blocks: &[u8]) -> Result<(), RecordError> {
        if blocks.is_empty() {
            return Ok(());
        }
        self.look_at_room(blocks.len() as u64)?;
        let mut written = 0;
        while written < blocks.len() {
            match self.file.write(&blocks[written..]) {
                Ok(0) => return Err(self.cut(blocks, written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut(blocks, written, error)),
            }
        }
        self.whole += blocks.len() as u64;
        if let Some(unfinished) = self.unfinished.take() {
            let create = |cause| RecordError::Create { path: self.path.clone(), cause };
            fs::rename(&unfinished, &self.path).map_err(create)?;
        }
        Ok(())
    }

    fn look_at_room(&self, more: u64) -> Result<(), RecordError> {
        let Some(room) = self.is_regular.then(|| fstatvfs(self.file.as_fd()).ok()).flatten() else { return Ok(()) };
        let octets = |blocks: u64| blocks.saturating_mul(room.fragment_size());
        let free = octets(room.blocks_available());
        let floor = self.min_free.unwrap_or_else(|| MIN_FREE.min(octets(room.blocks()) / 20));
        if free.saturating_sub(more) < floor {
            return Err(RecordError::NoRoom { path: self.path.clone(), free, floor });
        }
        Ok(())
    }

    /// Takes away what is not a whole block.
    fn cut(&mut self, blocks: &[u8], written: usize, cause: io::Error) -> RecordError {
        let border = if self.has_blocks { block::whole(blocks, written) } else { 0 };
        self.whole += border as u64;
        if self.is_regular {
            // A file system that is full gives back octets; where it does not, readers stop at the border anyway.
            let _ = self.file.set_len(self.whole);
        }
        if let Some(unfinished) = self.unfinished.take() {
            let _ = fs::remove_file(unfinished);
            self.kept.pop_back();
        }
        RecordError::Write { path: self.path.clone(), cause }
    }

    /// Ends this file and begins the next one; the oldest goes where there are enough.
    pub fn next(&mut self) -> Result<(), RecordError> {
        self.close()?;
        self.made += 1;
        let opened = open(&self.place, true, self.made)?;
        Opened { file: self.file, path: self.path, unfinished: self.unfinished, is_regular: self.is_regular } = opened;
        self.before += std::mem::take(&mut self.whole);
        self.kept.push_back(self.path.clone());
        if let Some(Some(most)) = self.ring {
            while self.kept.len() > most.max(1) as usize
                && let Some(oldest) = self.kept.pop_front()
            {
                // Who took it away was quicker.
                let _ = fs::remove_file(oldest);
            }
        }
        Ok(())
    }

    /// Makes sure of what was written.
    pub fn close(&mut self) -> Result<(), RecordError> {
        if self.is_regular {
            self.file.sync_data().map_err(|cause| RecordError::Write { path: self.path.clone(), cause })?;
        }
        Ok(())
    }
}

struct Opened {
    file: File,
    path: PathBuf,
    unfinished: Option<PathBuf>,
    is_regular: bool,
}

fn open(place: &Place, is_numbered: bool, number: u32) -> Result<Opened, RecordError> {
    let path = match place {
        Place::Output => {
            let path = PathBuf::from("-");
            let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            let file = file.map_err(|cause| RecordError::Create { path: path.clone(), cause })?;
            let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
            return Ok(Opened { file, path, unfinished: None, is_regular });
        }
        Place::File(path) if is_numbered => numbered(path, number, SystemTime::now()),
        Place::File(path) => path.clone(),
    };
    let create = |cause| RecordError::Create { path: path.clone(), cause };
    // A pipe or device is there already, and stays what it is.
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        let file = OpenOptions::new().write(true).open(&path).map_err(create)?;
        return Ok(Opened { file, path, unfinished: None, is_regular: false });
    }
    let unfinished = unfinished(&path);
    let file = whole_file(&unfinished).map_err(create)?;
    Ok(Opened { file, path, unfinished: Some(unfinished), is_regular: true })
}

fn whole_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}
