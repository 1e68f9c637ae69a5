//! The page: the template with the data in it.

use super::data::View;

const TEMPLATE: &str = include_str!("page.html");
const TITLE: &str = "{{title}}";
const DATA: &str = "{{data}}";

/// Returns the page as one HTML file.
#[must_use]
pub fn page(view: &View) -> String {
    let data = json(view);
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

/// Returns the data as JSON in which no string can end the script element that has it.
fn json(view: &View) -> String {
    let data = serde_json::to_string(view).expect("strings, numbers and lists have a JSON form");
    data.replace('<', "\\u003c")
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

#[cfg(test)]
mod tests {
    use super::super::data::{Kind, Step};
    use super::*;

    fn view(title: &str, line: &str) -> View {
        let step = Step { line: line.into(), ..Step::default() };
        super::super::compose::of_steps(title, Kind::Lines, vec![step])
    }

    #[test]
    fn the_template_has_both_placeholders_and_a_place_for_the_data() {
        assert!(TEMPLATE.contains(TITLE));
        assert_eq!(TEMPLATE.matches(DATA).count(), 1);
        let (before, after) = TEMPLATE.split_once(DATA).expect("a placeholder");
        assert!(before.ends_with("<script id=\"data\" type=\"application/json\">"));
        assert!(after.starts_with("</script>"));
    }

    #[test]
    fn values_are_not_filled_in_themselves() {
        let page = page(&view("a {{data}} <b>", "{{title}} {{data}} </script><!--"));
        assert!(page.contains("<title>a {{data}} &lt;b&gt;</title>"), "{page}");
        assert!(page.contains("{{title}} {{data}} \\u003c/script>\\u003c!--"), "{page}");
        assert_eq!(page.matches("</script").count(), TEMPLATE.matches("</script").count());
    }
}
