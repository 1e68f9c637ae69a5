//! Ops with a wrong effect on a map.

use dkv20::{ByteString, Command, Op, parse};
use dkv20_exam::Explanation;

use crate::{answers, explain, explain_port, first_section, has_fact, lines};

/// The answers of a port that reads each op as another one. `change` also gets the keys of the puts
/// before it.
fn answers_with_ops(lines: &[Vec<u8>], change: &dyn Fn(&[ByteString], Op) -> Op) -> Vec<Vec<u8>> {
    let mut known = Vec::new();
    let changed = lines.iter().map(|line| {
        let Ok(Some(Command::Propose { op })) = parse(line) else { return line.clone() };
        let before = known.clone();
        if let Op::Put { key, .. } = &op {
            known.push(key.clone());
        }
        match change(&before, op) {
            Op::NoOp => b"noop".to_vec(),
            Op::Put { key, value } => {
                format!("put 0x{} 0x{}", hex::encode(&key[..]), hex::encode(&value[..]))
                    .into_bytes()
            }
            Op::Del { key } => format!("del 0x{}", hex::encode(&key[..])).into_bytes(),
        }
    });
    answers(&changed.collect::<Vec<_>>(), &|_, answer| answer)
}

fn explain_ops(text: &str, change: &dyn Fn(&[ByteString], Op) -> Op) -> Explanation {
    let step = lines(text).len() - 1;
    explain_port(text, step, &|lines| answers_with_ops(lines, change))
}

fn with_key(op: Op, change: impl Fn(&[u8]) -> Vec<u8>) -> Op {
    match op {
        Op::NoOp => Op::NoOp,
        Op::Put { key, value } => Op::put(change(&key), value),
        Op::Del { key } => Op::del(change(&key)),
    }
}

#[test]
fn keys_are_taken_for_each_other_or_lost_among_others() {
    // `ab` is `a`, if `a` was put before.
    let prefixes = |known: &[ByteString], op| {
        with_key(op, |key| {
            let shorter = known.iter().find(|known| key.starts_with(known));
            shorter.map_or_else(|| key.to_vec(), |shorter| shorter.to_vec())
        })
    };
    let explanation = explain_ops("new 1; put a 0; put ab 0; replica 0", &prefixes);
    assert_eq!(first_section(&explanation), "1", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "the key 0x6162 \"ab\" for the key 0x61 \"a\""));
    let explanation = explain_ops("new 1; put 0 0; put a 0; del ab; replica 0", &prefixes);
    assert_eq!(first_section(&explanation), "1", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "the key 0x6162 \"ab\" for the key 0x61 \"a\""));
    // If its own key is present, a Del may delete another key as well.
    let of_dels = |known: &[ByteString], op| {
        if matches!(op, Op::Del { .. }) { prefixes(known, op) } else { op }
    };
    let explanation = explain_ops("new 1; put a 0; put ab 0; del ab; hash 0", &of_dels);
    assert_eq!(explanation.sections, ["3", "2"], "{:?}", explanation.facts);

    // The fourth key is not kept, or the first key gets its value.
    let full = |known: &[ByteString], op| if known.len() < 3 { op } else { Op::NoOp };
    let four = "new 1; put a 0; put b 0; put c 0; put d 0; replica 0";
    let explanation = explain_ops(four, &full);
    assert_eq!(explanation.sections, ["3", "2"], "{:?}", explanation.facts);
    let first = |known: &[ByteString], op| {
        with_key(op, |key| if known.len() < 3 { key.to_vec() } else { known[0].to_vec() })
    };
    let explanation = explain_ops(four, &first);
    assert_eq!(explanation.sections, ["3", "1"], "{:?}", explanation.facts);

    // Whatever other keys there are.
    let none = |_: &[ByteString], op| if matches!(op, Op::Del { .. }) { Op::NoOp } else { op };
    let explanation = explain_ops("new 1; put b 0; put a 0; del a; replica 0", &none);
    assert_eq!(first_section(&explanation), "2", "{:?}", explanation.facts);
}

#[test]
fn altered_bytes_are_of_section_1_and_altered_lengths_of_section_2() {
    let until_nul = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().unwrap().to_vec();
    let of = |line: &str, change: &dyn Fn(&[ByteString], Op) -> Op| {
        let explanation = explain_ops(&format!("new 1; put k old; {line}; hash 0"), change);
        (first_section(&explanation).to_owned(), explanation.facts)
    };
    let value = |op, change: &dyn Fn(&[u8]) -> Vec<u8>| match op {
        Op::Put { key, value } => Op::put(key, change(&value)),
        op => op,
    };
    let content = "1".to_owned();
    let length = "2".to_owned();
    let (section, facts) = of("put 0x6100 v", &|_, op| with_key(op, until_nul));
    assert_eq!(section, content, "{facts:?}");
    let (section, facts) = of("put k 0x6100", &|_, op| value(op, &until_nul));
    assert_eq!(section, content, "{facts:?}");
    let (section, facts) = of("put k 0x00", &|_, op| value(op, &until_nul));
    assert_eq!(section, content, "{facts:?}");
    let cut = |bytes: &[u8]| bytes[..bytes.len().min(3)].to_vec();
    let (section, facts) = of("put 0x61006200 v", &|_, op| with_key(op, cut));
    assert_eq!(section, length, "{facts:?}");
    let (section, facts) = of("put k 0x61006200", &|_, op| value(op, &cut));
    assert_eq!(section, length, "{facts:?}");
    // The old value is kept.
    let kept = |known: &[ByteString], op| if known.is_empty() { op } else { Op::NoOp };
    let (section, facts) = of("put k 0x6100", &kept);
    assert_eq!((section, facts.len()), (length, 1), "{facts:?}");
}

#[test]
fn a_key_that_get_does_not_find_is_of_the_map_if_del_does_not_find_it_either() {
    let blind = |lines: &[Vec<u8>], is_blind_to_del: bool| {
        let is_del = |line: &[u8]| line == b"del 0x61" && is_blind_to_del;
        let changed = |line: &Vec<u8>| if is_del(line) { b"noop".to_vec() } else { line.clone() };
        let changed: Vec<_> = lines.iter().map(changed).collect();
        let none =
            |line: &str, right| if line.starts_with("get") { "ok none".into() } else { right };
        answers(&changed, &none)
    };
    let text = "new 1; put a 1; get 0 a";
    let explanation = explain_port(text, 3, &|lines| blind(lines, true));
    assert_eq!(explanation.sections, ["3", "8"], "{:?}", explanation.facts);
    let explanation = explain_port(text, 3, &|lines| blind(lines, false));
    assert_eq!(first_section(&explanation), "8", "{:?}", explanation.facts);
}

#[test]
fn a_map_that_grows_without_a_commit_is_of_the_section_on_replicas() {
    let grown = "ok 0x444b5653010000000000000000000000000000000000000001000000000000000100000061010000\
                 0076";
    let port = |line: &str, right: String| match line {
        "replica 0" => "ok role=leader term=1 base=0 commit=0 last=1 keys=1".into(),
        "dump 0" => grown.into(),
        "hash 0" => format!("ok {}", "0".repeat(64)),
        _ => right,
    };
    let explanation = explain("new 3; partition 0; at 0 put 0x61 0x76; replica 0", 3, &port);
    assert_eq!(first_section(&explanation), "3", "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "no entry of replica 0 commits in this step"));
}
