"""Maps: pages that split and merge, comparisons, what remains. The reports named are public."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort

import dkv20
from wrong.registry import answer

#: The most keys of a page. A page with less than a quarter of them is merged with a neighbour.
PAGE = 16


class Pages:
    """A right map whose keys are in sorted pages, like the leaves of a B+ tree."""

    def __init__(self, items):
        self.pages: list[list[bytes]] = [[]]
        self.lows = [b""]  # the lower bound of each page
        self.values: dict[bytes, bytes] = {}
        for key, value in items:
            self[key] = value

    def page_of(self, key):
        return bisect_right(self.lows, key) - 1

    def has(self, key):
        page = self.pages[self.page_of(key)]
        position = bisect_left(page, key)
        return position < len(page) and page[position] == key

    def get(self, key):
        return self.values[key] if self.has(key) else None

    def __setitem__(self, key, value):
        number = self.page_of(key)
        if not self.has(key):
            insort(self.pages[number], key)
        self.values[key] = value
        if len(self.pages[number]) > PAGE:
            self.split(number)

    def pop(self, key, _=None):
        number = self.page_of(key)
        if self.has(key):
            self.pages[number].remove(key)
            del self.values[key]
            if len(self.pages[number]) < PAGE // 4 and len(self.pages) > 1:
                self.underflow(number, key)

    def split(self, number):
        page = self.pages[number]
        right = page[PAGE // 2 :]
        del page[PAGE // 2 :]
        self.pages.insert(number + 1, right)
        self.lows.insert(number + 1, self.separator(page[-1], right[0]))

    def separator(self, _, right):
        """Return a bound between the last key of a page and the first of the next."""
        return right

    def underflow(self, number, _):
        """Merge the page with the one on its left, or on its right if it is the first."""
        left = max(number - 1, 0)
        if len(self.pages[left]) + len(self.pages[left + 1]) <= PAGE:
            self.merge(left)
        else:
            self.borrow(left, number)

    def merge(self, left):
        self.pages[left] += self.pages[left + 1]
        del self.pages[left + 1], self.lows[left + 1]

    def borrow(self, left, number):
        """Move the key next to the border into the smaller page."""
        if number == left:
            self.pages[left].append(self.pages[left + 1].pop(0))
        else:
            self.pages[number].insert(0, self.pages[left].pop())
        self.lows[left + 1] = self.pages[left + 1][0]

    def __iter__(self):
        for page in self.pages:
            yield from page

    def keys(self):
        return list(self)

    def __getitem__(self, key):
        return self.values[key]

    def __len__(self):
        return len(self.values)


class Paged(dkv20.Replica):
    """A replica with a map of another kind."""

    kind: type[Pages] = Pages

    @property
    def map(self):
        return self.pages

    @map.setter
    def map(self, values):
        self.pages = self.kind(values.items())


def paged(kind, id):
    """Return a replica with a map of this kind."""
    return type("", (Paged,), {"kind": kind})(id)


def puts(*keys):
    return "; ".join(f"put {key} 1" for key in keys)


def dels(*keys):
    return "; ".join(f"del {key}" for key in keys)


NUMBERED = [f"k{number:02}" for number in range(40)]
FORTY = f"new 1; {puts(*NUMBERED)}"


# Pages.


class EndsAtEmptyPage(Pages):
    """Pages are not merged, and the first empty one ends an iteration."""

    def underflow(self, *_):
        """Leave the page as it is."""

    def __iter__(self):
        for page in self.pages:
            if not page:
                return
            yield from page


@answer(
    3,
    "Replica",
    "A page whose keys are all deleted ends the dump.",
    "Cursors that stop at an empty page, as in boltdb/bolt#452.",
    f"{FORTY}; {dels(*NUMBERED[8:16])}; hash 0",
    "5",
)
def empty_page_ends_the_dump(_, id):
    return paged(EndsAtEmptyPage, id)


class BorrowsTheFirst(Pages):
    """From the page on the left, too, it takes the first key."""

    def borrow(self, left, number):
        if number == left:
            super().borrow(left, number)
        else:
            self.pages[number].append(self.pages[left].pop(0))


@answer(
    3,
    "Replica",
    "A page with too few keys takes the first key of the page on its left, not the last.",
    "One function for both neighbours, as in niklabh/velocidb#4.",
    f"{FORTY}; {puts('k071', 'k072', 'k073', 'k074', 'k075', 'k076', 'k077')};"
    f" {dels(*NUMBERED[8:13])}; get 0 k00",
    "3",
)
def left_page_lends_its_first_key(_, id):
    return paged(BorrowsTheFirst, id)


class KeepsTheSeparator(Pages):
    """After a merge the bound of the page on the left is removed, if it is not the first."""

    def merge(self, left):
        if left == 0:
            super().merge(left)
        else:
            self.pages[left] += self.pages[left + 1]
            del self.pages[left + 1], self.lows[left]


@answer(
    3,
    "Replica",
    "After two pages are merged, some of their keys are listed and are not found.",
    "The wrong separator is removed when pages are rebalanced, as in ravendb/ravendb#22959.",
    f"{FORTY}; {dels(*NUMBERED[16:21])}; get 0 k08; get 0 k09; get 0 k21",
    "3",
)
def merged_keys_are_not_found(_, id):
    return paged(KeepsTheSeparator, id)


class DropsTheNext(Pages):
    """After a merge with the left page, the page after the two is removed if there is one."""

    def merge(self, left):
        super().merge(left)
        if left > 0 and left + 1 < len(self.pages):
            for key in self.pages[left + 1]:
                del self.values[key]
            del self.pages[left + 1], self.lows[left + 1]


@answer(
    3,
    "Replica",
    "A merge of pages also drops the page beside them.",
    "Pages that are not adjacent are dropped, as in cberner/redb#80.",
    f"{FORTY}; {dels(*NUMBERED[16:21])}; replica 0",
    "3",
)
def merge_drops_a_third_page(_, id):
    return paged(DropsTheNext, id)


class Resurrects(Pages):
    """A merge with the page on the left uses a copy from before the deletion."""

    def underflow(self, number, key):
        if number > 0 and len(self.pages[number - 1]) + len(self.pages[number]) < PAGE:
            insort(self.pages[number], key)
            self.values[key] = b""
        super().underflow(number, key)


@answer(
    3,
    "Replica",
    "A deleted key is back, with an empty value, if its page was merged with the one on its left.",
    "A page that reappears after a merge to the left, as in boltdb/bolt#185.",
    f"{FORTY}; {dels(*NUMBERED[16:21])}; get 0 k20",
    "3",
)
def deleted_key_is_back_after_a_merge(_, id):
    return paged(Resurrects, id)


class ShortSeparators(Pages):
    """Bounds are shortened, and a byte 0xff wraps around when it is incremented."""

    def separator(self, left, right):
        i = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), len(left))
        if i + 1 >= len(left):
            return right
        if left[i] + 1 < right[i]:
            return left[:i] + bytes([left[i] + 1])
        return left[: i + 1] + bytes([left[i + 1] + 1 & 0xFF])


LOW = [f"0x61ff{number:02x}" for number in range(8)]
HIGH = [f"0x62{number:02x}" for number in range(9)]


@answer(
    3,
    "Replica",
    "Keys with a byte 0xff are lost if a page ends with one.",
    "Separators shortened by incrementing a byte, as in LevelDB; syndtr/goleveldb#243.",
    f"new 1; {puts(*LOW, *HIGH)}; get 0 0x61ff07",
    "3",
)
def separator_wraps_at_ff(_, id):
    return paged(ShortSeparators, id)


class Prefixed(Pages):
    """A page stores what its keys share once, and does not look at it again."""

    def __setitem__(self, key, value):
        number = self.page_of(key)
        page = self.pages[number]
        if len(self.pages) > 1 and len(page) > 1:
            shared = next((i for i, (a, b) in enumerate(zip(page[0], page[-1])) if a != b), 0)
            key = page[0][:shared] + key[shared:]
        super().__setitem__(key, value)


@answer(
    3,
    "Replica",
    "A key put into a page with prefix compression gets the prefix of the page's keys.",
    "The shared prefix is computed when a page is split, and not when a key is inserted.",
    f"{FORTY}; put a 1; get 0 a",
    "3",
)
def key_takes_the_prefix_of_its_page(_, id):
    return paged(Prefixed, id)


# Comparisons.


@answer(
    3,
    "Replica.apply",
    "A key that begins with a present key is taken to be that key.",
    "strncmp with the shorter length as the comparison of std::map.",
    "new 1; put a 1; put ab 2; replica 0",
    "1",
)
def longer_key_is_its_prefix(honest, self, op):
    lengths = (length for length in range(1, len(op.key)) if op.key[:length] in self.map)
    honest(self, op._replace(key=op.key[: next(lengths, len(op.key))]))


@answer(
    3,
    "Replica.apply",
    "Keys of up to 8 bytes that differ only in 0x00 at their end are the same.",
    "The first 8 bytes of a key, padded with zeros, are compared as a number first.",
    "new 1; put 0x61 1; put 0x6100 2; replica 0",
    "1",
)
def short_keys_are_padded_with_zeros(honest, self, op):
    known = vars(self).setdefault("padded", {})
    key = op.key
    if len(key) <= 8:
        key = known.setdefault(key.ljust(8, b"\0"), key)
        if key not in self.map:
            key = known[key.ljust(8, b"\0")] = op.key
    honest(self, op._replace(key=key))


def hash_code(key):
    """Return the hash of Java's String.hashCode."""
    code = 0
    for byte in key:
        code = code * 31 + byte & 0xFFFFFFFF
    return code


@answer(
    3,
    "Replica.apply",
    "Keys of the same length with the same hash of 32 bits are the same.",
    "A map by Java's hash code that does not compare the keys, as in objectionary/eo#5634.",
    "new 1; put Aa 1; put BB 2; replica 0",
    "1",
)
def keys_are_compared_by_hash(honest, self, op):
    known = vars(self).setdefault("hashed", {})
    code = len(op.key), hash_code(op.key)
    key = known.setdefault(code, op.key)
    if key not in self.map:
        key = known[code] = op.key
    honest(self, op._replace(key=key))


@answer(
    2,
    "sorted_keys",
    "The dump sorts digits within keys by their value.",
    "Natural order, as file managers have it; Collator with numeric order in ICU.",
    "new 1; put k10 1; put k9 1; hash 0",
    "1",
)
def natural_order_in_the_dump(_, state):
    def parts(key):
        return [(part.isdigit() and int(part), part) for part in re.split(rb"(\d{1,99})", key)]

    return sorted(state.map, key=parts)


@answer(
    2,
    "sorted_keys",
    "The dump sorts without regard to case, and upper case first among equals.",
    "Collations of SQL databases, and strcasecmp.",
    "new 1; put a 1; put B 1; hash 0",
    "1",
)
def dump_is_sorted_without_case(_, state):
    return sorted(state.map, key=lambda key: (key.lower(), key))


class SwapsSession(dkv20.Session):
    """Deleting a key moves the last one to its place until the next new key."""

    def dump(self, id):
        replica = self.cluster.replica(id)
        state = replica.state()
        order = [key for key in vars(replica).get("order", ()) if key in state.map]
        rest = sorted(key for key in state.map if key not in set(order))
        parts = [dkv20.dump_state(state._replace(map={}))[:24], dkv20.u64(len(state.map))]
        for key in order + rest:
            parts += [dkv20.prefixed(key), dkv20.prefixed(state.map[key])]
        return b"".join(parts)

    def do_hash(self, id):
        return dkv20.sha256(self.dump(id))

    def do_dump(self, id):
        return self.show_bytes(self.dump(id))

    def do_new(self, n):
        super().do_new(n)
        for replica in self.cluster.replicas:
            replica.__class__ = Swaps


class Swaps(dkv20.Replica):
    """It keeps the order of a vector from which keys are removed by swapping."""

    def apply(self, op):
        is_present = op.key in self.map
        if op.tag == dkv20.DEL and is_present:
            order = sorted(self.map)
            order[order.index(op.key)] = order[-1]
            self.order = order[:-1]
        elif op.tag == dkv20.PUT and not is_present:
            self.order = []
        super().apply(op)


@answer(
    3,
    "Session",
    "A Del moves the last key to the place of the deleted one, until a new key is put.",
    "swap_remove of Rust's Vec and indexmap, on keys that are sorted when one is added.",
    "new 1; put a 1; put b 1; put c 1; del a; hash 0",
    "5",
)
def del_moves_the_last_key(*_):
    return SwapsSession()


# Remains.


@answer(
    4,
    "Cluster.install_snapshot",
    "Before a snapshot the map is cleared by a cursor, which misses every second key.",
    "Deleting at a cursor and moving on skips a key, as in etcd-io/bbolt#146.",
    "new 3; put a 1; put b 1; partition 2; del a; del b; compact; heal; get 2 b",
    "4.4",
)
def clearing_misses_every_second_key(honest, self, replica, leader):
    old = replica.map
    honest(self, replica, leader)
    for key in sorted(old)[1::2]:
        replica.map.setdefault(key, old[key])


class Levels(dkv20.Replica):
    """A compaction merges the recent writes into a level and loses those of absent keys."""

    def __init__(self, id):
        super().__init__(id)
        self.level = {}

    def compact(self):
        super().compact()
        self.map = {**self.level, **self.map}
        self.level = dict(self.map)


@answer(
    4,
    "Replica",
    "A key that was there at one compaction and is deleted at the next one is back.",
    "Tombstones are dropped before they have hidden what is below: google/leveldb#184,"
    " dgraph-io/badger#2278.",
    "new 1; put a 1; compact; del a; compact; get 0 a",
    "4.5",
)
def deleted_key_is_back_after_compactions(_, id):
    return Levels(id)
