//! What the window remembers from one start to the next: a small file in the user's configuration directory.
//!
//! Read the XDG Base Directory Specification: `$XDG_CONFIG_HOME/tapscope/window.toml`, or `~/.config/tapscope/window.toml`.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// How large text may be, as a factor.
pub(crate) const SCALES: std::ops::RangeInclusive<f32> = 0.6..=3.0;
/// One step of larger and smaller.
const STEP: f32 = 0.1;

/// The settings. What an older or newer version wrote and this one does not know is left out; what is missing is as at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The version of this file.
    pub version: u32,
    /// Dark, light, or as the system has it.
    pub theme: Theme,
    /// How large everything is drawn; 1 is normal.
    pub scale: f32,
    /// Whether the tables show only what belongs to the selected thing.
    pub is_following: bool,
    /// Whether the first start was explained.
    pub is_welcomed: bool,
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light text.
    Dark,
    /// Dark text.
    Light,
    /// As the system has it.
    #[default]
    System,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { version: 1, theme: Theme::System, scale: 1.0, is_following: false, is_welcomed: false }
    }
}

impl Settings {
    /// Where they are kept; none where the user has no home.
    pub fn path() -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The specification has relative paths ignored.
        let config = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let config = config.or_else(|| variable("HOME").map(|home| home.join(".config")))?;
        Some(config.join("tapscope").join("window.toml"))
    }

    /// Reads them; what cannot be read is as at first.
    pub fn load(path: &Path) -> Settings {
        let settings: Settings = fs::read_to_string(path).ok().and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        let scale = if settings.scale.is_finite() { settings.scale.clamp(*SCALES.start(), *SCALES.end()) } else { 1.0 };
        Settings { scale, version: Settings::default().version, ..settings }
    }

    /// Writes them.
    ///
    /// # Errors
    /// Where the directory or the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write(path, &toml::to_string(self).map_err(io::Error::other)?)
    }

    /// Draws larger, or smaller, by some steps.
    pub(crate) fn zoom(&mut self, steps: f32) {
        let scale = ((self.scale + steps * STEP) * 10.0).round() / 10.0;
        self.scale = scale.clamp(*SCALES.start(), *SCALES.end());
    }

    /// Has them hold in the window.
    pub(crate) fn apply(&self, context: &egui::Context) {
        let preference = match self.theme {
            Theme::Dark => egui::ThemePreference::Dark,
            Theme::Light => egui::ThemePreference::Light,
            Theme::System => egui::ThemePreference::System,
        };
        if context.options(|options| options.theme_preference) != preference {
            context.set_theme(preference);
        }
        if (context.zoom_factor() - self.scale).abs() > 0.001 {
            context.set_zoom_factor(self.scale);
        }
    }
}

/// Writes a file; whole, or not at all, so that another window never reads a half.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&part, text)?;
    fs::rename(&part, path).inspect_err(|_| drop(fs::remove_file(&part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_restart_and_a_damaged_file_is_as_the_first_start() {
        let folder = std::env::temp_dir().join(format!("tapscope-settings-{}", std::process::id()));
        let path = folder.join("window.toml");
        let settings = Settings { theme: Theme::Light, scale: 1.4, is_welcomed: true, ..Settings::default() };
        settings.save(&path).expect("it is written");
        assert_eq!(Settings::load(&path), settings);
        fs::write(&path, "theme = \"light\"\nunknown = 3\nscale = 99.0").expect("it is written");
        assert_eq!(Settings::load(&path), Settings { theme: Theme::Light, scale: 3.0, ..Settings::default() });
        fs::write(&path, [0xff, 0x00, b'=']).expect("it is written");
        assert_eq!(Settings::load(&path), Settings::default());
        fs::remove_dir_all(&folder).expect("it is ours");
        assert_eq!(Settings::load(&path), Settings::default());
    }
}
