//! One end of a cable: a name that is ours for the time, and the guest's socket that had it.

use super::guard::Guard;
use super::{InterposeError, aside, is_bound};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use tapscope_graph::Text;

/// The longest frame of QEMU's (`NET_BUFSIZE` in `include/net/net.h`).
const LONGEST: usize = 4096 + 65_536;
/// Frames that are handed on before the other side has its turn.
const ROUNDS: usize = 64;

/// One end of a cable.
pub(super) struct Side {
    pub path: PathBuf,
    aside: PathBuf,
    /// What has the guest's name.
    pub ours: UnixDatagram,
    /// What leads to the guest.
    pub onward: UnixDatagram,
    inode: u64,
    frame: Vec<u8>,
    /// The frame's octets, if the guest had no room for it yet.
    pub pending: Option<usize>,
    pub undelivered: u64,
    /// Dropped after the name was put back.
    guard: Option<Guard>,
}

impl Side {
    /// Takes the name; nothing is changed if it fails.
    pub fn place(path: &Path) -> Result<Side, InterposeError> {
        let (shown, aside) = (Text::path(&path.to_string_lossy()), aside(path));
        let looked = |cause| InterposeError::Look { path: shown.clone(), cause };
        let resources = |cause| InterposeError::Resources { cause };
        recover(path, &aside)?;
        let theirs = fs::symlink_metadata(path).map_err(looked)?;
        if !theirs.file_type().is_socket() {
            return Err(InterposeError::NoSocket { path: shown });
        }
        let onward = UnixDatagram::unbound().map_err(resources)?;
        onward.connect(path).map_err(|cause| match cause.kind() {
            ErrorKind::PermissionDenied => InterposeError::Look { path: shown.clone(), cause },
            _ => InterposeError::Nobody { path: shown.clone() },
        })?;
        let named = |cause| InterposeError::Name { path: shown.clone(), cause };
        let ours = UnixDatagram::bind(&aside).map_err(|cause| match cause.kind() {
            ErrorKind::AddrInUse => InterposeError::Taken { path: Text::path(&aside.to_string_lossy()) },
            _ => named(cause),
        })?;
        // From here on our socket is taken away again if something fails, by the guard's rule as well.
        let mut side = Side {
            path: path.to_owned(),
            aside,
            ours,
            onward,
            inode: 0,
            frame: vec![0; LONGEST],
            pending: None,
            undelivered: 0,
            guard: None,
        };
        side.ours.set_nonblocking(true).and_then(|()| side.onward.set_nonblocking(true)).map_err(resources)?;
        // Whoever may send to the guest may send to us.
        let access = || {
            fs::set_permissions(&side.aside, theirs.permissions())?;
            let own = fs::symlink_metadata(&side.aside)?;
            if (own.uid(), own.gid()) != (theirs.uid(), theirs.gid()) {
                chown(&side.aside, Some(theirs.uid()), Some(theirs.gid()))?;
            }
            Ok(own.ino())
        };
        side.inode = access().map_err(named)?;
        let guard = Guard::start(&side.path, &side.aside, side.inode);
        side.guard = Some(guard.map_err(|cause| InterposeError::Guard { path: shown.clone(), cause })?);
        renameat_with(CWD, &side.path, CWD, &side.aside, RenameFlags::EXCHANGE).map_err(|errno| named(errno.into()))?;
        Ok(side)
    }

    /// Whether the name is another's: a guest that starts again takes it away and makes its own.
    pub fn is_displaced(&self) -> bool {
        inode(&self.path).is_none_or(|inode| inode != self.inode)
    }

    /// Hands on what came, and gives each frame to `sink` before; says whether there may be more.
    pub fn forward(&mut self, mut sink: impl FnMut(&[u8])) -> bool {
        for _ in 0..ROUNDS {
            let length = match self.pending.take() {
                Some(length) => length,
                None => match self.ours.recv(&mut self.frame) {
                    Ok(length) => {
                        sink(&self.frame[..length]);
                        length
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => return false,
                },
            };
            match self.onward.send(&self.frame[..length]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.pending = Some(length);
                    return true;
                }
                // The guest is gone: its peer would have lost the frame without us, too.
                Err(_) => self.undelivered += 1,
            }
        }
        true
    }

    /// Gives the guest its name back; what came to us by then can still be read.
    pub fn put_back(&mut self) -> io::Result<()> {
        let done = match inode(&self.path) {
            Some(there) if there == self.inode => fs::rename(&self.aside, &self.path),
            Some(_) => fs::remove_file(&self.aside),
            None => fs::rename(&self.aside, &self.path),
        };
        let done = match done {
            // Somebody did it for us.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        };
        // It finds nothing to do, unless we could not.
        self.guard = None;
        done
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.put_back();
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|there| there.ino())
}

/// Puts back what a tapscope left that was killed together with its guard.
fn recover(path: &Path, aside: &Path) -> Result<(), InterposeError> {
    if inode(aside).is_none() {
        return Ok(());
    }
    let named = |cause| InterposeError::Name { path: Text::path(&path.to_string_lossy()), cause };
    match (is_bound(path), is_bound(aside)) {
        (false, _) => fs::rename(aside, path).map_err(named),
        (true, false) => fs::remove_file(aside).map_err(named),
        (true, true) => Err(InterposeError::Taken { path: Text::path(&aside.to_string_lossy()) }),
    }
}
