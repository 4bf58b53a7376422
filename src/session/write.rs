//! What the window has written to files, or shown to Wireshark.

use super::jobs::{Jobs, Task};
use crate::export::{self, Cut, Input, Output, Product, frames, picture, table};
use crate::live::order::Door;
use crate::show::Reading;
use crate::source::Source;
use crate::wireshark::Wireshark;
use anyhow::{Context, Result, bail};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tapscope_graph::Text;
use tapscope_gui::Shown;
use tapscope_gui::session::{Chosen, Export};

/// How soon it is noticed that Wireshark was closed.
const BREATH: Duration = Duration::from_millis(200);

/// Where frames come from.
#[derive(Clone)]
pub(super) enum Origin {
    /// Files, from their start.
    Recording(Source),
    /// What was seen lately and is still kept, and what comes.
    Living(Option<Door>),
}

impl Origin {
    fn input(&self, shown: &Shown, task: Arc<Task>) -> Result<Input> {
        let told = Box::new(move |done| task.tell(done));
        Ok(match self {
            Origin::Recording(source) => Input::told(source.open()?, told),
            Origin::Living(_) => Input::kept(&shown.view, shown.packets.clone(), told),
        })
    }

    /// Frames that were seen and are not kept any more come first in the count.
    fn cut(&self, chosen: &Chosen, shown: &Shown) -> Cut {
        let mut cut = Cut::new(chosen.selection.clone(), None);
        cut.only(chosen.filter.clone());
        if let Origin::Living(_) = self {
            cut.skip(shown.packets.pushed_out());
        }
        cut
    }

    /// Writes something to a file, as a job.
    pub fn export(&self, jobs: &Arc<Jobs>, what: Export, shown: Arc<Shown>) {
        let name = Text::path(&what.path.to_string_lossy());
        let origin = self.clone();
        jobs.start(format!("Export {name}"), move |task| {
            let product = Product::named(&what.path, what.table)?;
            let mut output = Output::create(&what.path, what.is_forced)?;
            let cut = origin.cut(&what.chosen, &shown);
            match product {
                Product::Frames(format) => drop(frames::write(origin.input(&shown, task.share())?, cut, &mut output, format)?),
                Product::Table(export::TableName::Packets, format) => {
                    table::packets::write(origin.input(&shown, task.share())?, cut, &mut output, format)?;
                }
                Product::Table(table, format) => table::write(&mut output, &shown.view, table, format)?,
                Product::Picture(format) => {
                    let reading = Reading { files: Vec::new(), at: None, view: (*shown.view).clone() };
                    picture::write(&mut output, reading, format)?;
                }
            }
            if task.is_cancelled() {
                // What is dropped unfinished is removed.
                bail!("cancelled");
            }
            output.finish()?;
            Ok(format!("written to {name}"))
        });
    }

    /// Shows frames to Wireshark, as a job that ends when its window is closed.
    pub fn wireshark(&self, jobs: &Arc<Jobs>, chosen: Chosen, shown: Arc<Shown>) {
        let origin = self.clone();
        jobs.start("Wireshark".to_owned(), move |task| {
            let cut = origin.cut(&chosen, &shown);
            if let Origin::Living(Some(door)) = &origin {
                let mut child = Wireshark::live(door, cut)?;
                while child.try_wait().context("cannot wait for wireshark")?.is_none() && !task.is_cancelled() {
                    std::thread::sleep(BREATH);
                }
                return Ok("closed".to_owned());
            }
            let mut wireshark = Wireshark::start()?;
            let input = origin.input(&shown, task.share())?;
            match frames::write(input, cut, wireshark.input(), frames::Format::Pcapng) {
                // Whoever closes Wireshark has seen enough.
                Err(error) if !crate::cli::is_broken_pipe(&error) => return Err(error),
                _ => {}
            }
            wireshark.wait()?;
            Ok("closed".to_owned())
        });
    }
}

/// Opens something in a window of its own.
pub(super) fn open(jobs: &Arc<Jobs>, title: &str, arguments: &[&std::ffi::OsStr]) {
    let started = std::env::current_exe()
        .and_then(|program| Process::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn());
    match started {
        Ok(mut child) => {
            // Nobody else waits for it.
            let wait = move || drop(child.wait());
            let _ = std::thread::Builder::new().name("window".into()).spawn(wait);
        }
        Err(error) => jobs.say(title, Err(anyhow::Error::new(error).context("cannot start another window"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;
    use std::time::Instant;
    use tapscope_graph::display_filter::DisplayFilter;
    use tapscope_gui::session::{JobId, JobState};
    use tapscope_gui::{Command, Session as _};

    /// How a job ended, as soon as it did.
    fn end_of(session: &Session) -> (JobId, JobState) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let over = session.shown().doing.jobs.iter().find(|job| !matches!(job.state, JobState::Running(_))).cloned();
            if let Some(job) = over {
                return (job.id, job.state);
            }
            assert!(Instant::now() < deadline, "the job does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_is_shown_is_exported_as_a_job_and_nothing_is_overwritten_by_accident() {
        let folder = std::env::temp_dir().join(format!("tapscope-write-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let session = Session::replay(Source::Demo).expect("the demo");
        let export = |name: &str, table, filter: &str, is_forced| {
            let chosen = Chosen { filter: DisplayFilter::parse(filter).expect("a filter"), ..Chosen::default() };
            session.send(Command::Export(Export { chosen, path: folder.join(name), table, is_forced }));
            let (id, state) = end_of(&session);
            session.send(Command::Cancel(id));
            assert!(session.shown().doing.jobs.is_empty(), "what was read is forgotten");
            state
        };
        let frames = |name: &str| {
            let reader = tapscope_capture::file::Reader::open(&folder.join(name)).expect("a capture");
            crate::show::read(tapscope_capture::file::Merged::new(vec![reader]), None).expect("it is whole").view.tables.frames
        };
        assert!(matches!(export("all.pcapng", None, "", false), JobState::Done(_)));
        assert!(matches!(export("arp.pcapng", None, "arp", false), JobState::Done(_)));
        assert!(frames("arp.pcapng") > 0 && frames("arp.pcapng") < frames("all.pcapng"));
        assert!(matches!(export("flows.csv", Some("flows"), "", false), JobState::Done(_)));
        assert!(matches!(export("picture.svg", None, "", false), JobState::Done(_)));
        let again = export("arp.pcapng", None, "", false);
        assert!(matches!(&again, JobState::Failed(why) if why.contains("is there already")), "{again:?}");
        assert!(matches!(export("arp.pcapng", None, "", true), JobState::Done(_)));
        assert_eq!(frames("arp.pcapng"), frames("all.pcapng"));
        let what = export("nothing.xyz", None, "", false);
        assert!(matches!(&what, JobState::Failed(why) if why.contains(".pcapng")), "{what:?}");
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }
}
