//! A display of its own for the real window: what can be read off it, clicked and typed there, and pictures that are kept.

mod wireshark;

pub use wireshark::StandIn;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the window may take to show what it has to show, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const BREATH: Duration = Duration::from_millis(100);

/// Ends what it started.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A word that was read, and its middle in pixels.
#[derive(Clone, Debug)]
pub struct Word {
    /// As it was read, which is not always as it was written.
    pub text: String,
    pub x: u32,
    pub y: u32,
}

impl Word {
    /// Whether this is a text, or has it in it. Letters that look alike are the same.
    fn is(&self, text: &str) -> bool {
        let alike = |text: &str| text.to_lowercase().replace('o', "0").replace(['l', 'i', '|'], "1");
        alike(&self.text).contains(&alike(text))
    }
}

/// A display that nobody else uses.
pub struct Screen {
    _server: Running,
    name: String,
    size: (u32, u32),
    /// Where the pictures are kept.
    folder: PathBuf,
    began: Instant,
}

impl Screen {
    /// Opens one of so many pixels; none where a tool is missing on a developer's machine, which is said.
    ///
    /// # Panics
    /// If a tool is missing and the variable `CI` is set: where all tests have to run, none is left out.
    pub fn open(size: (u32, u32), pictures: &str) -> Option<Screen> {
        let tools = ["Xvfb", "xdotool", "import", "convert", "tesseract"];
        if let Some(missing) = tools.iter().find(|tool| !is_there(tool)) {
            assert!(std::env::var_os("CI").is_none(), "{missing} is not installed");
            eprintln!("left out: {missing} is not installed");
            return None;
        }
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &format!("{}x{}x24", size.0, size.1), "-nolisten", "tcp"])
            .stdout(writer)
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb runs");
        let mut number = String::new();
        BufReader::new(reader).read_line(&mut number).expect("Xvfb tells its display");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots").join(pictures);
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        Some(Screen { _server: Running(server), name: format!(":{}", number.trim()), size, folder, began: Instant::now() })
    }

    /// Lets a program open its window here, with settings and a past of its own.
    pub fn show(&self, command: &mut Command, home: &Path) -> Running {
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, home);
        }
        Running(command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").stderr(Stdio::null()).spawn().expect("tapscope runs"))
    }

    /// Keeps a picture of what is to be seen now.
    pub fn keep(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name).with_extension("png");
        let taken = Command::new("import").args(["-display", &self.name, "-window", "root"]).arg(&path).status().expect("import runs");
        assert!(taken.success(), "no picture of the display");
        eprintln!("{:5.1} s  {name}", self.began.elapsed().as_secs_f32());
        path
    }

    /// What can be read now.
    pub fn words(&self) -> Vec<Word> {
        let picture = self.folder.join("now.png");
        let grab = ["-display", &self.name, "-window", "root", "-colorspace", "Gray", "-resize", "200%"];
        let taken = Command::new("import").args(grab).arg(&picture).status().expect("import runs");
        if !taken.success() {
            return Vec::new();
        }
        // One thread: others have work to do, too.
        let read = Command::new("tesseract").env("OMP_THREAD_LIMIT", "1").arg(&picture).args(["-", "--psm", "11", "tsv"]).output();
        let _ = std::fs::remove_file(&picture);
        let table = read.expect("tesseract runs").stdout;
        String::from_utf8_lossy(&table).lines().filter_map(word).collect()
    }

    /// Waits until all of these can be read at once, each as a word or a part of one, and gives all words.
    ///
    /// # Panics
    /// If that takes two minutes; what can be read then is said, and a picture of it kept.
    pub fn wait_for(&self, wanted: &[&str]) -> Vec<Word> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let words = self.words();
            let is_there = |wanted: &&str| words.iter().any(|word| word.is(wanted));
            let missing: Vec<&str> = wanted.iter().filter(|wanted| !is_there(wanted)).copied().collect();
            if missing.is_empty() {
                return words;
            }
            if Instant::now() > deadline {
                let picture = self.keep("failed");
                let read: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                panic!("after two minutes {missing:?} cannot be read, but only: {}\n{}", read.join(" "), picture.display());
            }
            std::thread::sleep(BREATH);
        }
    }

    /// Waits until something holds of what is to be seen.
    ///
    /// # Panics
    /// If that takes two minutes.
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            if Instant::now() > deadline {
                panic!("after two minutes it is not so that {what}\n{}", self.keep("failed").display());
            }
            std::thread::sleep(BREATH);
        }
    }

    /// Clicks on a word as soon as it can be read.
    pub fn click(&self, text: &str) {
        let words = self.wait_for(&[text]);
        let word = words.iter().find(|word| word.is(text)).expect("it is among them");
        self.click_at(word.x, word.y);
    }

    /// Clicks at a place, in pixels, and leaves it.
    pub fn click_at(&self, x: u32, y: u32) {
        let (x, y) = (x.to_string(), y.to_string());
        self.tool(&["mousemove", &x, &y, "click", "1"]);
    }

    /// Presses keys together, such as `ctrl+k`.
    pub fn press(&self, keys: &str) {
        self.tool(&["key", "--clearmodifiers", keys]);
    }

    /// Types a text.
    pub fn write(&self, text: &str) {
        self.tool(&["type", "--clearmodifiers", text]);
    }

    /// Gives the window the keyboard, which a window manager would.
    pub fn focus(&self) {
        self.tool(&["search", "--sync", "--onlyvisible", "--name", "tapscope", "windowfocus", "--sync"]);
    }

    /// How many pixels of an area (left, top, right, bottom) are nearly of a colour.
    pub fn ink(&self, color: [u8; 3], area: [u32; 4]) -> usize {
        let grab = ["-display", &self.name, "-window", "root", "-depth", "8", "rgb:-"];
        let pixels = Command::new("import").args(grab).output().expect("import runs").stdout;
        let is_near = |pixel: &[u8]| pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 24);
        let [left, top, right, bottom] = area;
        let rows = pixels.chunks_exact(3 * self.size.0 as usize).take(bottom as usize).skip(top as usize);
        rows.map(|row| row.chunks_exact(3).take(right as usize).skip(left as usize).filter(|pixel| is_near(pixel)).count()).sum()
    }

    fn tool(&self, arguments: &[&str]) {
        let done = Command::new("xdotool").env("DISPLAY", &self.name).args(arguments).stdout(Stdio::null()).status().expect("xdotool runs");
        assert!(done.success(), "xdotool {arguments:?} failed");
    }
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A line of tesseract's table: level, page, block, paragraph, line, word, left, top, width, height, confidence, text. The picture was twice as large.
fn word(line: &str) -> Option<Word> {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    let text = fields.get(11).map(|text| text.trim()).filter(|text| !text.is_empty())?;
    let (x, y) = (number(6)? * 2 + number(8)?, number(7)? * 2 + number(9)?);
    Some(Word { text: text.to_owned(), x: x / 4, y: y / 4 })
}
