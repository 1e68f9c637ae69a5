//! Answers, and lines, of the wrong form.

use super::cause::{Cause, Sections};
use super::difference::Shape;
use crate::protocol::Command;

/// Returns the sections if the answer, or what the port understood, has the wrong form.
pub(super) fn of_form(cause: &mut Cause<'_>, due: &Shape<'_>, got: &Shape<'_>) -> Option<Sections> {
    let is_unknown_word =
        matches!(due.status.as_str(), "ok committed" | "ok pending") && got.status == "ok";
    if is_unknown_word || due.status == got.status && !got.has_form_of(due) {
        let hash = |shape: &Shape<'_>| {
            let hash = shape.get("sha256").or_else(|| shape.get("value"));
            hash.map(str::to_ascii_lowercase).filter(|hash| hash.len() == 64)
        };
        let is_of_snapshot =
            matches!(cause.command(), Some(Command::Load { .. } | Command::Hash { .. }));
        if is_of_snapshot && hash(due).is_some() && hash(due) == hash(got) {
            cause.facts.push("the hash is right, but in upper case".into());
            return Some(vec!["5", "8"]);
        }
        cause.facts.push("the answer does not have the form that section 8 defines".into());
        return Some(vec!["8"]);
    }
    cause.is_right_in_canonical_form().then(|| vec!["8"])
}
