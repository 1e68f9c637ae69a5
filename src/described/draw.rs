//! Drawing a case: lines, made from choices with the help of the reference.

use crate::drawn::{Drawn, Line, LineValue, NotDrawn, Origin};
use crate::equality::Status;
use crate::reference::Reference;
use crate::rules::{Rules, found};
use crate::scope::{Filling, Hole, LineForm, Part};
use crate::source::{Source, Wish};
use crate::tape::{Choice, Kind, Step, StepId};
use crate::term::NoValue;
use crate::text;
use crate::types::Values;
use crate::values::{Value, index_range, known, length_range};

/// Bytes that are drawn often.
const BYTE_EDGES: [i128; 4] = [0x00, 0x7f, 0x80, 0xff];

/// Draws a case. The reference has run its lines then, but not all answers need be received.
///
/// # Errors
///
/// The reference failed, or the file is wrong in a way that shows only now.
pub fn draw<R: Reference>(
    rules: &Rules,
    source: &mut dyn Source,
    reference: &mut R,
) -> Result<Drawn, NotDrawn<R::Failure>> {
    let pools = rules.scope.pools.iter().map(|_| Vec::new()).collect();
    let drawn = Drawn::default();
    let mut drawing = Drawing { rules, source, reference, drawn, pools, asked: Vec::new() };
    drawing.start()?;
    let weights: Vec<_> = rules.commands.iter().map(|command| command.weight).collect();
    while let Some(id) = drawing.source.next_step(&weights, rules.length) {
        drawing.step(id)?;
    }
    Ok(drawing.drawn)
}

struct Drawing<'a, R> {
    rules: &'a Rules,
    source: &'a mut dyn Source,
    reference: &'a mut R,
    drawn: Drawn,
    /// The entries of each pool: the step that made it, and the value.
    pools: Vec<Vec<(StepId, Vec<u8>)>>,
    /// The asks since the last line, and their numbers; `None` if the answer was an error.
    asked: Vec<(Vec<u8>, Option<i128>)>,
}

/// Why a line cannot be drawn.
enum Obstacle<F> {
    /// It cannot be drawn now.
    NotNow,
    /// No case can be drawn.
    Ended(NotDrawn<F>),
}

impl<F> From<NotDrawn<F>> for Obstacle<F> {
    fn from(ended: NotDrawn<F>) -> Self {
        Self::Ended(ended)
    }
}

/// Returns the line with the values in its holes, and their places.
fn fill_line(form: &LineForm, filled: &Filled) -> (Vec<u8>, Vec<LineValue>) {
    let (mut text, mut values) = (Vec::new(), Vec::new());
    for part in &form.parts {
        match part {
            Part::Literal(literal) => text.extend_from_slice(literal),
            Part::Hole(hole) => {
                let start = text.len();
                text.extend_from_slice(&filled.values[*hole].text);
                values.push(LineValue { range: start..text.len(), origin: filled.origins[*hole] });
            }
        }
    }
    (text, values)
}

/// The values that were drawn for the holes of a line.
#[derive(Default)]
struct Filled {
    values: Vec<Value>,
    choices: Vec<Choice>,
    origins: Vec<Origin>,
}

impl<R: Reference> Drawing<'_, R> {
    /// Draws the variables, and sends the start lines.
    fn start(&mut self) -> Result<(), NotDrawn<R::Failure>> {
        let form = LineForm { parts: Vec::new(), holes: Vec::new() };
        for (position, (name, values)) in self.rules.scope.variables.iter().enumerate() {
            let mut filled = Filled::default();
            let kind = Kind::Variable(position);
            match self.value((name, values), kind, &form, &mut filled) {
                Ok(value) => self.drawn.variables.push(value),
                Err(Obstacle::Ended(ended)) => return Err(ended),
                Err(Obstacle::NotNow) => {
                    let (key, reason) = (name.clone(), "no value can be drawn".into());
                    return Err(NotDrawn::Mistake { key, reason });
                }
            }
            self.drawn.tape.variables.extend(filled.choices);
        }
        for form in &self.rules.start {
            let variables = &self.drawn.variables;
            let value = |hole: usize| match form.holes[hole].filling {
                Filling::Variable(variable) => &*variables[variable].text,
                Filling::Type(_) | Filling::Pool(_) => &[],
            };
            let text = form.fill(value);
            self.send(Line { text, command: None, step: None, values: Vec::new() })?;
        }
        Ok(())
    }

    /// Draws a step, unless none of the commands that the source chooses can be drawn.
    fn step(&mut self, id: StepId) -> Result<(), NotDrawn<R::Failure>> {
        while let Some(command) = self.source.command() {
            let Some(form) = self.rules.commands.get(command).map(|command| &command.form) else {
                continue;
            };
            let value = i128::try_from(command).unwrap_or(i128::MAX);
            let choice = Choice { value, lowest: 0, kind: Kind::Command };
            let mut filled = Filled { choices: vec![choice], ..Filled::default() };
            match form.holes.iter().try_for_each(|hole| self.fill(hole, form, &mut filled)) {
                Ok(()) => {
                    let (text, values) = fill_line(form, &filled);
                    self.drawn.tape.steps.push(Step { id, choices: filled.choices });
                    return self.send(Line {
                        text,
                        command: Some(command),
                        step: Some(id),
                        values,
                    });
                }
                Err(Obstacle::NotNow) => {}
                Err(Obstacle::Ended(ended)) => return Err(ended),
            }
        }
        Ok(())
    }

    fn send(&mut self, line: Line) -> Result<(), NotDrawn<R::Failure>> {
        self.asked.clear();
        self.reference.send(&line.text).map_err(NotDrawn::Reference)?;
        self.drawn.lines.push(line);
        Ok(())
    }

    /// Receives all answers that are due, and captures their values.
    fn receive(&mut self) -> Result<(), NotDrawn<R::Failure>> {
        while let Some(line) = self.drawn.lines.get(self.drawn.answers.len()) {
            let answer = self.reference.receive().map_err(NotDrawn::Reference)?;
            if let (Some(command), Some(step)) = (line.command, line.step) {
                for capture in &self.rules.commands[command].captures {
                    if let Some(value) = capture.value(&self.rules.equality, &answer) {
                        self.pools[capture.pool].push((step, value.to_vec()));
                    }
                }
            }
            self.drawn.answers.push(answer);
        }
        Ok(())
    }

    // --- Holes ----------------------------------------------------------------------------------

    /// Draws the value of a hole.
    fn fill(
        &mut self,
        hole: &Hole,
        form: &LineForm,
        filled: &mut Filled,
    ) -> Result<(), Obstacle<R::Failure>> {
        let (value, origin) = match hole.filling {
            Filling::Variable(variable) => {
                (self.drawn.variables[variable].clone(), Origin::Variable(variable))
            }
            Filling::Type(id) => {
                let (name, values) = &self.rules.scope.types[id];
                (self.value((name, values), Kind::Value(id), form, filled)?, Origin::Type(id))
            }
            Filling::Pool(pool) => {
                self.receive()?;
                let makers: Vec<_> = self.pools[pool].iter().map(|(maker, _)| *maker).collect();
                if makers.is_empty() {
                    return Err(Obstacle::NotNow);
                }
                let position = self.choose(Wish::Entry(&makers), Kind::Entry(None), filled)?;
                let position = usize::try_from(position).unwrap_or_default();
                let (maker, value) = self.pools[pool][position].clone();
                if let Some(choice) = filled.choices.last_mut() {
                    choice.kind = Kind::Entry(Some(maker));
                }
                (Value::of_text(value), Origin::Pool(pool, maker))
            }
        };
        filled.values.push(value);
        filled.origins.push(origin);
        Ok(())
    }

    fn choose(
        &mut self,
        wish: Wish<'_>,
        kind: Kind,
        filled: &mut Filled,
    ) -> Result<i128, Obstacle<R::Failure>> {
        let value = self.source.choose(wish).ok_or(Obstacle::NotNow)?;
        filled.choices.push(Choice { value, lowest: wish.lowest(), kind });
        Ok(value)
    }

    fn value(
        &mut self,
        (name, values): (&str, &Values),
        kind: Kind,
        form: &LineForm,
        filled: &mut Filled,
    ) -> Result<Value, Obstacle<R::Failure>> {
        let position = |value: i128| usize::try_from(value).unwrap_or_default();
        let mut lookup = |needed: &str| self.number(needed, form, &filled.values);
        let no_value = |error| no_value(name, error);
        match values {
            Values::Integer { range, edges } => {
                let (low, high) = range.value(&mut lookup).map_err(no_value)?;
                let edges = match edges {
                    Some(edges) => edges.iter().map(|edge| edge.value(&mut lookup)).collect(),
                    None => Ok(vec![low, low.saturating_add(1), high.saturating_sub(1), high]),
                };
                let edges = edges.map_err(no_value)?;
                let wish = integer(low, high, &edges)?;
                Ok(Value::of_number(self.choose(wish, kind, filled)?))
            }
            Values::Below(term) => {
                let (low, high) = index_range(term, &mut lookup).map_err(no_value)?;
                let wish = integer(low, high, &[])?;
                Ok(Value::of_number(self.choose(wish, kind, filled)?))
            }
            Values::Choice(choice) => {
                let chosen = self.choose(Wish::Position(choice.len()), kind, filled)?;
                Ok(Value::of_text(choice[position(chosen)].clone()))
            }
            Values::Text { pieces, length, writing } => {
                let (low, high) = length_range(length, &mut lookup).map_err(no_value)?;
                let mut text = String::new();
                for _ in 0..self.choose(integer(low, high, &[])?, Kind::Part, filled)? {
                    let piece = self.choose(Wish::Position(pieces.len()), Kind::Part, filled)?;
                    text += &pieces[position(piece)];
                }
                let mut written = Vec::new();
                text::write(&text, *writing, &mut written);
                Ok(Value::of_text(written))
            }
            Values::Bytes(length) => {
                let (low, high) = length_range(length, &mut lookup).map_err(no_value)?;
                let mut bytes = Vec::new();
                for _ in 0..self.choose(integer(low, high, &[])?, Kind::Part, filled)? {
                    let byte = integer(0, 255, &BYTE_EDGES)?;
                    let byte = self.choose(byte, Kind::Part, filled)?;
                    bytes.push(u8::try_from(byte).unwrap_or_default());
                }
                Ok(Value::of_text(hex::encode(bytes).into_bytes()))
            }
        }
    }

    /// Returns the number that a term's name stands for.
    fn number(
        &mut self,
        name: &str,
        form: &LineForm,
        holes: &[Value],
    ) -> Result<i128, Obstacle<R::Failure>> {
        let (scope, variables) = (&self.rules.scope, &self.drawn.variables);
        let Some(ask) = scope.ask(name) else {
            let value = known(name, scope, variables, form, holes);
            return value.and_then(|value| value.number).ok_or(Obstacle::NotNow);
        };
        let line = ask.line.fill(|name| {
            known(name, scope, variables, form, holes).map_or(&[], |value| &value.text)
        });
        if let Some((_, number)) = self.asked.iter().find(|(asked, _)| *asked == line) {
            return number.ok_or(Obstacle::NotNow);
        }
        let answer = self.ask(&line)?;
        let is_error = self.rules.equality.status(&answer) != Status::Ok;
        let number = found(&ask.number, &answer)
            .and_then(|number| str::from_utf8(number).ok()?.parse().ok());
        if !is_error && number.is_none() {
            let [line, answer] = [&line, &answer].map(|text| String::from_utf8_lossy(text));
            let reason = format!("the answer to `{line}` has no number: `{answer}`");
            return Err(NotDrawn::Mistake { key: format!("asks.{name}"), reason }.into());
        }
        let number = number.filter(|_| !is_error);
        self.asked.push((line, number));
        number.ok_or(Obstacle::NotNow)
    }

    fn ask(&mut self, line: &[u8]) -> Result<Vec<u8>, NotDrawn<R::Failure>> {
        self.reference.send(line).map_err(NotDrawn::Reference)?;
        self.receive()?;
        self.reference.receive().map_err(NotDrawn::Reference)
    }
}

/// Returns the wish for an integer of a range, unless that is empty now.
fn integer<F>(low: i128, high: i128, edges: &[i128]) -> Result<Wish<'_>, Obstacle<F>> {
    if low > high { Err(Obstacle::NotNow) } else { Ok(Wish::Integer { low, high, edges }) }
}

fn no_value<F>(name: &str, error: NoValue<Obstacle<F>>) -> Obstacle<F> {
    let reason = error.to_string();
    match error {
        NoValue::Name(obstacle) => obstacle,
        NoValue::DivisionByZero | NoValue::Overflow => {
            NotDrawn::Mistake { key: name.into(), reason }.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::description::Description;
    use crate::fake::{Closure, Fault, example, notes, rules};
    use crate::source::{Random, Replay};

    fn changed(changes: &[(&str, &str)]) -> Description {
        let text = changes.iter().fold(example().to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replacen(old, new, 1)
        });
        let description = Description::read(std::path::Path::new("a"), &text);
        description.unwrap_or_else(|error| panic!("{error}"))
    }

    fn lines(drawn: &Drawn) -> Vec<String> {
        drawn.lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
    }

    fn drawn(rules: &Rules, seed: u64) -> Drawn {
        let mut reference = notes(Fault::None);
        let mut drawn = draw(rules, &mut Random::new(seed, true), &mut reference).unwrap();
        drawn.receive(&mut reference).unwrap();
        drawn
    }

    #[test]
    fn every_command_is_drawn_and_ranges_hold() {
        let rules = rules();
        let mut counts = vec![0; rules.commands.len()];
        for seed in 0..300 {
            let drawn = drawn(rules, seed);
            assert!(drawn.lines[0].text.starts_with(b"new "));
            assert!(drawn.lines.len() <= 21);
            for (line, answer) in drawn.lines.iter().zip(&drawn.answers).skip(1) {
                let command = &rules.commands[line.command.unwrap()];
                counts[line.command.unwrap()] += 1;
                let is_valid = !matches!(&*command.name, "insert" | "delete" | "apply" | "style");
                assert!(is_valid || answer == b"ok", "{}: {answer:?}", drawn.named(line, rules));
            }
        }
        assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
    }

    proptest! {
        #[test]
        fn a_replayed_case_is_the_same(seed: u64) {
            let rules = rules();
            let first = drawn(rules, seed);
            let mut reference = notes(Fault::None);
            let mut again = draw(rules, &mut Replay::new(&first.tape), &mut reference).unwrap();
            again.receive(&mut reference).unwrap();
            prop_assert_eq!(&again.lines, &first.lines);
            prop_assert_eq!(&again.answers, &first.answers);
            prop_assert_eq!(again.tape, first.tape);
        }

        #[test]
        fn ranges_hold_in_every_tape(seed: u64, values: Vec<i128>, removed: prop::sample::Index) {
            let rules = rules();
            let mut tape = drawn(rules, seed).tape;
            for (choice, value) in tape.choices_mut().zip(values) {
                choice.value = value;
            }
            if !tape.steps.is_empty() {
                tape = tape.without(|at| at == removed.index(tape.steps.len()));
            }
            let mut reference = notes(Fault::None);
            let mut drawn = draw(rules, &mut Replay::new(&tape), &mut reference).unwrap();
            drawn.receive(&mut reference).unwrap();
            for (line, answer) in drawn.lines.iter().zip(&drawn.answers) {
                let command = line.command.map(|command| &*rules.commands[command].name);
                let is_valid = !matches!(command, Some("insert" | "delete" | "apply"));
                prop_assert!(is_valid || answer == b"ok", "{}", drawn.named(line, rules));
            }
            let mut reference = notes(Fault::None);
            let again = draw(rules, &mut Replay::new(&drawn.tape), &mut reference).unwrap();
            prop_assert_eq!(again.lines, drawn.lines, "a tape as it was replayed changes no more");
        }
    }

    #[test]
    fn a_length_beyond_the_greatest_is_not_drawn() {
        let long = "raw = { bytes = \"n * 2000000 .. n * 3000000\" }";
        let changed = changed(&[("raw = { bytes = \"0 .. 6\" }", long)]);
        let cases: Vec<_> = (0..50).map(|seed| drawn(&changed.rules, seed)).collect();
        let commands = cases.iter().flat_map(|case| case.lines.iter().filter_map(|l| l.command));
        assert!(commands.clone().any(|command| changed.rules.commands[command].name == "apply"));
        assert!(
            !commands.clone().any(|command| changed.rules.commands[command].name == "apply-junk")
        );
    }

    #[test]
    fn captured_values_are_names() {
        let rules = rules();
        let with_names = (0..100).map(|seed| drawn(rules, seed)).find_map(|drawn| {
            let mut values =
                drawn.lines.iter().flat_map(|line| line.values.iter().map(move |v| (line, v)));
            let (line, value) =
                values.find(|(_, value)| matches!(value.origin, Origin::Pool(..)))?;
            let found = (line.clone(), value.clone());
            Some((drawn, found))
        });
        let (drawn, (line, value)) = with_names.unwrap();
        let Origin::Pool(pool, step) = value.origin else { panic!() };
        let maker = drawn.lines.iter().position(|line| line.step == Some(step)).unwrap();
        assert_eq!(rules.scope.pools[pool], "update");
        assert_eq!(drawn.answers[maker], [b"ok ", &line.text[value.range]].concat());
        let named = drawn.named(&line, rules);
        assert!(named.starts_with("apply "), "{named}");
        assert!(named.ends_with(&format!(" <update of line {}>", maker + 1)), "{named}");
    }

    #[test]
    fn a_captured_value_keeps_its_name_when_an_earlier_one_goes() {
        let rules = rules();
        let makers = |drawn: &Drawn| {
            let values = drawn.lines.iter().flat_map(|line| &line.values);
            let makers = values.filter_map(|value| match value.origin {
                Origin::Pool(_, maker) => Some(maker),
                _ => None,
            });
            makers.collect::<Vec<_>>()
        };
        let mut shifted = 0;
        for seed in 0..200 {
            let first = drawn(rules, seed);
            let known = makers(&first);
            for removed in 0..first.tape.steps.len() {
                let tape = first.tape.without(|at| at == removed);
                let mut reference = notes(Fault::None);
                let again = draw(rules, &mut Replay::new(&tape), &mut reference).unwrap();
                for line in &again.lines {
                    let before = first.lines.iter().find(|other| other.step == line.step).unwrap();
                    let origins = |line: &Line| {
                        line.values.iter().map(|value| value.origin).collect::<Vec<_>>()
                    };
                    assert_eq!(origins(line), origins(before));
                }
                shifted += usize::from(!known.contains(&StepId(removed)) && !known.is_empty());
            }
        }
        assert!(shifted > 100, "{shifted}");
    }

    #[test]
    fn an_observer_does_not_stand_for_too_many_lines() {
        let changed = changed(&[
            ("\"text {client}\"", "\"text {raw}\""),
            ("raw = { bytes = \"0 .. 6\" }", "raw = \"0 .. n * 5000\""),
        ]);
        let drawn = drawn(&changed.rules, 1);
        let error = drawn.observations(&changed.rules).unwrap_err().to_string();
        assert_eq!(error, "text: it stands for more than 4096 lines");
    }

    #[test]
    fn no_answer_is_awaited_unless_it_is_needed() {
        let description = changed(&[
            ("\"insert {client} {index} {word}\"", "\"insert {client} 0 {word}\""),
            ("without = [\"style\", ", "without = [\"style\", \"delete\", \"update\", \"apply\", "),
        ]);
        let mut reference = notes(Fault::None);
        let profile = &description.profiles["plain"];
        let mut drawn = draw(profile, &mut Random::new(1, false), &mut reference).unwrap();
        assert_eq!((reference.received, drawn.answers.len()), (0, 0));
        drawn.receive(&mut reference).unwrap();
        assert_eq!(reference.received, drawn.lines.len());
    }

    #[test]
    fn the_same_question_is_asked_once_for_a_line() {
        let rules = &changed(&[]).rules;
        let mut reference = notes(Fault::None);
        draw(rules, &mut Random::new(3, false), &mut reference).unwrap();
        let is_ask = |line: &String| line.starts_with("len ");
        for pair in reference.sent.windows(2) {
            assert!(!(is_ask(&pair[0]) && pair[0] == pair[1]), "{pair:?}");
        }
        assert!(reference.sent.iter().any(is_ask));
    }

    #[test]
    fn a_mistake_that_shows_only_in_a_draw_is_reported() {
        let changed = changed(&[(
            "count = { integer = \"1 .. len - index\"",
            "count = { integer = \"1 .. 9 / (len - len)\"",
        )]);
        let mistakes = (0..20).map(|seed| {
            draw(&changed.rules, &mut Random::new(seed, false), &mut notes(Fault::None)).err()
        });
        let mistake = mistakes.flatten().next().unwrap();
        assert_eq!(mistake.to_string(), "count: it divides by zero");
        let mut reference = Closure::new(|_| Some("ok none".into()));
        let mistakes =
            (0..20).map(|seed| draw(rules(), &mut Random::new(seed, false), &mut reference).err());
        let mistake = mistakes.flatten().next().unwrap().to_string();
        assert!(mistake.starts_with("asks.len: the answer to `len "), "{mistake}");
        assert!(mistake.ends_with("has no number: `ok none`"), "{mistake}");
    }

    #[test]
    fn a_reference_that_fails_ends_the_case() {
        let mut count = 0;
        let mut reference = Closure::new(|_| {
            count += 1;
            (count < 5).then(|| "ok 5".into())
        });
        let drawn = (0..20)
            .find_map(|seed| draw(rules(), &mut Random::new(seed, true), &mut reference).err());
        assert_eq!(drawn.unwrap(), NotDrawn::Reference("it ended"));
    }

    #[test]
    fn a_command_whose_ask_is_refused_is_not_drawn() {
        let mut reference = Closure::new(|line| {
            Some(if line.starts_with("len") { "err 404".into() } else { "ok 00".into() })
        });
        for seed in 0..50 {
            let drawn = draw(rules(), &mut Random::new(seed, true), &mut reference).unwrap();
            let lines = lines(&drawn);
            assert!(!lines.iter().any(|line| line.starts_with("insert")), "{lines:?}");
            reference = reference.renewed();
        }
    }

    #[test]
    fn observers_stand_for_each_value_of_their_holes() {
        let rules = rules();
        let drawn =
            (0..50).map(|seed| drawn(rules, seed)).find(|drawn| drawn.lines[0].text == b"new 2");
        let observations = drawn.unwrap().observations(rules).unwrap();
        let lines: Vec<_> = observations
            .iter()
            .map(|one| {
                let dump = one.dump.clone().unwrap_or_default();
                [one.line.clone(), dump].map(|text| String::from_utf8(text).unwrap()).join("|")
            })
            .collect();
        assert_eq!(lines, ["text 0|", "text 1|", "hash 0|dump 0", "hash 1|dump 1"]);
    }
}
