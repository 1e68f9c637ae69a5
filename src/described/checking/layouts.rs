//! Checks layouts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Builder, names_of};
use crate::file;
use crate::key::Key;
use crate::layout::{self, FieldForm, Form, Layout, SIZE};
use crate::mistake::Wrong;
use crate::notation::{Number, Table};
use crate::types::term;

/// The bytes in an answer.
const LAST_WORD: &str = r"\S*$";

impl Builder<'_, '_> {
    pub(super) fn layout_name(&mut self, key: &Key, layout: Option<&str>) {
        if let Some(name) = layout.filter(|name| !self.file.layouts.contains_key(*name)) {
            let wrong =
                Wrong::new(format!("there is no layout `{name}`"), names_of(&self.file.layouts));
            self.wrong(&key.name("layout"), wrong);
        }
    }

    pub(super) fn layouts(&mut self) -> BTreeMap<String, Layout> {
        let layouts = self.file.layouts.iter();
        layouts
            .filter_map(|(name, layout)| Some((name.clone(), self.layout(name, layout)?)))
            .collect()
    }

    pub(super) fn layout(&mut self, name: &str, layout: &file::Layout) -> Option<Layout> {
        let key = Key::of("layouts").name(name);
        let bytes = layout.bytes.as_deref().unwrap_or(LAST_WORD);
        let bytes = self.pattern(&key.name("bytes"), bytes);
        let mut unordered = Vec::new();
        for (position, path) in layout.unordered.iter().enumerate() {
            if let Some(path) = path.strip_suffix("[]") {
                unordered.push(path.to_owned());
            } else {
                let wrong = Wrong::new(format!("`{path}` is no array"), "a path that ends in `[]`");
                self.wrong(&key.name("unordered").index(position), wrong);
            }
        }
        // The elements of an outer array are compared with those of the inner ones in order.
        unordered.sort_by_key(|path| Reverse(path.matches("[]").count()));
        let form = match (&layout.fields, &layout.command) {
            (Some(fields), None) => Form::Fields(self.fields(&key.name("fields"), fields)),
            (None, Some(command)) if !command.is_empty() => Form::Program(command.clone()),
            _ => {
                let wrong = Wrong::new(
                    "the layout has no fields",
                    "exactly one of `fields` and `command`, not empty",
                );
                self.wrong(&key, wrong);
                return None;
            }
        };
        Some(Layout { bytes: bytes?, form, unordered })
    }

    pub(super) fn fields(
        &mut self,
        key: &Key,
        fields: &[Table<file::LayoutField>],
    ) -> Vec<FieldForm> {
        let mut forms = Vec::new();
        for (position, field) in fields.iter().enumerate() {
            let key = key.index(position);
            let mut optional = |name: &str, number: &Option<Number>| {
                let number = number.as_ref().map(term).transpose();
                self.check(&key.name(name), number).flatten()
            };
            let (at, count) = (optional("at", &field.at), optional("count", &field.count));
            let Some(length) = self.check(&key.name("length"), term(&field.length)) else {
                continue;
            };
            let (path, writing) = (field.path.clone(), field.writing.unwrap_or_default());
            if path == SIZE {
                let wrong =
                    Wrong::new(format!("`{SIZE}` is the number of all bytes"), "another path");
                self.wrong(&key.name("path"), wrong);
            }
            forms.push(FieldForm { path, at, length, count, writing });
        }
        for (position, wrong) in layout::check(&forms) {
            self.wrong(&key.index(position), wrong);
        }
        forms
    }
}
