//! The link by which Wireshark finds tapscope.

use crate::cli::EXIT_OK;
use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};
use tapscope_graph::Text;

/// The link's name: Wireshark shows it nowhere.
const NAME: &str = "tapscope";

/// Makes the link; gives the exit code.
pub fn install(dir: Option<&Path>) -> Result<u8> {
    let folder = folder(dir)?;
    let program = env::current_exe().and_then(fs::canonicalize).context("cannot tell where this tapscope is")?;
    let link = folder.join(NAME);
    fs::create_dir_all(&folder).with_context(|| not_allowed("make the folder", &folder))?;
    match fs::symlink_metadata(&link) {
        Ok(there) if !there.is_symlink() => bail!("{} is there and is no link: move it away first", shown(&link)),
        Ok(_) => fs::remove_file(&link).with_context(|| not_allowed("replace the link", &link))?,
        Err(_) => {}
    }
    symlink(&program, &link).with_context(|| not_allowed("make the link", &link))?;
    println!("{} -> {}", shown(&link), shown(&program));
    match sees(&folder) {
        Some(true) => println!("Wireshark's list of interfaces shows tapscope's now (tshark -D; F5 in the window)"),
        Some(false) => {
            println!("this Wireshark does not look there: `tshark -G folders` names its extcap folder, WIRESHARK_EXTCAP_DIR another");
        }
        None => println!("tshark is not installed, so nobody asked it whether it sees the link"),
    }
    Ok(EXIT_OK)
}

/// Takes the link away; gives the exit code.
pub fn uninstall(dir: Option<&Path>) -> Result<u8> {
    let link = folder(dir)?.join(NAME);
    match fs::symlink_metadata(&link) {
        Ok(there) if there.is_symlink() => {
            fs::remove_file(&link).with_context(|| not_allowed("remove", &link))?;
            println!("removed {}", shown(&link));
        }
        Ok(_) => bail!("{} is no link of ours: it stays", shown(&link)),
        Err(error) if error.kind() == ErrorKind::NotFound => println!("there is no {}", shown(&link)),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", shown(&link))),
    }
    Ok(EXIT_OK)
}

/// Where Wireshark looks: the personal folder, where it has one and we are not root.
fn folder(dir: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = dir {
        return Ok(dir.to_owned());
    }
    let output = Command::new("tshark").args(["-G", "folders"]).stdin(Stdio::null()).stderr(Stdio::null()).output().map_err(|error| {
        anyhow::Error::new(error).context("cannot ask tshark for its folders (sudo apt-get install tshark, or name one: --dir FOLDER)")
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let is_root = rustix::process::geteuid().is_root();
    chosen(&text, is_root).context("this tshark names no extcap folder (tshark -G folders): name one: --dir FOLDER")
}

/// Wireshark 4.0 has "Extcap path", later ones have "Personal Extcap path" and "Global Extcap path"; several folders are one line each, or
/// stand behind each other with colons between.
fn chosen(folders: &str, is_root: bool) -> Option<PathBuf> {
    let lines = folders.lines().filter_map(|line| line.split_once(':')).map(|(name, path)| (name.trim().to_lowercase(), path.trim()));
    let paths: Vec<(String, &str)> = lines.filter(|(name, path)| name.contains("extcap") && !path.is_empty()).collect();
    let personal = paths.iter().find(|(name, _)| name.contains("personal")).filter(|_| !is_root);
    let path = personal.or_else(|| paths.iter().find(|(name, _)| !name.contains("personal"))).or(paths.first())?;
    path.1.split(':').next().map(PathBuf::from)
}

/// Whether tshark lists our interfaces now; none where there is no tshark.
fn sees(folder: &Path) -> Option<bool> {
    let output = Command::new("tshark").arg("-D").stdin(Stdio::null()).output().ok()?;
    let listed = String::from_utf8_lossy(&output.stdout).contains("tapscope-all");
    let named = env::var_os("WIRESHARK_EXTCAP_DIR").is_some_and(|dir| Path::new(&dir) == folder);
    Some(listed || named)
}

fn not_allowed(what: &str, path: &Path) -> String {
    format!("cannot {what} {} (sudo tapscope extcap install, or a folder of yours: --dir FOLDER)", shown(path))
}

fn shown(path: &Path) -> Text {
    Text::path(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wireshark_names_its_folder_in_its_own_way() {
        let old = "Personal Plugins:\t/home/me/p\nExtcap path:         \t/usr/lib/wireshark/extcap\n";
        let new = "Personal Extcap path:\t/home/me/.local/lib/wireshark/extcap\nGlobal Extcap path:\t/usr/libexec/wireshark/extcap\n";
        let path = |text, is_root| chosen(text, is_root).map(|path| path.display().to_string());
        assert_eq!(path(old, false).as_deref(), Some("/usr/lib/wireshark/extcap"));
        assert_eq!(path(new, false).as_deref(), Some("/home/me/.local/lib/wireshark/extcap"));
        assert_eq!(path(new, true).as_deref(), Some("/usr/libexec/wireshark/extcap"));
        assert_eq!(path("Extcap path:\t/a:/b\n", true).as_deref(), Some("/a"));
        assert_eq!(path("nothing", true), None);
    }
}
