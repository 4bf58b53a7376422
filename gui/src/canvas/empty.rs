//! What to say while there is nothing to show.

use super::draw::Drawing;
use crate::theme;
use egui::{Align2, FontId, Pos2, vec2};
use tapscope_graph::topology::NodeKind;

impl Drawing<'_> {
    /// While there is nothing at all.
    pub fn empty(&self) {
        let center = self.lens.clip.center();
        if self.shown.is_live() {
            self.invite(center);
            return;
        }
        self.say(center, "nothing was seen yet", &[("press Play, or drag the time line: hosts appear as their frames do", false)]);
    }

    /// While the first layout of a large picture is made.
    pub fn placing(&self) {
        let count = self.shown.view.topology.nodes().count();
        self.say(self.lens.clip.center(), &format!("{count} hosts find their places"), &[]);
    }

    /// While there is a host without guests: below its picture.
    pub fn no_guests(&self) {
        let has_guests = self.shown.view.topology.nodes().any(|node| node.kind == NodeKind::Guest);
        if self.is_told && self.shown.is_live() && !has_guests {
            self.invite(self.lens.clip.center_bottom() - vec2(0.0, 96.0));
        }
    }

    fn invite(&self, center: Pos2) {
        let lines = [
            ("Start one, and it appears here:", false),
            ("qemu-system-x86_64 -name web -nic tap,ifname=tap0,script=no …", true),
            ("or open the recording of two guests:", false),
            ("tapscope demo", true),
        ];
        self.say(center, "No guests are running here", &lines);
    }

    fn say(&self, center: Pos2, title: &str, lines: &[(&str, bool)]) {
        let palette = theme::palette(self.ui.ctx());
        let painter = self.ui.painter_at(self.lens.clip);
        painter.text(center, Align2::CENTER_BOTTOM, title, FontId::proportional(18.0), palette.strong);
        let mut at = center + vec2(0.0, 8.0);
        for (text, is_command) in lines {
            let (font, color) =
                if *is_command { (FontId::monospace(12.0), palette.accent) } else { (FontId::proportional(13.0), palette.weak) };
            at.y = painter.text(at, Align2::CENTER_TOP, text, font, color).bottom() + 4.0;
        }
    }
}
