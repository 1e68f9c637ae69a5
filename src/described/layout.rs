//! The fields of byte strings.

use std::collections::BTreeMap;

use regex::bytes::Regex;
use serde::Deserialize;

use crate::file::FieldWriting;
use crate::mistake::Wrong;
use crate::term::Term;

/// The name of the number of all bytes, in terms.
pub(crate) const SIZE: &str = "size";
/// The path of bytes after the last field.
const REST: &str = "(rest)";
/// The greatest number of fields.
const FIELDS_MAX: i128 = 1 << 16;
/// The greatest length of an integer.
const INTEGER_LENGTH_MAX: usize = 8;

/// The layout of a byte string.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Finds the hex digits in an answer.
    pub(crate) bytes: Regex,
    pub(crate) form: Form,
    /// Arrays whose order means nothing, without the `[]`.
    pub(crate) unordered: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Form {
    Fields(Vec<FieldForm>),
    /// The command of a program that answers `fields HEX`.
    Program(Vec<String>),
}

/// A field as the file describes it.
#[derive(Clone, Debug)]
pub(crate) struct FieldForm {
    pub(crate) path: String,
    pub(crate) at: Option<Term>,
    pub(crate) length: Term,
    pub(crate) count: Option<Term>,
    pub(crate) writing: FieldWriting,
}

/// A field of a byte string.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its path, such as `entries[2].term`.
    pub path: String,
    /// The offset of its first byte.
    pub offset: usize,
    /// How many bytes it has.
    pub length: usize,
    /// Its value.
    pub value: String,
}

/// The fields of a byte string, as far as it has the layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The fields that were read, in order. Of an array without an order, all elements were read.
    pub list: Vec<Field>,
    /// The reason why the bytes do not have the layout after these fields; `None` if they have it.
    pub misfit: Option<String>,
}

/// Passes a line to the layout's program and returns its answer, or the reason why there is none.
pub type AskLayout<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>, String>;

impl Layout {
    /// Returns the command of the program that lists the fields, if one does.
    #[must_use]
    pub fn command(&self) -> Option<&[String]> {
        match &self.form {
            Form::Fields(_) => None,
            Form::Program(command) => Some(command),
        }
    }

    /// Returns the fields of the bytes in an answer, as far as they have the layout. A layout's
    /// program lists all of them or none. Arrays without an order are sorted.
    ///
    /// # Errors
    ///
    /// The layout's program could not be asked.
    pub fn fields(&self, answer: &[u8], ask: AskLayout<'_>) -> Result<Fields, String> {
        let Some(groups) = self.bytes.captures(answer) else {
            return Ok(Fields::none("the answer has no bytes".into()));
        };
        let digits = groups.get(1).or_else(|| groups.get(0)).map_or(&b""[..], |m| m.as_bytes());
        let mut fields = match &self.form {
            Form::Fields(forms) => match hex::decode(digits) {
                Ok(bytes) => self.read(&bytes, forms),
                Err(error) => Fields::none(format!("not hex: {error}")),
            },
            Form::Program(_) => listed(&ask(&[b"fields ", digits].concat())?),
        };
        for array in &self.unordered {
            fields.list = sorted(&fields.list, array);
        }
        Ok(fields)
    }

    /// Reads bytes by the fields of the file.
    fn read(&self, bytes: &[u8], forms: &[FieldForm]) -> Fields {
        let mut list = Vec::new();
        let misfit = read_fields(bytes, forms, &mut list).err().map(|(path, reason)| {
            let array = path.strip_suffix("[]").unwrap_or(path);
            if self.unordered.iter().any(|unordered| unordered == array) {
                // Those that were read cannot be sorted among those that were not.
                list.retain(|field| element(&field.path, array).is_none());
            }
            reason
        });
        Fields { list, misfit }
    }
}

impl Fields {
    fn none(misfit: String) -> Self {
        Self { list: Vec::new(), misfit: Some(misfit) }
    }
}

/// Reads the answer to `fields HEX`.
fn listed(answer: &[u8]) -> Fields {
    serde_json::from_slice(answer).map_or_else(
        |reason| {
            let answer = String::from_utf8_lossy(answer);
            Fields::none(format!("the layout's program answered `{answer}`: {reason}"))
        },
        |list| Fields { list, misfit: None },
    )
}

/// Appends the fields of the bytes. If they do not have one, the error is the path of its form, and
/// the reason.
fn read_fields<'f>(
    bytes: &[u8],
    forms: &'f [FieldForm],
    fields: &mut Vec<Field>,
) -> Result<(), (&'f str, String)> {
    let mut values = BTreeMap::from([(SIZE, i128::try_from(bytes.len()).unwrap_or(i128::MAX))]);
    let mut end = 0;
    for form in forms {
        let misfit = |reason| (&*form.path, reason);
        let mut value = |term: &Term| {
            let value = term.value(&mut |name| values.get(name).copied().ok_or(()));
            let reason = |error| format!("the field `{}` has no place: {error}", form.path);
            value.map_err(|error| misfit(reason(error)))
        };
        let at = form.at.as_ref().map(&mut value).transpose()?;
        let length = value(&form.length)?;
        let count = form.count.as_ref().map_or(Ok(1), &mut value)?;
        if !(0..=FIELDS_MAX).contains(&count) {
            return Err(misfit(format!("there are {count} of the field `{}`", form.path)));
        }
        let mut offset = at.unwrap_or(end);
        for index in 0..count {
            let path = form.path.replacen("[]", &format!("[{index}]"), 1);
            let field = field_at(bytes, &path, offset, length, form.writing).map_err(misfit)?;
            offset += length;
            if let Ok(value) = field.value.parse() {
                values.insert(&form.path, value);
            }
            fields.push(field);
        }
        end = offset;
    }
    let end = usize::try_from(end).unwrap_or(bytes.len());
    if let Some(rest @ [_, ..]) = bytes.get(end..) {
        let value = hex::encode(rest);
        fields.push(Field { path: REST.into(), offset: end, length: rest.len(), value });
    }
    Ok(())
}

fn field_at(
    bytes: &[u8],
    path: &str,
    offset: i128,
    length: i128,
    writing: FieldWriting,
) -> Result<Field, String> {
    let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
    let part = range.and_then(|(offset, length)| {
        let part = bytes.get(offset..offset.checked_add(length)?)?;
        Some((offset, length, part))
    });
    let Some((offset, length, part)) = part else {
        let size = bytes.len();
        return Err(format!(
            "the field `{path}` of {length} bytes at {offset} is not within the {size} bytes"
        ));
    };
    let integer = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.fold(0_u64, |value, byte| value << 8 | u64::from(*byte)).to_string()
    };
    let is_long = part.len() > INTEGER_LENGTH_MAX;
    let value = match writing {
        FieldWriting::LittleEndian if !is_long => integer(&mut part.iter().rev()),
        FieldWriting::BigEndian if !is_long => integer(&mut part.iter()),
        FieldWriting::Text => String::from_utf8_lossy(part).into_owned(),
        _ => hex::encode(part),
    };
    Ok(Field { path: path.into(), offset, length, value })
}

/// Sorts the elements of each array of this path by their values, and numbers them anew.
fn sorted(fields: &[Field], array: &str) -> Vec<Field> {
    // For each array the places of its fields, and for each element its fields.
    let mut arrays = BTreeMap::<_, (Vec<usize>, BTreeMap<usize, Vec<(&str, &Field)>>)>::new();
    for (place, field) in fields.iter().enumerate() {
        if let Some((before, index, after)) = element(&field.path, array) {
            let (places, elements) = arrays.entry(before).or_default();
            places.push(place);
            elements.entry(index).or_default().push((after, field));
        }
    }
    let mut sorted = fields.to_vec();
    for (before, (places, elements)) in arrays {
        let mut elements: Vec<_> = elements.into_values().collect();
        elements.sort_by_cached_key(|fields| {
            fields.iter().map(|(after, field)| (*after, &*field.value)).collect::<Vec<_>>()
        });
        let numbered = elements.into_iter().enumerate().flat_map(|(index, fields)| {
            let path = move |after| format!("{before}[{index}]{after}");
            fields
                .into_iter()
                .map(move |(after, field)| Field { path: path(after), ..field.clone() })
        });
        for (place, field) in places.into_iter().zip(numbered) {
            sorted[place] = field;
        }
    }
    sorted
}

/// Returns the path before an array's index, the index, and the path after it, if the path is of an
/// element of the array. The array's own path has `[]` for the indexes before it.
fn element<'p>(path: &'p str, array: &str) -> Option<(&'p str, usize, &'p str)> {
    let mut rest = path;
    let mut found = None;
    for part in array.split("[]") {
        rest = rest.strip_prefix(part)?;
        let before = &path[..path.len() - rest.len()];
        let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
        found = Some((before, index.parse().ok()?, after));
        rest = after;
    }
    found
}

/// Checks the fields of a layout against each other.
pub(crate) fn check(forms: &[FieldForm]) -> Vec<(usize, Wrong)> {
    let mut known = vec![SIZE];
    let mut faults = Vec::new();
    for (position, form) in forms.iter().enumerate() {
        if form.path.is_empty() || forms[..position].iter().any(|other| other.path == form.path) {
            let reason = format!("the path `{}` is empty or taken", form.path);
            faults.push((position, Wrong::new(reason, "another path")));
        }
        let is_array = form.path.ends_with("[]");
        if is_array != form.count.is_some() {
            let allowed = "`count` beside a path that ends in `[]`, and nowhere else";
            let reason = format!("the field `{}` has no place for `count`", form.path);
            let missing = format!("the array `{}` has no `count`", form.path);
            let reason = if is_array { missing } else { reason };
            faults.push((position, Wrong::new(reason, allowed)));
        }
        for term in
            [form.at.as_ref(), Some(&form.length), form.count.as_ref()].into_iter().flatten()
        {
            term.for_each_name(&mut |name| {
                if !known.contains(&name) {
                    let reason = format!("`{name}` is no integer before the field `{}`", form.path);
                    let allowed = crate::names::list(known.iter().copied());
                    faults.push((position, Wrong::new(reason, allowed)));
                }
            });
        }
        let is_integer =
            matches!(form.writing, FieldWriting::LittleEndian | FieldWriting::BigEndian);
        if is_integer && !is_array {
            known.push(&form.path);
        }
    }
    faults
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn form(path: &str, length: &str, count: Option<&str>, writing: FieldWriting) -> FieldForm {
        let count = count.map(|count| Term::parse(count).unwrap());
        let length = Term::parse(length).unwrap();
        FieldForm { path: path.into(), at: None, length, count, writing }
    }

    pub(crate) fn layout(unordered: &[&str]) -> Layout {
        let fields = vec![
            form("kind", "1", None, FieldWriting::Hex),
            form("count", "2", None, FieldWriting::LittleEndian),
            form("ids[]", "2", Some("count"), FieldWriting::BigEndian),
            form("name", "size - 3 - count * 2", None, FieldWriting::Text),
        ];
        Layout {
            bytes: Regex::new(r"\S+$").unwrap(),
            form: Form::Fields(fields),
            unordered: unordered.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the fields, and the reason why there are no more.
    fn fields(layout: &Layout, answer: &str) -> (Vec<String>, String) {
        let fields = layout.fields(answer.as_bytes(), &mut |_| Err("no program".into())).unwrap();
        let shown = |f: &Field| format!("{}@{}+{}={}", f.path, f.offset, f.length, f.value);
        (fields.list.iter().map(shown).collect(), fields.misfit.unwrap_or_default())
    }

    #[test]
    fn fields_follow_each_other_and_lengths_are_terms() {
        let layout = layout(&[]);
        let Form::Fields(forms) = &layout.form else { panic!() };
        assert_eq!(check(forms), []);
        assert_eq!(
            fields(&layout, "ok 0702000102000161").0,
            ["kind@0+1=07", "count@1+2=2", "ids[0]@3+2=258", "ids[1]@5+2=1", "name@7+1=a"]
        );
    }

    #[test]
    fn the_elements_of_an_unordered_array_are_sorted() {
        let paths = fields(&layout(&["ids"]), "ok 0702000102000161").0;
        assert_eq!(paths[2..4], ["ids[0]@5+2=1", "ids[1]@3+2=258"]);
        assert_eq!(paths[4], "name@7+1=a");
    }

    #[test]
    fn an_array_in_an_array_is_sorted_within_each_element() {
        let field = |(path, value): (&str, &str)| {
            let [path, value] = [path, value].map(str::to_owned);
            Field { path, offset: 0, length: 1, value }
        };
        let listed = [
            ("a[0].n", "2"),
            ("a[0].b[0].x", "9"),
            ("a[0].b[1].x", "8"),
            ("a[1].n", "1"),
            ("a[1].b[0].x", "7"),
            ("end", "0"),
        ];
        let fields: Vec<_> = listed.into_iter().map(field).collect();
        let inner = sorted(&fields, "a[].b");
        let shown = |fields: Vec<Field>| {
            fields.iter().map(|f| format!("{}={}", f.path, f.value)).collect::<Vec<_>>().join(" ")
        };
        let expected = "a[0].n=2 a[0].b[0].x=8 a[0].b[1].x=9 a[1].n=1 a[1].b[0].x=7 end=0";
        assert_eq!(shown(inner.clone()), expected);
        let outer = "a[0].b[0].x=7 a[0].n=1 a[1].b[0].x=8 a[1].b[1].x=9 a[1].n=2 end=0";
        let both = shown(sorted(&inner, "a"));
        let mut parts: Vec<_> = both.split(' ').collect();
        parts.sort_unstable();
        assert_eq!(parts.join(" "), outer);
        assert!(both.starts_with("a[0].n=1 a[0].b[0].x=7 a[1].n=2"), "{both}");
    }

    #[test]
    fn bytes_that_do_not_fit_have_a_reason() {
        let reason = |answer| fields(&layout(&[]), answer).1;
        assert!(reason("ok 07").contains("the field `count` of 2 bytes at 1 is not within the 1"));
        assert!(reason("ok 07ff").contains("not within"));
        assert!(reason("ok 070200").contains("`ids[0]`"));
        assert!(reason("ok zz").contains("not hex"));
        assert!(reason("").contains("no bytes"));
        assert_eq!(reason("ok 0702000102000161"), "");
    }

    #[test]
    fn the_fields_before_those_that_do_not_fit_are_read() {
        let read = |unordered: &[&str], answer| fields(&layout(unordered), answer).0.join(" ");
        assert_eq!(read(&[], "ok 0702000102"), "kind@0+1=07 count@1+2=2 ids[0]@3+2=258");
        assert_eq!(read(&["ids"], "ok 0702000102"), "kind@0+1=07 count@1+2=2");
        assert_eq!(read(&[], "ok 07"), "kind@0+1=07");
        assert_eq!(read(&[], "ok zz"), "");
        let mut layout = layout(&["ids"]);
        let Form::Fields(forms) = &mut layout.form else { panic!() };
        forms[3].length = Term::parse("size").unwrap();
        let (list, reason) = fields(&layout, "ok 07020001020001");
        assert_eq!(list[2..], ["ids[0]@5+2=1", "ids[1]@3+2=258"]);
        assert_eq!(reason, "the field `name` of 7 bytes at 7 is not within the 7 bytes");
    }

    #[test]
    fn bytes_after_the_last_field_are_a_field() {
        let mut layout = layout(&[]);
        layout.form = Form::Fields(vec![form("a", "1", None, FieldWriting::Hex)]);
        assert_eq!(fields(&layout, "010203").0, ["a@0+1=01", "(rest)@1+2=0203"]);
    }

    #[test]
    fn a_program_lists_the_fields() {
        let mut layout = layout(&[]);
        layout.form = Form::Program(vec!["fields".into()]);
        let mut asked = Vec::new();
        let answer = br#"[{"path":"a","offset":0,"length":1,"value":"x"}]"#;
        let fields = layout.fields(b"ok 0a", &mut |line| {
            asked.push(String::from_utf8_lossy(line).into_owned());
            Ok(answer.to_vec())
        });
        let field = Field { path: "a".into(), offset: 0, length: 1, value: "x".into() };
        assert_eq!(fields, Ok(Fields { list: vec![field], misfit: None }));
        assert_eq!(asked, ["fields 0a"]);
        let failed = layout.fields(b"ok 0a", &mut |_| Ok(b"err".to_vec())).unwrap();
        assert_eq!(failed.list, []);
        assert!(failed.misfit.unwrap().contains("answered `err`"));
        assert_eq!(
            layout.fields(b"ok 0a", &mut |_| Err("it hangs".into())),
            Err("it hangs".into())
        );
    }

    #[test]
    fn terms_of_fields_are_over_integers_before_them() {
        let forms = [
            form("a", "b", None, FieldWriting::Hex),
            form("b", "1", None, FieldWriting::LittleEndian),
            form("c[]", "a", Some("b"), FieldWriting::Hex),
            form("d[]", "1", None, FieldWriting::Hex),
            form("e", "1", Some("1"), FieldWriting::Hex),
        ];
        let faults = check(&forms).into_iter().map(|(at, wrong)| (at, wrong.reason));
        assert_eq!(
            faults.collect::<Vec<_>>(),
            [
                (0, "`b` is no integer before the field `a`".into()),
                (2, "`a` is no integer before the field `c[]`".into()),
                (3, "the array `d[]` has no `count`".into()),
                (4, "the field `e` has no place for `count`".into()),
            ]
        );
    }
}
