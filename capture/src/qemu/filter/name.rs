//! What tapscope's objects in QEMU are called: so that whoever finds them knows whose they are, and whether anybody still reads them.

use super::super::monitor::Queue;

const PREFIX: &str = "tapscope-";

/// The number of the host's first PID namespace (`PROC_PID_INIT_INO` in Linux's `include/linux/proc_ns.h`).
const FIRST_NAMESPACE: u64 = 0xEFFF_FFFC;

/// `tapscope-PID-NETDEV-rx`: the id of a filter, and of the character device that it writes to. Where process numbers are a container's own,
/// it is `tapscope-PID.NAMESPACE-NETDEV-rx`.
///
/// QEMU takes letters, digits, `-`, `.` and `_` (`util/id.c`); other characters become `_`.
pub fn object(pid: u32, netdev: &str, queue: Queue) -> String {
    named(pid, namespace(), netdev, queue)
}

fn named(pid: u32, namespace: u64, netdev: &str, queue: Queue) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    let netdev: String = netdev.chars().take(64).map(plain).collect();
    let namespace = if namespace == FIRST_NAMESPACE { String::new() } else { format!(".{namespace}") };
    format!("{PREFIX}{pid}{namespace}-{netdev}-{}", queue.name())
}

/// The PID namespace that our number is of.
fn namespace() -> u64 {
    std::fs::metadata("/proc/self/ns/pid").map_or(FIRST_NAMESPACE, |namespace| std::os::unix::fs::MetadataExt::ino(&namespace))
}

/// Whose an object is, by its id: a process and its PID namespace; none if it is not tapscope's.
fn owner(id: &str) -> Option<(u32, u64)> {
    let (process, rest) = id.strip_prefix(PREFIX)?.split_once('-')?;
    let is_queue = [Queue::Rx, Queue::Tx].iter().any(|queue| rest.ends_with(&format!("-{}", queue.name())));
    let (pid, namespace) = process.split_once('.').map_or((process, None), |(pid, namespace)| (pid, Some(namespace)));
    let namespace = namespace.map_or(Some(FIRST_NAMESPACE), |namespace| namespace.parse().ok())?;
    pid.parse().ok().filter(|_| is_queue).map(|pid| (pid, namespace))
}

/// Whether an object is tapscope's, and nobody reads it any more. `leads_to` is where its character device leads, in QEMU's words.
///
/// Processes of another PID namespace are not seen from here. QEMU knows that a reader is gone by the first frame that finds nobody; until
/// then the object may be in use, and is let be.
pub(super) fn is_stale(id: &str, leads_to: Option<&str>) -> bool {
    owner(id).is_some_and(|(pid, from)| {
        if from == namespace() {
            pid != std::process::id() && !is_tapscope(pid)
        } else {
            leads_to.is_none_or(|words| words.starts_with("disconnected:"))
        }
    })
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
        let first = |pid, netdev, queue| named(pid, FIRST_NAMESPACE, netdev, queue);
        assert_eq!(first(12, "n0", Queue::Rx), "tapscope-12-n0-rx");
        assert_eq!(first(12, "#net158", Queue::Tx), "tapscope-12-_net158-tx");
        assert_eq!(named(12, 77, "n0", Queue::Rx), "tapscope-12.77-n0-rx");
        assert_eq!(owner("tapscope-12-n0-rx"), Some((12, FIRST_NAMESPACE)));
        assert_eq!(owner("tapscope-12-_net158-tx"), Some((12, FIRST_NAMESPACE)));
        assert_eq!(owner("tapscope-12.77-n0-tx"), Some((12, 77)));
        for other in ["d0", "tapscope-", "tapscope-12", "tapscope-12-n0", "tapscope-x-n0-rx", "tapscope-1.x-n0-rx", "my-tapscope-12-n0-rx"]
        {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_dead_process_left_is_stale_and_what_lives_is_not() {
        let stale = |pid| is_stale(&object(pid, "n0", Queue::Rx), Some("tcp:127.0.0.1:1 <-> 127.0.0.1:2"));
        assert!(!stale(std::process::id()));
        assert!(stale(4_194_305), "no process has so high a number");
        assert!(stale(1), "the first process is another program");
        assert!(!is_stale("somebody-1-n0-rx", None));
    }

    #[test]
    fn a_tapscope_of_another_pid_namespace_is_gone_when_qemu_says_so() {
        let id = named(4_194_305, 77, "n0", Queue::Rx);
        assert!(!is_stale(&id, Some("tcp:127.0.0.1:1 <-> 127.0.0.1:2")));
        assert!(is_stale(&id, Some("disconnected:fd:x")));
        assert!(is_stale(&id, None), "a filter without its character device");
    }
}
