//! `tapscope export`: what was seen, or a part of it, for other programs: frames, the picture, tables.
//!
//! Where the part is named by what has to be learned first (a guest by its name), the files are read twice: once to learn, once to copy. No
//! frame is kept longer than its batch.

mod choice;
mod cut;
pub mod frames;
mod input;
mod output;
pub mod picture;
pub mod table;

pub use choice::moment;
pub use cut::{Cut, Moment, says};
pub use input::Input;
pub use output::Output;
pub use table::TableName;

use crate::show::{Reading, seed};
use crate::source;
use anyhow::{Context, Result, bail};
use choice::ChoiceArguments;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tapscope_capture::remote::Origin;
use tapscope_graph::tables::Limits;
use tapscope_graph::{Event, FrameNo, Network, Text};

/// `tapscope export`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tapscope export capture.pcapng -o g1.pcapng --node g1
  tapscope export a.pcap b.pcap -o both.pcapng            several files, merged by time
  tapscope export capture.pcapng -o ping.pcap --flow 10.0.0.1-10.0.0.2/icmp --from 2s --to 5s
  tapscope export capture.pcapng -o web.pcapng --point tap0 -f 'tcp port 80'
  tapscope export capture.pcapng -o dns.pcapng --where 'dns and not ip.addr == 10.0.0.53'
  tapscope export capture.pcapng -o picture.svg           also .png .dot .graphml .json
  tapscope export capture.pcapng -o flows.csv --table flows
  tapscope export capture.pcapng --node g1 --wireshark
  tapscope export ssh://root@host -o host.pcapng --for 10s

Parts of one kind add up (--node g1 --node g2 is either), kinds narrow each other (--node g1 --point tap0 is both).

Exit status: 0 done; 1 something could not be read or written, or a file is damaged (what came before is exported); 64 usage.")]
pub struct ExportArguments {
    /// pcap or pcapng files, merged by time; `-` is standard input; also tcp://host:port and ssh://user@host
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where to; its ending says what: .pcapng .pcap .svg .png .dot .graphml .json .csv; `-` is standard output
    #[arg(short, long = "output", value_name = "OUT", required_unless_present = "wireshark")]
    output: Option<PathBuf>,
    /// What to write, whatever the ending says
    #[arg(long = "as", value_name = "KIND", value_enum)]
    kind: Option<Kind>,
    /// The old format: one link type, no points, no facts of the host; the same as --as pcap
    #[arg(long, conflicts_with_all = ["kind", "picture", "table"])]
    pcap: bool,
    /// The picture, also where the ending does not say so
    #[arg(long, conflicts_with = "table")]
    picture: bool,
    /// One table, as CSV or JSON
    #[arg(long, value_name = "TABLE", value_enum)]
    table: Option<TableName>,
    #[command(flatten)]
    choice: ChoiceArguments,
    /// Read a stream for this long, such as 10s; otherwise to its end, or until ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
    /// Open it in Wireshark instead, as it comes
    #[arg(long, conflicts_with_all = ["output", "kind", "pcap", "picture", "table", "force"])]
    wireshark: bool,
}

/// What an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Frames, points and what the host said: nothing is lost
    Pcapng,
    /// Frames of one link type
    Pcap,
    /// The picture as a drawing
    Svg,
    /// The picture as pixels
    Png,
    /// The picture for graphviz
    Dot,
    /// The picture for yEd, Gephi and the like
    Graphml,
    /// Everything that was learned, or a table
    Json,
    /// A table for spreadsheets
    Csv,
}

impl Kind {
    fn by_ending(path: &Path) -> Option<Kind> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "pcapng" | "ntar" => Some(Kind::Pcapng),
            "pcap" | "cap" | "dmp" => Some(Kind::Pcap),
            "svg" => Some(Kind::Svg),
            "png" => Some(Kind::Png),
            "dot" | "gv" => Some(Kind::Dot),
            "graphml" => Some(Kind::Graphml),
            "json" => Some(Kind::Json),
            "csv" => Some(Kind::Csv),
            _ => None,
        }
    }
}

/// What is written, once everything that was asked for fits together.
pub enum Product {
    /// Frames.
    Frames(frames::Format),
    /// The picture.
    Picture(picture::Format),
    /// A table.
    Table(TableName, table::Format),
}

#[cfg(feature = "window")]
impl Product {
    /// What a file's ending says; the table is named as for `--table`.
    ///
    /// # Errors
    /// Where the ending says nothing, or not that.
    pub fn named(path: &Path, table: Option<&str>) -> Result<Product> {
        let kind = Kind::by_ending(path);
        let table = table.map(|name| TableName::from_str(name, true).map_err(anyhow::Error::msg)).transpose()?;
        product(false, table, kind, false)
    }
}

impl ExportArguments {
    fn product(&self) -> Result<Product> {
        let ending = self.output.as_deref().and_then(Kind::by_ending);
        let kind = if self.pcap { Some(Kind::Pcap) } else { self.kind.or(ending) };
        let is_piped = self.output.as_deref() == Some(Path::new("-")) || self.wireshark;
        let product = product(self.picture, self.table, kind, is_piped)?;
        if self.picture && !matches!(product, Product::Picture(_)) {
            bail!("a picture is .svg .png .dot .graphml or .json, not what the file's name says");
        }
        Ok(product)
    }
}

/// What is written, by what was said of it and by the file's ending.
fn product(is_picture: bool, table: Option<TableName>, kind: Option<Kind>, is_piped: bool) -> Result<Product> {
    Ok(match (table, kind) {
        (Some(table), None | Some(Kind::Csv)) => Product::Table(table, table::Format::Csv),
        (Some(table), Some(Kind::Json)) => Product::Table(table, table::Format::Json),
        (Some(_), Some(_)) => bail!("a table is written as CSV or JSON: name the file .csv or .json, or say --as csv"),
        (None, Some(Kind::Csv)) => bail!("which table? Say --table {}", TableName::all()),
        (None, Some(Kind::Pcap)) => Product::Frames(frames::Format::Pcap),
        (None, Some(Kind::Pcapng)) => Product::Frames(frames::Format::Pcapng),
        (None, Some(Kind::Svg)) => Product::Picture(picture::Format::Svg),
        (None, Some(Kind::Png)) => Product::Picture(picture::Format::Png),
        (None, Some(Kind::Dot)) => Product::Picture(picture::Format::Dot),
        (None, Some(Kind::Graphml)) => Product::Picture(picture::Format::Graphml),
        (None, Some(Kind::Json)) => Product::Picture(picture::Format::Json),
        (None, None) if is_picture => Product::Picture(picture::Format::Svg),
        (None, None) if is_piped => Product::Frames(frames::Format::Pcapng),
        (None, None) => {
            bail!("what should it be? End the name in .pcapng .pcap .svg .png .dot .graphml .json or .csv, or say --as KIND")
        }
    })
}

/// Exports; gives the exit code.
pub fn run(arguments: &ExportArguments) -> Result<u8> {
    let product = arguments.product()?;
    let origins = source::origins(&arguments.files)?;
    let is_lasting = origins.iter().all(Origin::is_lasting);
    let cut = if arguments.choice.must_be_learned() && is_lasting {
        let mut cut = Cut::new(arguments.choice.selected(&learned(&origins)?.view)?, arguments.choice.filter()?);
        cut.only(arguments.choice.display.clone().unwrap_or_default());
        cut
    } else {
        arguments.choice.streamed()?
    };
    if arguments.wireshark {
        let mut wireshark = crate::wireshark::Wireshark::start()?;
        let input = Input::open(&origins, arguments.time)?;
        let facts = frames::write(input, cut, wireshark.input(), frames::Format::Pcapng);
        // Whoever closes Wireshark has seen enough.
        let facts = match facts {
            Err(error) if crate::cli::is_broken_pipe(&error) => Vec::new(),
            facts => facts?,
        };
        wireshark.wait()?;
        return Ok(input::told(&facts));
    }
    let path = arguments.output.as_deref().context("where to? Say -o OUT")?;
    let input = Input::open(&origins, arguments.time)?;
    let mut output = Output::create(path, arguments.force)?;
    let facts = match product {
        Product::Frames(format) => frames::write(input, cut, &mut output, format)?,
        Product::Table(TableName::Packets, format) => table::packets::write(input, cut, &mut output, format)?,
        Product::Table(name, format) => {
            let reading = learn(input, cut)?;
            table::write(&mut output, &reading.view, name, format)?;
            reading.files
        }
        Product::Picture(format) => {
            let reading = learn(input, cut)?;
            picture::write(&mut output, reading, format)?
        }
    };
    output.finish()?;
    Ok(input::told(&facts))
}

/// What files show, all of it.
fn learned(origins: &[Origin]) -> Result<Reading> {
    crate::show::read(source::Source::Files(origins.to_vec()).open()?, None)
}

/// What the chosen frames show.
fn learn(mut input: Input, mut cut: Cut) -> Result<Reading> {
    let mut network = Network::new(Limits::default(), seed());
    while let Some(event) = input.next() {
        if let Some((event, _)) = cut.pass(event)? {
            network.observe(&event);
        }
    }
    cut.finish()?;
    Ok(Reading { files: input.into_facts(), at: None, view: network.into_view() })
}

/// Hears of what was chosen, in order.
trait Sink {
    /// Takes an event; `numbers` are those of its frames, in the order in which they were seen.
    fn take(&mut self, event: &Event, numbers: &[FrameNo]) -> Result<()>;
}

/// Gives a sink everything that was chosen.
fn copy(mut input: Input, mut cut: Cut, sink: &mut dyn Sink) -> Result<Vec<tapscope_capture::file::FileFacts>> {
    while let Some(event) = input.next() {
        if let Some((event, numbers)) = cut.pass(event)? {
            sink.take(&event, &numbers)?;
        }
    }
    cut.finish()?;
    Ok(input.into_facts())
}

/// A path for people.
fn shown(path: &Path) -> Text {
    Text::path(&path.to_string_lossy())
}
