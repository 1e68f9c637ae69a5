//! The twenty numbered cases of the definition (section 12), with the numbers, names, steps
//! and order that they have in every language's suite. They use the public interface alone.

use dkv20::{
    ByteString, Cluster, Entry, ErrorCode, LoadError, Op, Outcome, REPLICAS_MAX, ReplicaId, Role,
    SplitMix64, WorkloadCounts, decode_key, decode_op, draw_op, load_state, mix, run_scenario,
    run_workload,
};

const SCENARIO_A_HASH: &str = "e17654881f0b176c7ca4a6da730af9677858861ecea69f68208dc64cbbeeaa7a";
const SCENARIO_B_HASH: &str = "04a631b2a26b3da5b2665a52b1f2be0c9d2e8fdb29d37f394b6e20aa32e52681";

fn cluster(size: u64) -> Cluster {
    Cluster::new(size).expect("a valid size")
}

fn propose(cluster: &mut Cluster, op: Op) -> Outcome {
    cluster.propose(op).expect("a reachable leader")
}

fn get(cluster: &Cluster, id: ReplicaId, key: impl AsRef<[u8]>) -> Option<&[u8]> {
    let replica = cluster.replica(id).expect("a replica of the cluster");
    replica.get(key.as_ref()).map(ByteString::as_slice)
}

fn dump(cluster: &Cluster, id: ReplicaId) -> Vec<u8> {
    cluster.replica(id).expect("a replica of the cluster").dump_state()
}

fn commit_indexes(cluster: &Cluster) -> Vec<u64> {
    cluster.replicas().iter().map(dkv20::Replica::commit_index).collect()
}

fn leading_ids(cluster: &Cluster) -> Vec<ReplicaId> {
    let leads = |replica: &&dkv20::Replica| replica.role() == Role::Leader;
    cluster.replicas().iter().filter(leads).map(dkv20::Replica::id).collect()
}

fn entries(cluster: &Cluster, id: ReplicaId) -> Vec<(ByteString, ByteString)> {
    let entries = cluster.replica(id).expect("a replica of the cluster").iter();
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[track_caller]
fn assert_identical(cluster: &Cluster) {
    let first = dump(cluster, 0);
    for replica in cluster.replicas() {
        assert_eq!(replica.dump_state(), first, "replica {}", replica.id());
        assert_eq!(replica.snapshot_hash(), cluster.replicas()[0].snapshot_hash());
    }
}

#[test]
fn case_01_one_replica_is_its_own_quorum() {
    let mut cluster = cluster(1);
    assert_eq!(cluster.quorum(), 1);
    let outcome = propose(&mut cluster, Op::put("a", "v"));
    assert_eq!(outcome, Outcome { committed: true, index: 1, term: 1 });
    assert_eq!(get(&cluster, 0, "a"), Some(b"v".as_slice()));
    assert_eq!(cluster.replicas()[0].key_count(), 1);
}

#[test]
fn case_02_one_proposal_reaches_all_five() {
    let mut cluster = cluster(5);
    assert_eq!(cluster.quorum(), 3);
    assert!(propose(&mut cluster, Op::put("a", "v")).committed);
    for id in 0..5 {
        assert_eq!(get(&cluster, id, "a"), Some(b"v".as_slice()), "replica {id}");
    }
    assert_eq!(commit_indexes(&cluster), [1; 5]);
    assert_identical(&cluster);
}

#[test]
fn case_03_quorum_gates_commit() {
    let mut alone = cluster(1);
    assert!(propose(&mut alone, Op::put("a", "v")).committed);

    let mut five = cluster(5);
    five.partition(&[2, 3, 4]).unwrap();
    let before: Vec<_> = (0..5).map(|id| dump(&five, id)).collect();
    let outcome = propose(&mut five, Op::put("a", "v"));
    assert_eq!(outcome, Outcome { committed: false, index: 1, term: 1 });
    assert_eq!((0..5).map(|id| dump(&five, id)).collect::<Vec<_>>(), before);
    assert_eq!(commit_indexes(&five), [0; 5]);
    assert!(five.replicas().iter().all(|replica| replica.key_count() == 0));

    // Half of an even number is not a quorum.
    let mut four = cluster(4);
    assert_eq!(four.quorum(), 3);
    four.partition(&[2, 3]).unwrap();
    assert!(!propose(&mut four, Op::put("a", "v")).committed);
    assert_eq!(commit_indexes(&four), [0; 4]);
}

#[test]
fn case_04_majority_commits_minority_stays() {
    let mut cluster = cluster(5);
    cluster.partition(&[3, 4]).unwrap();
    assert!(propose(&mut cluster, Op::put("a", "v")).committed);
    assert_eq!(commit_indexes(&cluster), [1, 1, 1, 0, 0]);
    for id in 0..5 {
        assert_eq!(cluster.is_partitioned(id), Ok(id >= 3), "replica {id}");
        assert_eq!(get(&cluster, id, "a").is_some(), id < 3, "replica {id}");
    }
    assert_eq!(cluster.isolated_ids().collect::<Vec<_>>(), [3, 4]);
    assert_eq!(cluster.is_partitioned(5), Err(ErrorCode::UnknownReplica));
}

#[test]
fn case_05_heal_restores_identical_snapshots() {
    let mut cluster = cluster(5);
    propose(&mut cluster, Op::put("a", "1"));
    cluster.partition(&[3, 4]).unwrap();
    propose(&mut cluster, Op::put("b", "2"));
    propose(&mut cluster, Op::del("a"));
    assert_ne!(dump(&cluster, 3), dump(&cluster, 0));
    cluster.heal();
    assert_identical(&cluster);
    assert_eq!(commit_indexes(&cluster), [3; 5]);
    assert_eq!(get(&cluster, 4, "b"), Some(b"2".as_slice()));
    assert_eq!(cluster.isolated_ids().count(), 0);
}

#[test]
fn case_06_long_workload_stays_identical() {
    let mut cluster = cluster(5);
    let mut draws = SplitMix64::new(6);
    for count in 1..=5_000_u64 {
        assert!(propose(&mut cluster, draw_op(&mut draws, 1_000).unwrap()).committed);
        if count % 100 == 0 {
            assert_identical(&cluster);
            assert_eq!(commit_indexes(&cluster), [count; 5]);
        }
    }
}

#[test]
fn case_07_delete_noop_overwrite() {
    let mut cluster = cluster(3);
    propose(&mut cluster, Op::put("a", "1"));
    propose(&mut cluster, Op::put("a", "22"));
    assert_eq!(get(&cluster, 2, "a"), Some(b"22".as_slice()));

    let map = entries(&cluster, 2);
    assert!(propose(&mut cluster, Op::NoOp).committed);
    assert!(propose(&mut cluster, Op::del("absent")).committed);
    assert_eq!(entries(&cluster, 2), map);
    assert_eq!(commit_indexes(&cluster), [4; 3]);

    assert!(propose(&mut cluster, Op::del("a")).committed);
    assert_eq!(get(&cluster, 2, "a"), None);
    propose(&mut cluster, Op::put("a", ""));
    assert_eq!(get(&cluster, 2, "a"), Some(b"".as_slice()), "empty is not absent");
    assert_identical(&cluster);
}

#[test]
fn case_08_snapshot_layout() {
    assert_eq!(
        dump(&cluster(1), 0),
        b"DKVS\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    );

    let mut cluster = cluster(3);
    propose(&mut cluster, Op::put(b"\x80", ""));
    cluster.partition(&[0]).unwrap();
    propose(&mut cluster, Op::put("ab", [b'x'; 258].as_slice()));
    propose(&mut cluster, Op::put(b"a\0", b"\xff\n"));
    let expected = [
        b"DKVS".as_slice(),                    //  0: magic
        &[1, 0, 0, 0],                         //  4: version
        &[4, 0, 0, 0, 0, 0, 0, 0],             //  8: commit index, the new leader's NoOp in it
        &[2, 0, 0, 0, 0, 0, 0, 0],             // 16: term
        &[3, 0, 0, 0, 0, 0, 0, 0],             // 24: number of keys
        &[2, 0, 0, 0, b'a', 0],                // 32: key length, key
        &[2, 0, 0, 0, 0xff, b'\n'],            // 38: value length, value
        &[2, 0, 0, 0, b'a', b'b', 2, 1, 0, 0], // 44: key length, key, value length 258
        &[b'x'; 258],                          // 54: value
        &[1, 0, 0, 0, 0x80, 0, 0, 0, 0],       // 312: a key whose value is empty
    ]
    .concat();
    assert_eq!(expected.len(), 321);
    assert_eq!(dump(&cluster, 1), expected);
    assert_eq!(dump(&cluster, 2), expected);

    // Every byte of the wide fields counts.
    let wide = b"DKVS\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18\0\0\0\0\0\0\0\0";
    let snapshot = load_state(wide).unwrap();
    assert_eq!(snapshot.commit_index(), 0x0807_0605_0403_0201);
    assert_eq!(snapshot.term(), 0x1817_1615_1413_1211);
    assert_eq!(snapshot.dump_state(), wide);
}

#[test]
fn case_09_splitmix64_published_outputs() {
    let mut draws = SplitMix64::new(1_234_567);
    let published = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    assert_eq!(published.map(|_| draws.next()), published);
    assert_eq!(mix(1_234_567_u64.wrapping_add(0x9e37_79b9_7f4a_7c15)), published[0]);
    assert_eq!(mix(0), 0);
    // The published first output from seed 0, whose state wraps from the greatest seed.
    assert_eq!(SplitMix64::new(0).next(), 0xe220_a839_7b1d_cdaf);
    assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    let wrapping = u64::MAX - 0x9e37_79b9_7f4a_7c15 + 1;
    assert_eq!(SplitMix64::new(wrapping).next(), 0);
}

#[test]
fn case_10_workload_decoder() {
    let put = |key: &str, value: [u8; 8]| Ok(Op::put(key, &value));
    let low_bits = (1 << 62) - 1;
    assert_eq!(decode_op(0, 0, 0, 1_000), put("key-000000", [0; 8]));
    assert_eq!(decode_op(low_bits, 7, 258, 1_000), put("key-000007", [2, 1, 0, 0, 0, 0, 0, 0]));
    assert_eq!(
        decode_op(1 << 62, 1_999, 9_999, 1_000),
        put("key-000999", [15, 39, 0, 0, 0, 0, 0, 0])
    );
    assert_eq!(decode_op(2 << 62, 1_000, 10_000, 1_000), put("key-000000", [0; 8]));
    assert_eq!(
        decode_op((2 << 62) | low_bits, 5, 10_001, 5),
        put("key-000000", [1, 0, 0, 0, 0, 0, 0, 0])
    );
    assert_eq!(decode_op(3 << 62, 42, 1, 1_000), Ok(Op::del("key-000042")));
    assert_eq!(decode_op(u64::MAX, 42, 1, 1_000), Ok(Op::del("key-000042")));

    let key = |r2, keys| decode_key(r2, keys).unwrap().as_slice().to_vec();
    assert_eq!(key(999_999, 1_000_000), b"key-999999");
    assert_eq!(key(u64::MAX, 1_000_000), b"key-551615");
    assert_eq!(key(u64::MAX, 1), b"key-000000");
    for keys in [0, 1_000_001, u64::MAX] {
        assert_eq!(decode_op(0, 0, 0, keys), Err(ErrorCode::KeySpace));
    }

    // Three draws, in that order, whatever the op is.
    let mut draws = SplitMix64::new(9);
    let mut plain = SplitMix64::new(9);
    let mut dels = 0;
    for _ in 0..100 {
        let (r1, r2, r3) = (plain.next(), plain.next(), plain.next());
        let op = draw_op(&mut draws, 64).unwrap();
        dels += u32::from(matches!(op, Op::Del { .. }));
        assert_eq!(Ok(op), decode_op(r1, r2, r3, 64));
    }
    assert!((10..40).contains(&dels), "{dels} of 100 are Del");
}

#[test]
fn case_11_seed_decides_snapshot() {
    let run = |seed| {
        let mut cluster = cluster(3);
        let counts = run_workload(&mut cluster, seed, 100, 1_000);
        assert_eq!(counts, Ok(WorkloadCounts { committed: 1_000, pending: 0, refused: 0 }));
        cluster.replicas()[0].snapshot_hash()
    };
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}

#[test]
fn case_12_scenario_hashes_are_pinned() {
    assert_eq!(run_scenario(b"A").as_deref(), Ok(SCENARIO_A_HASH));
    assert_eq!(run_scenario(b"B").as_deref(), Ok(SCENARIO_B_HASH));
    assert_eq!(run_scenario(b"a"), Err(ErrorCode::UnknownScenario));
}

#[test]
fn case_13_heal_after_long_mixed_workload() {
    let partitions: [&[ReplicaId]; 7] = [&[0], &[3, 4], &[1], &[1], &[4], &[0, 1], &[2]];
    let mut cluster = cluster(5);
    let mut dels = 0;
    for (round, isolated) in partitions.into_iter().enumerate() {
        cluster.partition(isolated).unwrap();
        let mut draws = SplitMix64::new(round as u64);
        for _ in 0..500 {
            let op = draw_op(&mut draws, 100).unwrap();
            dels += u32::from(matches!(op, Op::Del { .. }));
            // Without a reachable leader the proposal is refused, which is part of the mix.
            let _ = cluster.propose(op);
        }
        if round % 2 == 0 {
            let first = dump(&cluster, 0);
            assert!(
                (1..5).any(|id| dump(&cluster, id) != first),
                "round {round} splits no replica off"
            );
            cluster.heal();
            assert_identical(&cluster);
        }
    }
    assert!(dels > 500);
    assert!(cluster.term() > 2, "several of the partitions depose the leader");
    assert_identical(&cluster);
}

#[test]
fn case_14_failover_and_no_leader() {
    let mut cluster = cluster(3);
    propose(&mut cluster, Op::put("a", "1"));
    cluster.partition(&[0]).unwrap();
    assert_eq!((cluster.reachable_leader(), cluster.term()), (Some(1), 2));
    let noop = cluster.replicas()[1].entries().last();
    assert_eq!(noop, Some(Entry { index: 2, term: 2, op: &Op::NoOp }));
    assert_eq!(commit_indexes(&cluster), [1, 2, 2]);
    assert_eq!(leading_ids(&cluster), [0, 1], "a deposed leader still believes it is leader");
    let terms: Vec<_> = cluster.replicas().iter().map(dkv20::Replica::term).collect();
    assert_eq!(terms, [1, 2, 2]);
    assert_eq!(
        propose(&mut cluster, Op::put("a", "2")),
        Outcome { committed: true, index: 3, term: 2 }
    );

    // Replica 2 alone is no quorum, so there is no election.
    cluster.partition(&[1]).unwrap();
    assert_eq!((cluster.reachable_leader(), cluster.leader(), cluster.term()), (None, 1, 2));
    assert_eq!(cluster.propose(Op::NoOp), Err(ErrorCode::NoLeader));
    assert_eq!(cluster.replicas()[2].role(), Role::Follower);

    // Replicas 0 and 2 are a quorum. Replica 2 wins by its newer log, against the lower id.
    cluster.heal_ids(&[0]).unwrap();
    assert_eq!((cluster.reachable_leader(), cluster.term()), (Some(2), 3));
    assert_eq!(leading_ids(&cluster), [1, 2]);
    cluster.heal();
    assert_eq!(leading_ids(&cluster), [2]);
    assert_identical(&cluster);
}

#[test]
fn case_15_deposed_tail_is_truncated() {
    let mut cluster = cluster(3);
    propose(&mut cluster, Op::put("a", "kept"));
    cluster.partition(&[0]).unwrap();
    for (index, op) in [(2, Op::put("a", "stale")), (3, Op::put("b", "stale")), (4, Op::del("a"))] {
        let outcome = cluster.propose_at(0, op);
        assert_eq!(outcome, Ok(Outcome { committed: false, index, term: 1 }));
    }
    let visible = |cluster: &Cluster| {
        (0..3).all(|id| get(cluster, id, "a") == Some(b"kept") && get(cluster, id, "b").is_none())
    };
    assert!(visible(&cluster));
    propose(&mut cluster, Op::put("c", "new"));
    assert!(visible(&cluster));
    cluster.heal();
    assert!(visible(&cluster));
    assert_identical(&cluster);

    let returned = &cluster.replicas()[0];
    assert_eq!((returned.role(), returned.term(), returned.last()), (Role::Follower, 2, 3));
    assert_eq!(
        [1, 2, 3, 4].map(|index| returned.term_at(index)),
        [Some(1), Some(2), Some(2), None]
    );
    assert_eq!(returned.log_hash(), cluster.replicas()[1].log_hash());
    assert_eq!(cluster.propose_at(0, Op::NoOp), Err(ErrorCode::NotLeader));
}

#[test]
fn case_16_lagging_replica_gets_snapshot() {
    let mut cluster = cluster(3);
    propose(&mut cluster, Op::put("gone", "1"));
    propose(&mut cluster, Op::put("stays", "1"));
    cluster.partition(&[2]).unwrap();
    propose(&mut cluster, Op::del("gone"));
    propose(&mut cluster, Op::put("new", "2"));
    cluster.compact();
    assert_eq!(cluster.replicas()[2].base(), 2, "isolated replicas compact too");
    propose(&mut cluster, Op::put("later", "3"));
    assert_eq!(get(&cluster, 2, "gone"), Some(b"1".as_slice()));

    cluster.heal();
    let lagging = &cluster.replicas()[2];
    // The snapshot was taken at the leader's commit index, not at its base.
    assert_eq!((lagging.base(), lagging.commit_index(), lagging.last()), (5, 5, 5));
    assert_eq!(lagging.term_at(5), Some(1));
    assert_eq!(get(&cluster, 2, "gone"), None);
    assert_eq!(get(&cluster, 2, "later"), Some(b"3".as_slice()));
    assert_identical(&cluster);
    assert!(propose(&mut cluster, Op::put("after", "4")).committed);
    assert_identical(&cluster);
}

#[test]
fn case_17_pending_entries_commit_after_heal() {
    let mut cluster = cluster(5);
    cluster.partition(&[2, 3, 4]).unwrap();
    for index in 1..=3 {
        let outcome = propose(&mut cluster, Op::put("a", index.to_string().as_str()));
        assert_eq!(outcome, Outcome { committed: false, index, term: 1 });
    }
    assert_eq!(commit_indexes(&cluster), [0; 5]);
    cluster.heal_ids(&[4]).unwrap();
    assert_eq!((cluster.reachable_leader(), cluster.term()), (Some(0), 1));
    assert_eq!(commit_indexes(&cluster), [3, 3, 0, 0, 3]);
    cluster.heal();
    assert_eq!(commit_indexes(&cluster), [3; 5]);
    assert_eq!(get(&cluster, 3, "a"), Some(b"3".as_slice()));
    assert_identical(&cluster);
}

/// A snapshot's header, followed by the parts.
fn snapshot(commit_index: u64, term: u64, count: u64, parts: &[&[u8]]) -> Vec<u8> {
    let numbers = [commit_index, term, count].map(u64::to_le_bytes).concat();
    [b"DKVS\x01\0\0\0", &numbers[..], &parts.concat()].concat()
}

#[track_caller]
fn assert_refused(bytes: &[u8], code: ErrorCode, offset: usize) {
    assert_eq!(load_state(bytes), Err(LoadError { code, offset }));
}

#[track_caller]
fn assert_accepted(bytes: &[u8]) {
    assert_eq!(load_state(bytes).map(|snapshot| snapshot.dump_state()).as_deref(), Ok(bytes));
}

#[test]
fn case_18_load_state_errors() {
    check_headers();
    check_entries();
    check_lengths();

    let mut cluster = cluster(3);
    run_workload(&mut cluster, 18, 50, 500).unwrap();
    cluster.partition(&[0]).unwrap();
    let bytes = dump(&cluster, 1);
    let loaded = load_state(&bytes).unwrap();
    assert_eq!((loaded.commit_index(), loaded.term()), (501, 2));
    assert!(loaded.iter().eq(cluster.replicas()[1].iter()));
    assert_eq!(loaded.snapshot_hash(), cluster.replicas()[1].snapshot_hash());
    assert_accepted(&bytes);
}

fn check_headers() {
    use ErrorCode::{BadCount, BadMagic, BadTerm, BadVersion, TrailingBytes, Truncated};

    let empty = snapshot(0, 0, 0, &[]);
    assert_accepted(&empty);
    for (length, field) in (0..32).map(|length| (length, [0, 4, 8, 16, 24])) {
        let offset = field.into_iter().rfind(|offset| *offset <= length).unwrap();
        assert_refused(&empty[..length], Truncated, offset);
    }
    assert_refused(b"DKVs", BadMagic, 0);
    assert_refused(b"XXX", Truncated, 0);
    assert_refused(b"DKVS\x00\0\0\0", BadVersion, 4);
    assert_refused(b"DKVS\x02\0\0\0", BadVersion, 4);
    assert_refused(b"DKVS\x01\0\0\x01", BadVersion, 4);
    assert_refused(b"DKVS\0\0\0\x01", BadVersion, 4);
    assert_refused(&snapshot(0, 1, 0, &[])[..24], BadTerm, 16);
    assert_refused(&snapshot(1, 0, 0, &[])[..24], BadTerm, 16);
    assert_refused(&snapshot(1 << 63, 0, 9, &[]), BadTerm, 16);
    assert_accepted(&snapshot(1, 1, 0, &[]));
    assert_accepted(&snapshot(u64::MAX, u64::MAX, 0, &[]));
    assert_refused(&snapshot(0, 0, 1, &[]), BadCount, 24);
    assert_refused(&snapshot(2, 1, 3, &[b"\x01\0\0\0a\0\0\0\0"]), BadCount, 24);
    assert_refused(&snapshot(u64::MAX - 1, 1, u64::MAX, &[]), BadCount, 24);
    // A count that is too great is detected at the end of the bytes, and allocates nothing.
    assert_refused(&snapshot(u64::MAX, 1, u64::MAX, &[]), Truncated, 32);
    assert_refused(&snapshot(0, 0, 0, &[b"x"]), TrailingBytes, 32);
}

fn check_entries() {
    use ErrorCode::{KeyLength, KeyOrder, TrailingBytes, Truncated, ValueLength};

    let a: &[u8] = b"\x01\0\0\0a\x02\0\0\0vv";
    let whole = snapshot(3, 1, 1, &[a]);
    assert_accepted(&whole);
    for (length, offset) in [(32, 32), (35, 32), (36, 36), (37, 37), (40, 37), (41, 41), (42, 41)] {
        assert_refused(&whole[..length], Truncated, offset);
    }
    assert_refused(&snapshot(3, 1, 1, &[a, b"\0"]), TrailingBytes, 43);
    assert_refused(&snapshot(3, 1, 1, &[b"\0\0\0\0"]), KeyLength, 32);
    assert_refused(&snapshot(3, 1, 2, &[a, b"\0\0\0\0"]), KeyLength, 43);
    assert_refused(&snapshot(3, 1, 1, &[b"\x01\0\0\0a\xff\xff\xff\xff"]), ValueLength, 37);
    assert_refused(&snapshot(3, 1, 1, &[b"\x01\0\0\0a\0\0\0\x80"]), ValueLength, 37);

    let then = |key: &[u8]| {
        let length = u32::try_from(key.len()).unwrap().to_le_bytes();
        snapshot(3, 1, 2, &[b"\x01\0\0\0m\0\0\0\0", &length, key, b"\0\0\0\0"])
    };
    for key in [b"m".as_slice(), b"l", b"lz", b"M", b"\0"] {
        assert_refused(&then(key), KeyOrder, 45);
    }
    for key in [b"m\0".as_slice(), b"n", b"\x80", b"\xff"] {
        assert_accepted(&then(key));
    }
    // The key is checked before the value's length is read.
    assert_refused(&then(b"m")[..46], KeyOrder, 45);
}

fn check_lengths() {
    let entry = |key_length: u32, value_length: u32| {
        let (key, value) = (vec![b'k'; key_length as usize], vec![0; value_length as usize]);
        let lengths = [key_length, value_length].map(u32::to_le_bytes);
        snapshot(1, 1, 1, &[&lengths[0], &key, &lengths[1], &value])
    };
    assert_accepted(&entry(1, 0));
    assert_accepted(&entry(4_096, 1_048_576));
    assert_refused(&entry(4_097, 0), ErrorCode::KeyLength, 32);
    assert_refused(&entry(4_097, 0)[..36], ErrorCode::KeyLength, 32);
    assert_refused(&entry(4_096, 1_048_577), ErrorCode::ValueLength, 32 + 4 + 4_096);
    assert_refused(&entry(1, 1_048_577)[..41], ErrorCode::ValueLength, 37);
    assert_refused(&entry(4_096, 0)[..36], ErrorCode::Truncated, 36);
}

#[test]
fn case_19_key_order() {
    let ascending: [&[u8]; 8] = [b"\0", b"\0\0", b"a", b"a\0", b"ab", b"\x7f", b"\x80", b"\xff"];
    let mut cluster = cluster(1);
    for key in ascending.iter().rev() {
        propose(&mut cluster, Op::put(*key, ""));
    }
    assert!(cluster.replicas()[0].iter().map(|(key, _)| key.as_slice()).eq(ascending));

    let mut expected = snapshot(8, 1, 8, &[]);
    for key in ascending {
        expected.extend([u8::try_from(key.len()).unwrap(), 0, 0, 0]);
        expected.extend(key);
        expected.extend([0; 4]);
    }
    assert_eq!(dump(&cluster, 0), expected);
}

/// Everything that an error must leave unchanged.
fn state(cluster: &Cluster) -> impl PartialEq + std::fmt::Debug + use<> {
    let replica = |replica: &dkv20::Replica| {
        let indexes = [replica.base(), replica.commit_index(), replica.last()];
        (replica.role(), replica.term(), indexes, replica.log_hash(), replica.dump_state())
    };
    let replicas: Vec<_> = cluster.replicas().iter().map(replica).collect();
    (cluster.leader(), cluster.term(), cluster.isolated_ids().collect::<Vec<_>>(), replicas)
}

#[test]
fn case_20_errors_change_nothing() {
    assert_eq!(Cluster::new(0).unwrap_err(), ErrorCode::ReplicaCount);
    assert_eq!(Cluster::new(REPLICAS_MAX + 1).unwrap_err(), ErrorCode::ReplicaCount);
    assert_eq!(cluster(REPLICAS_MAX).quorum(), 33);

    for mut cluster in [led(), leaderless()] {
        let before = state(&cluster);
        for (name, refuse, error) in refusals() {
            assert_eq!(refuse(&mut cluster), Err(error), "{name}");
            assert_eq!(state(&cluster), before, "{name}");
        }
    }
    let mut cluster = leaderless();
    let before = state(&cluster);
    assert_eq!(cluster.propose(Op::NoOp), Err(ErrorCode::NoLeader));
    assert_eq!(state(&cluster), before);
}

/// Replica 2 leads in term 2; 0 is a deposed leader with an uncommitted suffix, 1 lags; every replica
/// has entries that could be compacted.
fn led() -> Cluster {
    let mut cluster = cluster(5);
    propose(&mut cluster, Op::put("a", "1"));
    cluster.partition(&[1]).unwrap();
    propose(&mut cluster, Op::put("b", "2"));
    cluster.partition(&[0]).unwrap();
    cluster.propose_at(0, Op::put("stale", "3")).unwrap();
    assert_eq!(cluster.reachable_leader(), Some(2));
    cluster
}

/// As [`led`], with the leader isolated too.
fn leaderless() -> Cluster {
    let mut cluster = led();
    cluster.partition(&[2]).unwrap();
    assert_eq!(cluster.reachable_leader(), None);
    cluster
}

type Refuse = Box<dyn Fn(&mut Cluster) -> Result<(), ErrorCode>>;

/// The errors that both clusters return. If two apply, the first of section 4 is returned.
fn refusals() -> Vec<(&'static str, Refuse, ErrorCode)> {
    use ErrorCode::{KeyLength, NotLeader, UnknownReplica, ValueLength};

    let value = || vec![0; 1_048_577];
    let propose = |op: Op| -> Refuse { Box::new(move |c| c.propose(op.clone()).map(drop)) };
    let at = |id, op: Op| -> Refuse { Box::new(move |c| c.propose_at(id, op.clone()).map(drop)) };
    vec![
        ("no key", propose(Op::put("", value())), KeyLength),
        ("long key", propose(Op::put(vec![b'k'; 4_097], "")), KeyLength),
        ("del no key", propose(Op::del("")), KeyLength),
        ("del long key", propose(Op::del(vec![b'k'; 4_097])), KeyLength),
        ("long value", propose(Op::put("k", value())), ValueLength),
        ("at unknown", at(5, Op::put("", "")), UnknownReplica),
        ("at u64::MAX", at(u64::MAX, Op::NoOp), UnknownReplica),
        ("at leader, no key", at(2, Op::del("")), KeyLength),
        ("at deposed leader, long value", at(0, Op::put("k", value())), ValueLength),
        ("at follower, no key", at(3, Op::put("", "")), KeyLength),
        ("at follower", at(3, Op::NoOp), NotLeader),
        ("at isolated follower", at(1, Op::NoOp), NotLeader),
        ("partition", Box::new(|c| c.partition(&[3, 4, 5])), UnknownReplica),
        ("heal_ids", Box::new(|c| c.heal_ids(&[0, 1, 2, 5])), UnknownReplica),
        ("compact_ids", Box::new(|c| c.compact_ids(&[0, 1, 2, 3, 4, 5])), UnknownReplica),
        ("replica", Box::new(|c| c.replica(5).map(drop)), UnknownReplica),
        ("is_partitioned", Box::new(|c| c.is_partitioned(5).map(drop)), UnknownReplica),
    ]
}
