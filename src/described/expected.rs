//! Differences that are known.

use std::collections::BTreeSet;

use regex::Regex;

/// A difference that is known.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The program that differs from the reference.
    pub port: String,
    /// Matches the whole fingerprint.
    pub difference: Regex,
    /// The names of commands that suffice to show it.
    pub commands: BTreeSet<String>,
    /// The names of those of them that are needed to show it.
    pub needs: BTreeSet<String>,
    /// One sentence on the cause.
    pub because: String,
    /// A link to a report.
    pub link: Option<String>,
}

impl Expected {
    /// Reports whether a finding is this difference: the fingerprint matches, and the commands of the
    /// minimal trace, apart from start lines and observers, are among those that suffice, and have
    /// each that is needed.
    #[must_use]
    pub fn matches(&self, port: &str, fingerprint: &str, commands: &[&str]) -> bool {
        self.port == port
            && self.difference.is_match(fingerprint)
            && commands.iter().all(|command| self.commands.contains(*command))
            && self.needs.iter().all(|needed| commands.contains(&&**needed))
    }
}

/// Which expected differences were seen.
#[derive(Clone, Debug)]
pub struct Known<'e> {
    expected: &'e [Expected],
    is_seen: Vec<bool>,
}

impl<'e> Known<'e> {
    /// None was seen yet.
    #[must_use]
    pub fn new(expected: &'e [Expected]) -> Self {
        Self { expected, is_seen: vec![false; expected.len()] }
    }

    /// Returns the first expected difference that a finding is, which is then seen.
    pub fn find(
        &mut self,
        port: &str,
        fingerprint: &str,
        commands: &[&str],
    ) -> Option<&'e Expected> {
        let matches = |expected: &Expected| expected.matches(port, fingerprint, commands);
        let position = self.expected.iter().position(matches)?;
        self.is_seen[position] = true;
        Some(&self.expected[position])
    }

    /// Returns the differences that were expected of these ports and not seen.
    pub fn unseen<'a>(&'a self, ports: &'a [&str]) -> impl Iterator<Item = &'e Expected> + 'a {
        let pairs = self.expected.iter().zip(&self.is_seen);
        let unseen = pairs.filter(|(_, is_seen)| !**is_seen).map(|(expected, _)| expected);
        unseen.filter(|expected| ports.contains(&&*expected.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(difference: &str, commands: &[&str]) -> Expected {
        Expected {
            port: "b".into(),
            difference: Regex::new(&format!("^(?:{difference})$")).unwrap(),
            commands: commands.iter().map(ToString::to_string).collect(),
            needs: BTreeSet::new(),
            because: String::new(),
            link: None,
        }
    }

    #[test]
    fn the_commands_of_the_trace_are_among_those_that_suffice() {
        let one = expected("state: .*", &["insert", "delete"]);
        assert!(one.matches("b", "state: another word 2", &["insert", "delete", "insert"]));
        assert!(one.matches("b", "state: another word 2", &["insert"]));
        assert!(!one.matches("b", "state: another word 2", &["insert", "merge"]));
        assert!(!one.matches("c", "state: another word 2", &["insert"]));
        assert!(!one.matches("b", "hash: another word 2", &["insert"]));
    }

    #[test]
    fn a_needed_command_is_in_the_trace() {
        let needs = ["delete", "undo"].map(str::to_owned).into();
        let one = Expected { needs, ..expected("state: .*", &["insert", "delete", "undo"]) };
        let matches = |commands: &[&str]| one.matches("b", "state: another word 2", commands);
        assert!(matches(&["insert", "undo", "delete"]));
        assert!(matches(&["delete", "undo"]));
        assert!(!matches(&["insert", "delete"]));
        assert!(!matches(&[]));
    }

    #[test]
    fn a_difference_that_is_not_seen_is_reported() {
        let list = [expected("a", &["x"]), expected("b", &["x"])];
        let mut known = Known::new(&list);
        assert_eq!(known.unseen(&["b"]).count(), 2);
        assert!(known.find("b", "b", &["x"]).is_some());
        assert!(known.find("b", "c", &["x"]).is_none());
        let unseen: Vec<_> = known.unseen(&["b"]).map(|one| one.difference.as_str()).collect();
        assert_eq!(unseen, ["^(?:a)$"]);
        assert_eq!(known.unseen(&["c"]).count(), 0, "that port was not examined");
    }
}
