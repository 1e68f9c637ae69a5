//! Other ways to start a port's program: in another environment or folder.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use crate::port::PortSpec;

/// A difference from the usual start of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The difference in words, for messages: `with LC_ALL=C`.
    pub difference: String,
    /// Variables to set.
    pub environment: BTreeMap<String, String>,
    /// Commands that a POSIX shell runs first; empty if there are none.
    pub shell: String,
    /// Whether a program that cannot start in this way is at fault. If it need not, and its greeting
    /// does not come, the case passes with a note.
    pub is_required: bool,
}

impl PortSpec {
    /// Returns the same program with another start.
    pub(crate) fn started(&self, start: &Start) -> Self {
        let mut spec = self.clone();
        spec.environment.extend(start.environment.clone());
        if !start.shell.is_empty() {
            let script = format!("{} && exec \"$@\"", start.shell);
            let shell = ["/bin/sh".into(), "-c".into(), script, "sh".into()];
            let directory = self.directory.clone().or_else(|| env::current_dir().ok());
            let words = self.command.iter().map(|word| absolute(word, directory.as_deref()));
            spec.command = shell.into_iter().chain(words).collect();
        }
        spec
    }
}

/// Returns the absolute path if a word is the relative path of something that exists: the shell may
/// change the folder.
fn absolute(word: &str, directory: Option<&Path>) -> String {
    let path = directory.filter(|_| word.contains('/')).map(|directory| directory.join(word));
    let path = path.filter(|path| path.exists());
    path.map_or_else(|| word.to_owned(), |path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_exist_become_absolute() {
        let words = ["sh", "./src/lib.rs", "./missing", "/bin/sh", "src"].map(String::from);
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = directory.join("./lib.rs").to_string_lossy().into_owned();
        assert_eq!(absolute("./lib.rs", Some(directory)), file);
        for word in words {
            assert_eq!(absolute(&word, Some(directory)), word);
        }
    }

    #[test]
    fn a_start_without_commands_needs_no_shell() {
        let spec = PortSpec::new("p", vec!["./a".into(), "serve".into()]);
        let environment = BTreeMap::from([("TZ".to_owned(), "UTC".to_owned())]);
        let started = spec.started(&Start { environment: environment.clone(), ..Start::default() });
        assert_eq!(started, PortSpec { environment, ..spec });
    }
}
