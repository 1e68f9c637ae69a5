//! Expected differences in a file of ports.

use std::path::Path;

use crate::{assert_refused, dkv20, folder, objects_of, text, written};

/// Writes a file with a wrong port that takes every key, and these tables after it.
fn write_ports(folder: &Path, tables: &str) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ports/python/wrong_ports.py");
    let command = format!("[\"python3\", {program:?}, \"get-takes-any-key\", \"serve\"]");
    let port = format!("[[port]]\nname = \"w\"\ncommand = {command}\n\n{tables}");
    written(folder, "ports.toml", port.as_bytes());
}

const EXAM: [&str; 5] = ["exam", "--ports", "ports.toml", "--only", "error-order-looking"];

#[test]
fn a_wrong_port_conforms_if_its_difference_is_expected() {
    let folder = folder();
    let table = "[[expected]]\nport = \"w\"\ndifference = 'get: err key-length -> .*'\n\
                 commands = [\"new\", \"put\"]\nneeds = [\"new\"]\n\
                 because = \"An empty key is looked up.\"\nlink = \"https://example.org/7\"\n";
    write_ports(folder.path(), &table.replace("key-length", "index"));
    let output = dkv20(folder.path(), &EXAM);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.ends_with("\ndiverges: w (1 finding, 1 case failed)\n"), "{said}");

    write_ports(folder.path(), table);
    let output = dkv20(folder.path(), &[&EXAM[..], &["--json", "report.json"]].concat());
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with("\nconforms: w, 1 case, with 1 expected difference\n"), "{said}");
    assert!(said.contains("  because   An empty key is looked up.\n"), "{said}");
    assert_eq!(objects_of(folder.path(), "case")[0]["verdict"], "expected");
    let expected = &objects_of(folder.path(), "expected")[0];
    assert_eq!(expected["shortest"]["commands"], serde_json::json!(["new"]));
    assert_eq!(objects_of(folder.path(), "finding").len(), 0);
}

#[test]
fn a_wrong_table_is_refused() {
    let folder = folder();
    let table = |more: &str| format!("[[expected]]\nbecause = \"x\"\n{more}\n");
    let of_w = |more: &str| table(&format!("port = \"w\"\n{more}"));
    let named = |more: &str| of_w(&format!("difference = 'x'\n{more}"));
    for (tables, words) in [
        (table("port = \"v\"\nlevel = 1"), "no port is called `v`; there is w"),
        (of_w(""), "it needs `difference` or `level`"),
        (named("level = 1"), "it has `difference` and `level`: only one of them is allowed"),
        (of_w("difference = '('"), "difference `(` is no regular expression: unclosed group"),
        (of_w("level = 6"), "level 6: there are levels 1 to 5"),
        (of_w("level = 0"), "level 0: there are levels 1 to 5"),
        (of_w("level = 1\nneeds = [\"put\"]"), "go with `difference`, and not with `level`"),
        (named("commands = [\"get\"]"), "`get` is no command that changes something; those are"),
        (named("").replace("\"x\"", "\" \""), "`because` is empty"),
    ] {
        write_ports(folder.path(), &(named("") + &tables));
        let place = "dkv20: ports.toml: [[expected]] number 2: ";
        assert_refused(folder.path(), &EXAM, 3, &[place, words]);
    }
    for (tables, words) in
        [(named("links = 1"), "unknown field `links`"), (of_w("level = -1"), "invalid value")]
    {
        write_ports(folder.path(), &tables);
        let output = dkv20(folder.path(), &EXAM);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
