//! Who takes a lab down, in whatever way its process ends.
//!
//! A small shell holds one end of a pipe from before the lab makes anything. When the other end closes, because the lab was dropped, its process
//! panicked or was killed, the shell ends the lab's processes, and removes its namespaces and its folder. There is no second way.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::{Error, file};

/// The variable in the environment of each process that a lab starts: its value is the lab's id.
pub(crate) const MARK: &str = "TAPSCOPE_LAB";

/// Where the labs' folders are. Only root writes here, and the path leaves room for the names of sockets, which may have 107 octets.
const FOLDERS: &str = "/run";

const PREFIX: &str = "tslab-";

/// The shell that waits for the end of a lab.
#[derive(Debug)]
pub(crate) struct Keeper {
    id: String,
    shell: Child,
}

impl Keeper {
    /// Starts a shell that takes down what has this id.
    pub(crate) fn start(id: &str) -> Result<Self, Error> {
        Ok(Self { id: id.to_owned(), shell: shell(id, Stdio::piped())? })
    }

    /// Closes the pipe, and waits until all is gone.
    pub(crate) fn finish(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        // If somebody ended the shell itself, another one does its work.
        if remains(&self.id)
            && let Ok(mut again) = shell(&self.id, Stdio::null())
        {
            let _ = again.wait();
        }
    }
}

/// The folder of a lab.
pub(crate) fn folder(id: &str) -> PathBuf {
    Path::new(FOLDERS).join(id)
}

/// The id of a lab of this process.
pub(crate) fn id(number: u32) -> String {
    format!("{PREFIX}{}-{number}", std::process::id())
}

/// Takes down what labs of processes that are gone have left: only possible if their shells were killed with them.
pub(crate) fn sweep() -> Result<(), Error> {
    let folders = fs::read_dir(FOLDERS).map_err(file("read", FOLDERS))?.flatten();
    // There are no namespaces before the first is made.
    let namespaces = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let mut left: Vec<String> = folders.chain(namespaces).filter_map(|entry| of_gone_process(entry.file_name().to_str()?)).collect();
    left.sort();
    left.dedup();
    for id in left {
        shell(&id, Stdio::null())?.wait().map_err(file("wait for", "sh"))?;
    }
    Ok(())
}

/// Whether something with this id is still there.
fn remains(id: &str) -> bool {
    folder(id).exists()
}

/// The lab's id in a name such as `tslab-123-0-host`, if its process is gone.
fn of_gone_process(name: &str) -> Option<String> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let process: u32 = parts.next()?.parse().ok()?;
    let number: u32 = parts.next()?.parse().ok()?;
    let gone = !Path::new("/proc").join(process.to_string()).exists();
    gone.then(|| format!("{PREFIX}{process}-{number}"))
}

fn shell(id: &str, pipe: Stdio) -> Result<Child, Error> {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("keeper.sh"), "keeper", id]).arg(folder(id));
    // It must not have the mark of this lab, nor of another one that started this process, and no ctrl-C.
    command.env_remove(MARK).process_group(0);
    command.stdin(pipe).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|cause| Error::Start { place: "a lab".to_owned(), command: "sh".to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labs_of_gone_processes_are_swept() {
        let here = std::process::id();
        // Process ids end at 2^22 (PID_MAX_LIMIT in the kernel's threads.h).
        assert_eq!(of_gone_process("tslab-99999999-3-host-1"), Some("tslab-99999999-3".to_owned()));
        assert_eq!(of_gone_process("tslab-99999999-3"), Some("tslab-99999999-3".to_owned()));
        assert_eq!(of_gone_process(&format!("tslab-{here}-0-host")), None);
        for other in ["tslab-", "tslab-x-0", "tslab-99999999", "tslab-99999999-", "netns", "qlab-99999999-3"] {
            assert_eq!(of_gone_process(other), None, "{other}");
        }
    }
}
