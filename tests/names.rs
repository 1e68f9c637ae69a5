//! One name for one thing in three languages: the public names of the ports in Rust, Go and C++ are
//! the same, each in its language's spelling.
//!
//! A name is compared together with the type that it belongs to, in lower case and without
//! underscores: `heal_ids`, `HealIDs` and `HealIds` of `Cluster` are all (`cluster`, `healids`).

mod files;

use std::collections::BTreeSet;
use std::path::Path;

use files::{files_below, read};

/// A type, empty for a name of its own, and a name.
type Name = (String, String);
type Names = BTreeSet<Name>;

/// The names that a language spells in an idiom of its own, each with the name that it stands for.
const RUST_IDIOMS: [(&str, &str); 8] = [
    ("ErrorCode.as_str", "ErrorName"),
    ("Role.as_str", "RoleName"),
    ("Replica.iter", "Replica.for_each"),
    ("Snapshot.iter", "Snapshot.for_each"),
    ("Replica.entries", "Replica.for_each_entry"),
    ("ServeError", "ServeEnd"),
    ("ServeError.Input", "ServeEnd.InputFailed"),
    ("ServeError.Output", "ServeEnd.OutputFailed"),
];
const GO_IDIOMS: [(&str, &str); 12] = [
    ("ErrorCode.Error", "ErrorName"),
    ("Role.String", "RoleName"),
    ("Replica.All", "Replica.for_each"),
    ("Snapshot.All", "Snapshot.for_each"),
    ("Replica.Entries", "Replica.for_each_entry"),
    ("ErrInput", "ServeEnd.InputFailed"),
    ("ErrOutput", "ServeEnd.OutputFailed"),
    ("Follower", "Role.Follower"),
    ("Leader", "Role.Leader"),
    ("NoOp", "Op.NoOp"),
    ("Put", "Op.Put"),
    ("Del", "Op.Del"),
];

/// The names that not all three languages have, and the reason. `Type.*` stands for the type and
/// everything in it.
const EXCEPTIONS: [(&str, &str); 32] = [
    ("Cluster.new", "a function in Go, as all its constructors"),
    ("NewCluster", "Cluster::new"),
    ("Session.new", "the zero value in Go, the constructor in C++"),
    ("SplitMix64.new", "a function in Go, the constructor in C++"),
    ("NewSplitMix64", "SplitMix64::new"),
    ("Cluster.replicas", "Rust lends a slice; the others look replicas up by id"),
    ("Command.*", "public in Rust for the fuzz targets, which are a package of their own"),
    ("parse", "as Command"),
    ("PROTOCOL_VERSION", "as Command"),
    ("put_u32_le", "a name that users of the crate know; internal in Go and C++"),
    ("put_u64_le", "as put_u32_le"),
    ("trace.*", "a Rust trace keeps its comments, so that `dkv20 record` can write it back"),
    ("parse_recording", "as trace"),
    ("ByteString.*", "a string in Go; a class with its language's usual members elsewhere"),
    ("Bytes", "a name for C++'s vector of bytes"),
    ("OpKind.*", "Rust matches on Op, and a Go Op is opaque; C++ has getters"),
    ("Op.key", "as OpKind"),
    ("Op.kind", "as OpKind"),
    ("Op.value", "as OpKind"),
    ("Result.*", "part of the other languages"),
    ("Status.*", "part of the other languages"),
    ("ByteSource.*", "C++ has no interface for a stream of bytes that reports errors"),
    ("ByteSink.*", "as ByteSource"),
    ("ServeEnd", "two error values in Go"),
    ("ServeEnd.Done", "no error in the other languages"),
    ("CheckKeyLength", "internal in Rust and Go; C++ has it beside CheckLimits"),
    ("CheckValueLength", "as CheckKeyLength"),
    ("RunScript", "lets a C++ test see `diverged`; the others test it from within"),
    ("LoadError.Error", "Go's way to be an error"),
    ("LoadError.Unwrap", "Go's way to be an error"),
    ("TraceError.Error", "Go's way to be an error"),
    ("TraceMismatch.Error", "Go's way to be an error"),
];

fn folded(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

fn name(owner: &str, name: &str) -> Name {
    (folded(owner), folded(name))
}

/// The texts of the files in a folder, but for those that are left out.
fn sources(folder: &str, extension: &str, left_out: &[&str]) -> Vec<String> {
    let mut files = files_below(folder, &[extension]);
    files.retain(|file| file.parent() == Some(Path::new(folder)));
    files.retain(|file| !left_out.iter().any(|name| file.to_str().unwrap().ends_with(name)));
    files.iter().map(read).collect()
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Moves a name from its idiom to the common one, both written `Owner.name`.
fn translate(names: &mut Names, idioms: &[(&str, &str)]) {
    let split = |dotted: &str| match dotted.split_once('.') {
        Some((owner, own)) => name(owner, own),
        None => name("", dotted),
    };
    for (idiom, common) in idioms {
        assert!(names.remove(&split(idiom)), "{idiom} is gone: take it out of the list");
        names.insert(split(common));
    }
}

// --- Rust ---------------------------------------------------------------------------------------

/// Items of formatted code: an owner begins with a type or an `impl` at the beginning of a line.
fn rust_names() -> Names {
    let mut names = Names::new();
    for text in sources("src", "rs", &["reference.rs", "backend.rs", "ordered_map.rs"]) {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let mut owner = String::new();
        for line in text.lines() {
            if line.starts_with('}') {
                owner.clear();
            } else if line == "error_codes! {" {
                // The macro writes the type, with the codes that follow as its variants.
                names.extend([name("", "ErrorCode"), name("ErrorCode", "as_str")]);
                "ErrorCode".clone_into(&mut owner);
            } else if let Some(rest) = line.strip_prefix("impl") {
                owner = impl_owner(rest);
            } else if let Some(item) = line.strip_prefix("pub ") {
                let (kind, rest) = item.split_once(' ').unwrap_or((item, ""));
                let own = identifier(rest.strip_prefix("fn ").unwrap_or(rest));
                if matches!(kind, "struct" | "enum" | "fn" | "const" | "type") {
                    names.insert(name("", own));
                }
                if matches!(kind, "struct" | "enum") && line.ends_with('{') {
                    own.clone_into(&mut owner);
                }
            } else if let Some(own) = rust_member(line).filter(|_| !owner.is_empty()) {
                names.insert(name(&owner, own));
            }
        }
    }
    names
}

/// The type of an inherent `impl`; nothing for a trait's, whose methods are the trait's.
fn impl_owner(rest: &str) -> String {
    let rest = rest.strip_prefix('<').and_then(|r| r.split_once("> ")).map_or(rest, |(_, r)| r);
    if rest.contains(" for ") { String::new() } else { identifier(rest.trim_start()).to_owned() }
}

/// A public function or field, or a variant.
fn rust_member(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ")?;
    let public = line.strip_prefix("pub ");
    let public = public.map(|rest| rest.strip_prefix("const ").unwrap_or(rest));
    let own = public.map_or(line, |rest| rest.strip_prefix("fn ").unwrap_or(rest));
    let is_variant = own.starts_with(|c: char| c.is_ascii_uppercase());
    (public.is_some() || is_variant).then(|| identifier(own))
}

// --- Go -----------------------------------------------------------------------------------------

fn go_names() -> Names {
    let mut names = Names::new();
    for text in sources("go", "go", &["_test.go"]) {
        let mut owner = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("func (") {
                let (receiver, rest) = rest.split_once(") ").unwrap();
                let receiver = receiver.rsplit([' ', '*']).next().unwrap();
                insert_exported(&mut names, receiver, rest);
            } else if let Some(rest) = line.strip_prefix("func ") {
                insert_exported(&mut names, "", rest);
            } else if let Some(rest) = line.strip_prefix("type ") {
                insert_exported(&mut names, "", rest);
                owner = line.ends_with("struct {").then(|| identifier(rest).to_owned());
            } else if let Some(rest) = line.strip_prefix("const ").or(line.strip_prefix("var ")) {
                insert_exported(&mut names, "", rest);
                owner = rest.starts_with('(').then(String::new);
            } else if line.starts_with(['}', ')']) {
                owner = None;
            } else if let (Some(owner), Some(member)) = (&owner, line.strip_prefix('\t')) {
                insert_exported(&mut names, owner, member);
            }
        }
    }
    names
}

/// An error constant `ErrX` is the code X, apart from those of Serve.
fn insert_exported(names: &mut Names, owner: &str, text: &str) {
    let own = identifier(text);
    if let Some(code) = own.strip_prefix("Err").filter(|_| text.contains("ErrorCode = ")) {
        names.insert(name("ErrorCode", code));
        return;
    }
    let is_exported = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    if is_exported(own) && (owner.is_empty() || is_exported(owner)) {
        names.insert(name(owner, own));
    }
}

// --- C++ ----------------------------------------------------------------------------------------

fn cpp_names() -> Names {
    let mut names = Names::new();
    for text in sources("cpp/include/dkv20", "h", &[]) {
        let mut owner = String::new();
        let mut is_public = true;
        for line in text.lines() {
            let line = line.split("//").next().unwrap().trim_end();
            let declaration = line.replace("[[nodiscard]] ", "");
            let words: Vec<_> = declaration.split([' ', '{', ';']).collect();
            if line.starts_with("};") {
                owner.clear();
            } else if let ["class" | "struct", own, ..] = words[..] {
                // A declaration without a body names a type of another header.
                if line.ends_with(';') {
                    continue;
                }
                names.insert(name("", own));
                (owner, is_public) = (own.to_owned(), words[0] == "struct");
            } else if let ["enum", "class", own, ..] = words[..] {
                names.insert(name("", own));
                (owner, is_public) = (own.to_owned(), true);
                // A short list is on the line itself.
                if let Some((_, list)) =
                    declaration.split_once("{ ").filter(|_| line.ends_with("};"))
                {
                    let variants = list.split([' ', ',', '}', ';']).filter(|v| v.starts_with('k'));
                    names.extend(variants.map(|variant| name(&owner, &variant[1..])));
                    owner.clear();
                }
            } else if line.starts_with(" public:") || line.starts_with(" private:") {
                is_public = line.starts_with(" public:");
            } else if let Some(own) =
                cpp_declared(&declaration, &owner).filter(|_| is_public || owner.is_empty())
            {
                names.insert(name(&owner, own));
            }
        }
    }
    names
}

/// The name that a line declares, in the body of `owner` or, without one, in the namespace.
fn cpp_declared<'a>(line: &'a str, owner: &str) -> Option<&'a str> {
    let indent = line.len() - line.trim_start().len();
    let line = line.trim_start();
    let is_other =
        ["//", "#", "friend", "static_assert", "namespace", "template", "}", "return", "explicit"];
    if indent != if owner.is_empty() { 0 } else { 2 }
        || is_other.iter().any(|s| line.starts_with(s))
    {
        return None;
    }
    let line = line.strip_prefix("using ").unwrap_or(line);
    // A comma may stand between the parameters of a template.
    let separators = ['(', ';', '=', '{'];
    let end = line.find(separators).or_else(|| line.find(',')).unwrap_or(line.len());
    let before = line[..end].trim_end();
    let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    let own = &before[start..];
    let own =
        own.strip_prefix('k').filter(|rest| rest.starts_with(char::is_uppercase)).unwrap_or(own);
    (!own.is_empty() && own != owner && !line.contains("operator")).then_some(own)
}

// --- The test -----------------------------------------------------------------------------------

fn matches(exception: &str, (owner, own): &Name) -> bool {
    match exception.split_once('.') {
        Some((of, "*")) => *owner == folded(of) || owner.is_empty() && *own == folded(of),
        Some((of, rest)) => (owner, own) == (&folded(of), &folded(rest)),
        None => owner.is_empty() && *own == folded(exception),
    }
}

#[test]
fn public_names_are_the_same_in_three_languages() {
    let [mut rust, mut go, cpp] = [rust_names(), go_names(), cpp_names()];
    translate(&mut rust, &RUST_IDIOMS);
    translate(&mut go, &GO_IDIOMS);
    let languages = [("Rust", &rust), ("Go", &go), ("C++", &cpp)];
    let all: Names = rust.union(&go).cloned().collect::<Names>().union(&cpp).cloned().collect();
    let common = all.iter().filter(|n| languages.iter().all(|(_, names)| names.contains(n)));
    assert!(common.count() > 90, "the readers find the names: {all:?}");

    let mut unused: Vec<_> = EXCEPTIONS.iter().map(|(exception, _)| *exception).collect();
    let mut lone = Vec::new();
    for public in &all {
        let have: Vec<_> =
            languages.iter().filter(|(_, names)| names.contains(public)).map(|(l, _)| *l).collect();
        if have.len() < languages.len() {
            let exception = EXCEPTIONS.iter().find(|(exception, _)| matches(exception, public));
            match exception {
                Some((used, _)) => unused.retain(|exception| exception != used),
                None => lone.push(format!("{}.{} in {}", public.0, public.1, have.join(", "))),
            }
        }
    }
    assert!(lone.is_empty(), "not in all three languages: {lone:#?}");
    assert!(unused.is_empty(), "exceptions without a name: {unused:?}");
}
