//! Commands that only a shell understands. A port is started without one.

pub(crate) const NO_SHELL: &str = "no shell is used: write NAME=\"sh -c '...'\", or list the port with its \
                        `environment` and `directory` in a file for --ports";

/// Checks that a shell would pass the same words to the program.
///
/// # Errors
///
/// The text has, not quoted, what means something else to a shell.
pub(crate) fn check_words(command: &str) -> Result<(), String> {
    match shell_syntax(command) {
        None => Ok(()),
        Some(found) => Err(format!(
            "`{found}` is shell syntax, and {NO_SHELL}; an argument of the program that looks like \
             it needs quotes"
        )),
    }
}

/// Returns the first part of a command that only a shell understands.
pub(crate) fn shell_syntax(command: &str) -> Option<String> {
    let first = command.trim_start().split(char::is_whitespace).next().unwrap_or_default();
    if is_assignment(first) {
        return Some(first.into());
    }
    let (mut quote, mut is_escaped, mut is_start) = (None, false, true);
    for c in command.chars() {
        let is_syntax = match quote {
            Some('\'') => false,
            Some(_) => "$`".contains(c),
            None => "|&;<>()$`*?[".contains(c) || is_start && "~#".contains(c),
        };
        if is_syntax && !is_escaped {
            return Some(c.into());
        }
        is_start = quote.is_none() && c.is_whitespace() && !is_escaped;
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = quote != Some('\''),
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ => {}
        }
    }
    None
}

/// Reports whether a word sets a variable, such as `A=b`.
fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}
