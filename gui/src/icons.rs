//! Icons: glyphs of the Lucide font, beside words and never instead of a name.

use egui::epaint::text::{FontInsert, FontPriority, InsertFontFamily};
use egui::{Button, Context, FontData, FontFamily, FontId, Response, RichText, Role, Ui, WidgetInfo};
pub(crate) use lucide_icons::Icon;

/// The family that has the icons and nothing else.
fn family() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// Makes the font known; the next pass has it.
pub(crate) fn install(context: &Context) {
    context.add_font(FontInsert {
        name: "lucide".to_owned(),
        data: FontData::from_static(lucide_icons::LUCIDE_FONT_BYTES),
        families: vec![InsertFontFamily { family: family(), priority: FontPriority::Highest }],
    });
}

/// An icon as text.
pub(crate) fn icon(ui: &Ui, icon: Icon, size: f32) -> RichText {
    // A font that was added is there from the next pass on; a family that is not there is a panic.
    let is_there = ui.ctx().fonts(|fonts| fonts.families().contains(&family()));
    let family = if is_there { family() } else { FontFamily::Proportional };
    RichText::new(if is_there { icon.unicode() } else { ' ' }).font(FontId::new(size, family))
}

/// A button with an icon and a word; a screen reader hears the word.
pub(crate) fn button(ui: &mut Ui, glyph: Icon, word: &str, paint: impl FnOnce(Button<'static>) -> Button<'static>) -> Response {
    let response = ui.add(paint(Button::new((icon(ui, glyph, 14.0), RichText::new(word)))));
    name(&response, ui, word);
    response
}

/// A button with an icon and a word that may be disabled; in a row that is full it goes to the next line. Where room is short it shows
/// only the icon.
pub(crate) fn enabled_button(ui: &mut Ui, is_enabled: bool, is_short: bool, glyph: Icon, word: &str) -> Response {
    let glyph = icon(ui, glyph, 14.0);
    let button = if is_short { Button::new(glyph) } else { Button::new((glyph, RichText::new(word))) };
    let response = ui.add_enabled(is_enabled, button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, word));
    response
}

/// A button that shows only an icon, and is called by a word.
pub(crate) fn small_button(ui: &mut Ui, glyph: Icon, word: &str) -> Response {
    let response = ui.add(Button::new(icon(ui, glyph, 14.0)));
    name(&response, ui, word);
    response.on_hover_text(word)
}

fn name(response: &Response, ui: &Ui, word: &str) {
    let is_enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, word));
}
