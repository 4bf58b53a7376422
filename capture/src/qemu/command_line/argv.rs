//! Which words of a command line are options, and which their arguments (qemu-options.hx, system/vl.c).

/// Options without an argument, of any version.
const WITHOUT_ARGUMENT: [&str; 62] = [
    "?",
    "S",
    "alt-grab",
    "async-teardown",
    "audio-help",
    "bt",
    "ctrl-grab",
    "curses",
    "daemonize",
    "disable-kvm",
    "enable-fips",
    "enable-hax",
    "enable-kvm",
    "enable-nesting",
    "enable-sync-profile",
    "full-screen",
    "h",
    "help",
    "localtime",
    "mem-prealloc",
    "no-acpi",
    "no-fd-bootchk",
    "no-frame",
    "no-hpet",
    "no-kqemu",
    "no-kvm",
    "no-kvm-irqchip",
    "no-kvm-pit",
    "no-kvm-pit-reinjection",
    "no-quit",
    "no-reboot",
    "no-shutdown",
    "no-user-config",
    "nodefaults",
    "nodefconfig",
    "nographic",
    "nouserconfig",
    "old-param",
    "only-migratable",
    "one-insn-per-tb",
    "portrait",
    "preconfig",
    "rtc-td-hack",
    "s",
    "sdl",
    "semihosting",
    "show-cursor",
    "singlestep",
    "snapshot",
    "std-vga",
    "tdf",
    "usb",
    "version",
    "vmwarevga",
    "win2k-hack",
    "xen-attach",
    "xen-create",
    "xen-domid-restrict",
    "xenfb",
    "no-tdf",
    "no-kvm-pit-reinject",
    "kernel-kqemu",
];

/// Options whose argument may be any text, also text that looks like an option.
const WITH_FREE_ARGUMENT: [&str; 12] =
    ["append", "name", "kernel", "initrd", "hda", "hdb", "hdc", "hdd", "cdrom", "fw_cfg", "serial", "prom-env"];

/// An option and its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// Its name, without dashes.
    pub(super) name: &'a str,
    /// Its argument; empty where it has none.
    pub(super) argument: &'a [u8],
}

/// The options of a command line, without the program's name and disk images.
///
/// An option that is not known takes the next word as its argument, unless that word looks like an option.
pub(super) fn words<T: AsRef<[u8]>>(argv: &[T]) -> impl Iterator<Item = Word<'_>> {
    let mut at = 1;
    std::iter::from_fn(move || {
        loop {
            let word = argv.get(at)?.as_ref();
            at += 1;
            // A single dash is a file name: standard input.
            let Some(name) = word.strip_prefix(b"-").filter(|name| !name.is_empty()) else { continue };
            let Ok(name) = std::str::from_utf8(name.strip_prefix(b"-").unwrap_or(name)) else { continue };
            let next = argv.get(at).map(AsRef::as_ref).filter(|next| {
                let looks_like_option =
                    next.len() > 1 && next[0] == b'-' && next[1..].iter().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(c));
                !WITHOUT_ARGUMENT.contains(&name) && (!looks_like_option || WITH_FREE_ARGUMENT.contains(&name))
            });
            at += usize::from(next.is_some());
            return Some(Word { name, argument: next.unwrap_or_default() });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_looks_like_an_option_is_none() {
        let argv = ["qemu", "-S", "disk.img", "--netdev", "user,id=a", "-append", "-netdev", "-future", "-nic", "none", "-", "-m"];
        let found: Vec<_> = words(&argv).map(|word| (word.name, std::str::from_utf8(word.argument).unwrap())).collect();
        assert_eq!(found, [("S", ""), ("netdev", "user,id=a"), ("append", "-netdev"), ("future", ""), ("nic", "none"), ("m", "")]);
    }
}
