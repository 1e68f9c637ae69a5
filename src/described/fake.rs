//! A machine in this process, for tests: the one of the example in docs/machines.md.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::LazyLock;

use crate::description::Description;
use crate::reference::Reference;
use crate::rules::Rules;

/// Returns the whole files that are examples in the documentation.
pub(crate) fn examples() -> Vec<&'static str> {
    let document = include_str!("../../docs/machines.md");
    let blocks = document.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    // The others are parts of a file.
    blocks
        .filter(|block| block.contains("commands"))
        .filter(|block| block.contains("name = "))
        .collect()
}

/// Returns the largest example.
pub(crate) fn example() -> &'static str {
    let largest = examples().into_iter().max_by_key(|example| example.len());
    largest.expect("there are examples")
}

pub(crate) fn description() -> Description {
    Description::read(Path::new("notes.toml"), example()).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the rules of the example without a profile.
pub(crate) fn rules() -> &'static Rules {
    static RULES: LazyLock<Rules> = LazyLock::new(|| description().rules);
    &RULES
}

/// A session of a closure: it returns the answer to each line.
pub(crate) struct Closure<F> {
    answer: F,
    due: VecDeque<Vec<u8>>,
    /// The lines that were sent.
    pub(crate) sent: Vec<String>,
    /// How many answers were received.
    pub(crate) received: usize,
}

impl<F: FnMut(&str) -> Option<String>> Closure<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self { answer, due: VecDeque::new(), sent: Vec::new(), received: 0 }
    }

    /// Forgets the answers that were not received.
    pub(crate) fn renewed(self) -> Self {
        Self::new(self.answer)
    }
}

impl<F: FnMut(&str) -> Option<String>> Reference for Closure<F> {
    type Failure = &'static str;

    fn send(&mut self, line: &[u8]) -> Result<(), Self::Failure> {
        let line = str::from_utf8(line).expect("the lines of this file are UTF-8");
        self.sent.push(line.into());
        self.due.extend((self.answer)(line).map(String::into_bytes));
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, Self::Failure> {
        self.received += 1;
        self.due.pop_front().ok_or("it ended")
    }
}

/// A wrong step that is planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// An insert of two or more letters after the first position loses the last one.
    InsertLosesLetter,
    /// To apply an update replaces the text, even if it is older.
    ApplyTakesAll,
    /// To delete everything is refused.
    DeleteAllFails,
}

/// The texts of the clients: the longest one wins when an update is applied.
#[derive(Default)]
pub(crate) struct Notes {
    texts: Vec<Vec<char>>,
    fault: Fault,
}

/// Makes a session of the notes.
pub(crate) fn notes(fault: Fault) -> Closure<impl FnMut(&str) -> Option<String>> {
    let mut notes = Notes { fault, ..Notes::default() };
    Closure::new(move |line| {
        Some(notes.answer(line).unwrap_or_else(|class| format!("err {class}")))
    })
}

impl Notes {
    fn answer(&mut self, line: &str) -> Result<String, &'static str> {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        let number = |at: usize| {
            words.get(at).and_then(|word| word.parse::<usize>().ok()).ok_or("arguments")
        };
        if words[0] == "new" {
            self.texts = vec![Vec::new(); number(1)?];
            return Ok("ok".into());
        }
        let fault = self.fault;
        let text = self.texts.get_mut(number(1)?).ok_or("client")?;
        match words[0] {
            "insert" => {
                let word: String = serde_json::from_str(words[3]).map_err(|_| "arguments")?;
                let mut word: Vec<_> = word.chars().collect();
                let position = number(2)?;
                if fault == Fault::InsertLosesLetter && position > 0 && word.len() > 1 {
                    word.pop();
                }
                if position > text.len() {
                    return Err("range");
                }
                text.splice(position..position, word);
            }
            "delete" => {
                let range = number(2)?..number(2)? + number(3)?;
                if range.end > text.len()
                    || fault == Fault::DeleteAllFails && range.len() == text.len()
                {
                    return Err("range");
                }
                text.drain(range);
            }
            "apply" => {
                let update = hex::decode(words[2]).map_err(|_| "arguments")?;
                let update = String::from_utf8(update).map_err(|_| "arguments")?;
                let update: Vec<_> = update.chars().collect();
                if update.len() > text.len() || fault == Fault::ApplyTakesAll {
                    *text = update;
                }
            }
            "style" => {}
            "len" => return Ok(format!("ok {}", text.len())),
            "update" | "dump" if text.is_empty() => return Err("empty"),
            "update" | "dump" => {
                return Ok(format!("ok {}", hex::encode(String::from_iter(&*text))));
            }
            "text" | "hash" => {
                return Ok(format!("ok {}", serde_json::Value::from(String::from_iter(&*text))));
            }
            _ => return Err("unknown-command"),
        }
        Ok("ok".into())
    }
}
