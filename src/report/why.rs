//! A diagnosis as JSON: schema `tapscope.diagnosis/1`, published as docs/diagnosis.schema.json.

use serde::Serialize;
use std::time::{Duration, UNIX_EPOCH};
use tapscope_graph::diagnose::{Accusation, Diagnosis, Endpoint, PathStep, Proof};
use tapscope_graph::host::Host;
use tapscope_graph::{Direction, FrameNo, Timestamp};

/// The whole answer.
#[derive(Serialize)]
pub struct Report<'a> {
    schema: &'static str,
    question: Question,
    verdict: &'static str,
    confidence: &'static str,
    loss: Loss,
    causes: Vec<Cause<'a>>,
    latent: Vec<Cause<'a>>,
    notes: Vec<Note<'a>>,
    candidates: Vec<Candidate<'a>>,
    ruled_out: Vec<RuledOut<'a>>,
    path: Vec<Step<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_expected: Option<&'a str>,
    coverage: Coverage<'a>,
}

#[derive(Serialize)]
struct Question {
    from: End,
    to: End,
    proto: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
}

#[derive(Serialize)]
struct Window {
    start: String,
    end: String,
}

#[derive(Serialize)]
struct End {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netdev: Option<String>,
}

#[derive(Serialize)]
struct Loss {
    sent: u64,
    answered: u64,
    pattern: &'static str,
}

#[derive(Serialize)]
struct Cause<'a> {
    code: &'static str,
    #[serde(rename = "where")]
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    leg: &'static str,
    summary: &'a str,
    sufficient_alone: bool,
    evidence: Vec<Evidence<'a>>,
    fix: Fix<'a>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    rank: &'static str,
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    packets: Vec<u64>,
}

#[derive(Serialize)]
struct Fix<'a> {
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    then_expect: Option<&'a str>,
    needs: &'static str,
}

#[derive(Serialize)]
struct Note<'a> {
    code: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Candidate<'a> {
    code: &'static str,
    decide_with: &'a str,
}

#[derive(Serialize)]
struct RuledOut<'a> {
    code: &'static str,
    because: &'a str,
}

#[derive(Serialize)]
struct Step<'a> {
    leg: &'static str,
    hop: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'static str>,
    status: &'static str,
    packets: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewritten: Option<&'a str>,
}

#[derive(Serialize)]
struct Coverage<'a> {
    interfaces: &'a [String],
    missing: &'a [String],
    capture_drops: u64,
    state_unreadable: &'a [String],
}

impl<'a> Report<'a> {
    /// Of a diagnosis; the host gives the names of devices.
    pub fn of(diagnosis: &'a Diagnosis, host: &Host) -> Report<'a> {
        let candidates = diagnosis.candidates.iter().map(|one| Candidate { code: one.code, decide_with: &one.decide_with });
        Report {
            schema: "tapscope.diagnosis/1",
            question: Question {
                from: end(&diagnosis.from, host),
                to: end(&diagnosis.to, host),
                proto: if diagnosis.is_v6 { "icmp6" } else { "icmp" },
                window: diagnosis.window.map(|(start, end)| Window { start: time(start), end: time(end) }),
            },
            verdict: diagnosis.verdict.name(),
            confidence: diagnosis.confidence.name(),
            loss: Loss { sent: diagnosis.loss.sent, answered: diagnosis.loss.answered, pattern: diagnosis.loss.pattern.name() },
            causes: diagnosis.causes.iter().map(cause).collect(),
            latent: diagnosis.latent.iter().map(cause).collect(),
            notes: diagnosis.notes.iter().map(|note| Note { code: note.code, text: &note.text }).collect(),
            candidates: candidates.collect(),
            ruled_out: diagnosis.ruled_out.iter().map(|out| RuledOut { code: out.code, because: &out.because }).collect(),
            path: diagnosis.path.iter().map(step).collect(),
            last_seen: diagnosis.last_seen.as_deref(),
            next_expected: diagnosis.next_expected.as_deref(),
            coverage: Coverage {
                interfaces: &diagnosis.coverage.interfaces,
                missing: &diagnosis.coverage.missing,
                capture_drops: diagnosis.coverage.capture_drops,
                state_unreadable: &diagnosis.coverage.unreadable,
            },
        }
    }
}

/// RFC 3339, in UTC.
fn time(at: Timestamp) -> String {
    let time = u64::try_from(at.0).ok().and_then(|nanos| UNIX_EPOCH.checked_add(Duration::from_nanos(nanos)));
    time.map_or_else(|| at.to_string(), |time| humantime::format_rfc3339_nanos(time).to_string())
}

fn end(end: &Endpoint, host: &Host) -> End {
    End {
        ip: end.ip.map(|ip| ip.to_string()),
        mac: end.mac.map(|mac| mac.to_string()),
        port: end.device().and_then(|device| host.device(device)).map(|device| device.name.to_string()),
        vm: end.name.as_ref().map(ToString::to_string),
        pid: end.pid,
        netdev: end.netdev.as_ref().map(ToString::to_string),
    }
}

fn numbers(frames: &[FrameNo]) -> Vec<u64> {
    frames.iter().map(|frame| frame.0).collect()
}

fn evidence(proof: &Proof) -> Evidence<'_> {
    Evidence {
        rank: proof.rank.name(),
        kind: proof.rank.kind(),
        text: &proof.text,
        before: proof.counted.map(|(before, _)| before),
        after: proof.counted.map(|(_, after)| after),
        packets: numbers(&proof.frames),
    }
}

fn cause(accused: &Accusation) -> Cause<'_> {
    Cause {
        code: accused.cause.code,
        place: &accused.place,
        object: accused.object.as_deref(),
        leg: accused.leg.name(),
        summary: &accused.summary,
        sufficient_alone: accused.is_sufficient_alone,
        evidence: accused.proofs.iter().map(evidence).collect(),
        fix: Fix {
            command: &accused.fix.command,
            undo: accused.fix.undo.as_deref(),
            then_expect: accused.fix.then_expect.as_deref(),
            needs: accused.fix.needs.name(),
        },
    }
}

fn step(step: &PathStep) -> Step<'_> {
    let dir = match step.direction {
        Some(Direction::Inbound) => Some("in"),
        Some(Direction::Outbound) => Some("out"),
        Some(Direction::Unknown) | None => None,
    };
    Step {
        leg: step.leg.name(),
        hop: &step.hop,
        kind: if step.direction.is_some() { "observe" } else { "element" },
        dir,
        status: step.status.name(),
        packets: numbers(&step.frames),
        rewritten: step.rewritten.as_deref(),
    }
}
