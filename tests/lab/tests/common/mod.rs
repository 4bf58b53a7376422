//! Looking for what a lab may have left, without the lab's help.

use std::fs;

/// Namespaces, folders and processes of the lab with this id.
pub fn left_of(id: &str) -> Vec<String> {
    let mut left = Vec::new();
    for folder in ["/run", "/run/netns", "/etc/netns"] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == id || name.starts_with(&format!("{id}-")) {
                left.push(format!("{folder}/{name}"));
            }
        }
    }
    let mark = format!("TAPSCOPE_LAB={id}");
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        // Most are not processes, and processes end while we look.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|&octet| octet == 0).any(|variable| variable == mark.as_bytes()) {
            left.push(format!("process {}", entry.file_name().to_string_lossy()));
        }
    }
    left.sort();
    left
}
