//! The choices that made a case.

/// A step, by its position in the case that was drawn first. It keeps its number when steps before
/// it are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// A choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The value that was chosen.
    pub value: i128,
    /// The simplest value that could have been chosen.
    pub lowest: i128,
    /// The thing that was chosen.
    pub kind: Kind,
}

/// The thing that is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A command, by its position in the file.
    Command,
    /// A whole value of this variable.
    Variable(usize),
    /// A whole value of this type: an integer, or the position of a choice.
    Value(usize),
    /// A part of a value: its length, or a character.
    Part,
    /// An entry of a pool by its position, and the step that made it, if that is known.
    Entry(Option<StepId>),
}

/// A step of a case: its choices, the command first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// Its choices.
    pub choices: Vec<Choice>,
}

/// All choices of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tape {
    /// The choices of variables.
    pub variables: Vec<Choice>,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Choice {
    /// Returns the measure of how simple the value is.
    fn distance(&self) -> (u128, bool) {
        (self.value.abs_diff(self.lowest), self.value < self.lowest)
    }
}

impl Tape {
    /// Returns all choices, the variables first.
    pub fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.variables.iter().chain(self.steps.iter().flat_map(|step| &step.choices))
    }

    /// Returns all choices, the variables first.
    pub(crate) fn choices_mut(&mut self) -> impl Iterator<Item = &mut Choice> {
        self.variables.iter_mut().chain(self.steps.iter_mut().flat_map(|step| &mut step.choices))
    }

    /// Returns the position of the step that has a choice, and the position of its first choice.
    pub(crate) fn step_of(&self, choice: usize) -> Option<(usize, usize)> {
        let mut first = self.variables.len();
        self.steps.iter().enumerate().find_map(|(position, step)| {
            let start = first;
            first += step.choices.len();
            (start..first).contains(&choice).then_some((position, start))
        })
    }

    /// Reports whether the tape is simpler: it has fewer steps, or of as many fewer choices, or of as
    /// many those that are first nearer to the lowest.
    #[must_use]
    pub fn is_simpler_than(&self, other: &Self) -> bool {
        let size = |tape: &Self| (tape.steps.len(), tape.choices().count());
        size(self).cmp(&size(other)).then_with(|| {
            let distances = |tape: &Self| tape.choices().map(Choice::distance).collect::<Vec<_>>();
            distances(self).cmp(&distances(other))
        }) == std::cmp::Ordering::Less
    }

    /// Returns the tape without these steps and those that use values that they made.
    pub(crate) fn without(&self, is_removed: impl Fn(usize) -> bool) -> Self {
        let mut removed = Vec::new();
        let mut steps = Vec::new();
        for (position, step) in self.steps.iter().enumerate() {
            let uses_removed = step.choices.iter().any(|choice| match choice.kind {
                Kind::Entry(Some(maker)) => removed.contains(&maker),
                _ => false,
            });
            if is_removed(position) || uses_removed {
                removed.push(step.id);
            } else {
                steps.push(step.clone());
            }
        }
        Self { variables: self.variables.clone(), steps }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn step(id: usize, values: &[i128]) -> Step {
        let choice = |value: &i128| Choice { value: *value, lowest: 0, kind: Kind::Part };
        Step { id: StepId(id), choices: values.iter().map(choice).collect() }
    }

    fn tape(steps: &[&[i128]]) -> Tape {
        let steps = steps.iter().enumerate().map(|(id, values)| step(id, values)).collect();
        Tape { variables: Vec::new(), steps }
    }

    #[test]
    fn a_shorter_tape_is_simpler_then_one_with_lower_choices() {
        assert!(tape(&[&[9, 9]]).is_simpler_than(&tape(&[&[0], &[0]])));
        assert!(tape(&[&[9]]).is_simpler_than(&tape(&[&[0, 0]])));
        assert!(tape(&[&[1, 9]]).is_simpler_than(&tape(&[&[2, 0]])));
        assert!(tape(&[&[3]]).is_simpler_than(&tape(&[&[-3]])));
        assert!(tape(&[&[-2]]).is_simpler_than(&tape(&[&[3]])));
        assert!(!tape(&[&[1]]).is_simpler_than(&tape(&[&[1]])));
    }

    #[test]
    fn a_step_goes_with_the_one_that_made_what_it_uses() {
        let mut tape = tape(&[&[0], &[1], &[2], &[3], &[4]]);
        tape.steps[1].choices[0].kind = Kind::Entry(Some(StepId(0)));
        tape.steps[3].choices[0].kind = Kind::Entry(Some(StepId(1)));
        tape.steps[4].choices[0].kind = Kind::Entry(Some(StepId(2)));
        let ids = |tape: Tape| tape.steps.iter().map(|step| step.id.0).collect::<Vec<_>>();
        assert_eq!(ids(tape.without(|at| at == 0)), [2, 4]);
        assert_eq!(ids(tape.without(|at| at == 1)), [0, 2, 4]);
        assert_eq!(ids(tape.without(|at| at == 2)), [0, 1, 3]);
    }
}
