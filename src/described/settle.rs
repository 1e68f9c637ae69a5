//! Lines after which the replicas of one program are equal.

use std::collections::HashMap;

use crate::reference::Reference;
use crate::rules::{Observer, Rules, Settle, SettleLine};
use crate::scope::{Filling, Part};
use crate::values::{Value, assignments};

/// The lines of an exchange as they were run, and a difference after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The lines, each with the program's answer.
    pub lines: Vec<(Vec<u8>, Vec<u8>)>,
    /// Two lines of an observer with different answers.
    pub unequal: Option<Unequal>,
}

/// Two lines of an observer with different answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unequal {
    /// The name of the observer.
    pub observer: String,
    /// The lines, each with the program's answer.
    pub lines: [(Vec<u8>, Vec<u8>); 2],
}

/// Runs the exchange on a program that has just run a case with these variables.
pub(crate) fn settle<R: Reference>(
    rules: &Rules,
    settle: &Settle,
    variables: &[Value],
    program: &mut R,
) -> Result<Settled, R::Failure> {
    let mut settled = Settled::default();
    let mut ask = |line: Vec<u8>, settled: &mut Settled| {
        program.send(&line)?;
        let answer = program.receive()?;
        settled.lines.push((line, answer.clone()));
        Ok(answer)
    };
    let exchanges = (0..settle.rounds).flat_map(|_| exchanges(rules, settle, variables));
    for assigned in exchanges {
        let mut captured = HashMap::new();
        for line in &settle.lines {
            let Some(text) = text(line, &assigned, &captured) else { continue };
            let answer = ask(text, &mut settled)?;
            for capture in &line.captures {
                if let Some(value) = capture.value(&rules.equality, &answer) {
                    captured.insert(capture.pool, value.to_vec());
                }
            }
        }
    }
    for position in &settle.equal {
        let Observer { name, form, .. } = &rules.observers[*position];
        let mut first: Option<(Vec<u8>, Vec<u8>)> = None;
        for values in assignments(&rules.scope, form, variables).unwrap_or_default() {
            let line = form.fill(|hole| &values[hole].text);
            let answer = ask(line.clone(), &mut settled)?;
            let (first_line, first_answer) =
                first.get_or_insert_with(|| (line.clone(), answer.clone()));
            if !rules.equality.are_same(name, first_answer, &answer) {
                let lines = [(first_line.clone(), first_answer.clone()), (line, answer)];
                settled.unequal = Some(Unequal { observer: name.clone(), lines });
                return Ok(settled);
            }
        }
    }
    Ok(settled)
}

/// Returns the assignments of values to the holes of an exchange. Holes of the same type have
/// different values.
fn exchanges(rules: &Rules, settle: &Settle, variables: &[Value]) -> Vec<Vec<Value>> {
    let Some(SettleLine { form, .. }) = settle.lines.last() else { return Vec::new() };
    // A pool has no values yet: it stands for one.
    let is_pool = |filling| matches!(filling, Filling::Pool(_));
    let mut listed = form.clone();
    listed.holes.retain(|hole| !is_pool(hole.filling));
    let mut all = assignments(&rules.scope, &listed, variables).unwrap_or_default();
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
    all
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
    use std::path::Path;

    use crate::description::Description;
    use crate::draw::draw;
    use crate::fake::{Closure, Fault, example, notes, rules};
    use crate::source::Random;

    #[test]
    fn every_pair_of_replicas_exchanges_what_it_has() {
        let rules = rules();
        for seed in 0..100 {
            let mut program = notes(Fault::None);
            let mut drawn = draw(rules, &mut Random::new(seed, true), &mut program).unwrap();
            drawn.receive(&mut program).unwrap();
            let settled = drawn.settle(rules, &mut program).unwrap().unwrap();
            // Texts of the same length do not replace each other: the notes do not always settle.
            if let Some(unequal) = settled.unequal {
                let lengths_of = unequal
                    .lines
                    .map(|(_, answer)| String::from_utf8_lossy(&answer).chars().count());
                assert_eq!(lengths_of[0], lengths_of[1]);
            }
        }
    }

    #[test]
    fn the_exchange_has_the_programs_own_answers() {
        let rules = rules();
        let mut program = Closure::new(|line| {
            Some(match line.split_once(' ').unwrap() {
                ("update", client) => format!("ok own{client}"),
                ("text", client) => format!("ok {client}"),
                _ => "ok 0".into(),
            })
        });
        let mut cases = (0..50).map(|seed| {
            draw(rules, &mut Random::new(seed, true), &mut notes(Fault::None)).unwrap()
        });
        let drawn = cases.find(|drawn| drawn.lines[0].text == b"new 2");
        let settled = drawn.unwrap().settle(rules, &mut program).unwrap().unwrap();
        let sent = program.sent.join(", ");
        let round = "update 0, apply 1 own0, update 1, apply 0 own1";
        assert_eq!(sent, format!("{round}, {round}, text 0, text 1"));
        let unequal = settled.unequal.unwrap();
        assert_eq!(unequal.observer, "text");
        let [first, other] = unequal.lines.map(|(line, answer)| [line, answer].concat());
        assert_eq!((&*first, &*other), (&b"text 0ok 0"[..], &b"text 1ok 1"[..]));
    }

    #[test]
    fn holes_of_two_types_can_have_the_same_value() {
        let text = example().replace("index = ", "place = { below = \"n\" }\nindex = ");
        let text =
            text.replace("\"apply {to:client} {update}\",\n]", "\"move {from} {place}\",\n]");
        let rules = Description::read(Path::new("a"), &text).unwrap().rules;
        let mut cases = (0..50).map(|seed| {
            draw(&rules, &mut Random::new(seed, true), &mut notes(Fault::None)).unwrap()
        });
        let drawn = cases.find(|drawn| drawn.lines[0].text == b"new 2").unwrap();
        let mut program = Closure::new(|_| Some("ok 0".into()));
        drawn.settle(&rules, &mut program).unwrap().unwrap();
        let moved = program.sent.iter().filter(|line| line.starts_with("move ")).take(4);
        assert_eq!(moved.collect::<Vec<_>>(), ["move 0 0", "move 0 1", "move 1 0", "move 1 1"]);
    }

    #[test]
    fn a_line_without_its_captured_value_is_left_out() {
        let rules = rules();
        let mut program = Closure::new(|line| {
            Some(if line.starts_with("update") { "err empty".into() } else { "ok".into() })
        });
        let drawn = draw(rules, &mut Random::new(1, true), &mut notes(Fault::None)).unwrap();
        let settled = drawn.settle(rules, &mut program).unwrap().unwrap();
        assert_eq!(settled.unequal, None);
        assert!(!program.sent.iter().any(|line| line.starts_with("apply")), "{:?}", program.sent);
    }
}
