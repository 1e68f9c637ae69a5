//! Yrs behind the line protocol of tests/machines/README.md: one answer line for each command line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use yrs::block::ClientID;
use yrs::types::Attrs;
use yrs::types::text::YChange;
use yrs::undo::{Options as UndoOptions, UndoManager};
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Array, ArrayRef, Doc, Map, MapRef, Number, OffsetKind, Options, Out, ReadTxn, StateVector,
    Text, TextPrelim, TextRef, Transact, TransactionMut, Update, merge_updates_v1,
};

// --- Errors -------------------------------------------------------------------------------------

/// An answer `err CLASS TEXT`.
struct Refusal(&'static str, String);

type Answer<T = Option<String>> = Result<T, Refusal>;

fn refuse<T>(class: &'static str, text: impl Display) -> Answer<T> {
    Err(Refusal(class, text.to_string()))
}

fn decoding<T, E: Display>(result: Result<T, E>) -> Answer<T> {
    result.or_else(|error| refuse("decode", error))
}

// --- Words of a line ----------------------------------------------------------------------------

fn number(word: &str) -> Answer<u32> {
    let is_number = (1..=9).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    if is_number {
        Ok(word.parse().unwrap())
    } else {
        refuse("usage", format!("not a number: {word}"))
    }
}

fn json(word: &str) -> Answer<Value> {
    serde_json::from_str(word).or_else(|_| refuse("usage", format!("not JSON: {word}")))
}

fn string(word: &str) -> Answer<String> {
    match json(word)? {
        Value::String(string) => Ok(string),
        _ => refuse("usage", format!("not a string: {word}")),
    }
}

fn array(word: &str) -> Answer<Vec<Any>> {
    match json(word)? {
        Value::Array(values) => Ok(values.into_iter().map(any).collect()),
        _ => refuse("usage", format!("not an array: {word}")),
    }
}

fn attributes(word: &str) -> Answer<Attrs> {
    match json(word)? {
        Value::Object(members) => {
            Ok(members.into_iter().map(|(key, value)| (key.into(), any(value))).collect())
        }
        _ => refuse("usage", format!("not an object: {word}")),
    }
}

fn bytes(word: &str) -> Answer<Vec<u8>> {
    hex::decode(word)
        .ok()
        .filter(|bytes| !bytes.is_empty() && !word.bytes().any(|b| b.is_ascii_uppercase()))
        .map_or_else(|| refuse("usage", format!("not hex: {word}")), Ok)
}

/// A JSON value as Yrs has it: numbers that are integers are integers.
fn any(value: Value) -> Any {
    match value {
        Value::Null => Any::Null,
        Value::Bool(bool) => Any::Bool(bool),
        Value::Number(number) => Any::Number(Number::try_i64(number.as_f64().unwrap())),
        Value::String(string) => Any::String(string.into()),
        Value::Array(values) => Any::Array(values.into_iter().map(any).collect()),
        Value::Object(members) => Any::Map(Arc::new(
            members.into_iter().map(|(name, value)| (name, any(value))).collect(),
        )),
    }
}

// --- The canonical form of a value --------------------------------------------------------------

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// JSON without spaces, members in the order of their names' bytes, numbers that are no safe
/// integers as the bytes of a double.
fn canonical(value: &Any) -> String {
    match value {
        Any::Undefined => "\"undefined\"".to_owned(),
        Any::Null => "null".to_owned(),
        Any::Bool(bool) => bool.to_string(),
        Any::Number(Number::Int(n)) if n.abs() <= Number::I64_MAX_SAFE_INTEGER => n.to_string(),
        Any::Number(Number::Int(n)) => format!("\"bigint:{n}\""),
        Any::Number(Number::Float(n)) => match Number::try_i64(*n) {
            Number::Int(n) => n.to_string(),
            Number::Float(n) => format!("\"double:{}\"", hex::encode(n.to_be_bytes())),
        },
        Any::String(string) => quoted(string),
        Any::Buffer(bytes) => format!("\"bytes:{}\"", hex::encode(bytes)),
        Any::Array(values) => format!("[{}]", joined(values.iter().map(canonical))),
        Any::Map(map) => members(map.iter().map(|(name, value)| (name.as_str(), canonical(value)))),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

fn members<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let sorted: BTreeMap<_, _> = entries.collect();
    format!(
        "{{{}}}",
        joined(sorted.iter().map(|(name, value)| format!("{}:{value}", quoted(name))))
    )
}

fn shared<T: ReadTxn>(txn: &T, value: &Out) -> String {
    match value {
        Out::Any(any) => canonical(any),
        Out::YText(text) => format!("{{\"text\":{}}}", delta(txn, text)),
        other => quoted(&format!("{other:?}")),
    }
}

/// Runs of text with their attributes. The places at which a run is split have no meaning, nor has
/// a null attribute.
fn delta<T: ReadTxn>(txn: &T, text: &TextRef) -> String {
    let mut runs: Vec<(String, String)> = Vec::new();
    for diff in text.diff(txn, YChange::identity) {
        let set = diff.attributes.unwrap_or_default();
        let set = set.iter().filter(|(_, value)| **value != Any::Null);
        let set = members(set.map(|(name, value)| (&**name, canonical(value))));
        let insert = match diff.insert {
            Out::Any(Any::String(string)) => string.to_string(),
            other => shared(txn, &other),
        };
        match runs.last_mut() {
            Some((run, same)) if *same == set => run.push_str(&insert),
            _ => runs.push((insert, set)),
        }
    }
    format!("[{}]", joined(runs.iter().map(|(run, set)| format!("[{},{set}]", quoted(run)))))
}

// --- Replicas -----------------------------------------------------------------------------------

struct Replica {
    doc: Doc,
    text: TextRef,
    map: MapRef,
    array: ArrayRef,
    undo: Option<UndoManager<()>>,
    last: Rc<RefCell<Option<Vec<u8>>>>,
}

impl Replica {
    fn new(id: u32, has_undo: bool) -> Replica {
        let mut options = Options::with_client_id(ClientID::new(id.into()));
        options.offset_kind = OffsetKind::Utf16;
        let doc = Doc::with_options(options);
        let (text, map, array) =
            (doc.get_or_insert_text("t"), doc.get_or_insert_map("m"), doc.get_or_insert_array("a"));
        let undo = has_undo.then(|| {
            let options = UndoOptions { capture_timeout_millis: 0, ..UndoOptions::default() };
            let mut undo = UndoManager::with_options(options);
            undo.expand_scope(&doc, &text);
            undo.expand_scope(&doc, &map);
            undo.expand_scope(&doc, &array);
            undo
        });
        let last = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&last);
        doc.observe_update_v1("last", move |_, event| {
            *kept.borrow_mut() = Some(event.update.clone())
        })
        .expect("no transaction is open");
        Replica { doc, text, map, array, undo, last }
    }

    /// `t` is the text of the replica, `m/KEY` the text at a key of its map.
    fn text(&self, word: &str) -> Answer<TextRef> {
        if word == "t" {
            return Ok(self.text.clone());
        }
        let Some(key) = word.strip_prefix("m/") else {
            return refuse("usage", format!("no text {word}"));
        };
        match self.map.get(&self.doc.transact(), key) {
            Some(Out::YText(text)) => Ok(text),
            _ => refuse("type", format!("no text at {word}")),
        }
    }

    fn apply(&self, bytes: &[u8]) -> Answer<()> {
        let update = decoding(Update::decode_v1(bytes))?;
        decoding(self.doc.transact_mut_with("remote").apply_update(update))
    }

    fn state(&self) -> String {
        let txn = self.doc.transact();
        let array = joined(self.array.iter(&txn).map(|value| shared(&txn, &value)));
        let map: Vec<_> =
            self.map.iter(&txn).map(|(key, value)| (key, shared(&txn, &value))).collect();
        let map = members(map.iter().map(|(key, value)| (*key, value.clone())));
        format!("{{\"a\":[{array}],\"m\":{map},\"t\":{}}}", delta(&txn, &self.text))
    }

    fn vector(&self) -> String {
        let vector = self.doc.transact().state_vector();
        let sorted: BTreeMap<_, _> =
            vector.iter().map(|(client, clock)| (client.get(), clock)).collect();
        if sorted.is_empty() {
            return "-".to_owned();
        }
        joined(sorted.iter().map(|(client, clock)| format!("{client}:{clock}")))
    }

    fn dump(&self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }
}

fn vector_from(word: &str) -> Answer<StateVector> {
    let mut vector = StateVector::default();
    for clock in word.split(',').filter(|_| word != "-") {
        let Some((client, clock)) = clock.split_once(':') else {
            return refuse("usage", format!("no vector: {word}"));
        };
        vector.set_max(ClientID::new(number(client)?.into()), number(clock)?);
    }
    Ok(vector)
}

// --- Commands -----------------------------------------------------------------------------------

#[derive(Default)]
struct Session {
    replicas: Vec<Replica>,
}

impl Session {
    fn at(&mut self, word: &str) -> Answer<&mut Replica> {
        let place = number(word)? as usize;
        self.replicas
            .get_mut(place)
            .map_or_else(|| refuse("usage", format!("no replica {word}")), Ok)
    }

    fn start(&mut self, count: &str, undo: Option<&&str>) -> Answer {
        let n = number(count)?;
        if !(1..=3).contains(&n) || undo.is_some_and(|word| *word != "undo") {
            return refuse("usage", "new 1..3 [undo]");
        }
        self.replicas = (1..=n).map(|id| Replica::new(id, undo.is_some())).collect();
        Ok(None)
    }

    fn answer(&mut self, line: &str) -> Answer {
        let name = line.split(' ').next().unwrap();
        let (least, most) = match name {
            "hello" => (0, 0),
            "new" => (1, 2),
            "undo" | "redo" | "state" | "sv" | "dump" | "hash" | "last" | "load" => (1, 1),
            "len" | "text" | "unset" | "get" | "nest" | "diff" | "apply" | "sync" | "merge" => {
                (2, 2)
            }
            "set" | "add" | "remove" => (3, 3),
            "delete" => (4, 4),
            "insert" | "format" => (5, 5),
            _ => return refuse("unknown", format!("no command {name}")),
        };
        // The last word takes the rest of the line.
        let words: Vec<_> = line.splitn(most + 1, ' ').skip(1).collect();
        if words.len() < least || (most == 0 && line != name) {
            return refuse("usage", format!("{name}: {} words", words.len()));
        }
        match name {
            "hello" => Ok(Some("yjs-yrs 1".to_owned())),
            "new" => self.start(words[0], words.get(1)),
            "load" => {
                let fresh = Replica::new(9, false);
                fresh.apply(&bytes(words[0])?)?;
                Ok(Some(fresh.state()))
            }
            "sync" => {
                let vector = self.at(words[1])?.doc.transact().state_vector();
                let update = self.at(words[0])?.doc.transact().encode_state_as_update_v1(&vector);
                self.at(words[1])?.apply(&update)?;
                Ok(None)
            }
            "merge" => {
                let updates = [bytes(words[0])?, bytes(words[1])?];
                Ok(Some(hex::encode(decoding(merge_updates_v1(updates))?)))
            }
            _ => {
                let replica = self.at(words[0])?;
                replica
                    .read(name, &words[1..])?
                    .map_or_else(|| replica.write(name, &words[1..]), |it| Ok(Some(it)))
            }
        }
    }
}

impl Replica {
    /// The result of a command that changes nothing; none for any other.
    fn read(&self, name: &str, words: &[&str]) -> Answer {
        Ok(Some(match (name, words) {
            ("len", ["a"]) => self.array.len(&self.doc.transact()).to_string(),
            ("len", [name]) => self.text(name)?.len(&self.doc.transact()).to_string(),
            ("text", [name]) => delta(&self.doc.transact(), &self.text(name)?),
            ("get", [key]) => {
                let txn = self.doc.transact();
                self.map.get(&txn, key).map_or_else(|| "-".to_owned(), |value| shared(&txn, &value))
            }
            ("state", _) => self.state(),
            ("sv", _) => self.vector(),
            ("dump", _) => hex::encode(self.dump()),
            ("hash", _) => hex::encode(Sha256::digest(self.dump())),
            ("diff", [vector]) => {
                let vector = vector_from(vector)?;
                hex::encode(self.doc.transact().encode_state_as_update_v1(&vector))
            }
            ("last", _) => self.last.borrow().as_ref().map_or_else(|| "-".to_owned(), hex::encode),
            _ => return Ok(None),
        }))
    }

    fn write(&mut self, name: &str, words: &[&str]) -> Answer {
        match (name, words) {
            ("insert", [name, pos, set, word]) => {
                let (text, index, chunk) = (self.text(name)?, number(pos)?, string(word)?);
                if *set == "-" {
                    text.insert(&mut self.begin(), index, &chunk);
                } else {
                    let set = attributes(set)?;
                    text.insert_with_attributes(&mut self.begin(), index, &chunk, set);
                }
            }
            ("delete", [name, pos, len]) => {
                let (text, index, len) = (self.text(name)?, number(pos)?, number(len)?);
                text.remove_range(&mut self.begin(), index, len);
            }
            ("format", [name, pos, len, set]) => {
                let (text, index, len, set) =
                    (self.text(name)?, number(pos)?, number(len)?, attributes(set)?);
                text.format(&mut self.begin(), index, len, set);
            }
            ("set", [key, value]) => {
                let value = any(json(value)?);
                self.map.insert(&mut self.begin(), *key, value);
            }
            ("unset", [key]) => {
                self.map.remove(&mut self.begin(), key);
            }
            ("nest", [key]) => {
                self.map.insert(&mut self.begin(), *key, TextPrelim::new(""));
            }
            ("add", [pos, values]) => {
                let (index, values) = (number(pos)?, array(values)?);
                self.array.insert_range(&mut self.begin(), index, values);
            }
            ("remove", [pos, len]) => {
                let (index, len) = (number(pos)?, number(len)?);
                self.array.remove_range(&mut self.begin(), index, len);
            }
            ("apply", [update]) => self.apply(&bytes(update)?)?,
            ("undo" | "redo", _) => {
                let Some(undo) = &mut self.undo else {
                    return refuse("usage", "started without undo");
                };
                let has_changed =
                    if name == "undo" { undo.undo_blocking() } else { undo.redo_blocking() };
                return Ok(Some(has_changed.to_string()));
            }
            _ => return refuse("usage", format!("{name}: {} words", words.len() + 1)),
        }
        Ok(None)
    }

    fn begin(&self) -> TransactionMut<'_> {
        self.doc.transact_mut()
    }
}

// --- Lines --------------------------------------------------------------------------------------

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

fn main() -> io::Result<()> {
    // A panic becomes an answer; nothing is written to standard error.
    std::panic::set_hook(Box::new(|_| {}));
    let mut session = Session::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = catch_unwind(AssertUnwindSafe(|| session.answer(&line)))
            .unwrap_or_else(|panic| refuse("panic", text_of(&*panic)));
        match answer {
            Ok(None) => writeln!(out, "ok")?,
            Ok(Some(result)) => writeln!(out, "ok {result}")?,
            Err(Refusal(class, text)) => {
                writeln!(out, "err {class} {}", text.lines().next().unwrap_or_default())?
            }
        }
        out.flush()?;
    }
    Ok(())
}
