//! Generated snapshots, whole and damaged.

use super::draws::Draws;
use super::{Plan, Section, case};
use crate::exam::case::Case;
use crate::exam::coverage::Event;
use crate::op::{put_byte_string, put_u32_le, put_u64_le};

const NAME: &str = "load";
const SALT: u64 = 3;

pub(super) fn section(plan: &Plan) -> Section {
    let seed = plan.seed;
    Section {
        name: NAME,
        about: "generated snapshots, whole and damaged, for load",
        must_cause: &[
            Event::Error("truncated"),
            Event::Error("bad-magic"),
            Event::Error("bad-version"),
            Event::Error("bad-term"),
            Event::Error("bad-count"),
            Event::Error("key-length"),
            Event::Error("value-length"),
            Event::Error("key-order"),
            Event::Error("trailing-bytes"),
        ],
        count: plan.generated_count,
        make: Box::new(move |number| make(seed, number)),
    }
}

pub(super) fn make(seed: u64, number: usize) -> Case {
    let mut draws = Draws::new(seed, SALT, number);
    let lines = (0..4).map(|_| format!("load 0x{}", hex::encode(damaged(&mut draws))).into());
    case(NAME, number, lines.collect())
}

fn damaged(draws: &mut Draws) -> Vec<u8> {
    let mut keys: Vec<Vec<u8>> = (0..draws.below(6)).map(|_| key(draws)).collect();
    if !draws.one_in(6) {
        keys.sort();
        keys.dedup();
    }
    let mut bytes = snapshot(draws, &keys);
    match draws.below(8) {
        0 => bytes.truncate(draws.below(bytes.len() + 1)),
        1 => bytes.push(0),
        2 => {
            let position = draws.below(bytes.len());
            bytes[position] ^= 1 << draws.below(8);
        }
        // The first bytes of each field are where a damage tells most.
        3 => {
            let position = *draws.pick(&[&0_usize, &4, &8, &16, &24, &31, &32, &35]);
            if let Some(byte) = bytes.get_mut(position) {
                *byte = draws.byte();
            }
        }
        _ => {}
    }
    bytes
}

fn key(draws: &mut Draws) -> Vec<u8> {
    match draws.below(40) {
        0 => vec![],
        1 => vec![b'k'; 4_096],
        2 => vec![b'k'; 4_097],
        3..20 => {
            let length = draws.between(1, 3);
            draws.bytes(length)
        }
        _ => {
            let choices: [&[u8]; 6] = [b"a", b"ab", b"a\0", b"\x7f", b"\x80", b"\xff"];
            draws.pick(&choices).to_vec()
        }
    }
}

fn snapshot(draws: &mut Draws, keys: &[Vec<u8>]) -> Vec<u8> {
    let count = keys.len() as u64;
    let commit_index = match draws.below(12) {
        0 => count.saturating_sub(1),
        1 => 0,
        2 => u64::MAX,
        _ => count + draws.next_u64() % 3,
    };
    let term = match draws.below(12) {
        0 => 0,
        1 => 1,
        _ => u64::from(commit_index > 0) * draws.next_u64(),
    };
    let announced = match draws.below(20) {
        0 => 1 << 63,
        1 => count + 1,
        _ => count,
    };
    let mut out = b"DKVS".to_vec();
    put_u32_le(&mut out, if draws.one_in(30) { 2 } else { 1 });
    put_u64_le(&mut out, commit_index);
    put_u64_le(&mut out, term);
    put_u64_le(&mut out, announced);
    for key in keys {
        put_byte_string(&mut out, key);
        if draws.one_in(40) {
            put_u32_le(&mut out, 1_048_577);
        }
        let length = draws.below(4);
        put_byte_string(&mut out, &draws.bytes(length));
    }
    out
}
