//! What a recording says of itself.

/// The section header's options; what is empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The processor.
    pub hardware: String,
    /// The operating system.
    pub os: String,
    /// The program.
    pub application: String,
    /// For people.
    pub comment: String,
    /// The capture filter, in libpcap's language; told with each interface.
    pub filter: Option<String>,
}

impl Section {
    /// Of this program on this host.
    pub fn here(application: &str) -> Section {
        let name = nix::sys::utsname::uname().ok();
        let part = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        let os = |name: &nix::sys::utsname::UtsName| format!("{} {}", part(name.sysname()), part(name.release()));
        Section {
            hardware: name.as_ref().map_or_else(String::new, |name| part(name.machine())),
            os: name.as_ref().map_or_else(String::new, os),
            application: application.to_owned(),
            ..Section::default()
        }
    }
}
