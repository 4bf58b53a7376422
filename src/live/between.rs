//! Standing in cables of unix datagram sockets, because the user said so with `--interpose` and once more with yes.

use anyhow::{Context, Result, bail};
use crossbeam_channel::Receiver;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use tapscope_capture::interpose::{Interposed, Place, aside};
use tapscope_graph::host::{Cable, CableKind, Host};
use tapscope_graph::{Batch, Text};

use super::order::Order;
use super::scope::cable_description;

/// Cables that tapscope stands in. When it is dropped, their names are put back.
pub struct Between {
    wishes: Vec<Wish>,
}

struct Wish {
    path: PathBuf,
    standing: Option<(Place, Interposed)>,
    /// Why not.
    refused: Option<String>,
}

impl Between {
    /// Says what will be done, and asks whether it may, unless the answer was given before. None if the user wishes nothing of the kind.
    ///
    /// # Errors
    /// A path that makes no sense, or no yes.
    pub fn permit(paths: &[PathBuf], is_yes: bool) -> Result<Option<Between>> {
        if paths.is_empty() {
            return Ok(None);
        }
        if let Some(path) = paths.iter().find(|path| !path.is_absolute()) {
            bail!("--interpose takes a whole path, from / on: {}", shown(path));
        }
        for path in paths {
            eprintln!(
                "tapscope: will take the place of the socket {} and of its peer's: the guests' own sockets are called PATH.tapscope \
                 meanwhile, each frame passes tapscope, and while tapscope is stopped (SIGSTOP), none does; the names are put back when it ends",
                shown(path)
            );
        }
        if !is_yes {
            if !std::io::stdin().is_terminal() {
                bail!("--interpose changes what guests send to: say --yes, or answer on a terminal");
            }
            eprint!("tapscope: go on? [y/N] ");
            std::io::stderr().flush().context("cannot ask")?;
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
            if !matches!(answer.trim(), "y" | "Y" | "yes") {
                bail!("nothing was changed");
            }
        }
        let wish = |path: &PathBuf| Wish { path: path.clone(), standing: None, refused: None };
        Ok(Some(Between { wishes: paths.iter().map(wish).collect() }))
    }

    /// Steps into the wished cables that there are now, and out of those that there are not any more.
    pub fn update(&mut self, host: &Host, order: &Order, spent: &Receiver<Batch>) {
        let places: BTreeMap<PathBuf, Result<Place, String>> =
            self.wishes.iter().map(|wish| (wish.path.clone(), place(host, &wish.path))).collect();
        let taken: Vec<Text> = self.wishes.iter().filter_map(|wish| Some(wish.standing.as_ref()?.0.cable.clone())).collect();
        for wish in &mut self.wishes {
            // A cable whose guests are gone both; one that starts again finds us there.
            if let Some((place, interposed)) = wish.standing.take_if(|(place, _)| host.cables().all(|cable| cable.key != place.cable)) {
                leave(&place, interposed);
            }
            if wish.standing.is_some() {
                continue;
            }
            let found = match &places[&wish.path] {
                // Both its paths were named.
                Ok(place) if taken.contains(&place.cable) => continue,
                Ok(place) => Interposed::start(place.clone(), order.source(), spent.clone())
                    .map(|interposed| (place.clone(), interposed))
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            };
            match found {
                Ok(standing) => {
                    let [first, second] = standing.0.paths.each_ref().map(|path| shown(path));
                    eprintln!("tapscope: stands in {}: took the place of {first} and {second}", standing.0.name);
                    (wish.standing, wish.refused) = (Some(standing), None);
                }
                Err(why) => wish.refused = Some(why),
            }
        }
    }

    /// Cables that are wished for.
    pub fn wanted(&self) -> usize {
        self.wishes.len()
    }

    /// How many of them it does not stand in.
    pub fn refused(&self) -> usize {
        self.wishes.iter().filter(|wish| wish.refused.is_some()).count()
    }

    /// Why, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        self.wishes.iter().filter_map(|wish| Some(format!("--interpose {}: {}", shown(&wish.path), wish.refused.as_ref()?))).collect()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        for (place, interposed) in self.wishes.iter_mut().filter_map(|wish| wish.standing.take()) {
            leave(&place, interposed);
        }
    }
}

/// Puts the names back, and tells.
fn leave(place: &Place, interposed: Interposed) {
    let outcome = interposed.stop();
    let [first, second] = place.paths.each_ref().map(|path| shown(path));
    if outcome.left.is_empty() {
        eprintln!("tapscope: put back {first} and {second}");
    }
    for problem in outcome.left {
        eprintln!("tapscope: could not put back {problem}; by hand: mv PATH{} PATH", shown(&aside(Path::new(""))));
    }
    if outcome.undelivered > 0 {
        eprintln!("tapscope: {} frames of {} found no guest to take them", outcome.undelivered, place.name);
    }
}

fn shown(path: &Path) -> Text {
    Text::path(&path.to_string_lossy())
}

/// The cable of a socket.
fn place(host: &Host, path: &Path) -> Result<Place, String> {
    let wanted = shown(path);
    let is_it = |cable: &&Cable| cable.kind == CableKind::UnixDatagram && cable.ends.iter().any(|end| end.path.as_ref() == Some(&wanted));
    let cable = host.cables().find(is_it).ok_or("no guest that is seen here has a datagram socket of that path: tapscope list")?;
    let [Some(first), Some(second)] = [0, 1].map(|place| cable.ends.get(place).and_then(|end| end.path.clone())) else {
        return Err("its peer is not there yet; it begins when it is".to_owned());
    };
    // A name that is shown in another form than it has cannot be taken by what is shown.
    let paths = [first, second].map(|text| if text == wanted { path.to_owned() } else { PathBuf::from(text.as_str()) });
    if paths.iter().any(|path| !path.is_absolute()) {
        return Err("a path of the cable is not a whole one, from / on".to_owned());
    }
    Ok(Place {
        name: cable.key.to_string(),
        description: format!("{}, stood in", cable_description(host, cable)),
        cable: cable.key.clone(),
        paths,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_without_a_yes() {
        assert!(matches!(Between::permit(&[], false), Ok(None)));
        let says = |path: &str, is_yes| Between::permit(&[PathBuf::from(path)], is_yes).err().map(|error| error.to_string());
        assert_eq!(says("relative", true).as_deref(), Some("--interpose takes a whole path, from / on: relative"));
        assert_eq!(says("/run/a", true), None);
    }
}
