"""workload and chaos: limits, ends and what is kept between runs."""

from __future__ import annotations

import dkv20
from wrong.registry import answer

# Ends and seeds.


@answer(
    5,
    "Chaos.__init__",
    "chaos keeps the low 32 bits of its seed.",
    "Another type for the same number than in draw: an int, or a seed of srand.",
    "new 3; chaos 4294967297 20",
    "10",
)
def chaos_seed_has_32_bits(honest, self, session, seed):
    honest(self, session, seed & 0xFFFFFFFF)


@answer(
    5,
    "Session.do_chaos",
    "chaos without steps makes one step.",
    "A loop that is tested at its end.",
    "new 3; chaos 1 0",
    "10",
)
def chaos_makes_at_least_one_step(honest, self, seed, steps):
    return honest(self, seed, steps or 1)


@answer(
    5,
    "Session.do_workload",
    "workload without ops proposes one.",
    "A loop that is tested at its end.",
    "new 1; workload 1 9 0",
    "7",
)
def workload_proposes_at_least_one_op(honest, self, seed, keys, count):
    return honest(self, seed, keys, count or 1)


@answer(
    5,
    "Session.do_workload",
    "workload's counts have 16 bits.",
    "A small type for a counter.",
    "new 1; workload 1 9 65536",
    "8",
)
def workload_counts_have_16_bits(honest, self, seed, keys, count):
    fields = (field.split("=") for field in honest(self, seed, keys, count).split())
    return " ".join(f"{name}={int(number) & 0xFFFF}" for name, number in fields)


@answer(
    5,
    "Session.do_workload",
    "A second workload with the same seed goes on where the first one ended.",
    "Generators are kept by seed, as named streams of random numbers.",
    "new 1; workload 1 9 2; workload 1 9 2; log 0",
    "7",
)
def workload_goes_on_with_its_seed(honest, self, seed, keys, count):
    drawn = vars(self).setdefault("drawn", {})
    state = drawn.get(seed, seed)
    if 1 <= keys <= dkv20.MAX_KEYS and count <= dkv20.MAX_COUNT:
        drawn[seed] = state + 3 * count * 0x9E3779B97F4A7C15 & dkv20.MASK64
    return honest(self, state, keys, count)


# Lines.


@answer(
    5,
    "chaos_lines",
    "After the last step the replicas are observed in the order of their ids as text.",
    "Keys of an object or an ordered map of strings.",
    "new 11; chaos 1 1",
    "10",
)
def last_look_in_the_order_of_text(_, session, seed, steps):
    chaos = dkv20.Chaos(session, seed)
    for _ in range(steps):
        yield chaos.line()
    for id in sorted(range(session.cluster.n), key=str):
        yield from (f"replica {id}", f"log {id}", f"hash {id}")


@answer(
    5,
    "Chaos.mask",
    "An empty mask makes a line that ends with a space.",
    "The word and the ids are joined, also if there are none.",
    "new 1; chaos 1 300",
    "10",
)
def empty_mask_leaves_a_space(honest, self):
    return honest(self) or " "


class HealsNone(dkv20.Session):
    """Within chaos a heal without ids is taken for one of an empty list."""

    def do_chaos(self, seed, steps):
        self.masked = True
        try:
            return super().do_chaos(seed, steps)
        finally:
            self.masked = False

    def do_heal(self, *ids):
        if not ids and vars(self).get("masked"):
            self.cluster.heal([])
            return self.show_leader()
        return super().do_heal(*ids)


@answer(
    5,
    "Session",
    "Within chaos the bare word heal heals none.",
    "chaos calls the library with the ids of a mask, where an empty list means none.",
    "new 1; chaos 1 300",
    "10",
)
def heal_within_chaos_heals_none(*_):
    return HealsNone()


@answer(
    5,
    "Chaos.__init__",
    "chaos draws ids for as many replicas as the first cluster had on which it ran.",
    "The size is read once, when the generator of lines is made.",
    "new 3; chaos 1 10; new 5; chaos 1 50",
    "10",
)
def chaos_keeps_the_first_size(honest, self, session, seed):
    honest(self, session, seed)
    first = vars(session).setdefault("first_size", session.cluster.n)
    self.id = lambda: min(self.draws.next() % first, session.cluster.n - 1)


class Limited:
    """A hash of the first MiB."""

    def __init__(self):
        self.text = bytearray()

    def update(self, data):
        self.text += data

    def hexdigest(self):
        return dkv20.sha256(bytes(self.text[: 2**20]))


@answer(
    5,
    "run_chaos",
    "Of the text of a chaos run, only the first MiB is digested.",
    "The text is collected in a buffer of a fixed size.",
    "new 7; chaos 1 20000",
    "10",
)
def digest_of_the_first_mib(_, session, seed, steps):
    digest = Limited()
    for line in dkv20.chaos_lines(session, seed, steps):
        digest.update(b"> %b\n< %b\n" % (line.encode(), session.answer(line.encode())))
    return digest.hexdigest()
