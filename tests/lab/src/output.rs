//! What a command that ran to its end has left.

use crate::Error;

/// What a command wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status: 0 is success, 128 and the signal's number if one ended it.
    pub status: i32,
    /// All that it wrote, both channels in the order of writing; octets that are not UTF-8 are replaced.
    pub text: String,
}

impl Output {
    /// Whether the status is 0.
    pub fn is_success(&self) -> bool {
        self.status == 0
    }

    /// The text, where the command had to work.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with all of the text if it did not.
    pub(crate) fn expect(self, place: &str, command: &str) -> Result<String, Error> {
        if self.is_success() {
            return Ok(self.text);
        }
        Err(Error::Failed { place: place.to_owned(), command: command.to_owned(), status: self.status, text: self.text })
    }
}
