//! The answer as text: the cause first, at most 25 lines.

use super::diagnosis::{Accusation, Confidence, Diagnosis, Leg, PathStep, Status, Verdict};
use crate::{Direction, FrameNo, Timestamp};
use std::fmt::Write;

/// The most lines.
const LINES: usize = 25;

impl Diagnosis {
    /// The answer for people. `host` gives the names.
    pub fn printed(&self, host: &crate::host::Host) -> String {
        let mut lines = vec![self.headline(host)];
        lines.push(String::new());
        self.causes(&mut lines);
        lines.push(String::new());
        self.way(&mut lines);
        self.rest(&mut lines);
        lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.truncate(LINES);
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }

    fn headline(&self, host: &crate::host::Host) -> String {
        format!(
            "ping {} ({}) -> {} ({}): {}  {}  [{}]",
            self.from.label(),
            self.from.title(host),
            self.to.label(),
            self.to.title(host),
            self.verdict.name().to_uppercase().replace('_', " "),
            self.fate(),
            self.confidence.name()
        )
    }

    /// What became of the echo requests, in words.
    pub fn fate(&self) -> String {
        match (self.loss.sent, self.loss.answered) {
            (0, _) => match self.verdict {
                verdict if verdict == Verdict::NotSent || !self.is_asked() => "no echo request was seen".to_owned(),
                _ => "no echo request left: the question before it was not answered".to_owned(),
            },
            (sent, 0) => format!("{sent} of {sent} echo requests lost"),
            (sent, answered) if sent == answered => format!("{sent} of {sent} echo requests answered"),
            (sent, answered) => format!("{} of {sent} echo requests lost", sent - answered.min(sent)),
        }
    }

    /// Why no cause is named, where one is missing.
    pub fn not_known(&self) -> Option<String> {
        let is_missing = self.causes.is_empty() && matches!(self.verdict, Verdict::Fails | Verdict::Degraded | Verdict::Undetermined);
        let unknown = [&self.from, &self.to].into_iter().find(|end| end.is_unknown());
        is_missing.then(|| match unknown {
            Some(end) => format!("nothing here is called {}", end.asked),
            None if self.coverage.interfaces.is_empty() => "nobody listened anywhere".to_owned(),
            None => "nothing that the host says explains it".to_owned(),
        })
    }

    /// Whether the way back is not known because nothing was seen on it.
    pub fn is_reply_untried(&self) -> bool {
        self.verdict == Verdict::Fails && self.path.iter().all(|step| step.leg != Leg::Reply)
    }

    /// Whether the question for the next hop's address was seen.
    fn is_asked(&self) -> bool {
        self.path.iter().any(|step| step.leg == Leg::ArpRequest && step.status == Status::Seen)
    }

    fn causes(&self, lines: &mut Vec<String>) {
        for (number, cause) in self.causes.iter().take(3).enumerate() {
            let word = if number == 0 { "cause" } else { "also " };
            lines.push(format!(" {word}  {}   {}", cause.cause.code, cause.summary));
            lines.push(format!("        {}", evidence(cause)));
            if number == 0 {
                let expect = cause.fix.then_expect.as_ref().map_or_else(String::new, |expect| format!("          then expect: {expect}"));
                lines.push(format!(" fix    {}{expect}", cause.fix.command));
            } else {
                lines.push(format!("        each enough alone; fix it, too: {}", cause.fix.command));
            }
        }
        if let Some(why) = self.not_known() {
            lines.push(format!(" cause  not known: {why}"));
        }
        for note in &self.notes {
            lines.push(format!(" note   {}: {}", note.code, note.text));
        }
        if !self.candidates.is_empty() {
            let codes: Vec<&str> = self.candidates.iter().map(|candidate| candidate.code).take(4).collect();
            lines.push(format!(" maybe  {}", codes.join(", ")));
            if let Some(first) = self.candidates.iter().find(|candidate| !candidate.decide_with.is_empty()) {
                lines.push(format!("        decide with: {}", first.decide_with));
            }
        }
    }

    fn way(&self, lines: &mut Vec<String>) {
        let mut word = "path";
        let mut legs: Vec<Leg> = Vec::new();
        for step in &self.path {
            if !legs.contains(&step.leg) {
                legs.push(step.leg);
            }
        }
        for leg in legs {
            let steps: Vec<&PathStep> = self.path.iter().filter(|step| step.leg == leg).collect();
            let died = steps.iter().position(|step| matches!(step.status, Status::Blocked | Status::NotRead));
            let mut is_first = true;
            for (index, step) in steps.iter().enumerate() {
                let is_point = step.direction.is_some();
                let is_shown =
                    is_point && (died.is_none_or(|at| index <= at + 4)) || matches!(step.status, Status::Blocked | Status::NotRead);
                if !is_shown || lines.len() > LINES - 6 {
                    continue;
                }
                let title = if is_first { leg_name(leg) } else { "" };
                is_first = false;
                lines.push(format!(" {word:<6} {title:<8} {}", line(step)));
                word = "";
            }
        }
        if let (Some(last), Some(next)) = (&self.last_seen, &self.next_expected)
            && self.verdict != Verdict::Works
        {
            lines.push(format!("        last seen {last}, next expected {next}"));
        }
        if self.is_reply_untried() {
            lines.push("        the way of the reply was not exercised".into());
        }
    }

    fn rest(&self, lines: &mut Vec<String>) {
        for later in self.latent.iter().take(2) {
            let object = later.object.as_ref().map_or_else(String::new, |object| format!("  {object}"));
            lines.push(format!(" next obstacle (not reached yet): {}  {}{object}", later.cause.code, later.summary));
        }
        if !self.ruled_out.is_empty() {
            let list: Vec<String> = self.ruled_out.iter().take(4).map(|out| format!("{} ({})", out.code, out.because)).collect();
            lines.push(format!(" ruled out: {}", list.join(", ")));
        }
        if !self.coverage.missing.is_empty() && self.verdict != Verdict::Works {
            lines.push(format!(" not listened to: {}", self.coverage.missing.join(", ")));
        }
        if self.coverage.capture_drops > 0 {
            lines.push(format!(" {} frames passed a place on the way and were not captured", self.coverage.capture_drops));
        }
        if self.confidence != Confidence::Proven {
            lines.extend(self.coverage.unreadable.iter().take(2).map(|what| format!(" not known: {what}")));
        }
        let mut frames: Vec<u64> =
            self.causes.iter().flat_map(|cause| &cause.proofs).flat_map(|proof| &proof.frames).map(|frame| frame.0).collect();
        frames.sort_unstable();
        frames.dedup();
        if !frames.is_empty() {
            let list: Vec<String> = frames.iter().take(8).map(|frame| format!("#{frame}")).collect();
            lines.push(format!(" evidence: frames {}", list.join(" ")));
        }
    }
}

fn evidence(cause: &Accusation) -> String {
    let proofs: Vec<&str> = cause.proofs.iter().take(3).map(|proof| proof.text.as_str()).collect();
    proofs.join("; ")
}

fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::ArpRequest => "ask",
        Leg::ArpReply => "answer",
        Leg::Request => "request",
        Leg::Reply => "reply",
    }
}

fn line(step: &PathStep) -> String {
    let direction = match step.direction {
        Some(Direction::Inbound) => " in",
        Some(Direction::Outbound) => " out",
        _ => "",
    };
    let mark = match step.status {
        Status::Seen | Status::Read | Status::Passed => "-->",
        Status::Blocked | Status::NotRead => " X ",
        Status::NotSeen | Status::NotCaptured | Status::NotReached => "---",
    };
    let what = match step.status {
        Status::Seen => "ok",
        Status::NotSeen => "not seen",
        Status::NotCaptured => "nobody listened",
        Status::Read => "read",
        Status::NotRead => "not read",
        Status::Passed => "passed",
        Status::Blocked => "died here",
        Status::NotReached => "not reached",
    };
    let mut text = format!("{mark} {:<18}", format!("{}{direction}", step.hop));
    if let Some(FrameNo(first)) = step.frames.first() {
        let _ = write!(text, " #{first:<5}");
    }
    if let Some(at) = step.at {
        let _ = write!(text, " {}", clock(at));
    }
    let _ = write!(text, "  {what}");
    if let Some(rewritten) = &step.rewritten {
        let _ = write!(text, ", rewritten: {rewritten}");
    }
    text
}

/// The time of the day in UTC, with milliseconds.
fn clock(at: Timestamp) -> String {
    let (seconds, nanos) = at.parts();
    let of_day = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}.{:03}", of_day / 3600, of_day / 60 % 60, of_day % 60, nanos / 1_000_000)
}
