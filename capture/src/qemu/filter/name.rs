//! What tapscope's objects in QEMU are called: so that whoever finds them knows whose they are, and whether anybody still reads them.

use super::super::monitor::Queue;

const PREFIX: &str = "tapscope-";

/// `tapscope-PID-NETDEV-rx`: the id of a filter, and of the character device that it writes to.
///
/// QEMU takes letters, digits, `-`, `.` and `_` (`util/id.c`); other characters become `_`.
pub fn object(pid: u32, netdev: &str, queue: Queue) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    let netdev: String = netdev.chars().take(64).map(plain).collect();
    format!("{PREFIX}{pid}-{netdev}-{}", queue.name())
}

/// Whose an object is, by its id; none if it is not tapscope's.
fn owner(id: &str) -> Option<u32> {
    let (pid, rest) = id.strip_prefix(PREFIX)?.split_once('-')?;
    let is_queue = [Queue::Rx, Queue::Tx].iter().any(|queue| rest.ends_with(&format!("-{}", queue.name())));
    pid.parse().ok().filter(|_| is_queue)
}

/// Whether an object is tapscope's, and nobody reads it any more.
pub(super) fn is_stale(id: &str) -> bool {
    owner(id).is_some_and(|pid| pid != std::process::id() && !is_tapscope(pid))
}

/// Whether a process is a tapscope: a number is given anew when its process is gone.
fn is_tapscope(pid: u32) -> bool {
    let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let name_of_it = name(&pid.to_string());
    name_of_it.is_some() && (name_of_it.as_deref() == Some("tapscope\n") || name_of_it == name("self"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_tells_whose_it_is() {
        assert_eq!(object(12, "n0", Queue::Rx), "tapscope-12-n0-rx");
        assert_eq!(object(12, "#net158", Queue::Tx), "tapscope-12-_net158-tx");
        assert_eq!(owner("tapscope-12-n0-rx"), Some(12));
        assert_eq!(owner("tapscope-12-_net158-tx"), Some(12));
        for other in ["d0", "tapscope-", "tapscope-12", "tapscope-12-n0", "tapscope-x-n0-rx", "my-tapscope-12-n0-rx"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_dead_process_left_is_stale_and_what_lives_is_not() {
        assert!(!is_stale(&object(std::process::id(), "n0", Queue::Rx)));
        assert!(is_stale("tapscope-4194305-n0-rx"), "no process has so high a number");
        assert!(is_stale("tapscope-1-n0-rx"), "the first process is another program");
        assert!(!is_stale("somebody-1-n0-rx"));
    }
}
