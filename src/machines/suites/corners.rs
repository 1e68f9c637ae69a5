//! Fixed cases at corners that generated cases rarely meet: every malformed number, every byte, words
//! as lines, lines of other grammars, hex, lines and snapshots around the sizes of blocks, equal
//! hashes, and numbers of 16 and 32 bits.

use dkv20_exam::{Case, Suite};

use super::super::commands::LEVELS;
use super::common::{case, observers};
use super::dialects;
use super::lines::{MALFORMED_NUMBERS, NUMBERS};
use super::words;
use crate::op::KEY_LENGTH_MAX;

const NAME: &str = "corners";
/// The greatest power of two of digits and of tokens that a line is measured by.
const LENGTH_BITS: u32 = 20;
/// Keys of one length with one hash: of Java, CRC-32, FNV-1a and DJB2.
const EQUAL_HASHES: [&str; 5] = [
    "Aa BB",
    "AaAa AaBB BBAa BBBB",
    "plumless buckeroo",
    "costarring liquid",
    "hetairas mentioner",
];
/// Numbers of terms around which numbers change their length or their order as text.
const TERMS: [usize; 4] = [9, 10, 99, 255];
/// Numbers of entries at which a block of a log may end.
const LOG_LENGTHS: [usize; 8] = [1, 16, 32, 64, 100, 128, 256, 512];
/// The lines before a command, the command with `_` for a number, and a number that is right there.
const WRAPPED: [(&str, &str, u128); 11] = [
    ("", "new _", 3),
    ("", "draw 7 _", 2),
    ("new 3,partition 1", "replica _", 1),
    ("new 3", "at _ noop", 0),
    ("new 3", "partition _", 1),
    ("new 3,partition 1", "heal _", 1),
    ("new 3,put a b", "compact _", 1),
    ("new 3,put a b", "get _ a", 1),
    ("new 3", "workload 1 _ 5", 10),
    ("new 3", "workload 1 10 _", 5),
    ("new 3", "chaos 1 _", 5),
];
/// Numbers of keys that a block of a snapshot may have.
const BLOCK_LENGTHS: [u16; 14] =
    [8, 10, 16, 32, 64, 100, 128, 256, 512, 1_000, 1_024, 2_048, 4_096, 16_384];
/// How many bytes the keys of a group have in common, at most.
const GROUP_PREFIX_MAX: usize = 70;
/// How many bits of a number a port may read.
const WIDTHS: [u32; 9] = [7, 8, 15, 16, 31, 32, 53, 63, 64];
/// More keys than a number of 16 bits counts.
const MANY_KEYS: u32 = 65_600;

pub(super) fn suite() -> Suite {
    let mut cases = vec![numbers(), bytes_of_numbers(), words_as_lines()];
    cases.extend([bytes_of_hex(), hex_lengths(), many_keys(), common_prefixes()]);
    cases.extend([groups_of_keys(), bytes_of_keys(), equal_hashes(), high_bytes()]);
    cases.extend([many_ids(), large_lag(), long_lag(), all_compacted(), two_snapshots()]);
    cases.extend(WRAPPED.map(wrapped));
    cases.extend(LOG_LENGTHS.map(replaced_entry));
    cases.extend(TERMS.map(terms));
    cases.extend([long_workload(), long_chaos()]);
    cases.extend(dialects::cases(NAME));
    cases.extend(BLOCK_LENGTHS.map(after_a_block));
    cases.push(every_size());
    Suite::of_cases(NAME, Vec::new(), cases)
}

/// Makes a case of the lines.
fn of_lines(name: &str, lines: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Case {
    case(NAME, name, lines.into_iter().map(Into::into).collect())
}

fn numbers() -> Case {
    let numbers = NUMBERS.split(' ').chain(MALFORMED_NUMBERS.split(' '));
    let lines = numbers.flat_map(|number| [format!("mix {number}"), format!("draw 1 {number}")]);
    let powers = (0..u64::BITS).map(|bits| 1_u64 << bits);
    let around = powers.flat_map(|power| [power - 1, power, power + 1]);
    of_lines(
        "numbers",
        lines.chain(around.flat_map(|number| {
            [format!("mix {number}"), format!("draw {number} 1"), format!("draw 1 {number}")]
        })),
    )
}

/// Returns all bytes but those that separate tokens and lines.
fn plain_bytes() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).filter(|byte| !matches!(byte, b' ' | b'\n'))
}

/// Numbers with each byte before them, at an end and within them. A port may take the digits of long
/// ones four or eight at a time.
fn bytes_of_numbers() -> Case {
    of_lines(
        "bytes-of-numbers",
        plain_bytes().flat_map(|byte| {
            let with = |before: &[u8], after: &[u8]| [before, &[byte], after].concat();
            [
                with(b"mix 1", b""),
                with(b"mix ", b"1"),
                with(b"", b"mix 1"),
                with(b"mix", b" 1"),
                with(b"#", b"mix 1"),
                with(b"mix 1000000", b""),
                with(b"mix ", b"1000000"),
                with(b"mix 100", b"000000000000"),
                with(b"mix 100000000000", b"000"),
            ]
        }),
    )
}

/// Hex with each byte as a digit: the first or the second of its pair, alone or among many.
fn bytes_of_hex() -> Case {
    let around = [("", "4"), ("4", ""), ("4444444", ""), ("44", "4444444444444")];
    let lines = plain_bytes().flat_map(|byte| {
        around.map(|(before, after)| {
            [b"load 0x", before.as_bytes(), &[byte], after.as_bytes()].concat()
        })
    });
    of_lines("bytes-of-hex", lines)
}

/// Lines that a language may take for the end of the input, or for no line. Commands would raise
/// the level of the case.
fn words_as_lines() -> Case {
    let is_command = |word: &[u8]| {
        LEVELS.iter().flat_map(|level| &level.words).any(|known| known.as_bytes() == word)
    };
    let ends = [&b"EOF"[..], b"\x04", b"\x1a", b"q", b"exit"];
    of_lines("words-as-lines", words::lines().filter(|word| !is_command(word)).chain(ends))
}

fn hex_lengths() -> Case {
    let around = (0..=LENGTH_BITS).map(|bits| 1_usize << bits);
    let lengths = around.flat_map(|length| [length - 1, length, length + 1]);
    of_lines("hex-lengths", lengths.map(|length| format!("load 0x{}", "4".repeat(length))))
}

fn snapshot(keys: &[Vec<u8>]) -> Vec<u8> {
    let count = keys.len() as u64;
    let mut bytes = b"DKVS\x01\0\0\0".to_vec();
    for number in [count, 1, count] {
        bytes.extend(number.to_le_bytes());
    }
    for key in keys {
        let length = u32::try_from(key.len()).expect("a key is short");
        bytes.extend([&length.to_le_bytes()[..], key, &[0; 4]].concat());
    }
    bytes
}

fn load(keys: &[Vec<u8>]) -> String {
    format!("load 0x{}", hex::encode(snapshot(keys)))
}

fn many_keys() -> Case {
    let keys: Vec<_> = (0..MANY_KEYS).map(|key| key.to_be_bytes().to_vec()).collect();
    of_lines("many-keys", [load(&keys)])
}

/// Two keys that begin with the same bytes: as many as a byte counts, and more.
fn common_prefixes() -> Case {
    let lines = [1, 127, 128, 254, 255, 256, 257, 511, 512, 1_023, 1_024, 4_095].map(|length| {
        let keys = [b"a", b"b"].map(|end| [vec![b'k'; length], end.to_vec()].concat());
        load(&keys)
    });
    of_lines("common-prefixes", lines)
}

/// Snapshots of so many keys and one more: the one before it again, the first one again, no key, a key
/// that is too long, and a right one. A port may check the order of keys within blocks alone.
fn after_a_block(length: u16) -> Case {
    let last = (length - 1).to_be_bytes().to_vec();
    let too_long = vec![u8::MAX; KEY_LENGTH_MAX + 1];
    let further = [last, vec![0, 0], Vec::new(), too_long, length.to_be_bytes().to_vec()];
    let lines = further.map(|further| {
        let keys = (0..length).map(|key| key.to_be_bytes().to_vec());
        load(&keys.chain([further]).collect::<Vec<_>>())
    });
    of_lines(&format!("after-{length}-keys"), lines)
}

/// Many keys, of which two, three or four begin with the same bytes, put in descending order. A sort
/// that compares pieces of keys treats such groups apart.
fn groups_of_keys() -> Case {
    let groups =
        (2..=4_u8).flat_map(|size| (2..=GROUP_PREFIX_MAX).map(move |length| (size, length)));
    let puts = groups.enumerate().flat_map(|(number, (size, length))| {
        let number = u16::try_from(number).expect("there are few groups");
        let mut prefix = number.to_be_bytes().to_vec();
        prefix.resize(length, b'k');
        (0..size)
            .rev()
            .map(move |end| format!("put 0x{} v", hex::encode([&prefix[..], &[end]].concat())))
    });
    let new = std::iter::once("new 1".to_owned());
    of_lines("groups-of-keys", new.chain(puts).chain(["hash 0".to_owned()]))
}

/// Keys and values with each byte within them, at an end, alone, and twice, as text.
fn bytes_of_keys() -> Case {
    let puts = plain_bytes().flat_map(|byte| {
        let one = [byte];
        let put = |key: [&[u8]; 3], value: [&[u8]; 2]| {
            [b"put ", key.concat().as_slice(), b" ", value.concat().as_slice()].concat()
        };
        [
            put([b"k", &one, b"k"], [b"v", b""]),
            put([b"v", &one, b""], [&one, b""]),
            put([b"", &one, b"b"], [&one, b"v"]),
            put([b"t", &[byte; 2], b"t"], [&one, &one]),
        ]
    });
    let new = std::iter::once(b"new 2".to_vec());
    of_lines("bytes-of-keys", new.chain(puts).chain([b"dump 1".to_vec()]).chain(observers(2)))
}

fn equal_hashes() -> Case {
    let keys = EQUAL_HASHES.join(" ");
    let keys: Vec<_> = keys.split(' ').collect();
    let all = |command: &str| keys.iter().map(|key| format!("{command} {key}")).collect::<Vec<_>>();
    let puts = keys.iter().map(|key| format!("put {key} of-{key}"));
    let lines = std::iter::once("new 1".to_owned()).chain(puts).chain(all("get 0"));
    let lines = lines.chain(["dump 0".into(), format!("del {}", keys[0])]).chain(all("get 0"));
    of_lines("equal-hashes", lines.chain(["dump 0".into()]))
}

/// Keys whose last bytes are the highest ones: a page may begin or end at any of them.
fn high_bytes() -> Case {
    let keys = (0xe0..=0xff_u8).flat_map(|first| (0xf0..=0xff_u8).map(move |last| [first, last]));
    let mut keys: Vec<Vec<u8>> =
        keys.flat_map(|key| [key.to_vec(), [&key[..], b"\xff"].concat()]).collect();
    keys.extend((1..80).map(|length| [b"a".to_vec(), vec![0xff; length]].concat()));
    keys.extend([b"b".to_vec(), b"b\0".to_vec(), vec![0xff; 200]]);
    let puts = keys.iter().map(|key| format!("put 0x{} v", hex::encode(key)));
    let gets = keys.iter().map(|key| format!("get 0 0x{}", hex::encode(key)));
    let dels = keys.iter().step_by(3).map(|key| format!("del 0x{}", hex::encode(key)));
    let lines = std::iter::once("new 1".to_owned()).chain(puts).chain(["dump 0".into()]);
    of_lines("high-bytes", lines.chain(gets).chain(dels).chain(["dump 0".into(), "hash 0".into()]))
}

/// Ids named again and again, and one that is named once, at the end.
fn many_ids() -> Case {
    let lines = (1..=300)
        .chain([1_023, 4_095, 65_535])
        .flat_map(|count| [format!("partition{} 1", " 0".repeat(count)), "heal".into()]);
    of_lines("many-ids", std::iter::once("new 4".to_owned()).chain(lines).chain(["status".into()]))
}

/// Numbers that are out of range, and right if only their low bits are read.
fn wrapped((before, command, right): (&str, &str, u128)) -> Case {
    let before: Vec<_> = before.split_terminator(',').map(String::from).collect();
    let numbers = WIDTHS.map(|width| (1 << width) + right);
    // Numbers within the limits are right, and take long.
    let is_long = |number: &u128| command.ends_with(" _") && *number < 10_000_000;
    let is_run = matches!(command.split(' ').next(), Some("workload" | "chaos"));
    let numbers = numbers.into_iter().filter(|number| !(is_run && is_long(number)));
    let lines = numbers.flat_map(|number| {
        let line = command.replace('_', &number.to_string());
        [&before[..], &[line, "status".into()]].concat()
    });
    let name = command.replace(' ', "-").replace('_', "n");
    of_lines(&format!("wrapped-{name}"), lines)
}

/// An election between a longer log of `term` and a shorter one of the term after it.
fn terms(term: usize) -> Case {
    let mut lines = vec!["new 5".to_owned()];
    // The leader of each term is the other one of two.
    for number in 1..term {
        lines.extend([
            format!("partition {}", (number - 1) % 2),
            format!("heal {}", (number - 1) % 2),
        ]);
    }
    let (deposed, leader) = ((term - 1) % 2, term % 2);
    lines.push(format!("partition {deposed}"));
    lines.extend((0..4).map(|number| format!("at {deposed} put old-{number} v")));
    // Two are left, which are no quorum until the deposed leader returns.
    lines.extend(["put new v".into(), format!("partition {leader} 2"), format!("heal {deposed}")]);
    lines.extend(["status".into(), "heal".into(), "put last v".into()]);
    let lines = lines.into_iter().map(String::into_bytes).chain(observers(5));
    of_lines(&format!("terms-{term}"), lines)
}

/// A replica misses more than a megabyte, in several entries and a short one after them, which would
/// still fit into a message that has no room for the one before it.
fn large_lag() -> Case {
    let value = "v".repeat(700_000);
    let puts = ["a", "b", "c"].map(|key| format!("put {key} {value}"));
    let lines = ["new 3".into(), "partition 2".into()].into_iter().chain(puts);
    let lines = lines.chain(["put d 1".to_owned(), "heal".into()]).map(String::into_bytes);
    of_lines("large-lag", lines.chain(observers(3)))
}

/// A replica misses more entries than a message may have, without a workload.
fn long_lag() -> Case {
    let noops = vec!["noop".to_owned(); 4_200];
    let lines = ["new 3".to_owned(), "partition 2".into()].into_iter().chain(noops);
    let lines = lines.chain(["heal".to_owned()]).map(String::into_bytes);
    of_lines("long-lag", lines.chain(observers(3)))
}

/// A leader without a quorum, whose commit index stays, sends a snapshot before and after it has more
/// entries.
fn two_snapshots() -> Case {
    let before = ["new 7", "partition 5 6", "put a 1", "compact 0", "partition 1 2 3 4", "put b 2"];
    let lines = before.into_iter().chain(["heal 5", "put c 3", "heal 6"]);
    of_lines("two-snapshots", lines.map(Vec::from).chain(observers(7)))
}

/// A cluster of each size, without faults.
fn every_size() -> Case {
    let lines = (1..=64).flat_map(|size| {
        let last = size - 1;
        let new = [format!("new {size}"), format!("put {size} a"), format!("put 0 {size}")];
        let looks = ["replica", "hash", "log"].map(|word| [0, 1, last].map(|id| (word, id)));
        let looks = looks.into_iter().flatten().map(|(word, id)| format!("{word} {id}"));
        new.into_iter().chain(looks).chain(["status".to_owned()])
    });
    of_lines("every-size", lines)
}

/// Every replica of the most is compacted, and returns to a leader that is.
fn all_compacted() -> Case {
    let lines = ["new 64", "put a b", "partition 63", "put c d", "compact", "replica 63", "heal"];
    of_lines("all-compacted", lines.map(Vec::from).into_iter().chain(observers(64)))
}

/// The first entry after a number of them is replaced by another one.
fn replaced_entry(count: usize) -> Case {
    let mut lines = vec!["new 3".to_owned()];
    lines.extend(vec!["noop".to_owned(); count]);
    lines
        .extend(["partition 0", "at 0 put a 1", "at 0 put b 2", "log 0", "heal"].map(String::from));
    let lines = lines.into_iter().map(String::into_bytes).chain(observers(3));
    of_lines(&format!("replaced-entry-{count}"), lines)
}

fn long_workload() -> Case {
    let lines = ["new 1", "workload 1 100 65537"].map(|line| line.as_bytes().to_vec());
    of_lines("long-workload", lines.into_iter().chain(observers(1)))
}

/// The text of the run has more than a megabyte.
fn long_chaos() -> Case {
    let lines = ["new 3", "chaos 1 40000"].map(|line| line.as_bytes().to_vec());
    of_lines("long-chaos", lines.into_iter().chain(observers(3)))
}
