//! Rules for the sources as a whole: the arrows between modules, the length of functions, and the
//! words of comments and documents.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use files::{files_below, read};

/// The greatest number of lines in a function.
const FUNCTION_LINES_MAX: usize = 70;

// --- Arrows -------------------------------------------------------------------------------------

type Graph = BTreeMap<String, BTreeSet<String>>;

/// A file's code without comments and without the tests at its end.
fn code(file: &Path) -> String {
    let text = read(file);
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The graph of the modules of a crate: which module names an item of which other one.
///
/// A module names its own children to declare them; that is not an arrow.
fn rust_modules(folder: &str, is_excluded: impl Fn(&Path) -> bool) -> Graph {
    let files = files_below(folder, &["rs"]);
    let modules: BTreeMap<String, PathBuf> = files
        .into_iter()
        .filter(|file| !is_excluded(file))
        .map(|file| (module_of(file.strip_prefix(folder).unwrap()), file))
        .collect();
    let names: BTreeSet<_> = modules.keys().cloned().collect();
    let arrows = |(module, file): (&String, &PathBuf)| {
        let code = code(file);
        let paths = paths_in(&code, module).into_iter();
        let targets = paths.filter_map(|path| longest_module(&path, &names));
        (module.clone(), targets.filter(|target| target != module).collect())
    };
    modules.iter().map(arrows).collect()
}

/// `a::b` for `a/b.rs` and `a/b/mod.rs`; the empty name for the root of the crate.
fn module_of(file: &Path) -> String {
    let path = file.with_extension("").to_str().unwrap().replace('/', "::");
    let path = path.strip_suffix("::mod").unwrap_or(&path);
    if matches!(path, "lib" | "main") { String::new() } else { path.to_owned() }
}

/// The absolute paths that code names by `crate::` and `super::`, braces written out.
fn paths_in(code: &str, module: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at..];
        let mut base: Vec<&str> = Vec::new();
        let mut rest = rest;
        if let Some(after) = rest.strip_prefix("crate::") {
            rest = after;
        } else {
            base = module.split("::").collect();
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
        }
        expand(&base.join("::"), rest, &mut paths);
    }
    paths
}

/// Appends `base::NAME` for the names at the beginning of `rest`: a path, or a list in braces.
fn expand(base: &str, rest: &str, paths: &mut Vec<String>) {
    let end =
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
    let (path, after) = rest.split_at(end);
    let joined = format!("{base}::{path}").trim_matches(':').to_owned();
    if !path.is_empty() || !after.starts_with('{') {
        paths.push(joined.clone());
    }
    let Some(list) = after.strip_prefix('{') else { return };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let item = list[start..at].trim();
                if !item.is_empty() && item != "self" {
                    expand(&joined, item, paths);
                }
                start = at + 1;
                if c == '}' {
                    return;
                }
            }
            _ => {}
        }
    }
}

fn longest_module(path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let parts: Vec<_> = path.split("::").collect();
    (1..=parts.len()).rev().map(|n| parts[..n].join("::")).find(|name| modules.contains(name))
}

/// The graph of the C++ files by their stems: a `.cc` file and its header are one node.
fn cpp_stems() -> Graph {
    let mut graph = Graph::new();
    let files =
        files_below("cpp/include", &["h"]).into_iter().chain(files_below("cpp/src", &["h", "cc"]));
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = read(&file);
        let included = text.lines().filter_map(|line| line.strip_prefix("#include \""));
        let stems = included.map(|path| {
            let path = path.split('"').next().unwrap();
            Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned()
        });
        let arrows: BTreeSet<_> = stems.filter(|included| *included != stem).collect();
        graph.entry(stem).or_default().extend(arrows);
    }
    graph
}

#[track_caller]
fn assert_no_circle(mut graph: Graph) {
    assert!(graph.len() > 3, "too few nodes to be the sources: {graph:?}");
    loop {
        let leaves: Vec<_> = graph
            .iter()
            .filter(|(_, targets)| targets.iter().all(|target| !graph.contains_key(target)))
            .map(|(node, _)| node.clone())
            .collect();
        if leaves.is_empty() {
            break;
        }
        for leaf in leaves {
            graph.remove(&leaf);
        }
    }
    assert!(graph.is_empty(), "these import each other in a circle: {graph:#?}");
}

/// The folders of other packages and of the program, which are in that of the library.
const OTHER_CRATES: [&str; 4] = ["src/exam", "src/described", "src/live", "src/bin"];

fn is_other_crate(file: &Path) -> bool {
    OTHER_CRATES.iter().any(|folder| file.starts_with(folder))
}

#[test]
fn library_modules_have_no_circle() {
    let graph = rust_modules("src", is_other_crate);
    assert!(graph["session"].contains("backend"), "the graph sees imports: {graph:?}");
    assert!(graph["log"].contains("op"), "the graph sees imports: {graph:?}");
    assert_no_circle(graph);
}

#[test]
fn exam_modules_have_no_circle() {
    assert_no_circle(rust_modules("src/exam", |_| false));
}

#[test]
fn described_modules_have_no_circle() {
    assert_no_circle(rust_modules("src/described", |_| false));
}

#[test]
fn live_modules_have_no_circle() {
    let graph = rust_modules("src/live", |_| false);
    assert!(graph["settings"].contains("keys"), "the graph sees imports: {graph:?}");
    assert_no_circle(graph);
}

#[test]
fn program_modules_have_no_circle() {
    assert_no_circle(rust_modules("src/bin/dkv20", |_| false));
}

#[test]
fn cpp_files_have_no_circle() {
    let graph = cpp_stems();
    assert!(graph["cluster"].contains("replica"), "the graph sees includes: {graph:?}");
    assert_no_circle(graph);
}

/// The reference stands beside the definition: it must not lean on the port that it is to judge.
#[test]
fn reference_depends_on_error_codes_alone() {
    let graph = rust_modules("src", is_other_crate);
    assert_eq!(graph["reference"], BTreeSet::from(["error".to_owned()]));
}

/// The compiler holds this too, as long as the manifests do.
#[test]
fn engines_do_not_depend_on_the_library() {
    for engine in ["exam", "described", "live"] {
        let manifest = read(format!("src/{engine}/Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        let is_library = |line: &str| line.split([' ', '=', '.']).next() == Some("dkv20");
        assert!(!dependencies.lines().any(is_library), "{engine}: {dependencies}");
    }
}

/// A build without the feature `live` needs neither protoc nor the time for etcd's client.
#[test]
fn only_the_feature_live_needs_etcd() {
    let manifest = read("Cargo.toml");
    let part = |heading: &str| {
        let after = manifest.split_once(&format!("\n[{heading}]\n")).expect("the heading").1;
        after.split("\n[").next().unwrap_or_default()
    };
    let features: Vec<_> = part("features").split("]\n").collect();
    for name in ["dkv20-live", "tokio", "tracing", "tracing-subscriber"] {
        let is_it = |line: &&str| line.starts_with(&format!("{name} = "));
        let of_all = part("dependencies").lines().filter(is_it);
        let of_all = of_all.filter(|line| !line.ends_with("optional = true }"));
        let of_tests = part("dev-dependencies").lines().filter(is_it);
        assert_eq!(of_all.chain(of_tests).count(), 0, "{name} is needed without `live`");
        let mut features = features.iter().filter(|it| it.contains(&format!("\"dep:{name}\"")));
        let is_live = |feature: &&str| feature.lines().any(|line| line.starts_with("live = ["));
        assert!(features.all(is_live), "{name} is needed by another feature than `live`");
    }
    for file in files_below("src", &["toml"]) {
        let has_client = read(&file).contains("etcd-client");
        assert_eq!(has_client, file == Path::new("src/live/Cargo.toml"), "{}", file.display());
    }
}

// --- Functions ----------------------------------------------------------------------------------

type IsStart = fn(&str) -> bool;

/// The functions of formatted code that are too long: name and number of lines. A function ends at
/// the first brace that is indented as its beginning.
fn long_functions(text: &str, is_start: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut long = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !is_start(line) || line.trim_end().ends_with(';') {
            continue;
        }
        let end = format!("{}}}", &line[..indent]);
        let length = lines[at..].iter().position(|line| *line == end).map_or(0, |n| n + 1);
        if length > FUNCTION_LINES_MAX {
            long.push((line.trim().to_owned(), length));
        }
    }
    long
}

fn is_rust_function(line: &str) -> bool {
    let line = line.trim_start();
    let words = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "];
    let mut line = line;
    while let Some(rest) = words.iter().find_map(|word| line.strip_prefix(word)) {
        line = rest;
    }
    line.starts_with("fn ")
}

/// Only outside of other functions: a line that is not indented, with a parenthesis.
fn is_cpp_function(line: &str) -> bool {
    line.contains('(') && line.ends_with('{') && !line.starts_with([' ', '#', '}', '/'])
}

#[test]
fn functions_are_short() {
    let languages: [(&str, &[&str], IsStart); 4] = [
        ("src", &["rs"], is_rust_function),
        ("tests", &["rs"], is_rust_function),
        ("go", &["go"], |line| line.starts_with("func ")),
        ("cpp", &["cc", "h"], is_cpp_function),
    ];
    let mut long = Vec::new();
    for (folder, extensions, is_start) in languages {
        for file in files_below(folder, extensions) {
            long.extend(
                long_functions(&read(&file), is_start).into_iter().map(|f| (file.clone(), f)),
            );
        }
    }
    assert!(long.is_empty(), "more than {FUNCTION_LINES_MAX} lines: {long:#?}");
}

#[test]
fn long_functions_are_recognised() {
    let body = "    x();\n".repeat(FUNCTION_LINES_MAX - 1);
    let text = format!("fn long() {{\n{body}}}\n\nfn short() {{\n    x();\n}}\n");
    let long = long_functions(&text, is_rust_function);
    assert_eq!(long, [("fn long() {".to_owned(), FUNCTION_LINES_MAX + 1)]);
}

// --- Words --------------------------------------------------------------------------------------

/// Words of comments and documents for which the field has others: as they stand, or at the
/// beginning of a sentence.
const WORDS: [(&str, &str); 5] = [
    (" gives ", "returns, yields"),
    (" tells ", "reports, states"),
    (" nobody ", "no replica, no port"),
    ("takes itself for", "believes it is"),
    (" is no port", "is not a port"),
];
const BEGINNINGS: [(&str, &str); 8] = [
    ("Answers whether ", "Reports whether"),
    ("Answers how ", "Returns"),
    ("Answers the ", "Returns, runs"),
    ("Answers with ", "Returns"),
    ("Gives ", "Returns"),
    ("Tells ", "Reports"),
    ("Where ", "If"),
    ("What ", "a noun as the subject"),
];

/// The sentences of comments (of a source) or paragraphs (of a document), each on one line.
fn sentences(file: &Path) -> Vec<String> {
    let text = read(file);
    let is_document = file.extension().is_some_and(|extension| extension == "md");
    let mut blocks = vec![String::new()];
    let mut is_code = false;
    for line in text.lines() {
        let line = line.trim();
        let comment = if is_document {
            Some(line)
        } else {
            ["///", "//!", "//", "# "].iter().find_map(|marker| line.strip_prefix(marker))
        };
        let comment = comment.map(str::trim).filter(|line| !line.is_empty());
        is_code ^= comment.is_some_and(|line| line.starts_with("```"));
        match comment {
            Some(line) if !is_code => {
                let block = blocks.last_mut().unwrap();
                block.push(' ');
                block.push_str(line);
            }
            _ => blocks.push(String::new()),
        }
    }
    let ends = |block: String| {
        block.split_inclusive(". ").map(|sentence| sentence.trim().to_owned()).collect::<Vec<_>>()
    };
    blocks.into_iter().flat_map(ends).filter(|sentence| !sentence.is_empty()).collect()
}

fn faulty_words(sentence: &str) -> Vec<String> {
    let padded = format!(" {sentence} ");
    let words = WORDS.iter().filter(|(word, _)| padded.contains(word));
    // A question may begin with any of them.
    let is_question = sentence.contains('?');
    let beginnings =
        BEGINNINGS.iter().filter(|(word, _)| !is_question && sentence.starts_with(word));
    words
        .chain(beginnings)
        .map(|(word, better)| format!("{word:?} ({better}): {sentence}"))
        .collect()
}

#[test]
fn comments_and_documents_use_standard_english() {
    let mut faults = Vec::new();
    for (folder, extensions) in [
        ("src", &["rs"][..]),
        ("tests", &["rs", "py", "md"]),
        ("go", &["go"]),
        ("cpp", &["cc", "h"]),
        ("scripts", &["sh", "py"]),
        ("docs", &["md"]),
    ] {
        // This file names the words.
        let files = files_below(folder, extensions).into_iter();
        for file in files.filter(|file| !file.ends_with("tests/house.rs")) {
            let found = sentences(&file).iter().flat_map(|s| faulty_words(s)).collect::<Vec<_>>();
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", file.display())));
        }
    }
    assert!(faults.is_empty(), "{} places:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn faulty_words_are_recognised() {
    assert_eq!(faulty_words("It gives an answer.").len(), 1);
    assert_eq!(faulty_words("Answers whether it is so.").len(), 1);
    assert_eq!(faulty_words("Returns the answer.").len(), 0);
    assert_eq!(faulty_words("What is checked?").len(), 0);
}
