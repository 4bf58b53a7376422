//! Who puts a name back if tapscope is killed: a small shell that reads from a pipe which only tapscope holds, until that ends.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// If our socket still has the name, the guest's gets it back; else the guest has made a new one, and the old is of no use.
const SCRIPT: &str = r#"trap '' HUP INT TERM
read -r nothing
inode=$(ls -di -- "$1" 2>/dev/null | { read -r number rest; echo "$number"; })
if [ "$inode" = "$3" ]; then mv -f -- "$2" "$1"; elif [ -n "$inode" ]; then rm -f -- "$2"; else mv -- "$2" "$1"; fi
"#;

/// The shell of one name.
pub(super) struct Guard(Child);

impl Guard {
    /// Starts it; `inode` is that of our socket.
    pub fn start(path: &Path, aside: &Path, inode: u64) -> io::Result<Guard> {
        let mut sh = Command::new("sh");
        sh.arg("-c").arg(SCRIPT).args([OsStr::new("tapscope-guard"), path.as_os_str(), aside.as_os_str()]).arg(inode.to_string());
        // A group of its own: ctrl-C, and whoever ends our group, is not meant for it. Nor may it keep a pipe of ours open.
        sh.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        Ok(Guard(sh.spawn()?))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
