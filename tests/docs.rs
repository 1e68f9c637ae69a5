//! The documents say what is so: their code is the code that is compiled, their transcripts are
//! what the reference answers, their hashes are the pinned ones, and what they name exists.

#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dkv20::trace::Trace;
use dkv20::{SCENARIO_NAMES, Session, scenario_hash};

const HASH_LENGTH: usize = 64;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: impl AsRef<Path>) -> String {
    let path = root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below the folder that has one of the extensions, relative to the repository.
fn files_below(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry that can be read").path();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if extensions.contains(&extension.as_str()) {
                found.push(path.strip_prefix(root()).expect("it is below it").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A document, by the lines.
struct Document {
    file: PathBuf,
    text: String,
}

/// A fenced block: what stands after its fence, and its lines.
struct Block<'a> {
    info: &'a str,
    line_number: usize,
    text: String,
}

impl Document {
    fn read(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        Self { text: read(&file), file }
    }

    /// The documents that this test watches over: all but the definition, which the suites check.
    fn all() -> Vec<Self> {
        let docs = files_below("docs", &["md"]).into_iter().map(Self::read);
        let documents: Vec<_> = std::iter::once(Self::read("README.md")).chain(docs).collect();
        assert!(documents.len() >= 8, "{} documents", documents.len());
        documents
    }

    fn is_definition(&self) -> bool {
        self.file.ends_with("CONCEPTS.md")
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut is_open = false;
        for (number, line) in self.text.lines().enumerate() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if is_open => is_open = false,
                Some(info) => {
                    is_open = true;
                    blocks.push(Block { info, line_number: number + 1, text: String::new() });
                }
                None if is_open => {
                    let block = blocks.last_mut().expect("one is open");
                    block.text += &format!("{line}\n");
                }
                None => {}
            }
        }
        assert!(!is_open, "{}: a block is not closed", self.file.display());
        blocks
    }

    /// The lines outside fenced and indented blocks, with their numbers.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_open = false;
        let mut is_prose = |line: &str| {
            let is_fence = line.trim_start().starts_with("```");
            is_open ^= is_fence;
            !is_open && !is_fence && !line.starts_with("    ")
        };
        let lines = self.text.lines().enumerate().map(|(number, line)| (number + 1, line));
        lines.filter(|(_, line)| is_prose(line)).collect()
    }

    /// What stands between single backquotes in the prose, with line numbers.
    fn code_spans(&self) -> Vec<(usize, String)> {
        let spans = |(number, line): (usize, &str)| {
            let spans: Vec<_> = line.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            spans.into_iter().map(move |span| (number, span)).collect::<Vec<_>>()
        };
        self.prose().into_iter().flat_map(spans).collect()
    }

    /// Every command line that is shown: code spans, and lines of blocks, without a prompt.
    fn command_lines(&self) -> Vec<(usize, String)> {
        let in_blocks = self.blocks().into_iter().filter(|block| block.info != "rust");
        let in_blocks = in_blocks.flat_map(|block| {
            let lines: Vec<_> = block.text.lines().map(str::to_owned).collect();
            lines.into_iter().map(move |line| (block.line_number, line))
        });
        let indented = self.text.lines().enumerate();
        let indented = indented.filter(|(_, line)| line.starts_with("    "));
        let indented = indented.map(|(number, line)| (number + 1, line.to_owned()));
        let lines = self.code_spans().into_iter().chain(in_blocks).chain(indented);
        let lines = lines.map(|(number, line)| (number, line.trim().to_owned()));
        lines.map(|(n, line)| (n, line.strip_prefix("$ ").unwrap_or(&line).to_owned())).collect()
    }

    fn place(&self, line_number: usize) -> String {
        format!("{}:{line_number}", self.file.display())
    }
}

fn join(faults: &[String]) -> String {
    faults.join("\n")
}

#[track_caller]
fn assert_faultless(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", join(faults));
}

// --- Code -----------------------------------------------------------------------------------------

/// What stands between the lines `MARK README begin` and `MARK README end` of a file.
fn region(file: &str, mark: &str) -> String {
    let text = read(file);
    let begin = format!("{mark} README begin\n");
    let after = text.split_once(&begin).unwrap_or_else(|| panic!("{file}: no `{begin}`")).1;
    let end = format!("{mark} README end\n");
    let region = after.split_once(&end).unwrap_or_else(|| panic!("{file}: no `{end}`")).0;
    format!("{}\n", region.trim_matches('\n'))
}

/// (The Rust block is a documentation test of the crate.)
#[test]
fn the_readme_shows_the_code_that_is_compiled() {
    let readme = Document::read("README.md");
    for (info, file, mark) in [
        ("go", "go/example_test.go", "//"),
        ("cpp", "cpp/tests/consumer/main.cc", "//"),
        ("cmake", "cpp/tests/consumer/CMakeLists.txt", "#"),
    ] {
        let blocks = readme.blocks();
        let shown: Vec<_> = blocks.iter().filter(|block| block.info == info).collect();
        assert_eq!(shown.len(), 1, "blocks of {info}");
        assert_eq!(shown[0].text, region(file, mark), "README.md and {file}");
    }
    assert!(readme.blocks().iter().any(|block| block.info == "rust"));
}

#[test]
fn transcripts_are_what_the_reference_answers() {
    let mut checked = 0;
    for document in Document::all() {
        for block in document.blocks().iter().filter(|block| block.info == "trace") {
            let place = document.place(block.line_number);
            let trace = Trace::parse(block.text.as_bytes())
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(
                trace.steps().all(|step| step.answer.is_some()),
                "{place}: an answer is missing"
            );
            if let Some(difference) = trace.check() {
                panic!("{place}: {difference}");
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "no transcript at all");
}

// --- Findings of an exam --------------------------------------------------------------------------

/// A finding as the exam prints it.
struct Finding {
    expected: String,
    actual: String,
    shrunk: Vec<String>,
}

/// The findings in a block that are shown with the commands that they were shrunk to.
fn findings(block: &Block) -> Vec<Finding> {
    let parts = block.text.split("finding ").skip(1);
    parts.map(finding).filter(|finding| !finding.shrunk.is_empty()).collect()
}

fn finding(text: &str) -> Finding {
    let after = |label: &str| {
        let mut lines = text.lines().map(str::trim_start);
        let line = lines.find_map(|line| line.strip_prefix(label)).unwrap_or_default();
        line.trim().trim_matches('`').to_owned()
    };
    let shrunk = text.split_once("  shrunk ").map_or("", |(_, rest)| rest).lines().skip(1);
    let shrunk = shrunk.map_while(|line| line.trim_start().strip_prefix("> "));
    let shrunk = shrunk.map(str::to_owned).collect();
    Finding { expected: after("expected "), actual: after("actual "), shrunk }
}

/// The answer to the last of the lines.
fn last_answer(lines: &[String]) -> String {
    let mut session = Session::new();
    let mut answer = String::new();
    for line in lines {
        answer.clear();
        session.answer(line.as_bytes(), &mut answer);
    }
    answer
}

/// What a finding says was expected is what the reference answers to the shrunk commands; the
/// rest of it is what a program did that is not here any more.
#[test]
fn findings_expect_what_the_reference_answers() {
    let mut checked = 0;
    for document in Document::all() {
        for block in document.blocks() {
            // Of an answer to `hello` the name is each port's own.
            let unknown = ["no further answer", "ok dkv20 1 NAME"];
            let findings = findings(&block).into_iter();
            for finding in findings.filter(|found| !unknown.contains(&found.expected.as_str())) {
                let place = document.place(block.line_number);
                assert_eq!(last_answer(&finding.shrunk), finding.expected, "{place}");
                assert_ne!(finding.actual, finding.expected, "{place}");
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "no finding is shown");
}

// --- Hashes ---------------------------------------------------------------------------------------

/// The maximal runs of lower-case hex digits that are as long as a hash.
fn hashes(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() == HASH_LENGTH && word.bytes().all(is_hex_digit))
}

fn is_hex_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// What `chaos SEED STEPS` answers on so many replicas.
fn chaos_digest(replica_count: &str, seed: &str, steps: &str) -> String {
    let mut session = Session::new();
    let mut answer = String::new();
    session.answer(format!("new {replica_count}").as_bytes(), &mut answer);
    answer.clear();
    session.answer(format!("chaos {seed} {steps}").as_bytes(), &mut answer);
    answer.strip_prefix("ok digest=").unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A row of the table of chaos runs in the output of `cross_test.sh`: replicas, seeds, steps, three
/// counts, the digest of seed 1.
fn chaos_row(line: &str) -> Option<[&str; 3]> {
    let fields: Vec<_> = line.split_whitespace().collect();
    match fields.as_slice() {
        [size, _, steps, _, _, _, digest] if hashes(digest).count() == 1 => {
            Some([size, steps, digest])
        }
        _ => None,
    }
}

/// All hashes that a document may show: those of the definition and of the scenarios, those of
/// chaos runs, those in transcripts, which are checked, and those in findings, of which one is wrong.
fn known_hashes(documents: &[Document]) -> BTreeSet<String> {
    let mut known: BTreeSet<String> =
        hashes(&read("docs/CONCEPTS.md")).map(str::to_owned).collect();
    for name in SCENARIO_NAMES {
        known.insert(scenario_hash(name.as_bytes()).expect("the scenarios converge"));
    }
    let rows = documents.iter().flat_map(|document| document.text.lines().filter_map(chaos_row));
    let runs: BTreeSet<_> = rows.map(|[size, steps, _]| (size, steps)).collect();
    known.extend(runs.into_iter().map(|(size, steps)| chaos_digest(size, "1", steps)));
    for block in documents.iter().flat_map(Document::blocks) {
        if block.info == "trace" {
            known.extend(hashes(&block.text).map(str::to_owned));
        }
        for finding in findings(&block) {
            known.extend(hashes(&finding.expected).map(str::to_owned));
            known.extend(hashes(&finding.actual).map(str::to_owned));
        }
    }
    known
}

#[test]
fn hashes_are_those_that_are_pinned() {
    let documents = Document::all();
    let known = known_hashes(&documents);
    let mut faults = Vec::new();
    for document in documents.iter().filter(|document| !document.is_definition()) {
        for (number, line) in document.text.lines().enumerate() {
            let unknown = hashes(line).filter(|hash| !known.contains(*hash));
            faults.extend(unknown.map(|hash| format!("{}: {hash}", document.place(number + 1))));
        }
    }
    assert_faultless(&faults);
}

#[test]
fn the_scripts_pin_the_hashes_of_the_scenarios() {
    let script = read("scripts/cross_test.sh");
    for name in SCENARIO_NAMES {
        let hash = scenario_hash(name.as_bytes()).expect("the scenarios converge");
        let pinned = script.lines().filter_map(|line| line.strip_prefix("PINNED_"));
        let mut pinned = pinned.filter_map(|line| line.split_once('='));
        let pin = pinned.find(|(pinned, _)| *pinned == name).map(|(_, pin)| pin.trim_matches('\''));
        assert_eq!(pin, Some(hash.as_str()), "scripts/cross_test.sh, PINNED_{name}");
    }
}

// --- What is named exists -------------------------------------------------------------------------

/// The targets of inline links in a line.
fn links(line: &str) -> Vec<&str> {
    let ends = line.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(document: &Document) -> BTreeSet<String> {
    let lines = document.prose().into_iter().map(|(_, line)| line);
    let headings = lines.filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// What is wrong with a link in the document.
fn link_fault(document: &Document, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = document.file.parent().expect("a file is in a folder");
    let file = if file.is_empty() { document.file.clone() } else { folder.join(file) };
    if !root().join(&file).exists() {
        return Some(format!("no file {target}"));
    }
    if heading.is_empty() || anchors(&Document::read(file)).contains(heading) {
        return None;
    }
    Some(format!("no heading {target}"))
}

#[test]
fn links_lead_somewhere() {
    let mut documents = Document::all();
    documents.extend(["tests/traces/README.md", "tests/snapshots/README.md"].map(Document::read));
    let mut faults = Vec::new();
    for document in &documents {
        for (number, line) in document.prose() {
            let relative = links(line).into_iter().filter(|target| !target.contains("://"));
            let found = relative.filter_map(|target| link_fault(document, target));
            faults.extend(found.map(|fault| format!("{}: {fault}", document.place(number))));
        }
    }
    assert_faultless(&faults);
}

/// Whether a word is the name of a file of this repository, by its look.
fn is_path(word: &str) -> bool {
    let known = ["src/", "go/", "cpp/", "scripts/", "tests/", "docs/"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    known.iter().any(|folder| word.starts_with(folder)) && word.chars().all(is_plain)
}

#[test]
fn files_that_are_named_exist() {
    let mut faults = Vec::new();
    for document in Document::all() {
        for (number, line) in document.command_lines() {
            let words = line.split_whitespace().filter(|word| is_path(word));
            let missing = words.filter(|word| !root().join(word).exists());
            faults.extend(missing.map(|word| format!("{}: no {word}", document.place(number))));
        }
    }
    assert_faultless(&faults);
}

/// The standard output of a program that is not on a terminal.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}

fn help_of(subcommand: Option<&str>) -> String {
    let arguments: Vec<_> = subcommand.into_iter().chain(["--help"]).collect();
    output_of(env!("CARGO_BIN_EXE_dkv20"), &arguments)
}

fn subcommands() -> BTreeSet<String> {
    let help = help_of(None);
    let commands = help.split_once("\nCommands:\n").expect("it lists its commands").1;
    let lines = commands.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// What is wrong with a command line, if it is one of the program's or of this repository's
/// scripts and suites.
fn command_fault(line: &str, known: &BTreeSet<String>) -> Option<String> {
    program_fault(line, known).or_else(|| script_fault(line)).or_else(|| suite_fault(line))
}

/// A script's options are those that its help names.
fn script_fault(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("bash ")?.split_whitespace();
    let script = words.next().filter(|word| is_path(word))?;
    let help = output_of("bash", &[script, "--help"]);
    let words = words.take_while(|word| !["#", "--help"].contains(word));
    let mut flags = words.filter(|word| word.starts_with('-'));
    flags.find(|flag| !help.contains(*flag)).map(|flag| format!("{script} has no {flag}"))
}

/// A suite or a test that `cargo test` or `go test` is asked for is there.
fn suite_fault(line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    let mut pairs = words.windows(2);
    if line.starts_with("cargo test ") {
        let name = pairs.find(|pair| pair[0] == "--test")?[1];
        let file = root().join("tests").join(name).with_extension("rs");
        return (!file.exists()).then(|| format!("no tests/{name}.rs"));
    }
    if !line.contains("go test ") {
        return None;
    }
    // What a name begins with is enough, and `-run '^$'` is no test on purpose.
    let name = pairs.find(|pair| ["-run", "-fuzz", "-bench"].contains(&pair[0]))?[1];
    let sources = files_below("go", &["go"]);
    let found = sources.iter().any(|file| read(file).contains(&format!("\nfunc {name}")));
    (!found && !["'^$'", "."].contains(&name)).then(|| format!("no {name} in go/"))
}

fn program_fault(line: &str, known: &BTreeSet<String>) -> Option<String> {
    let rest = line.strip_prefix("dkv20 ").or_else(|| line.strip_prefix("target/ports/rust "))?;
    let word = rest.split_whitespace().next()?;
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    if !known.contains(word) {
        return Some(format!("no command {word}"));
    }
    let help = help_of(Some(word));
    let flags = rest.split_whitespace().filter(|word| word.starts_with("--"));
    let mut flags = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
    flags.find(|flag| !help.contains(*flag)).map(|flag| format!("{word} has no {flag}"))
}

#[test]
fn commands_that_are_named_exist() {
    let known = subcommands();
    assert!(known.contains("serve") && known.contains("exam"), "{known:?}");
    let mut faults = Vec::new();
    for document in Document::all() {
        for (number, line) in document.command_lines() {
            let fault = command_fault(&line, &known);
            faults.extend(fault.map(|fault| format!("{}: {fault}", document.place(number))));
        }
    }
    assert_faultless(&faults);
}

#[test]
fn steps_of_verify_that_are_named_exist() {
    let listed = output_of("bash", &["scripts/verify.sh", "--list"]);
    let known: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    let is_known = |word: &str| known.iter().any(|step| step.split(word).next() == Some(""));
    let mut faults = Vec::new();
    for document in Document::all() {
        for (number, line) in document.command_lines() {
            let Some(steps) = line.strip_prefix("bash scripts/verify.sh ") else { continue };
            let steps = steps.split_whitespace().take_while(|word| *word != "#");
            let unknown = steps.filter(|step| !step.starts_with("--") && !is_known(step));
            faults.extend(unknown.map(|step| format!("{}: no {step}", document.place(number))));
        }
    }
    assert_faultless(&faults);
}

/// A block that begins with `$ COMMAND --help` shows what that prints.
#[test]
fn help_that_is_quoted_is_what_is_printed() {
    let mut quoted = 0;
    for document in Document::all() {
        for block in document.blocks() {
            let Some((first, shown)) = block.text.split_once('\n') else { continue };
            let Some(command) = first.strip_prefix("$ ") else { continue };
            if !command.ends_with(" --help") {
                continue;
            }
            let words: Vec<_> = command.split_whitespace().collect();
            let program = if words[0] == "dkv20" { env!("CARGO_BIN_EXE_dkv20") } else { words[0] };
            let printed = output_of(program, &words[1..]);
            assert_eq!(
                shown.trim_end(),
                printed.trim_end(),
                "{}",
                document.place(block.line_number)
            );
            quoted += 1;
        }
    }
    assert!(quoted > 0, "no help is quoted");
}

/// A block that begins with `$ dkv20 explore` shows lines of what that prints, in their order.
#[test]
fn explorations_that_are_quoted_are_what_is_printed() {
    let mut quoted = 0;
    for document in Document::all() {
        for block in document.blocks() {
            let Some((first, shown)) = block.text.split_once('\n') else { continue };
            let Some(arguments) = first.strip_prefix("$ dkv20 explore ") else { continue };
            let words: Vec<_> = ["explore"].into_iter().chain(arguments.split(' ')).collect();
            let printed = output_of(env!("CARGO_BIN_EXE_dkv20"), &words);
            let place = document.place(block.line_number);
            assert!(printed.contains(shown.trim_end()), "{place}: it prints\n{printed}");
            quoted += 1;
        }
    }
    assert!(quoted > 0, "no exploration is quoted");
}

// --- Names side by side ---------------------------------------------------------------------------

/// The sources of a language in one text.
fn sources(column: &str) -> Option<String> {
    let files = match column {
        "Rust" => [files_below("src", &["rs"]), files_below("tests", &["rs"])].concat(),
        "Go" => files_below("go", &["go"]),
        "C++" => files_below("cpp", &["h", "cc"]),
        _ => return None,
    };
    Some(files.into_iter().map(read).collect())
}

/// The last name in a code span: `commit` in `Replica::commit`, `next` in `next()`.
fn last_name(span: &str) -> Option<&str> {
    let mut words = span.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.rfind(|word| !word.is_empty())
}

fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// In a table with a column for each language, each name in a column stands in that language's
/// sources.
#[test]
fn names_in_the_tables_of_languages_exist() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for document in Document::all() {
        let mut columns: Vec<Option<String>> = Vec::new();
        for (number, line) in document.prose() {
            if !line.starts_with('|') {
                columns.clear();
                continue;
            }
            if columns.is_empty() {
                columns = cells(line).into_iter().map(sources).collect();
                continue;
            }
            for (cell, sources) in cells(line).into_iter().zip(&columns) {
                let Some(sources) = sources else { continue };
                for span in cell.split('`').skip(1).step_by(2) {
                    checked += 1;
                    let name = last_name(span).unwrap_or(span);
                    if !sources.contains(name) {
                        faults.push(format!("{}: no {span}", document.place(number)));
                    }
                }
            }
        }
    }
    assert_faultless(&faults);
    assert!(checked > 20, "only {checked} names are in such tables");
}

// --- Lists and looks ------------------------------------------------------------------------------

/// The table of tests/traces/README.md is the first lines of the traces.
#[test]
fn the_table_of_traces_is_what_they_say() {
    let mut expected: Vec<_> = files_below("tests/traces", &["trace"])
        .iter()
        .map(|file| {
            let name = file.file_name().expect("a trace is a file").to_string_lossy();
            let bytes = fs::read(root().join(file)).expect("a trace that can be read");
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let first = String::from_utf8(first.to_vec()).expect("the comment is text");
            let says = first.strip_prefix("# ").unwrap_or_else(|| panic!("{name}: {first}"));
            format!("| [{name}]({name}) | {says} |")
        })
        .collect();
    expected.sort();
    let readme = read("tests/traces/README.md");
    let mut rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| [")).collect();
    rows.sort_unstable();
    assert_eq!(rows, expected);
}

#[test]
fn prose_has_at_most_100_columns() {
    let mut faults = Vec::new();
    for document in Document::all() {
        for (number, line) in document.prose() {
            if line.chars().count() > 100 && !line.starts_with('|') && !line.contains("](") {
                faults.push(document.place(number));
            }
        }
    }
    assert_faultless(&faults);
}

/// A fence with more behind it than a word is a block whose lines have run together.
#[test]
fn blocks_begin_on_a_line_of_their_own() {
    let mut faults = Vec::new();
    for document in Document::all() {
        for block in document.blocks() {
            if block.info.contains(char::is_whitespace) {
                faults.push(document.place(block.line_number));
            }
        }
    }
    assert_faultless(&faults);
}

/// What stands between the comments `NAME begin` and `NAME end` of a document.
fn written_part<'a>(text: &'a str, name: &str) -> &'a str {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name} {side} -->"));
    let after = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}")).1;
    after.split_once(&end).unwrap_or_else(|| panic!("no {end}")).0
}

#[test]
fn there_is_room_for_the_tables_that_scripts_write() {
    let observation = read("docs/observation.md");
    for name in ["bench table", "growth table"] {
        assert!(written_part(&observation, name).contains("| --- |"), "{name}");
    }
    assert!(written_part(&read("docs/verification.md"), "kill table").contains("| --- |"));
}

/// `scripts/faults.sh --write` has written of every fault that there is, and of no other.
#[test]
fn the_table_of_faults_has_every_one() {
    let verification = read("docs/verification.md");
    let rows =
        written_part(&verification, "fault table").lines().filter(|row| row.starts_with('|'));
    let written: BTreeSet<_> = rows.skip(2).map(|row| cells(row)[..3].join(" | ")).collect();
    let patches = files_below("tests/planted-bugs", &["patch"]);
    let there = patches.iter().map(|file| {
        let language = file.parent().and_then(Path::file_name).expect("a language's folder");
        let name = file.file_stem().expect("a name");
        let text = read(file);
        let what = text.lines().next().expect("a line that says what it is");
        format!("{} | {} | {what}", language.display(), name.display())
    });
    assert_eq!(written, there.collect::<BTreeSet<_>>());
}
