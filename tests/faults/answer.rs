//! What has to be answered, and how an answer differs.

use serde::Deserialize;
use serde_json::Value;

/// What has to be answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `works`, `degraded`, `fails`, `not_sent`, `undetermined`.
    pub verdict: String,
    /// All causes, each `CODE` or `CODE at DEVICE`, in no order.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Causes that may stand beside them: what is as true, and not more.
    #[serde(default)]
    pub may: Vec<String>,
    /// How sure.
    pub confidence: Option<String>,
    /// Next obstacles that have to be among those named.
    #[serde(default)]
    pub latent: Vec<String>,
    /// Candidates that have to be among those named.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// What has to be in the causes' evidence, such as `E1 kernel drop NETFILTER_DROP`: rank and the beginning of the text, or only that.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Notes that have to be among those named.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What was answered.
pub struct Answer {
    pub json: Value,
    /// The same for people, and what was written on standard error.
    pub text: String,
    pub status: i32,
}

impl Expect {
    /// How an answer differs.
    pub fn problems(&self, answer: &Answer) -> Vec<String> {
        let json = &answer.json;
        let text = |key: &str| json[key].as_str().unwrap_or("nothing").to_owned();
        let mut problems = Vec::new();
        let mut differs = |what: &str, wanted: &str, got: &str| {
            if wanted != got {
                problems.push(format!("{what}: {got}, not {wanted}"));
            }
        };
        differs("verdict", &self.verdict, &text("verdict"));
        if let Some(confidence) = &self.confidence {
            differs("confidence", confidence, &text("confidence"));
        }
        let status = ["works", "fails", "degraded", "undetermined"].iter().position(|&verdict| verdict == self.verdict).unwrap_or(3);
        differs("exit status", &status.to_string(), &answer.status.to_string());
        let named = |key: &str| -> Vec<(String, String)> {
            let rows = json[key].as_array().cloned().unwrap_or_default();
            let field = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
            rows.iter().map(|row| (field(row, "code"), field(row, "where"))).collect()
        };
        let causes = named("causes");
        // A place is told in words, such as `bridge br0, port tapB`.
        let has = |place: &str, word: &str| place.split(|letter: char| !letter.is_alphanumeric()).any(|found| found == word);
        let is_meant = |wanted: &str, (code, place): &(String, String)| match wanted.split_once(" at ") {
            Some((wanted, at)) => wanted == code && has(place, at),
            None => wanted == code,
        };
        for wanted in &self.causes {
            if !causes.iter().any(|cause| is_meant(wanted, cause)) {
                problems.push(format!("not named as a cause: {wanted}"));
            }
        }
        for cause in &causes {
            if !self.causes.iter().chain(&self.may).any(|wanted| is_meant(wanted, cause)) {
                problems.push(format!("accused wrongly: {} at {}", cause.0, cause.1));
            }
        }
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let proofs: Vec<Value> = list(&json["causes"]).iter().flat_map(|cause| list(&cause["evidence"])).collect();
        let word = |proof: &Value, key: &str| proof[key].as_str().unwrap_or_default().to_owned();
        for wanted in &self.evidence {
            let is_it = |proof: &Value| {
                let text = word(proof, "text");
                text.starts_with(wanted) || format!("{} {text}", word(proof, "rank")).starts_with(wanted)
            };
            if !proofs.iter().any(is_it) {
                problems.push(format!("not among the evidence: {wanted}"));
            }
        }
        for (key, all) in [("latent", &self.latent), ("candidates", &self.candidates), ("notes", &self.notes)] {
            for wanted in all {
                if !named(key).iter().any(|row| is_meant(wanted, row)) {
                    problems.push(format!("not among {key}: {wanted}"));
                }
            }
        }
        problems
    }
}
