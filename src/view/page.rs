//! The page: the template with the data in it.

use super::data::View;

const TEMPLATE: &str = include_str!("page.html");
const TITLE: &str = "{{title}}";
const DATA: &str = "{{data}}";

/// Returns the page as one HTML file.
#[must_use]
pub fn page(view: &View) -> String {
    let data = serde_json::to_string(view).expect("strings, numbers and lists have a JSON form");
    // No string in the data can end the script element that has it.
    let data = data.replace('<', "\\u003c");
    let title = escaped(&view.title);
    let mut page = String::with_capacity(TEMPLATE.len() + data.len());
    let mut rest = TEMPLATE;
    while let Some((before, mark)) = next_mark(rest) {
        page += before;
        page += if mark == TITLE { &title } else { &data };
        rest = &rest[before.len() + mark.len()..];
    }
    page + rest
}

/// Returns the template up to its next placeholder, and that.
fn next_mark(template: &str) -> Option<(&str, &'static str)> {
    let found = [TITLE, DATA].into_iter().filter_map(|mark| Some((template.find(mark)?, mark)));
    let (at, mark) = found.min()?;
    Some((&template[..at], mark))
}

/// Returns text without the characters that mean something to HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            character => escaped.push(character),
        }
    }
    escaped
}
