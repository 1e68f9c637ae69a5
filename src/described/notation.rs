//! Notations: tables that can be written as text, and values that can be written in two ways.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The characters of a text, or its pieces.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Alphabet {
    /// Each character.
    Characters(String),
    /// Each string.
    Pieces(Vec<String>),
}

/// An integer, or a term.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Number {
    /// An integer.
    Integer(i128),
    /// A term.
    Term(String),
}

/// A table that can be written as the text of its most important key.
#[derive(Clone, Debug)]
pub(crate) struct OrText<T>(pub(crate) T);

impl<T> Deref for OrText<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A table of which a text is the short form.
pub(crate) trait Short {
    /// The words for messages.
    const FORM: &'static str;

    /// Returns the table that the text stands for.
    fn of_text(text: String) -> Self;
}

impl<'de, T: Short + Deserialize<'de>> Deserialize<'de> for OrText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrTextVisitor(PhantomData))
    }
}

struct OrTextVisitor<T>(PhantomData<T>);

impl<'de, T: Short + Deserialize<'de>> Visitor<'de> for OrTextVisitor<T> {
    type Value = OrText<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OrText(T::of_text(text.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OrText)
    }
}

impl<T: JsonSchema> JsonSchema for OrText<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrText", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

impl<'de> Deserialize<'de> for Alphabet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AlphabetVisitor)
    }
}

struct AlphabetVisitor;

impl<'de> Visitor<'de> for AlphabetVisitor {
    type Value = Alphabet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string of characters, or a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Alphabet, E> {
        Ok(Alphabet::Characters(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Alphabet, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Alphabet::Pieces)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an integer, or a term as a string")
    }

    fn visit_i64<E: Error>(self, integer: i64) -> Result<Number, E> {
        Ok(Number::Integer(integer.into()))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<Number, E> {
        Ok(Number::Integer(integer.into()))
    }

    fn visit_i128<E: Error>(self, integer: i128) -> Result<Number, E> {
        Ok(Number::Integer(integer))
    }

    fn visit_str<E: Error>(self, term: &str) -> Result<Number, E> {
        Ok(Number::Term(term.into()))
    }
}

/// A table. Without this, a list of the values of its keys would be one as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table<T>(pub(crate) T);

impl<T> Deref for Table<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = Table<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Table)
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
