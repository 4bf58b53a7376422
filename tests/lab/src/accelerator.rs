//! How guests are run: by the processor where that works, emulated elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::{Error, file};
use crate::image::Image;
use crate::need::QEMU;

/// What executes a guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accelerator {
    Kvm,
    Emulation,
}

impl Accelerator {
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            // A small buffer for translated code saves 50 MB a guest, and takes no more time.
            Self::Emulation => &["-accel", "tcg,tb-size=16"],
        }
    }

    /// Arguments for the kernel.
    pub(crate) fn kernel_arguments(self) -> &'static str {
        match self {
            Self::Kvm => "nokaslr mitigations=off",
            // On a busy machine the kernel's check of the timer fails now and then, and what it measures of the processor is wrong.
            Self::Emulation => "nokaslr mitigations=off no_timer_check lpj=10000000",
        }
    }
}

/// KVM where the processor has it, and a guest gets as far as its first process with it; `/dev/kvm` alone proves nothing.
///
/// What was found is kept for as long as this machine runs.
pub(crate) fn choose(folder: &Path, image: &Image) -> Result<Accelerator, Error> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut flags = processor.lines().filter(|line| line.starts_with("flags")).flat_map(str::split_whitespace);
    if !flags.any(|flag| flag == "vmx" || flag == "svm") || !Path::new("/dev/kvm").exists() {
        return Ok(Accelerator::Emulation);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let found = folder.join("kvm");
    let known = fs::read_to_string(&found).unwrap_or_default();
    let works = match known.strip_prefix(&boot).map(str::trim) {
        Some("works") => true,
        Some("fails") => false,
        _ => {
            let works = boots(folder, image, Accelerator::Kvm, Duration::from_secs(20))?;
            let text = format!("{boot}{}\n", if works { "works" } else { "fails" });
            fs::write(&found, text).map_err(file("write", &found))?;
            works
        }
    };
    Ok(if works { Accelerator::Kvm } else { Accelerator::Emulation })
}

/// Whether a guest without anything says that it is there, and powers itself off.
pub(crate) fn boots(folder: &Path, image: &Image, accelerator: Accelerator, limit: Duration) -> Result<bool, Error> {
    let said = folder.join("probe");
    // This runs before there is a lab to take it down, so it has its end with it.
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", &limit.as_secs().to_string(), QEMU]).args(accelerator.arguments());
    command.args(["-M", "pc", "-m", "96", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.arg("-kernel").arg(&image.kernel).arg("-initrd").arg(&image.initramfs);
    command.arg("-append").arg(format!("console=ttyS0 quiet panic=-1 {} lab.probe=on", accelerator.kernel_arguments()));
    command.arg("-serial").arg(format!("file:{}", said.display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().map_err(file("run", "timeout"))?;
    let text = fs::read_to_string(&said).unwrap_or_default();
    let _ = fs::remove_file(&said);
    Ok(status.success() && text.contains("lab: probe"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lab;

    #[test]
    fn a_probe_tells_whether_a_guest_gets_to_its_first_process() -> Result<(), Error> {
        let Some(lab) = Lab::or_say("a_probe") else { return Ok(()) };
        let image = crate::image::image()?;
        assert!(boots(lab.folder(), &image, Accelerator::Emulation, Duration::from_secs(60))?);
        // Not within a second.
        let nothing = Image { initramfs: "/dev/null".into(), ..image };
        assert!(!boots(lab.folder(), &nothing, Accelerator::Emulation, Duration::from_secs(1))?);
        Ok(())
    }
}
