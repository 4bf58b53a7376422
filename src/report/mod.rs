//! What `show` prints, one file per format.

pub mod dot;
pub mod json;
pub mod text;
