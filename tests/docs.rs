//! The documents are true: their code is the code that is compiled, their transcripts and hashes are
//! those of the program, and the files, headings, commands and names that they mention exist.
//!
//! `DKV20_WRITE_DOCS=1 cargo test --features exam --test docs quotes` updates what they quote; with
//! the feature `live` in place of `exam`, the help of `dkv20 live`, too.

// The program under test is the one with the exam.
#![cfg(all(feature = "cli", feature = "exam"))]

mod files;
mod tutorial;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use files::{files_below, read, root};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use tutorial::Tutorial;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dkv20");
const COLUMNS_MAX: usize = 100;
const DEFINITION: &str = "docs/CONCEPTS.md";
const MACHINES: &str = "docs/machines.md";
/// The first line of a command that examines a described machine, whose answers are not the
/// definition's.
const EXAM_OF_MACHINE: &str = "$ dkv20 exam --machine ";

// --- Documents ------------------------------------------------------------------------------------

/// A code block: `info` is empty if it is indented, `lines` are those that it covers, from 1.
struct Block {
    info: String,
    lines: Range<usize>,
    source: Range<usize>,
    text: String,
}

/// A row of a table: its line and the source of its cells.
type Row = (usize, Vec<String>);

/// A document and what the tests look for in it, each with its line.
#[derive(Default)]
struct Document {
    file: PathBuf,
    text: String,
    /// The offset at which each line begins.
    lines: Vec<usize>,
    blocks: Vec<Block>,
    spans: Vec<(usize, String)>,
    links: Vec<(usize, String)>,
    anchors: BTreeSet<String>,
    tables: Vec<Vec<Row>>,
}

impl Document {
    fn read(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let text = read(&file);
        let after_each_lf = text.match_indices('\n').map(|(offset, _)| offset + 1);
        let lines = std::iter::once(0).chain(after_each_lf).collect();
        let mut document = Self { file, text: text.clone(), lines, ..Self::default() };
        let events = Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter();
        events.for_each(|(event, source)| document.add(event, source));
        document
    }

    /// Every document of the project.
    fn all() -> Vec<Self> {
        let mut files = files_below("docs", &["md"]);
        files.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from));
        files.extend(["tests/traces/README.md", "tests/snapshots/README.md"].map(PathBuf::from));
        files.into_iter().map(Self::read).collect()
    }

    fn add(&mut self, event: Event, source: Range<usize>) {
        let line = self.line(source.start);
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                let lines = line..self.line(source.end.saturating_sub(1)) + 1;
                self.blocks.push(Block { info, lines, source, text: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = self.blocks.last_mut().filter(|it| it.lines.contains(&line)) {
                    block.text += &text;
                }
            }
            Event::Code(code) => self.spans.push((line, code.to_string())),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                self.links.push((line, dest_url.to_string()));
            }
            Event::Start(Tag::Heading { .. }) => self.add_anchor(source),
            Event::Start(Tag::Table(_)) => self.tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                self.tables.last_mut().expect("a table").push((line, Vec::new()));
            }
            Event::Start(Tag::TableCell) => {
                let row = self.tables.last_mut().and_then(|table| table.last_mut());
                row.expect("a row").1.push(self.text[source].trim().to_owned());
            }
            _ => {}
        }
    }

    /// The anchor of a heading; a later one with the same text would have a number.
    fn add_anchor(&mut self, heading: Range<usize>) {
        let text = self.text[heading].trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        self.anchors.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
    }

    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= offset)
    }

    /// All code: spans, and the lines of blocks without their prompts.
    fn commands(&self) -> Vec<(usize, String)> {
        let in_blocks = self.blocks.iter().filter(|block| block.info != "rust");
        let in_blocks =
            in_blocks.flat_map(|block| block.text.lines().map(|line| (block.lines.start, line)));
        let spans = self.spans.iter().map(|(line, span)| (*line, span.as_str()));
        let all = spans.chain(in_blocks).map(|(line, code)| (line, code.trim()));
        all.map(|(line, code)| (line, code.strip_prefix("$ ").unwrap_or(code).to_owned())).collect()
    }
}

/// Calls the check with every document, and fails with all faults that it returns.
#[track_caller]
fn check_all(check: impl Fn(&Document) -> Vec<(usize, String)>) {
    let documents = Document::all();
    let faults = documents.iter().flat_map(|document| {
        let faults = check(document).into_iter();
        faults.map(|(line, fault)| format!("{}:{line}: {fault}", document.file.display()))
    });
    let faults: Vec<_> = faults.collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn columns() {
    check_all(|document| {
        let lines = document.text.lines().enumerate().map(|(number, line)| (number + 1, line));
        let prose = lines.filter(|(number, line)| {
            let is_code = document.blocks.iter().any(|block| block.lines.contains(number));
            !is_code && !line.starts_with('|') && !line.contains("](")
        });
        let long = prose.filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
        long.map(|(number, _)| (number, format!("more than {COLUMNS_MAX} columns"))).collect()
    });
}

/// A fence has at most one word after it, and is closed: else lines have run together.
#[test]
fn fences() {
    check_all(|document| {
        let broken = document.blocks.iter().filter(|block| {
            let source = document.text[block.source.clone()].trim_end();
            let is_open =
                source.starts_with("```") && (source.len() < 6 || !source.ends_with("```"));
            block.info.contains(char::is_whitespace) || is_open
        });
        broken.map(|block| (block.lines.start, "a broken fence".to_owned())).collect()
    });
}

// --- The program ----------------------------------------------------------------------------------

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

/// The answers of `serve` to the lines, in a session of its own.
fn answers<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut command = Command::new(PROGRAM);
    command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut serve = command.spawn().expect("the program starts");
    let mut input = serve.stdin.take().expect("it is piped");
    for line in lines {
        writeln!(input, "{line}").expect("it reads");
    }
    drop(input);
    let output = serve.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// The hashes of the scenarios.
fn scenario_hashes() -> Vec<String> {
    let printed = output_of(PROGRAM, &["scenario"]);
    printed.lines().map(|line| line[2..].to_owned()).collect()
}

/// The transcript with the program's answer after each command.
fn replayed(transcript: &str) -> String {
    let commands = transcript.lines().filter_map(|line| line.strip_prefix("> "));
    let mut answers = answers(commands).into_iter();
    let lines = transcript.lines().filter(|line| !line.starts_with("< "));
    let lines = lines.map(|line| {
        let answer = line.starts_with("> ").then(|| answers.next()).flatten();
        answer.map_or(format!("{line}\n"), |answer| format!("{line}\n< {answer}\n"))
    });
    lines.collect()
}

// --- Findings and hashes --------------------------------------------------------------------------

/// A finding as the exam prints it.
struct Finding {
    expected: String,
    actual: String,
    shrunk: Vec<String>,
}

/// The findings in a block that show the commands that they were shrunk to.
fn findings(block: &Block) -> Vec<Finding> {
    if block.text.starts_with(EXAM_OF_MACHINE) {
        return Vec::new();
    }
    let finding = |text: &str| {
        let after = |label: &str| {
            let mut lines = text.lines().map(str::trim_start);
            let line = lines.find_map(|line| line.strip_prefix(label)).unwrap_or_default();
            line.trim().trim_matches('`').to_owned()
        };
        let shrunk = text.split_once("  shrunk ").map_or("", |(_, rest)| rest).lines().skip(1);
        let shrunk = shrunk.map_while(|line| line.trim_start().strip_prefix("> "));
        let shrunk = shrunk.map(str::to_owned).collect();
        Finding { expected: after("expected "), actual: after("actual "), shrunk }
    };
    let parts = block.text.split("finding ").skip(1).map(finding);
    parts.filter(|finding| !finding.shrunk.is_empty()).collect()
}

/// The expected answer of a finding is the program's last one to the shrunk commands. The actual one
/// is that of a port that is not here any more.
#[test]
fn expected_answers() {
    check_all(|document| {
        let mut faults = Vec::new();
        for block in &document.blocks {
            for Finding { expected, actual, shrunk } in findings(block) {
                // The answer to `hello` names the port.
                if expected == "ok dkv20 1 NAME" || expected == "no further answer" {
                    continue;
                }
                let last = answers(shrunk.iter().map(String::as_str)).pop();
                if last.as_ref() != Some(&expected) || actual == expected {
                    faults.push((block.lines.start, format!("not the answer: {expected}")));
                }
            }
        }
        faults
    });
}

/// The words that are SHA-256 hashes by their form.
fn hashes(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    words.filter(move |word| word.len() == 64 && word.bytes().all(is_hex))
}

/// A row of a table of chaos runs with seed 1: replicas, steps, digest.
fn chaos_row(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    match cells.as_slice() {
        [size, steps, _] if steps.parse::<u64>().is_ok() => Some((size, steps)),
        _ => None,
    }
}

/// Every hash is one of the definition, of a scenario, of a snapshot in `tests`, of a chaos run, or
/// of a block that another test checks.
#[test]
fn shown_hashes() {
    let documents = Document::all();
    let mut known: BTreeSet<String> = hashes(&read(DEFINITION)).map(str::to_owned).collect();
    known.extend(scenario_hashes());
    // The state at the end of `dkv20 live demo`.
    let demo = answers(["new 1", "workload 1 1000 10000", "hash 0"]);
    known.extend(demo.iter().flat_map(|answer| hashes(answer)).map(str::to_owned));
    for file in files_below("tests/snapshots", &["hex"]) {
        let load = format!("load 0x{}", read(file).replace('\n', ""));
        known.extend(answers([&*load]).iter().flat_map(|answer| hashes(answer)).map(str::to_owned));
    }
    let runs = documents.iter().flat_map(|document| document.text.lines().filter_map(chaos_row));
    for (size, steps) in runs.collect::<BTreeSet<_>>() {
        let answers = answers([&*format!("new {size}"), &*format!("chaos 1 {steps}")]);
        known.extend(hashes(&answers[1]).map(str::to_owned));
    }
    for block in documents.iter().flat_map(|document| &document.blocks) {
        let shown = if block.info == "trace" { block.text.clone() } else { String::new() };
        let findings = findings(block);
        let findings = findings.iter().flat_map(|finding| [&finding.expected, &finding.actual]);
        for text in std::iter::once(&shown).chain(findings) {
            known.extend(hashes(text).map(str::to_owned));
        }
    }
    check_all(|document| {
        let lines = document.text.lines().enumerate();
        let hashes = lines.flat_map(|(number, line)| hashes(line).map(move |it| (number + 1, it)));
        let unknown = hashes.filter(|(_, hash)| !known.contains(*hash));
        unknown.map(|(line, hash)| (line, hash.to_owned())).collect()
    });
}

#[test]
fn pinned_hashes() {
    let script = read("scripts/cross_test.sh");
    let pinned: BTreeSet<_> = hashes(&script).map(str::to_owned).collect();
    assert_eq!(pinned, scenario_hashes().into_iter().collect(), "scripts/cross_test.sh");
}

// --- Quotes ---------------------------------------------------------------------------------------

/// The lines between `MARK README begin` and `MARK README end` of a file.
fn region(file: &str, mark: &str) -> String {
    let text = read(file);
    let between = text
        .split_once(&format!("{mark} README begin\n"))
        .and_then(|(_, rest)| rest.split_once(&format!("{mark} README end\n")));
    let (between, _) = between.unwrap_or_else(|| panic!("{file}: no region for the README"));
    format!("{}\n", between.trim_matches('\n'))
}

/// The text that a block must have, if it quotes a file or the output of a program. (The README's
/// Rust code is a documentation test of the crate.)
fn quoted(document: &Document, block: &Block) -> Option<String> {
    if document.file == Path::new(MACHINES)
        && tutorial(document).any(|it| it.source == block.source)
    {
        return None;
    }
    if block.info == "trace" {
        return Some(replayed(&block.text));
    }
    if document.file == Path::new("README.md") {
        match block.info.as_str() {
            "go" => return Some(region("go/example_test.go", "//")),
            "cpp" => return Some(region("cpp/tests/consumer/main.cc", "//")),
            "cmake" => return Some(region("cpp/tests/consumer/CMakeLists.txt", "#")),
            "toml" | "console" => {
                if let Some(text) = in_tutorial(block) {
                    return Some(text);
                }
            }
            _ => {}
        }
    }
    if document.file == Path::new("docs/side-by-side.md") {
        return Some(quoted_functions(document, block));
    }
    let first = block.text.lines().next()?;
    let words: Vec<_> = first.strip_prefix("$ ")?.split_whitespace().collect();
    let program = if words[0] == "dkv20" { PROGRAM } else { words[0] };
    let is_live = words.starts_with(&["dkv20", "live"]);
    // The program's own help says whether it has `live`, and is quoted without it.
    if cfg!(feature = "live") && words == ["dkv20", "--help"] || !cfg!(feature = "live") && is_live
    {
        return None;
    }
    if words.last().is_some_and(|last| ["-h", "--help"].contains(last)) {
        return Some(format!("{first}\n{}\n", output_of(program, &words[1..]).trim_end()));
    }
    if words.starts_with(&["dkv20", "machine", "check"]) {
        return Some(format!("{first}\n{}", output_of(program, &words[1..])));
    }
    if words.starts_with(&["dkv20", "explore"]) {
        // The table of rules: the lines around it have times.
        let printed = output_of(program, &words[1..]);
        let lines = printed.lines().skip_while(|line| !line.starts_with("rule "));
        let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        return Some(format!("{first}\n{}\n", lines.join("\n")));
    }
    None
}

/// The code blocks of the tutorial on described machines.
fn tutorial(document: &Document) -> impl Iterator<Item = &Block> {
    let headings = document.text.match_indices("\n## ").map(|(offset, _)| offset);
    let start = document.text.find("\n## Fifteen minutes\n").expect("the tutorial");
    let end = headings.into_iter().find(|offset| *offset > start).expect("a section after it");
    document.blocks.iter().filter(move |block| (start..end).contains(&block.source.start))
}

/// The block of the tutorial that begins with the same line, if there is one.
fn in_tutorial(block: &Block) -> Option<String> {
    let first = block.text.lines().next()?;
    let machines = Document::read(MACHINES);
    let found = tutorial(&machines).find(|block| block.text.lines().next() == Some(first));
    found.map(|block| block.text.clone())
}

/// The offsets of the code blocks of the tutorial, with the text of each that shows output.
fn followed(document: &Document) -> BTreeMap<usize, Option<String>> {
    if document.file != Path::new(MACHINES) {
        return BTreeMap::new();
    }
    let folder = Tutorial::new(PROGRAM, root());
    let follow = |block: &Block| (block.source.start, folder.follow(&block.info, &block.text));
    tutorial(document).map(follow).collect()
}

/// The functions of a block, each from its first line to its last brace, as the sources have them.
/// The functions after the heading on the reference are the reference's.
fn quoted_functions(document: &Document, block: &Block) -> String {
    let is_reference = document.text[..block.source.start].contains("## In the reference");
    let files = match block.info.as_str() {
        "rust" if is_reference => vec![PathBuf::from("src/reference.rs")],
        "rust" => {
            ["cluster", "replica", "snapshot"].map(|stem| format!("src/{stem}.rs").into()).into()
        }
        "go" => files_below("go", &["go"]),
        _ => files_below("cpp/src", &["cc"]),
    };
    let sources: String = files.iter().map(read).collect();
    let is_first = |line: &&str| !line.is_empty() && !line.starts_with([' ', '\t', '}']);
    let functions = block.text.lines().filter(is_first);
    let quote = |first: &str| {
        let lines: Vec<_> = sources.lines().collect();
        let at = lines.iter().position(|line| line.trim_start() == first);
        let at = at.unwrap_or_else(|| panic!("side-by-side.md: no function begins with {first}"));
        let indent = &lines[at][..lines[at].len() - first.len()];
        let end = lines[at..].iter().position(|line| *line == format!("{indent}}}"));
        let body = &lines[at..=at + end.expect("a brace at the end")];
        let dedented = body.iter().map(|line| line.strip_prefix(indent).unwrap_or(line));
        dedented.collect::<Vec<_>>().join("\n") + "\n"
    };
    functions.map(quote).collect::<Vec<String>>().join("\n")
}

/// The part between the markers `<!-- NAME begin -->` and `<!-- NAME end -->`.
fn part_of<'a>(text: &'a str, name: &str) -> &'a str {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name} {side} -->"));
    let after = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}")).1;
    after.split_once(&end).unwrap_or_else(|| panic!("no {end}")).0
}

/// The table of tests/traces/README.md: the first line of each trace.
fn table_of_traces() -> String {
    let mut rows: Vec<_> = files_below("tests/traces", &["trace"])
        .iter()
        .map(|file| {
            let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
            let bytes = fs::read(root().join(file)).expect("a readable trace");
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let first = std::str::from_utf8(first).expect("the first line is text");
            let says = first.strip_prefix("# ").unwrap_or_else(|| panic!("{name}: {first}"));
            format!("| [{name}]({name}) | {says} |\n")
        })
        .collect();
    rows.sort_unstable();
    format!("\n\n| file | what it shows |\n| --- | --- |\n{}\n", rows.concat())
}

/// The table of docs/evidence/planted-bugs.md: the first line of each patch is its effect. The test
/// that caught it stays as it was.
fn table_of_planted_bugs(table: &str) -> String {
    let row = |file: &PathBuf| {
        let language = file.parent().and_then(Path::file_name).expect("a folder").display();
        let name = file.file_stem().expect("a name").display();
        let effect = read(file).lines().next().expect("a line on the effect").to_owned();
        let begin = format!("| {language} | {name} | ");
        let old = table.lines().find(|row| row.starts_with(&begin));
        let caught_by = old.and_then(|row| row.strip_suffix(" |")?.rsplit(" | ").next());
        format!("{begin}{effect} | {} |\n", caught_by.unwrap_or("not run yet"))
    };
    let rows: String = files_below("tests/planted-bugs", &["patch"]).iter().map(row).collect();
    let head = "| language | planted bug | effect | caught by |\n| --- | --- | --- | --- |";
    format!("\n\n{head}\n{rows}\n")
}

/// The document with everything that it quotes up to date.
fn updated(document: &Document) -> String {
    let mut text = document.text.clone();
    let mut followed = followed(document);
    for block in document.blocks.iter().rev() {
        let in_tutorial = followed.remove(&block.source.start);
        if let Some(quoted) = in_tutorial.unwrap_or_else(|| quoted(document, block)) {
            let source = &document.text[block.source.clone()];
            assert!(
                source.contains(&*block.text),
                "{}: an indented quote",
                document.file.display()
            );
            text.replace_range(block.source.clone(), &source.replacen(&*block.text, &quoted, 1));
        }
    }
    let table = match document.file.to_str() {
        Some("tests/traces/README.md") => Some(("traces", table_of_traces())),
        Some("docs/evidence/planted-bugs.md") => {
            Some(("planted bugs", table_of_planted_bugs(&document.text)))
        }
        _ => None,
    };
    if let Some((name, table)) = table {
        text = text.replacen(part_of(&text, name), &table, 1);
    }
    text
}

#[test]
fn quotes() {
    if std::env::var_os("DKV20_WRITE_DOCS").is_some() {
        for document in Document::all() {
            fs::write(root().join(&document.file), updated(&document)).expect("it can be written");
        }
    }
    let documents = Document::all();
    let blocks = documents.iter().flat_map(|it| it.blocks.iter().map(move |block| (it, block)));
    let quotes = blocks.filter(|(document, block)| quoted(document, block).is_some());
    assert!(quotes.count() > 15, "few quotes");
    check_all(|document| {
        let updated = updated(document);
        let lines = updated.lines().zip(document.text.lines());
        let same = lines.take_while(|(updated, shown)| updated == shown).count();
        let line = updated.lines().nth(same).unwrap_or_default();
        let fault = (same + 1, format!("DKV20_WRITE_DOCS=1 writes: {line}"));
        if updated == document.text { Vec::new() } else { vec![fault] }
    });
}

// --- Files, links and commands --------------------------------------------------------------------

#[test]
fn links() {
    let is_good = |document: &Document, target: &str| {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let folder = document.file.parent().expect("a file is in a folder");
        let file = if file.is_empty() { document.file.clone() } else { folder.join(file) };
        root().join(&file).exists()
            && (anchor.is_empty() || Document::read(file).anchors.contains(anchor))
    };
    check_all(|document| {
        let inside = document.links.iter().filter(|(_, target)| !target.contains("://"));
        let broken = inside.filter(|(_, target)| !is_good(document, target));
        broken.map(|(line, target)| (*line, format!("no {target}"))).collect()
    });
}

/// Each document of the site is a chapter, once.
#[test]
fn chapters() {
    let contents = Document::read("docs/SUMMARY.md");
    let targets = contents.links.iter().map(|(_, target)| Path::new("docs").join(target));
    let mut chapters: Vec<_> = targets.collect();
    let mut documents = files_below("docs", &["md"]);
    documents.retain(|file| *file != contents.file);
    chapters.sort_unstable();
    documents.sort_unstable();
    assert_eq!(chapters, documents, "docs/SUMMARY.md");
}

/// The names of the traces to which a document links; on the site they are pages.
fn linked_traces(document: &Document) -> BTreeSet<&str> {
    let targets = document.links.iter().map(|(_, target)| &**target);
    let traces = targets.filter_map(|target| target.split_once("../tests/traces/"));
    traces.map(|(_, name)| name).filter(|name| name.strip_suffix(".trace").is_some()).collect()
}

/// The line numbers of commands that change which replicas meet, or what they keep, without a
/// comment directly before them, which is the caption of the step.
fn unexplained(trace: &str) -> Vec<usize> {
    let must = ["> new ", "> partition", "> heal", "> compact"];
    let lines: Vec<_> = trace.lines().collect();
    let pairs = lines.windows(2).zip(2..);
    let is_unexplained = |pair: &[&str]| {
        must.iter().any(|command| pair[1].starts_with(command)) && !pair[0].starts_with("# ")
    };
    pairs.filter(|(pair, _)| is_unexplained(pair)).map(|(_, number)| number).collect()
}

/// The five stories of the introduction, and every other trace that is a page of the site, explain
/// themselves.
#[test]
fn stories() {
    assert_eq!(linked_traces(&Document::read("docs/introduction.md")).len(), 5);
    let documents = files_below("docs", &["md"]).into_iter().map(Document::read);
    let names = documents.flat_map(|document| {
        linked_traces(&document).into_iter().map(str::to_owned).collect::<Vec<_>>()
    });
    for name in names.collect::<BTreeSet<_>>() {
        let lines = unexplained(&read(format!("tests/traces/{name}")));
        assert!(lines.is_empty(), "tests/traces/{name}: no comment before the lines {lines:?}");
    }
}

/// Whether a word is the name of a file of this repository, by its form. One with capitals for the
/// reader to replace is not.
fn is_path(word: &str) -> bool {
    let known = ["src/", "go/", "cpp/", "scripts/", "tests/", "docs/"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let is_pattern = ["NAME", "X.Y.Z"].iter().any(|capitals| word.contains(capitals));
    known.iter().any(|folder| word.starts_with(folder)) && word.chars().all(is_plain) && !is_pattern
}

/// Calls the check with each piece of code that may be a command.
#[track_caller]
fn check_commands(check: impl Fn(&str) -> Option<String>) {
    check_all(|document| {
        let commands = document.commands().into_iter();
        commands.filter_map(|(line, code)| Some((line, check(&code)?))).collect()
    });
}

#[test]
fn paths() {
    check_commands(|code| {
        let mut words = code.split_whitespace().filter(|word| is_path(word));
        words.find(|word| !root().join(word).exists()).map(|word| format!("no {word}"))
    });
}

/// The fault in a command line of the program: an unknown subcommand or option.
fn program_fault(line: &str) -> Option<String> {
    let names = ["dkv20 ", "target/dkv20 ", "target/ports/rust "];
    let rest = names.iter().find_map(|name| line.strip_prefix(name))?;
    let word = rest.split_whitespace().next()?;
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let help = output_of(PROGRAM, &["--help"]);
    let commands = help.split_once("\nCommands:\n").expect("it lists its commands").1;
    let mut names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    if !names.any(|line| line.split(' ').next() == Some(word)) {
        return Some(format!("no command {word}"));
    }
    // The commands of `live` have options of their own.
    let command = match rest.split_whitespace().nth(1) {
        Some(_) if word == "live" && cfg!(not(feature = "live")) => return None,
        Some(subcommand) if word == "live" && !subcommand.starts_with('-') => {
            vec![word, subcommand]
        }
        _ => vec![word],
    };
    let help = output_of(PROGRAM, &[&*command, &["--help"]].concat());
    let flags = rest.split_whitespace().filter(|word| word.starts_with("--"));
    let mut flags = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
    flags.find(|flag| !help.contains(*flag)).map(|flag| format!("{word} has no {flag}"))
}

fn script_fault(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("bash ")?.split_whitespace();
    let script = words.next().filter(|word| is_path(word))?;
    let words = words.take_while(|word| !["#", "--help"].contains(word));
    let mut flags = words.filter(|word| word.starts_with('-')).peekable();
    flags.peek()?;
    let help = output_of("bash", &[script, "--help"]);
    flags.find(|flag| !help.contains(*flag)).map(|flag| format!("{script} has no {flag}"))
}

/// A suite or a test that `cargo test` or `go test` is asked for exists.
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
    // The beginning of a name is enough, and `-run '^$'` is no test on purpose.
    let name = pairs.find(|pair| ["-run", "-fuzz", "-bench"].contains(&pair[0]))?[1];
    let mut sources = files_below("go", &["go"]).into_iter().map(read);
    let is_known = ["'^$'", "."].contains(&name)
        || sources.any(|source| source.contains(&format!("\nfunc {name}")));
    (!is_known).then(|| format!("no {name} in go/"))
}

#[test]
fn commands() {
    check_commands(|code| {
        program_fault(code).or_else(|| script_fault(code)).or_else(|| suite_fault(code))
    });
}

#[test]
fn verify_steps() {
    let listed = output_of("bash", &["scripts/verify.sh", "--list"]);
    let steps: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    check_commands(|code| {
        let words = code.strip_prefix("bash scripts/verify.sh ")?.split_whitespace();
        let mut words = words.take_while(|word| *word != "#").filter(|it| !it.starts_with("--"));
        let is_known = |word: &&str| steps.iter().any(|step| step.starts_with(*word));
        words.find(|word| !is_known(word)).map(|word| format!("no step {word}"))
    });
}

// --- Tables ---------------------------------------------------------------------------------------

/// The sources of the language that heads a column.
fn sources(language: &str) -> Option<String> {
    let files = match language {
        "Rust" => [files_below("src", &["rs"]), files_below("tests", &["rs"])].concat(),
        "Go" => files_below("go", &["go"]),
        "C++" => files_below("cpp", &["h", "cc"]),
        _ => return None,
    };
    Some(files.into_iter().map(read).collect())
}

/// In a table with a column for each language, the names in a column occur in that language: of
/// `Replica::commit` the last word, `commit`.
#[test]
fn names() {
    let last_name = |span: &str| {
        let mut words = span.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.rfind(|word| !word.is_empty()).unwrap_or(span).to_owned()
    };
    check_all(|document| {
        let mut faults = Vec::new();
        for table in &document.tables {
            let columns: Vec<_> = table[0].1.iter().map(|heading| sources(heading)).collect();
            for (line, row) in &table[1..] {
                for (cell, sources) in row.iter().zip(&columns) {
                    let Some(sources) = sources else { continue };
                    let spans = cell.split('`').skip(1).step_by(2);
                    let missing = spans.filter(|span| !sources.contains(&last_name(span)));
                    faults.extend(missing.map(|span| (*line, format!("no {span}"))));
                }
            }
        }
        faults
    });
}

/// The tables that tests and scripts write are there; which rows they have, their writers check.
#[test]
fn written_tables() {
    for (file, name) in [
        ("docs/observation.md", "bench table"),
        ("docs/observation.md", "growth table"),
        ("docs/evidence/wrong-ports.md", "wrong ports"),
    ] {
        assert!(part_of(&read(file), name).lines().count() > 5, "{file}: {name}");
    }
}

/// The last cell of each row names tests: `file`: `test`, `test`, `file`: `test`.
#[test]
fn tests_of_situations() {
    let document = Document::read("docs/evidence/runner.md");
    let mut faults = Vec::new();
    for (line, cells) in document.tables.iter().flat_map(|table| &table[1..]) {
        let tests = cells.last().expect("a cell");
        let mut source = String::new();
        let mut missing = Vec::new();
        // The name of a file has a colon behind it, and holds for the tests after it.
        let parts: Vec<_> = tests.split('`').skip(1).collect();
        for part in parts.chunks(2) {
            if part.get(1).is_some_and(|behind| behind.starts_with(':')) {
                let file = root().join(format!("tests/{}.rs", part[0]));
                source = fs::read_to_string(file).unwrap_or_default();
            } else if !source.contains(&format!("#[test]\nfn {}()", part[0])) {
                missing.push(part[0]);
            }
        }
        if parts.len() < 4 || !missing.is_empty() {
            faults.push(format!("line {line}: {tests}: {missing:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
