//! The reference, as far as cases are made with its help.

/// A session of the reference. Answers come in the order of the lines, so that lines can be sent
/// before the answers to those before them are received.
pub trait Reference {
    /// Why the reference cannot go on.
    type Failure;

    /// Sends a line.
    ///
    /// # Errors
    ///
    /// The reference cannot go on.
    fn send(&mut self, line: &[u8]) -> Result<(), Self::Failure>;

    /// Returns the answer to the first line that was sent and whose answer was not returned.
    ///
    /// # Errors
    ///
    /// The reference cannot go on.
    fn receive(&mut self) -> Result<Vec<u8>, Self::Failure>;
}
