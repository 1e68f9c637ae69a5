//! Lines after which the replicas of one program are equal.

use std::collections::HashMap;

use crate::rules::{Rules, Settle, SettleLine};
use crate::scope::{Filling, Part};
use crate::start::NotObserved;
use crate::values::{Value, assignments};

/// The name of an exchange in errors.
const SETTLE: &str = "settle";

/// The end of a case of one program: an exchange between its replicas, and lines that show whether
/// they are equal then.
#[derive(Clone, Debug)]
pub struct Settlement<'r> {
    rules: &'r Rules,
    settle: &'r Settle,
    /// The assignments of values to the holes of the exchange.
    exchanges: Vec<Vec<Value>>,
    /// The lines of each observer that must then have the same answers.
    pub equal: Vec<Equal>,
}

/// Lines of an observer whose answers are the same if the replicas are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equal {
    /// The name of the observer.
    pub observer: String,
    /// The lines.
    pub lines: Vec<Vec<u8>>,
}

impl Rules {
    /// Returns the end of a case with these lines, of which only the start lines are read; `None`
    /// if the file has no `settle`.
    ///
    /// # Errors
    ///
    /// The lines do not begin a case, or the exchange or an observer depends on a variable that no
    /// start line has, or it has too many lines or a term without a value.
    pub fn settlement<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
    ) -> Result<Option<Settlement<'_>>, NotObserved> {
        let Some(settle) = &self.settle else { return Ok(None) };
        let observers: Vec<_> = settle.equal.iter().map(|at| &self.observers[*at]).collect();
        let exchange = settle.lines.iter().map(|line| (SETTLE, &line.form));
        let forms = observers.iter().map(|observer| (&*observer.name, &observer.form));
        let variables = self.values_for(lines, exchange.chain(forms))?;
        let wrong = |name: &str| {
            let name = name.to_owned();
            move |reason| NotObserved::Observer { name, reason }
        };
        let equal = observers.iter().map(|observer| {
            let assignments = assignments(&self.scope, &observer.form, &variables);
            let assignments = assignments.map_err(wrong(&observer.name))?;
            let line = |values: &Vec<Value>| observer.form.fill(|hole| &values[hole].text);
            let lines = assignments.iter().map(line).collect();
            Ok(Equal { observer: observer.name.clone(), lines })
        });
        let equal = equal.collect::<Result<_, _>>()?;
        let exchanges = exchanges(self, settle, &variables).map_err(wrong(SETTLE))?;
        Ok(Some(Settlement { rules: self, settle, exchanges, equal }))
    }
}

impl Settlement<'_> {
    /// Runs the exchange. `ask` returns the answer of a program that has run the case to one line
    /// after the other.
    ///
    /// # Errors
    ///
    /// The error of `ask`.
    pub fn exchange<E>(&self, mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<(), E> {
        for assigned in (0..self.settle.rounds).flat_map(|_| &self.exchanges) {
            let mut captured = HashMap::new();
            for line in &self.settle.lines {
                let Some(text) = text(line, assigned, &captured) else { continue };
                let answer = ask(&text)?;
                for capture in &line.captures {
                    if let Some(value) = capture.value(&self.rules.equality, &answer) {
                        captured.insert(capture.pool, value.to_vec());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns the assignments of values to the holes of an exchange. Holes of the same type have
/// different values.
fn exchanges(
    rules: &Rules,
    settle: &Settle,
    variables: &[Value],
) -> Result<Vec<Vec<Value>>, String> {
    let Some(SettleLine { form, .. }) = settle.lines.last() else { return Ok(Vec::new()) };
    // A pool has no values yet: it stands for one.
    let is_pool = |filling| matches!(filling, Filling::Pool(_));
    let mut listed = form.clone();
    listed.holes.retain(|hole| !is_pool(hole.filling));
    let mut all = assignments(&rules.scope, &listed, variables)?;
    all.retain(|values| {
        let pairs = (1..values.len()).flat_map(|at| (0..at).map(move |before| (before, at)));
        let are_alike = |(one, other): (usize, usize)| {
            let [first, second] = [one, other].map(|at| listed.holes[at].filling);
            first == second && matches!(first, Filling::Type(_)) && values[one] == values[other]
        };
        !pairs.into_iter().any(are_alike)
    });
    for values in &mut all {
        for (position, hole) in form.holes.iter().enumerate() {
            if is_pool(hole.filling) {
                values.insert(position, Value::of_text(Vec::new()));
            }
        }
    }
    Ok(all)
}

/// Returns a line, or `None` if it needs a value that was not captured.
fn text(
    line: &SettleLine,
    assigned: &[Value],
    captured: &HashMap<usize, Vec<u8>>,
) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    for part in &line.form.parts {
        text.extend_from_slice(match part {
            Part::Literal(literal) => literal,
            Part::Hole(hole) => match line.form.holes[*hole].filling {
                Filling::Pool(pool) => captured.get(&pool)?,
                _ => &assigned[*hole].text,
            },
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::path::Path;

    use crate::description::Description;
    use crate::draw::draw;
    use crate::fake::{Fault, example, notes, rules};
    use crate::reference::Reference as _;
    use crate::rules::Rules;
    use crate::source::Random;

    type Ask<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>, &'static str>;

    /// Runs the exchange after a case with these lines, and returns the lines of it.
    fn exchanged(
        rules: &Rules,
        lines: &[&str],
        mut answer: impl FnMut(&str) -> String,
    ) -> Vec<String> {
        let mut sent = Vec::new();
        let settlement = rules.settlement(lines).unwrap().unwrap();
        let exchanged = settlement.exchange(|line| {
            let line = str::from_utf8(line).unwrap();
            sent.push(line.to_owned());
            Ok::<_, Infallible>(answer(line).into_bytes())
        });
        exchanged.unwrap();
        sent
    }

    #[test]
    fn every_pair_of_replicas_exchanges_what_it_has() {
        let rules = rules();
        let mut differing = 0;
        for seed in 0..100 {
            let mut program = notes(Fault::None);
            let mut drawn = draw(rules, &mut Random::new(seed, true), &mut program).unwrap();
            drawn.receive(&mut program).unwrap();
            let lines: Vec<_> = drawn.lines.iter().map(|line| &*line.text).collect();
            let settlement = rules.settlement(&lines).unwrap().unwrap();
            let text = &settlement.equal[0];
            assert_eq!(text.observer, "text");
            let mut ask = |line: &[u8]| {
                program.send(line)?;
                program.receive()
            };
            let texts = |ask: Ask<'_>| {
                let answers = text.lines.iter().map(|line| ask(line).unwrap());
                answers.map(|answer| String::from_utf8(answer).unwrap()).collect::<Vec<_>>()
            };
            let before = texts(&mut ask);
            settlement.exchange(&mut ask).unwrap();
            let after = texts(&mut ask);
            differing += usize::from(before.iter().any(|text| *text != before[0]));
            // Texts of the same length do not replace each other: the notes do not always settle.
            let length = |text: &String| text.chars().count();
            assert!(after.iter().all(|text| length(text) == length(&after[0])), "{after:?}");
        }
        assert!(differing > 10, "{differing}");
    }

    #[test]
    fn the_exchange_has_the_programs_own_answers() {
        let rules = rules();
        let own = |line: &str| match line.split_once(' ').unwrap() {
            ("update", client) => format!("ok own{client}"),
            _ => "ok".into(),
        };
        let sent = exchanged(rules, &["new 2", "text 0"], own).join(", ");
        let round = "update 0, apply 1 own0, update 1, apply 0 own1";
        assert_eq!(sent, format!("{round}, {round}"));
        let equal = rules.settlement(&["new 2"]).unwrap().unwrap().equal;
        let names: Vec<_> = equal.iter().map(|equal| &*equal.observer).collect();
        assert_eq!(names, ["text", "hash"]);
        assert_eq!(equal[0].lines, [b"text 0", b"text 1"]);
    }

    #[test]
    fn holes_of_two_types_can_have_the_same_value() {
        let text = example().replace("index = ", "place = { below = \"n\" }\nindex = ");
        let text =
            text.replace("\"apply {to:client} {update}\",\n]", "\"move {from} {place}\",\n]");
        let rules = Description::read(Path::new("a"), &text).unwrap().rules;
        let sent = exchanged(&rules, &["new 2"], |_| "ok 0".into());
        let moved = sent.iter().filter(|line| line.starts_with("move ")).take(4);
        assert_eq!(moved.collect::<Vec<_>>(), ["move 0 0", "move 0 1", "move 1 0", "move 1 1"]);
    }

    #[test]
    fn a_line_without_its_captured_value_is_left_out() {
        let sent = exchanged(rules(), &["new 2"], |_| "err empty".into());
        assert_eq!(sent, ["update 0", "update 1", "update 0", "update 1"]);
    }

    #[test]
    fn the_exchange_needs_its_variables() {
        let text = example().replace("[\"new {n}\"]", "[\"new\"]");
        let rules = Description::read(Path::new("a"), &text).unwrap().rules;
        let error = rules.settlement(&["new"]).unwrap_err().to_string();
        assert_eq!(error, "settle: it needs the variable `n`, which no start line has");
        let error = rules.settlement(&["old"]).unwrap_err().to_string();
        assert_eq!(error, "line 1 of the case: `old` is not a start line `new`");
    }
}
