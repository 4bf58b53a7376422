//! The real window, on a display of its own: the demo runs, the picture is not blank, and the guests' addresses can be read off it.
#![cfg(feature = "window")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends what it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A display that nobody else uses.
fn display() -> (Running, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"])
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb runs");
    let mut number = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(reader), &mut number).expect("Xvfb tells its display");
    (Running(server), format!(":{}", number.trim()))
}

fn words(picture: &Path) -> String {
    let larger = picture.with_extension("large.png");
    let scaled = Command::new("convert").arg(picture).args(["-resize", "200%"]).arg(&larger).status().expect("convert runs");
    assert!(scaled.success());
    let read = Command::new("tesseract").arg(&larger).args(["-", "--psm", "11"]).output().expect("tesseract runs");
    folded(&String::from_utf8_lossy(&read.stdout))
}

/// Letters that a reader of pictures takes for digits, as digits.
fn folded(text: &str) -> String {
    text.chars().map(|letter| if matches!(letter, 'o' | 'O') { '0' } else { letter }).collect()
}

#[test]
fn the_demo_shows_the_guests_addresses() {
    let tools = ["Xvfb", "import", "convert", "tesseract"];
    if let Some(missing) = tools.iter().find(|tool| !is_there(tool)) {
        assert!(std::env::var_os("CI").is_none(), "{missing} is not installed");
        eprintln!("left out: {missing} is not installed");
        return;
    }
    let (_server, display) = display();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let mut window = Running(
        Command::new(env!("CARGO_BIN_EXE_tapscope"))
            .arg("demo")
            .env("DISPLAY", &display)
            .env_remove("WAYLAND_DISPLAY")
            .env("XDG_RUNTIME_DIR", &folder)
            // The settings of whoever runs the test are not its own.
            .env("XDG_CONFIG_HOME", folder.join("window-settings"))
            .stderr(Stdio::null())
            .spawn()
            .expect("tapscope runs"),
    );
    // The recording takes ten seconds; both guests are there after one.
    let wanted = ["10.0.2.101", "10.0.3.101", "10.0.2.100", "tap0", "tap1"];
    let picture = folder.join("window.png");
    let began = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        assert!(window.0.try_wait().expect("its state").is_none(), "the window closed by itself");
        let taken = Command::new("import").args(["-display", &display, "-window", "root"]).arg(&picture).status().expect("import runs");
        let seen = if taken.success() { words(&picture) } else { String::new() };
        if wanted.iter().all(|word| seen.contains(word)) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "after a minute the window shows only: {seen}");
    }
    let colors = Command::new("identify").args(["-format", "%k"]).arg(&picture).output().expect("identify runs");
    let colors: u32 = String::from_utf8_lossy(&colors.stdout).trim().parse().expect("a number of colours");
    assert!(colors > 50, "the picture has {colors} colours");
}
