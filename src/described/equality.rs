//! Which answers count as the same.

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex::bytes::Regex;

use crate::file::ErrorEquality;

/// Which answers count as the same.
#[derive(Clone, Debug)]
pub struct Equality {
    pub(crate) error: Regex,
    pub(crate) errors: ErrorEquality,
    pub(crate) status_only: BTreeSet<String>,
    pub(crate) rewrites: Vec<Rewrite>,
}

/// A replacement in answers.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    pub(crate) pattern: Regex,
    pub(crate) with: Vec<u8>,
    /// The names of commands and observers; `None` for all.
    pub(crate) of: Option<BTreeSet<String>>,
}

/// Whether an answer is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    /// It is not.
    Ok,
    /// It is, of this class; the whole answer if errors have no classes.
    Error(&'a [u8]),
}

impl Equality {
    /// Returns the status of an answer.
    #[must_use]
    pub fn status<'a>(&self, answer: &'a [u8]) -> Status<'a> {
        let Some(groups) = self.error.captures(answer) else { return Status::Ok };
        let class = groups.name("class").or_else(|| groups.get(1));
        Status::Error(class.map_or(answer, |class| class.as_bytes()))
    }

    /// Reports whether two answers are the same only if they are equal.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let is_of_errors = matches!(self.errors, ErrorEquality::Exactly);
        is_of_errors && self.status_only.is_empty() && self.rewrites.is_empty()
    }

    /// Reports whether errors have classes.
    pub(crate) fn has_classes(&self) -> bool {
        self.error.captures_len() > 1
    }

    /// Reports whether two answers to the command or observer of this name count as the same.
    #[must_use]
    pub fn are_same(&self, name: &str, expected: &[u8], actual: &[u8]) -> bool {
        if expected == actual {
            return true;
        }
        match (self.status(expected), self.status(actual)) {
            (Status::Ok, Status::Error(_)) | (Status::Error(_), Status::Ok) => return false,
            _ if self.status_only.contains(name) => return true,
            (Status::Error(expected), Status::Error(actual)) => match self.errors {
                ErrorEquality::Any => return true,
                ErrorEquality::Class => return expected == actual,
                ErrorEquality::Exactly => {}
            },
            (Status::Ok, Status::Ok) => {}
        }
        self.rewritten(name, expected) == self.rewritten(name, actual)
    }

    /// Returns the answer to the command or observer of this name as it is compared.
    #[must_use]
    pub fn rewritten<'a>(&self, name: &str, answer: &'a [u8]) -> Cow<'a, [u8]> {
        let mut answer = Cow::Borrowed(answer);
        for Rewrite { pattern, with, of } in &self.rewrites {
            if of.as_ref().is_none_or(|of| of.contains(name)) && pattern.is_match(&answer) {
                answer = Cow::Owned(pattern.replace_all(&answer, with.as_slice()).into_owned());
            }
        }
        answer
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn equality() -> Equality {
        Equality {
            error: Regex::new(r"^err (?<class>\S+)").unwrap(),
            errors: ErrorEquality::Exactly,
            status_only: BTreeSet::new(),
            rewrites: Vec::new(),
        }
    }

    #[test]
    fn an_error_is_never_the_same_as_a_value() {
        let equality =
            Equality { errors: ErrorEquality::Any, status_only: ["a".into()].into(), ..equality() };
        assert!(!equality.are_same("a", b"ok", b"err x"));
        assert!(!equality.are_same("a", b"err x", b"ok"));
        assert!(equality.are_same("a", b"ok 1", b"ok 2"));
        assert!(!equality.are_same("b", b"ok 1", b"ok 2"));
    }

    #[test]
    fn errors_are_compared_exactly_by_class_or_not_at_all() {
        let same = |errors, actual: &[u8]| {
            Equality { errors, ..equality() }.are_same("a", b"err range 5", actual)
        };
        assert!(!same(ErrorEquality::Exactly, b"err range 6"));
        assert!(same(ErrorEquality::Class, b"err range 6"));
        assert!(!same(ErrorEquality::Class, b"err other 5"));
        assert!(same(ErrorEquality::Any, b"err other 5"));
    }

    #[test]
    fn answers_are_rewritten_before_they_are_compared() {
        let rewrite = |of: Option<&str>| Rewrite {
            pattern: Regex::new(r"id=(\w)\w+").unwrap(),
            with: b"id=$1".to_vec(),
            of: of.map(|name| [name.to_owned()].into()),
        };
        let equality = Equality { rewrites: vec![rewrite(Some("a"))], ..equality() };
        assert!(equality.are_same("a", b"ok id=x11", b"ok id=x22"));
        assert!(!equality.are_same("a", b"ok id=x11", b"ok id=y11"));
        assert!(!equality.are_same("b", b"ok id=x11", b"ok id=x22"));
        let equality = Equality { rewrites: vec![rewrite(None)], ..equality };
        assert!(equality.are_same("b", b"ok id=x11", b"ok id=x22"));
    }

    #[test]
    fn an_equality_is_exact_without_anything_loose() {
        let loose = Rewrite { pattern: Regex::new("a").unwrap(), with: Vec::new(), of: None };
        assert!(equality().is_exact());
        assert!(!Equality { errors: ErrorEquality::Class, ..equality() }.is_exact());
        assert!(!Equality { status_only: ["a".into()].into(), ..equality() }.is_exact());
        assert!(!Equality { rewrites: vec![loose], ..equality() }.is_exact());
    }

    #[test]
    fn without_groups_the_class_of_an_error_is_the_answer() {
        let equality = Equality { error: Regex::new("^E").unwrap(), ..equality() };
        assert_eq!(equality.status(b"E 1"), Status::Error(b"E 1"));
        assert_eq!(equality.status(b"ok"), Status::Ok);
        let equality = Equality { error: Regex::new("^E (.)").unwrap(), ..equality };
        assert_eq!(equality.status(b"E 1x"), Status::Error(b"1"));
    }
}
