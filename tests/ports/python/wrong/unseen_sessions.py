"""Sessions that prove the ports of an unseen set: some answer differs from the honest port's."""

from __future__ import annotations

from dkv20 import prefixed, u32, u64


def snapshot(commit: int, term: int, keys: list[bytes], after: bytes = b"") -> str:
    """Return the command that loads a snapshot of these keys, in this order."""
    head = b"DKVS" + u32(1) + u64(commit) + u64(term) + u64(len(keys))
    pairs = b"".join(prefixed(key) + prefixed(b"") for key in keys)
    return f"load 0x{(head + pairs + after).hex()}"


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(count)]


SESSIONS: dict[str, list[str]] = {
    "isolated-leader-takes-values-of-any-length": [
        "new 1",
        "partition 0",
        f"at 0 put a {'v' * 1_048_577}",
    ],
    "keys-are-sorted-by-16-bytes": [
        "new 1",
        "put key-with-16-bytes-b 1",
        "put key-with-16-bytes-a 2",
        "hash 0",
    ],
    "values-length-in-the-log-has-16-bits": ["new 1", f"put a {'v' * 65_536}", "log 0"],
    "shorter-value-keeps-the-rest": ["new 1", "put a long-value", "put a short", "get 0 a"],
    "puts-before-dels": [
        "new 3",
        "partition 1 2",
        "del a",
        "put a 1",
        "heal",
        "get 0 a",
        "put b 1",
        "partition 1 2",
        "put c 1",
        "del c",
        "put c 2",
        "heal",
        "get 0 c",
    ],
    "overwrite-that-grows-the-table-is-lost": [
        "new 1",
        *(f"put key-{number} 1" for number in range(14)),
        "put key-3 2",
        "get 0 key-3",
    ],
    "rebuilding-the-table-loses-the-newest-key": [
        "new 1",
        *(f"put key-{number} 1" for number in range(50)),
        *(f"del key-{number}" for number in range(32)),
        "get 0 key-49",
        "replica 0",
    ],
    "branch-129-is-lost": [
        "new 1",
        *(f"put 0x{number:02x} 1" for number in range(129)),
        "get 0 0x80",
    ],
    "snapshot-leaves-the-cached-last-term": [
        "new 5",
        "put a 1",
        "partition 0",
        "put b 1",
        "compact",
        "heal 0",
        "partition 1",
    ],
    "ring-grows-without-unwrapping": [
        "new 1",
        *(f"put key-{number} 1" for number in range(10)),
        "compact 0",
        *(f"put key-{number} 2" for number in range(17)),
        "log 0",
    ],
    "match-index-survives-an-election": [
        "new 5",
        "partition 2 3 4",
        "put a 1",
        "partition 0 1",
        "heal 2 3 4",
        "partition 2",
        "heal 0",
        "partition 2 3",
        "heal 2",
        "partition 2 4",
        "heal 1 3",
        "partition 3 1",
        "heal 2 4",
        "log 1",
        "status",
    ],
    "up-to-4096-entries-are-applied": [
        "new 3",
        "partition 1 2",
        "workload 1 1000 9000",
        "heal",
        "hash 0",
        "hash 1",
    ],
    "heal-of-a-reachable-replica-heals-the-last": ["new 5", "partition 2 3", "heal 1", "status"],
    "greater-commit-index-breaks-ties": [
        "new 5",
        "partition 2 3 4",
        "put a 1",
        "partition 1",
        "heal 2 3",
        "partition 0",
        "heal 1",
    ],
    "log-hash-outlives-a-compaction": ["new 1", "put a 1", "log 0", "compact", "log 0"],
    "count-and-commit-index-are-subtracted": [snapshot(3_000_000_000, 1, [])],
    "bytes-after-an-empty-snapshot-are-accepted": [snapshot(5, 1, [], b"\0")],
    "order-is-forgotten-after-256-keys": [snapshot(1_000, 1, [*numbered(256), b"\0\1"])],
    "product-loses-a-carry": ["draw 1 20"],
    "workloads-seed-is-a-double": ["new 1", "workload 9007199254740993 1000 5", "log 0"],
    "plus-in-a-pair-of-hex-digits": ["load 0x+f"],
    "command-words-have-a-hex-form": ["0x6d6978 1"],
    "latin-1-is-windows-1252": ["new 1", "put a \x80", "get 0 a"],
    "one-line-for-each-read": ["mix 1", "mix 2", "mix 3"],
    "scenario-is-remembered-without-its-name": ["scenario B", "scenario A"],
    "ids-of-chaos-are-absolute": ["new 3", "chaos 1 1000"],
}
