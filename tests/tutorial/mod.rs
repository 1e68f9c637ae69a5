//! A tutorial in a document is followed by the letter, in an empty folder.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder in which a tutorial is followed.
pub(crate) struct Tutorial {
    folder: TempDir,
    program: &'static str,
    root: &'static Path,
}

impl Tutorial {
    /// Makes an empty folder for a tutorial on the program, in a clone of the repository at `root`.
    pub(crate) fn new(program: &'static str, root: &'static Path) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), program, root }
    }

    /// Follows a code block. Returns the block with the output of its commands if it is a console.
    pub(crate) fn follow(&self, info: &str, text: &str) -> Option<String> {
        match info {
            "console" => Some(self.console(text)),
            // The program is built, and the folder is there.
            "sh" if !text.contains("scripts/build.sh") => {
                assert_eq!(self.run(text), "", "{text}");
                None
            }
            "toml" => {
                self.write(text);
                None
            }
            _ => None,
        }
    }

    fn console(&self, text: &str) -> String {
        let commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let shown = commands.map(|command| ["$ ", command, "\n", &self.run(command)].concat());
        shown.collect()
    }

    /// Returns the standard output and error of a script, whatever its status.
    fn run(&self, script: &str) -> String {
        let programs = Path::new(self.program).parent().expect("a folder").to_owned();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path)));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{script}")]).stdin(Stdio::null());
        shell.current_dir(self.folder.path()).env_remove("COLUMNS");
        shell.env("PATH", path.expect("folders")).env("DKV20", self.root);
        let output = shell.output().expect("a shell");
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// Writes or extends the file that the first line names.
    fn write(&self, text: &str) {
        let first = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let first = first.unwrap_or_else(|| panic!("no name of a file: {text}"));
        let (before, name) = match first.strip_prefix("at the end of ") {
            Some(name) => (fs::read_to_string(self.folder.path().join(name)), name),
            None => (Ok(String::new()), first),
        };
        let written = fs::write(self.folder.path().join(name), before.expect("a file") + text);
        written.expect("a file can be written");
    }
}
