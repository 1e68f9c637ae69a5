//! The recurrence sets of the crate rrule behind the line protocol of the machine file beside this
//! folder. Times have no zone; the crate has them as UTC.

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, NaiveDateTime};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};

const FORM: &str = "%Y%m%dT%H%M%S";

/// An answer `err CLASS TEXT`.
struct Refusal(&'static str, String);

type Time = DateTime<Tz>;
type Answer<T = Option<String>> = Result<T, Refusal>;

fn refuse<T>(class: &'static str, text: impl Display) -> Answer<T> {
    Err(Refusal(class, text.to_string()))
}

fn time_of(word: &str) -> Answer<Time> {
    match NaiveDateTime::parse_from_str(word, FORM) {
        Ok(time) if time.format(FORM).to_string() == word => {
            Ok(time.and_utc().with_timezone(&Tz::UTC))
        }
        _ => refuse("usage", format!("not a time: {word}")),
    }
}

fn listed(times: impl IntoIterator<Item = Time>) -> Answer {
    let times: Vec<_> = times.into_iter().map(|time| time.format(FORM).to_string()).collect();
    Ok(Some(if times.is_empty() { "-".to_owned() } else { times.join(",") }))
}

/// The rule with its times as UTC.
fn rule_of(text: &str, start: Time) -> Answer<RRule> {
    if !text.split(';').any(|part| part.starts_with("UNTIL=") || part.starts_with("COUNT=")) {
        return refuse("usage", "a rule has UNTIL or COUNT");
    }
    let parts = text.split(';').map(|part| match part.strip_prefix("UNTIL=") {
        Some(until) if until.len() == "20240101T000000".len() => format!("{part}Z"),
        _ => part.to_owned(),
    });
    let rule = parts.collect::<Vec<_>>().join(";").parse::<RRule<Unvalidated>>();
    rule.and_then(|rule| rule.validate(start)).or_else(|error| refuse("rule", error))
}

struct Session {
    set: RRuleSet,
}

impl Session {
    fn new(start: Time) -> Session {
        // The limit ends rules that never match again.
        Session { set: RRuleSet::new(start).limit() }
    }

    fn change(&mut self, change: impl FnOnce(RRuleSet) -> RRuleSet) -> Answer {
        self.set = change(self.set.clone());
        Ok(None)
    }

    fn answer(&mut self, line: &str) -> Answer {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["hello"] => Ok(Some("recurrence 1".to_owned())),
            ["new", start] => {
                *self = Session::new(time_of(start)?);
                Ok(None)
            }
            ["rule", text] => {
                let rule = rule_of(text, *self.set.get_dt_start())?;
                self.change(|set| set.rrule(rule))
            }
            ["rdate", time] => {
                let time = time_of(time)?;
                self.change(|set| set.rdate(time))
            }
            ["exdate", time] => {
                let time = time_of(time)?;
                self.change(|set| set.exdate(time))
            }
            ["first", count] => match count.parse() {
                Ok(count @ 0..=999) => listed(self.set.into_iter().take(count)),
                _ => refuse("usage", format!("not a count: {count}")),
            },
            ["between", low, high] => {
                let (low, high) = (time_of(low)?, time_of(high)?);
                listed(
                    self.set
                        .into_iter()
                        .skip_while(|time| *time < low)
                        .take_while(|time| *time <= high),
                )
            }
            ["after", time] => {
                let time = time_of(time)?;
                listed(self.set.into_iter().find(|found| *found > time))
            }
            ["before", time] => {
                let time = time_of(time)?;
                listed(self.set.into_iter().take_while(|found| *found < time).last())
            }
            [
                "hello" | "new" | "rule" | "rdate" | "exdate" | "first" | "between" | "after"
                | "before",
                ..,
            ] => refuse("usage", format!("{}: {} words", words[0], words.len() - 1)),
            _ => refuse("unknown", format!("no command {}", words[0])),
        }
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn main() -> io::Result<()> {
    // A panic becomes an answer; nothing is written to standard error.
    std::panic::set_hook(Box::new(|_| {}));
    let mut session = Session::new(DateTime::UNIX_EPOCH.with_timezone(&Tz::UTC));
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = catch_unwind(AssertUnwindSafe(|| session.answer(&line)))
            .unwrap_or_else(|panic| refuse("panic", text_of(&*panic)));
        match answer {
            Ok(None) => writeln!(out, "ok")?,
            Ok(Some(result)) => writeln!(out, "ok {result}")?,
            Err(Refusal(class, text)) => writeln!(out, "err {class} {}", text.replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}
