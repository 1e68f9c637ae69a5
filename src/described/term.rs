//! Terms: integer arithmetic over numbers and names.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use crate::mistake::Wrong;
use crate::names;

/// The form of a term, for messages.
pub(crate) const FORM: &str = "integers, names, `+`, `-`, `*`, `/`, `%` and parentheses";
/// Parentheses and signs can be nested this deep.
const DEPTH_MAX: usize = 64;
/// The greatest length in bytes. It limits the depth of sums and products, which group from the left.
const LENGTH_MAX: usize = 1_000;

/// A term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Number(i128),
    Name(String),
    Negated(Box<Term>),
    Binary(Box<Term>, Operator, Box<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Why a term has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoValue<E> {
    /// The quotient or remainder by zero.
    DivisionByZero,
    /// A value is out of the range of 128 bits.
    Overflow,
    /// A name has none.
    Name(E),
}

impl<E> fmt::Display for NoValue<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::DivisionByZero => "it divides by zero",
            Self::Overflow => "a value is out of the range of 128 bits",
            Self::Name(_) => "a name has no value",
        })
    }
}

impl Term {
    /// Parses a term.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        if text.len() > LENGTH_MAX {
            let allowed = format!("a term of up to {LENGTH_MAX} bytes");
            return Err(Wrong::new("the term is too long", allowed));
        }
        let mut parser = Parser { characters: text.chars().peekable(), depth: 0 };
        let wrong = |reason: String| Wrong::new(format!("in the term `{text}`: {reason}"), FORM);
        let term = parser.sum().map_err(wrong)?;
        match parser.peek() {
            None => Ok(term),
            Some(other) => Err(wrong(format!("`{other}` is not expected"))),
        }
    }

    /// Returns the value, with the values of names from `lookup`.
    pub(crate) fn value<E>(
        &self,
        lookup: &mut dyn FnMut(&str) -> Result<i128, E>,
    ) -> Result<i128, NoValue<E>> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(name) => lookup(name).map_err(NoValue::Name),
            Self::Negated(term) => term.value(lookup)?.checked_neg().ok_or(NoValue::Overflow),
            Self::Binary(left, operator, right) => {
                let (left, right) = (left.value(lookup)?, right.value(lookup)?);
                operator.apply(left, right)
            }
        }
    }

    /// Calls `take` with each name, in order.
    pub(crate) fn for_each_name<'a>(&'a self, take: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => take(name),
            Self::Negated(term) => term.for_each_name(take),
            Self::Binary(left, _, right) => {
                left.for_each_name(take);
                right.for_each_name(take);
            }
        }
    }
}

impl Operator {
    fn apply<E>(self, left: i128, right: i128) -> Result<i128, NoValue<E>> {
        let value = match self {
            Self::Divide | Self::Remainder if right == 0 => return Err(NoValue::DivisionByZero),
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide => left.checked_div_euclid(right),
            Self::Remainder => left.checked_rem_euclid(right),
        };
        value.ok_or(NoValue::Overflow)
    }
}

/// Two terms: the least and the greatest value, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: Term,
    pub(crate) high: Term,
}

impl Range {
    /// Parses `LOW .. HIGH`.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let Some((low, high)) = text.split_once("..") else {
            return Err(Wrong::new(format!("`{text}` is not a range"), "`LOW .. HIGH`"));
        };
        let (low, high) = (Term::parse(low.trim())?, Term::parse(high.trim())?);
        let range = Self { low, high };
        match range.value(&mut |_| Err(())) {
            Ok((low, high)) if low > high => {
                Err(Wrong::new(format!("the range `{text}` is empty"), "LOW is at most HIGH"))
            }
            Err(error @ (NoValue::DivisionByZero | NoValue::Overflow)) => {
                Err(Wrong::new(format!("the range `{text}` has no value: {error}"), FORM))
            }
            _ => Ok(range),
        }
    }

    /// Parses a range over numbers alone, within bounds.
    pub(crate) fn parse_constant(text: &str, bounds: (u32, u32)) -> Result<(u32, u32), Wrong> {
        let (least, greatest) = bounds;
        let allowed = format!("`LOW .. HIGH` of integers from {least} to {greatest}");
        let wrong = |reason: String| Wrong::new(reason, allowed.clone());
        let range = Self::parse(text)?;
        let (low, high) = range
            .value(&mut |name| Err(name.to_owned()))
            .map_err(|_| wrong(format!("the range `{text}` has names")))?;
        let is_inside = |value: i128| (i128::from(least)..=i128::from(greatest)).contains(&value);
        match (u32::try_from(low), u32::try_from(high)) {
            (Ok(from), Ok(to)) if is_inside(low) && is_inside(high) => Ok((from, to)),
            _ => Err(wrong(format!("the range `{text}` is too wide"))),
        }
    }

    /// Returns the values of both ends.
    pub(crate) fn value<E>(
        &self,
        lookup: &mut dyn FnMut(&str) -> Result<i128, E>,
    ) -> Result<(i128, i128), NoValue<E>> {
        Ok((self.low.value(lookup)?, self.high.value(lookup)?))
    }

    /// Calls `take` with each name, in order.
    pub(crate) fn for_each_name<'a>(&'a self, take: &mut dyn FnMut(&'a str)) {
        self.low.for_each_name(take);
        self.high.for_each_name(take);
    }
}

struct Parser<'t> {
    characters: Peekable<Chars<'t>>,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        while self.characters.next_if(|character| character.is_whitespace()).is_some() {}
        self.characters.peek().copied()
    }

    fn sum(&mut self) -> Result<Term, String> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                _ => return Ok(left),
            };
            self.characters.next();
            left = Term::Binary(Box::new(left), operator, Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Term, String> {
        let mut left = self.factor()?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Multiply,
                Some('/') => Operator::Divide,
                Some('%') => Operator::Remainder,
                _ => return Ok(left),
            };
            self.characters.next();
            left = Term::Binary(Box::new(left), operator, Box::new(self.factor()?));
        }
    }

    fn factor(&mut self) -> Result<Term, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX}"));
        }
        let term = match self.peek() {
            Some('-') => {
                self.characters.next();
                Term::Negated(Box::new(self.factor()?))
            }
            Some('(') => {
                self.characters.next();
                let term = self.sum()?;
                if self.peek() != Some(')') {
                    return Err("`)` is missing".into());
                }
                self.characters.next();
                term
            }
            Some(character) if character.is_ascii_digit() => {
                let digits = self.word(|character| character.is_ascii_digit() || character == '_');
                let number = digits.replace('_', "").parse();
                Term::Number(number.map_err(|_| format!("`{digits}` is too large"))?)
            }
            Some(character) if names::is_start(character) => Term::Name(self.word(names::is_part)),
            Some(other) => return Err(format!("`{other}` is not expected")),
            None => return Err("a value is missing".into()),
        };
        self.depth -= 1;
        Ok(term)
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.characters.next_if(|character| is_part(*character))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Result<i128, NoValue<String>> {
        Term::parse(text).unwrap().value(&mut |name| match name {
            "len" => Ok(10),
            "pos" => Ok(3),
            other => Err(other.to_owned()),
        })
    }

    #[test]
    fn products_come_before_sums_and_both_group_from_the_left() {
        assert_eq!(value("1 + 2 * 3"), Ok(7));
        assert_eq!(value("(1 + 2) * 3"), Ok(9));
        assert_eq!(value("10 - 3 - 2"), Ok(5));
        assert_eq!(value("100 / 5 / 2"), Ok(10));
        assert_eq!(value("len - pos"), Ok(7));
        assert_eq!(value("--len-pos"), Ok(7));
        assert_eq!(value("1_000"), Ok(1000));
    }

    #[test]
    fn quotients_round_down() {
        assert_eq!(value("(0 - 7) / 2"), Ok(-4));
        assert_eq!(value("(0 - 7) % 2"), Ok(1));
    }

    #[test]
    fn a_term_without_a_value_has_a_reason() {
        assert_eq!(value("len / (pos - 3)"), Err(NoValue::DivisionByZero));
        assert_eq!(value("len % 0"), Err(NoValue::DivisionByZero));
        let max = i128::MAX;
        for text in ["{max} + 1", "0 - {max} - 2", "{max} * 2", "-(0 - {max} - 1)"] {
            let text = text.replace("{max}", &max.to_string());
            assert_eq!(value(&text), Err(NoValue::Overflow), "{text}");
        }
        assert_eq!(value("len + other"), Err(NoValue::Name("other".into())));
    }

    #[test]
    fn text_that_is_no_term_is_refused() {
        for text in ["", "1 +", "(1", "1)", "1 2", "a..b", "$", "1e3", "é"] {
            assert!(Term::parse(text).is_err(), "{text}");
        }
        let deep = "(".repeat(LENGTH_MAX);
        assert!(Term::parse(&deep).unwrap_err().reason.contains("nested deeper"));
        let long = format!("1{}", "+1".repeat(100_000));
        assert_eq!(Term::parse(&long).unwrap_err().reason, "the term is too long");
        let sum = format!("1{}", "+1".repeat(LENGTH_MAX / 2 - 1));
        assert_eq!(value(&sum), Ok(500));
        let large = "9".repeat(60);
        assert!(Term::parse(&large).unwrap_err().reason.contains("too large"));
    }

    #[test]
    fn an_empty_range_of_numbers_is_refused() {
        assert_eq!(Range::parse("3 .. 2").unwrap_err().reason, "the range `3 .. 2` is empty");
        assert!(Range::parse("1 .. 1").is_ok());
        assert!(Range::parse("0..len-pos").is_ok());
        assert!(Range::parse("0 .. 1 / 0").unwrap_err().reason.contains("divides by zero"));
        assert!(Range::parse("5").is_err());
        assert_eq!(Range::parse_constant("1 .. 30", (0, 99)), Ok((1, 30)));
        assert!(Range::parse_constant("1 .. 100", (0, 99)).is_err());
        assert!(Range::parse_constant("-1 .. 1", (0, 99)).is_err());
        assert!(Range::parse_constant("1 .. n", (0, 99)).is_err());
    }

    proptest! {
        #[test]
        fn small_sums_and_products_are_those_of_integers(a: i32, b: i32, c in 1..1000_i32) {
            let term = format!("({a}) * ({b}) + {c} - ({a}) / {c}");
            let [a, b, c] = [a, b, c].map(i128::from);
            prop_assert_eq!(value(&term), Ok(a * b + c - a.div_euclid(c)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Range::parse(&text);
        }
    }
}
