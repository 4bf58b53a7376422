//! Why does a ping fail? Where it died, why, how that is known, and the fix.
//!
//! First the packets say where it died, then what the host says explains why, and a cause may only be named for what lies between the last
//! place where the packet was seen and the next one where it should have been:
//!
//! 1. `question`: who are A and B (`endpoint`; `suppose`, where nobody was seen to be them), and what time is looked at; `echoes`: which
//!    requests were answered.
//! 2. `trail`: the way that the packet should take, in the order of the kernel's hooks, from what the host says.
//! 3. `sight` and `walk`: how far the packets came on it.
//! 4. `climb`: the earliest question that is not settled: has A the next hop's address, did the request arrive, did the reply.
//! 5. `verdict`: in the gap, the first cause of the table ([`cause`], `causes`) that suffices is the one; later ones are what would stop
//!    it next; what the packet passed is not accused.
//! 6. `tell`: all of it as one answer.
//!
//! Not seen is not the same as not there: absence counts only where somebody listened and nothing was lost. A wrong accusation is worse
//! than "undetermined".

pub mod cause;
mod causes;
mod climb;
mod diagnosis;
mod dropped;
mod echoes;
mod endpoint;
mod firewall;
mod inquire;
mod note;
mod printed;
mod question;
mod routing;
mod scene;
mod sight;
mod suppose;
mod tell;
mod trail;
mod verdict;
mod walk;

pub use cause::{Cause, ProvenBy, by_code};
pub use diagnosis::{
    Accusation, Candidate, Confidence, Coverage, Diagnosis, Fix, Leg, Loss, Needs, Note, PathStep, Pattern, Proof, Rank, RuledOut, Status,
    Verdict,
};
pub use endpoint::{Endpoint, Place};
pub use question::{Empty, Party, Pinged, Question};

use crate::View;
use crate::host::Inquiry;

/// What the kernel should be asked before the question is answered: about the very packets, where its own word is better than the listed
/// rules. Its answers may show more of the way, and so more to ask.
pub fn inquiries(view: &View, question: &Question) -> Vec<Inquiry> {
    inquire::inquiries(&climb::case(&view.tables, &view.topology, question))
}

/// Answers a question from all that is known.
pub fn diagnose(view: &View, question: &Question) -> Diagnosis {
    climb::diagnose(&view.tables, &view.topology, question)
}
