//! Expected differences of ports, as a file of ports lists them.

use std::collections::BTreeSet;

use dkv20::machines::Dkv20;
use dkv20_exam::{Difference, Expected, Machine as _, Meaning as _, Shape};
use serde::Deserialize;

/// A table `[[expected]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedTable {
    port: String,
    difference: Option<String>,
    level: Option<usize>,
    commands: Option<BTreeSet<String>>,
    #[serde(default)]
    needs: BTreeSet<String>,
    because: String,
    link: Option<String>,
}

impl ExpectedTable {
    /// Checks the table, which is one of a file with ports of these names. The error says what is
    /// wrong and what is allowed.
    pub(super) fn checked(self, ports: &[&str]) -> Result<Expected, String> {
        if !ports.contains(&self.port.as_str()) {
            return Err(format!(
                "no port is called `{}`; there is {}",
                self.port,
                ports.join(", ")
            ));
        }
        if self.because.trim().is_empty() {
            return Err("`because` is empty: it needs a sentence on the cause".into());
        }
        let shape = match (&self.difference, self.level) {
            (Some(pattern), None) => Shape::Difference(self.difference(pattern)?),
            (None, Some(level)) => Shape::Level(self.level(level)?),
            (None, None) => return Err("it needs `difference` or `level`".into()),
            (Some(_), Some(_)) => {
                return Err("it has `difference` and `level`: only one of them is allowed".into());
            }
        };
        Ok(Expected { port: self.port, shape, because: self.because, link: self.link })
    }

    fn difference(&self, pattern: &str) -> Result<Difference, String> {
        let known: Vec<_> = acting().collect();
        let named = self.commands.iter().flatten().chain(&self.needs);
        if let Some(name) = named.into_iter().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(format!(
                "`{name}` is no command that changes something; those are {known}"
            ));
        }
        let mut difference =
            Difference::new(pattern).map_err(|error| format!("difference {error}"))?;
        (difference.commands, difference.needs) = (self.commands.clone(), self.needs.clone());
        Ok(difference)
    }

    fn level(&self, level: usize) -> Result<usize, String> {
        let greatest = Dkv20.levels().len();
        if !(1..=greatest).contains(&level) {
            return Err(format!("level {level}: there are levels 1 to {greatest}"));
        }
        if self.commands.is_some() || !self.needs.is_empty() {
            return Err("`commands` and `needs` go with `difference`, and not with `level`".into());
        }
        Ok(level)
    }
}

/// Returns the commands that may change something: no others are among a finding's.
fn acting() -> impl Iterator<Item = &'static str> {
    let words = Dkv20.levels().iter().flat_map(|level| &level.words);
    let is_acting = |word: &&str| Dkv20.probe(word).is_some_and(|probe| !Dkv20.is_look(&probe));
    words.map(String::as_str).filter(is_acting)
}
