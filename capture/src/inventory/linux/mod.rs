//! What Linux says of itself.

pub mod guest;
