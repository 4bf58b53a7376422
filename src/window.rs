//! Opening the window, or saying why there is none.

use crate::cli::{Color, EXIT_OK, Format};
use crate::live::LiveArguments;
use crate::show;
use crate::source::Source;
use anyhow::Result;

/// Opens the window on a source; gives the exit code.
///
/// # Errors
/// Where the source cannot be opened, or the display refuses.
#[cfg(feature = "window")]
pub fn open(source: Source) -> Result<u8> {
    let session = match source.streams() {
        Some(origins) => crate::session::Session::stream(origins, source.title())?,
        None => crate::session::Session::replay(source)?,
    };
    tapscope_gui::run(Box::new(session))?;
    Ok(EXIT_OK)
}

/// Opens the window on this host as it is now; gives the exit code.
///
/// # Errors
/// Where the host cannot be watched, or there is no display.
#[cfg(feature = "window")]
pub fn live(arguments: &LiveArguments) -> Result<u8> {
    let better = "give it the right to capture once, and start it as yourself: \
        sudo setcap cap_net_raw,cap_net_admin+ep $(command -v tapscope)";
    let is_sudo = std::env::var_os("SUDO_UID").is_some();
    if !tapscope_gui::has_display() {
        let hint = if is_sudo { format!("; if you have one, {better}") } else { String::new() };
        anyhow::bail!(
            "there is no display for the window: `tapscope watch` tells what happens, `tapscope show --live` prints the picture{hint}"
        );
    }
    if is_sudo {
        eprintln!("tapscope: the whole window runs as root, which it does not need: {better}");
    }
    let session = crate::session::Session::live(arguments)?;
    tapscope_gui::run(Box::new(session))?;
    Ok(EXIT_OK)
}

/// The headless program has no window to open.
#[cfg(not(feature = "window"))]
pub fn live(_: &LiveArguments) -> Result<u8> {
    anyhow::bail!(
        "this tapscope was built without its window: `tapscope watch` tells what happens, `tapscope show --live` prints the picture"
    );
}

/// Opens the demo where there is a display, and prints it elsewhere.
pub fn demo() -> Result<u8> {
    #[cfg(feature = "window")]
    if tapscope_gui::has_display() {
        return open(Source::Demo);
    }
    let why = if cfg!(feature = "window") { "there is no display" } else { "this tapscope was built without its window" };
    eprintln!("tapscope: {why}: printing what the window would show (tapscope show prints any capture)\n");
    let reading = show::read(Source::Demo.open()?, None)?;
    show::print(&reading, Format::Text, Color::Auto.is_on())?;
    Ok(EXIT_OK)
}

/// The headless program has no window to open.
#[cfg(not(feature = "window"))]
pub fn open(source: Source) -> Result<u8> {
    source.open()?;
    anyhow::bail!("this tapscope was built without its window: `tapscope show FILE` prints what a capture shows")
}
