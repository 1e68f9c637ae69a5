//! An adapter: it reads a command line and writes exactly one answer line, until its input ends.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

// --- To keep ------------------------------------------------------------------------------------

/// An answer `err CLASS TEXT`: the program refuses the command, and nothing has changed.
struct Refusal(&'static str, String);

type Answer<T = Option<String>> = Result<T, Refusal>;

fn refuse<T>(class: &'static str, text: impl Into<String>) -> Answer<T> {
    Err(Refusal(class, text.into()))
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn main() -> io::Result<()> {
    // A panic becomes an answer, so it needs no message. This takes `panic = "unwind"`.
    std::panic::set_hook(Box::new(|_| {}));
    let mut session = Session::new(10);
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let answer = catch_unwind(AssertUnwindSafe(|| session.run(&line)))
            .unwrap_or_else(|panic| refuse("panic", text_of(&*panic)));
        match answer {
            Ok(None) => writeln!(out, "ok")?,
            Ok(Some(result)) => writeln!(out, "ok {result}")?,
            Err(Refusal(class, text)) => writeln!(out, "err {class} {}", text.replace('\n', " "))?,
        }
        // An answer leaves the process before the next line is read.
        out.flush()?;
    }
    Ok(())
}

// --- To replace by your program: a counter with a log -------------------------------------------

const USAGE: [&str; 12] = [
    "hello",
    "new LIMIT",
    "add N",
    "sub N",
    "undo",
    "clear",
    "value",
    "len",
    "entry INDEX",
    "log",
    "tally",
    "fail",
];

struct Session {
    limit: i64,
    value: i64,
    log: Vec<i64>,
}

impl Session {
    /// A start line makes the program forget everything before it.
    fn new(limit: i64) -> Session {
        Session { limit, value: 0, log: Vec::new() }
    }

    fn run(&mut self, line: &str) -> Answer {
        let words: Vec<_> = line.split(' ').collect();
        let Some(usage) = USAGE.iter().find(|usage| usage.split(' ').next() == Some(words[0]))
        else {
            return refuse("unknown", "no such command");
        };
        if words.len() != usage.split(' ').count() {
            return refuse("usage", *usage);
        }
        let amount = |word| number(word, usage, 0, 65535, "a number is at most 65535");
        Ok(Some(match words[0] {
            "hello" => "counter 1".to_owned(),
            "new" => {
                *self = Session::new(number(words[1], usage, 1, 65535, "a limit is 1 to 65535")?);
                return Ok(None);
            }
            "add" => self.change(amount(words[1])?)?,
            "sub" => self.change(-amount(words[1])?)?,
            "undo" => {
                let Some(by) = self.log.pop() else { return refuse("empty", "the log is empty") };
                self.value -= by;
                self.value.to_string()
            }
            "clear" => {
                self.log.clear();
                return Ok(None);
            }
            "value" => self.value.to_string(),
            "len" => self.log.len().to_string(),
            "entry" => {
                let last = self.log.len() as i64 - 1;
                let index = number(words[1], usage, 0, last, "no such entry")?;
                format!("{:+}", self.log[index as usize])
            }
            "log" => list(self.log.iter().map(|by| format!("{by:+}"))),
            "tally" => self.tally(),
            _ => panic!("as asked"),
        }))
    }

    /// A hash table has no order, and the answer needs one, so the tree is sorted by its keys.
    fn tally(&self) -> String {
        let mut counts = BTreeMap::new();
        for by in &self.log {
            *counts.entry(format!("{by:+}")).or_insert(0) += 1;
        }
        list(counts.iter().map(|(by, count)| format!("{by}:{count}")))
    }

    fn change(&mut self, by: i64) -> Answer<String> {
        match self.value + by {
            ..=-1 => refuse("range", "below zero"),
            value if value > self.limit => refuse("range", "above the limit"),
            value => {
                self.log.push(by);
                self.value = value;
                Ok(value.to_string())
            }
        }
    }
}

fn list(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<_> = entries.collect();
    if entries.is_empty() { "-".to_owned() } else { entries.join(",") }
}

fn number(word: &str, usage: &str, low: i64, high: i64, text: &str) -> Answer<i64> {
    if !(1..=10).contains(&word.len()) || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse("usage", usage);
    }
    match word.parse() {
        Ok(number) if low <= number && number <= high => Ok(number),
        _ => refuse("range", text),
    }
}
