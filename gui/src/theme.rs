//! Colours (Okabe and Ito's, which colour-blind people can tell apart) and sizes, for the dark and the light theme.

use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Role, Sense, Stroke, TextStyle, Theme, Ui, Visuals, WidgetInfo, vec2};

/// The colours that mean something; shape or text always says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub canvas: Color32,
    /// Cards.
    pub card: Color32,
    /// Edges of cards.
    pub edge: Color32,
    /// Rails of bridges.
    pub rail: Color32,
    /// Text that matters.
    pub strong: Color32,
    /// Text that explains.
    pub weak: Color32,
    /// Good, and traffic.
    pub good: Color32,
    /// Odd.
    pub warn: Color32,
    /// Broken.
    pub bad: Color32,
    /// Neutral marks, links to more.
    pub accent: Color32,
    /// Cables between guests.
    pub cable: Color32,
    /// One packet under way.
    pub pulse: Color32,
}

const DARK: Palette = Palette {
    canvas: Color32::from_rgb(0x12, 0x16, 0x1c),
    card: Color32::from_rgb(0x20, 0x27, 0x31),
    edge: Color32::from_rgb(0x3d, 0x48, 0x55),
    rail: Color32::from_rgb(0x1f, 0x3f, 0x5c),
    strong: Color32::from_rgb(0xe8, 0xec, 0xf0),
    weak: Color32::from_rgb(0x96, 0xa1, 0xad),
    good: Color32::from_rgb(0x2b, 0xc4, 0x93),
    warn: Color32::from_rgb(0xe6, 0x9f, 0x00),
    bad: Color32::from_rgb(0xff, 0x7a, 0x4d),
    accent: Color32::from_rgb(0x56, 0xb4, 0xe9),
    cable: Color32::from_rgb(0xd6, 0x8a, 0xb6),
    pulse: Color32::WHITE,
};

const LIGHT: Palette = Palette {
    canvas: Color32::from_rgb(0xf6, 0xf7, 0xf9),
    card: Color32::from_rgb(0xff, 0xff, 0xff),
    edge: Color32::from_rgb(0xb4, 0xbd, 0xc8),
    rail: Color32::from_rgb(0xd2, 0xe6, 0xf6),
    strong: Color32::from_rgb(0x1c, 0x23, 0x2b),
    weak: Color32::from_rgb(0x58, 0x63, 0x70),
    good: Color32::from_rgb(0x00, 0x7d, 0x5b),
    warn: Color32::from_rgb(0x9a, 0x67, 0x00),
    bad: Color32::from_rgb(0xc0, 0x45, 0x00),
    accent: Color32::from_rgb(0x00, 0x6a, 0xab),
    cable: Color32::from_rgb(0x9c, 0x3f, 0x76),
    pulse: Color32::from_rgb(0x1c, 0x23, 0x2b),
};

/// The palette of the theme that is on.
pub fn palette(context: &Context) -> Palette {
    match context.theme() {
        Theme::Dark => DARK,
        Theme::Light => LIGHT,
    }
}

/// Sets both themes up, once.
pub fn install(context: &Context) {
    for (theme, palette, mut visuals) in [(Theme::Dark, DARK, Visuals::dark()), (Theme::Light, LIGHT, Visuals::light())] {
        visuals.panel_fill = match theme {
            Theme::Dark => Color32::from_rgb(0x17, 0x1b, 0x22),
            Theme::Light => Color32::from_rgb(0xec, 0xef, 0xf3),
        };
        visuals.extreme_bg_color = palette.canvas;
        visuals.selection.bg_fill = palette.accent.gamma_multiply(0.35);
        visuals.selection.stroke = Stroke::new(1.0, palette.strong);
        visuals.hyperlink_color = palette.accent;
        visuals.weak_text_color = Some(palette.weak);
        let widgets = &mut visuals.widgets;
        // Not as an override of all text: that would paint links like any other word.
        for widget in [&mut widgets.noninteractive, &mut widgets.inactive, &mut widgets.hovered, &mut widgets.active, &mut widgets.open] {
            widget.fg_stroke.color = palette.strong;
            widget.corner_radius = CornerRadius::same(5);
        }
        // What has the keyboard has an edge that cannot be overlooked.
        widgets.active.bg_stroke = Stroke::new(2.0, palette.accent);
        context.set_visuals_of(theme, visuals);
        context.style_mut_of(theme, |style| {
            style.text_styles.insert(TextStyle::Body, FontId::new(13.0, FontFamily::Proportional));
            style.text_styles.insert(TextStyle::Button, FontId::new(13.0, FontFamily::Proportional));
            style.text_styles.insert(TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace));
            style.text_styles.insert(TextStyle::Small, FontId::new(11.0, FontFamily::Proportional));
            style.spacing.item_spacing = egui::vec2(8.0, 4.0);
        });
    }
}

/// A word on a tinted ground, which goes to the next line as a whole.
pub fn badge(ui: &mut Ui, text: &str, color: Color32) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), TextStyle::Small.resolve(ui.style()), color);
    let margin = vec2(5.0, 1.0);
    let (rect, response) = ui.allocate_exact_size(galley.size() + margin * 2.0, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().rect_filled(rect, 4.0, color.gamma_multiply(0.16));
    ui.painter().galley(rect.min + margin, galley, color);
}
