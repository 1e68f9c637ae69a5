//! Names: which words can be one.

use crate::mistake::Wrong;

/// The form of a name, for messages.
pub(crate) const FORM: &str = "a letter or `_`, then letters, digits and `_`";

/// Checks the name of a type, a variable, an ask, a pool or a hole.
pub(crate) fn check(name: &str) -> Result<(), Wrong> {
    let mut characters = name.chars();
    let is_name = characters.next().is_some_and(is_start) && characters.all(is_part);
    if is_name { Ok(()) } else { Err(Wrong::new(format!("`{name}` is not a name"), FORM)) }
}

/// Checks the name of a machine, a command or an observer, which is only shown and compared.
pub(crate) fn check_shown(name: &str) -> Result<(), Wrong> {
    if name.trim().is_empty() || name.contains(char::is_control) {
        let reason = format!("the name {name:?} is empty or has control characters");
        return Err(Wrong::new(reason, "a text in one line"));
    }
    Ok(())
}

/// Reports whether a name can begin with the character.
pub(crate) fn is_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

/// Reports whether a name can go on with the character. A `-` is a minus in terms.
pub(crate) fn is_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Returns the names as a list for messages.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none is declared".into() } else { names.join(", ") }
}
