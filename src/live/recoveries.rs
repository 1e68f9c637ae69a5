//! How often reading had to begin again.

use std::fmt;

/// How often a reader has returned from its watch to the range of keys, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recoveries {
    /// A key was missing before one that came.
    pub gaps: u64,
    /// etcd cancelled the watch.
    pub cancels: u64,
    /// The revision had been compacted: that of a page of the range, or that of the watch.
    pub compactions: u64,
    /// The watch was silent although there was something, or the member did not answer a request in
    /// the silence.
    pub silences: u64,
    /// The connection was lost, or a request had no answer.
    pub reconnections: u64,
}

impl fmt::Display for Recoveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.gaps, "gap", "gaps"),
            (self.cancels, "cancelled watch", "cancelled watches"),
            (self.compactions, "compaction", "compactions"),
            (self.silences, "silence", "silences"),
            (self.reconnections, "lost connection", "lost connections"),
        ];
        for (position, (count, one, several)) in counts.into_iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let noun = if count == 1 { one } else { several };
            write!(f, "{separator}{count} {noun}")?;
        }
        Ok(())
    }
}
