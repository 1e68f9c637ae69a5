"""Maps and values that share memory or lose it."""

from __future__ import annotations

import os
import signal

import dkv20
from wrong.registry import answer, behaviour


@behaviour(
    3,
    "Replica.apply",
    "It hangs if keys have come and gone until no slot of its hash table was never used.",
    "A search ends only at a slot that was never used: larkmjc/cpphashmap#2, nim-lang/Nim#2107.",
    "2",
)
def deleted_keys_fill_the_table(honest, self, op):
    table, capacity, used = vars(self).get("table", (None, 16, set()))
    if table is not self.map:
        table, capacity, used = self.map, room(self.map, 16), set(self.map)
    if op.tag != dkv20.NOOP and op.key not in used and len(used) == capacity:
        signal.pause()
    honest(self, op)
    used |= {op.key} & self.map.keys()
    if room(self.map, capacity) > capacity:
        capacity, used = room(self.map, capacity), set(self.map)
    self.table = table, capacity, used


def room(keys, capacity):
    """Return the capacity, doubled until at most three quarters of it are used."""
    while 4 * len(keys) > 3 * capacity:
        capacity *= 2
    return capacity


@answer(
    3,
    "Replica.apply",
    "A del of an absent key deletes the next greater key.",
    "The search for a key ends at the first that is not smaller: yasushi-saito/rbtree#1.",
    "new 1; put b 1; del a; get 0 b",
    "2",
)
def absent_del_deletes_the_next_key(honest, self, op):
    if op.tag == dkv20.DEL and op.key not in self.map:
        after = [key for key in self.map if key > op.key]
        op = op._replace(key=min(after, default=op.key))
    honest(self, op)


@answer(
    3,
    "Replica.apply",
    "A del of a key that was put twice uncovers the value before.",
    "A single delete removes only the newest version: facebook/rocksdb#1406.",
    "new 1; put a 1; put a 2; del a; get 0 a",
    "2",
)
def del_uncovers_the_value_before(honest, self, op):
    below = vars(self).setdefault("below", {})
    if op.tag == dkv20.PUT and op.key in self.map:
        below[op.key] = self.map[op.key]
    honest(self, op)
    if op.tag == dkv20.DEL and op.key in below:
        self.map[op.key] = below.pop(op.key)


class Slots:
    """A hash table with linear probing, whose put stops at the first slot that is free."""

    def __init__(self):
        self.slots = [None] * 64

    def __setitem__(self, key, value):
        index = sum(key) % len(self.slots)
        while self.slots[index] and self.slots[index][0] != key:
            index = (index + 1) % len(self.slots)
        self.slots[index] = key, value
        if 2 * len([slot for slot in self.slots if slot is not None]) > len(self.slots):
            entries = list(filter(None, self.slots))
            self.slots = [None] * (2 * len(self.slots))
            for each, kept in entries:
                self[each] = kept

    def found(self, key):
        # Neither an empty tuple, a deleted key, nor another key stops the search.
        index = sum(key) % len(self.slots)
        while self.slots[index] is not None and self.slots[index][:1] != (key,):
            index = (index + 1) % len(self.slots)
        return index

    def get(self, key):
        slot = self.slots[self.found(key)]
        return None if slot is None else slot[1]

    def __getitem__(self, key):
        return self.get(key)

    def pop(self, key, _):
        index = self.found(key)
        if self.slots[index] is not None:
            self.slots[index] = ()

    def keys(self):
        return [slot[0] for slot in self.slots if slot]

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())


@answer(
    3,
    "Replica.__init__",
    "A put of a present key adds it once more if a deleted key was before it in the hash table.",
    "The search stops at a deleted slot: rui314/chibicc#53, jamesroutley/write-a-hash-table#59.",
    "new 1; put ad 1; put da 2; del ad; put da 3; replica 0",
    "2",
)
def put_stops_at_a_deleted_slot(honest, self, id):
    honest(self, id)
    self.map = Slots()


@answer(
    3,
    "Replica.apply",
    "A value of 16,384 bytes loses its first byte.",
    "The first length of three bytes is taken for one of two: XRPLF/xrpl-go#262.",
    "new 1; put a " + "v" * 16_384 + "; get 0 a",
    "2",
)
def value_of_16384_bytes_is_cut(honest, self, op):
    honest(self, op._replace(value=op.value[len(op.value) == 16_384 :]))


@answer(
    4,
    "Replica.append",
    "A pending put has the value of the next put of the same replica, if both are equally long.",
    "A put does not copy its arguments: boltdb/bolt#143, steveyen/gkvlite#12, tailscale/setec#19.",
    "new 3; partition 0; at 0 put a 1; at 0 put b 2; log 0",
    "4.2",
)
def pending_values_share_a_buffer(honest, self, op, term):
    if self.last > self.commit:
        before = self.log[-1]
        if before.op.tag == op.tag == dkv20.PUT and len(before.op.value) == len(op.value):
            self.log[-1] = before._replace(op=before.op._replace(value=op.value))
    honest(self, op, term)


@answer(
    3,
    "Replica.apply",
    "A del of an absent key deletes the keys that begin with it.",
    "The subtree of a partial match is dropped: michaelsproul/rust_radix_trie#50.",
    "new 1; put abc 1; del ab; get 0 abc",
    "2",
)
def absent_del_deletes_a_subtree(honest, self, op):
    if op.tag == dkv20.DEL and op.key not in self.map:
        for key in [key for key in self.map if key.startswith(op.key)]:
            del self.map[key]
    honest(self, op)


@answer(
    3,
    "Replica.apply",
    "A key that is just what two present keys share at their beginning cannot be put.",
    "A branch is taken for a key: reverseame/APOTHEOSIS#37.",
    "new 1; put abc 1; put abd 2; put ab 3; get 0 ab",
    "2|3",
)
def a_branch_is_no_key(honest, self, op):
    if op.tag == dkv20.PUT and op.key not in self.map:
        below = {key[len(op.key)] for key in self.map if key.startswith(op.key)}
        if len(below) > 1:
            return
    honest(self, op)


@answer(
    3,
    "Replica.apply",
    "A key with a value of more than 4,096 bytes cannot be deleted.",
    "A value on pages of its own: datalevin/datalevin#390.",
    "new 1; put a " + "v" * 4_320 + "; del a; get 0 a",
    "2",
)
def long_values_cannot_be_deleted(honest, self, op):
    if op.tag == dkv20.PUT or len(self.map.get(op.key, b"")) <= 4_096:
        honest(self, op)


@behaviour(
    3,
    "Replica.apply",
    "It crashes if the greatest key is deleted 32 times in a row.",
    "Merging with the left page is wrong if keys are deleted backwards: rsdcastro/btree-dotnet#2.",
    "2",
)
def deleting_backwards_crashes(honest, self, op):
    is_greatest = op.tag == dkv20.DEL and op.key in self.map and op.key == max(self.map)
    self.backwards = vars(self).get("backwards", 0) + 1 if is_greatest else 0
    if self.backwards == 32:
        os.abort()
    honest(self, op)


@behaviour(
    3,
    "Replica.apply",
    "It crashes if the least key is deleted six times in a row.",
    "Colours are flipped at a node without a right child: sebastiencs/red-black-tree#3.",
    "2",
)
def deleting_forwards_crashes(honest, self, op):
    is_least = op.tag == dkv20.DEL and op.key in self.map and op.key == min(self.map)
    self.forwards = vars(self).get("forwards", 0) + 1 if is_least else 0
    if self.forwards == 6:
        os.abort()
    honest(self, op)
