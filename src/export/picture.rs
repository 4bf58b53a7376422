//! The picture for other programs.

use crate::report;
use crate::show::Reading;
use anyhow::Result;
use std::io::Write;
use tapscope_capture::file::FileFacts;

/// How the picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the window draws it.
    Svg,
    /// The same in pixels.
    Png,
    /// For graphviz.
    Dot,
    /// For graph programs.
    Graphml,
    /// Everything, as `show --format json`.
    Json,
}

/// Writes the picture; gives what is known of the files.
///
/// # Errors
/// Where it cannot be written, or this tapscope cannot draw.
pub fn write(out: &mut impl Write, reading: Reading, format: Format) -> Result<Vec<FileFacts>> {
    match format {
        Format::Dot => report::dot::write(out, &reading.view)?,
        Format::Graphml => report::graphml::write(out, &reading.view)?,
        Format::Json => report::json::write(out, &reading)?,
        Format::Svg | Format::Png => return draw(out, reading, format),
    }
    Ok(reading.files)
}

#[cfg(feature = "window")]
fn draw(out: &mut impl Write, reading: Reading, format: Format) -> Result<Vec<FileFacts>> {
    let Reading { files, view, .. } = reading;
    let svg = tapscope_gui::canvas::svg(&std::sync::Arc::new(view));
    if format == Format::Png {
        out.write_all(&pixels(&svg)?)?;
    } else {
        out.write_all(svg.as_bytes())?;
    }
    Ok(files)
}

/// Twice the window's size, for print, unless that would be more than programs show.
#[cfg(feature = "window")]
fn pixels(svg: &str) -> Result<Vec<u8>> {
    use anyhow::Context;
    use resvg::{tiny_skia, usvg};
    const SCALE: f32 = 2.0;
    const LARGEST: f32 = 16_384.0;
    let mut options = usvg::Options { font_family: "Ubuntu".to_owned(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    fonts.load_font_data(tapscope_gui::canvas::font());
    // For what the window's own font has no letters for.
    fonts.load_system_fonts();
    let tree = usvg::Tree::from_str(svg, &options).context("cannot draw the picture")?;
    let size = tree.size();
    let scale = SCALE.min(LARGEST / size.width().max(size.height()));
    let (width, height) = ((size.width() * scale).ceil() as u32, (size.height() * scale).ceil() as u32);
    let mut map = tiny_skia::Pixmap::new(width.max(1), height.max(1)).context("the picture is too large for pixels: write .svg")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut map.as_mut());
    map.encode_png().context("cannot write PNG")
}

#[cfg(not(feature = "window"))]
fn draw(_: &mut impl Write, _: Reading, _: Format) -> Result<Vec<FileFacts>> {
    anyhow::bail!("this tapscope was built without its window, which draws the picture: write .dot, and let graphviz draw it (dot -Tsvg)")
}
