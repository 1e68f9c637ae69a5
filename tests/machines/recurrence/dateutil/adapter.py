"""dateutil's recurrence sets behind the line protocol of the machine file beside this folder."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from datetime import datetime

from dateutil.rrule import rruleset, rrulestr

FORM = "%Y%m%dT%H%M%S"


class Refusal(Exception):
    """An answer `err CLASS TEXT`."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def time_of(word: str) -> datetime:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}", word):
        raise Refusal("usage", f"not a time: {word}")
    try:
        return datetime.strptime(word, FORM)
    except ValueError:
        raise Refusal("usage", f"no such time: {word}") from None


def listed(times: list[datetime]) -> str:
    return ",".join(time.strftime(FORM) for time in times) or "-"


class Session:
    def __init__(self) -> None:
        self.start = datetime(2000, 1, 1)
        self.set = rruleset()

    def new(self, start: str) -> None:
        self.start, self.set = time_of(start), rruleset()

    def rule(self, text: str) -> None:
        if not re.search(r"(^|;)(UNTIL|COUNT)=", text):
            raise Refusal("usage", "a rule has UNTIL or COUNT")
        try:
            rule = rrulestr(text, dtstart=self.start)
        except Exception as error:
            raise Refusal("rule", str(error)) from None
        self.set.rrule(rule)

    def rdate(self, time: str) -> None:
        self.set.rdate(time_of(time))

    def exdate(self, time: str) -> None:
        self.set.exdate(time_of(time))

    def first(self, count: str) -> str:
        if not re.fullmatch(r"[0-9]{1,3}", count):
            raise Refusal("usage", f"not a count: {count}")
        return listed(list(itertools.islice(self.set, int(count))))

    def between(self, low: str, high: str) -> str:
        return listed(self.set.between(time_of(low), time_of(high), inc=True))

    def after(self, time: str) -> str:
        return listed([found] if (found := self.set.after(time_of(time))) else [])

    def before(self, time: str) -> str:
        return listed([found] if (found := self.set.before(time_of(time))) else [])

    def hello(self) -> str:
        return "recurrence 1"


ARITY = {
    "hello": 0, "new": 1, "rule": 1, "rdate": 1, "exdate": 1,
    "first": 1, "between": 2, "after": 1, "before": 1,
}  # fmt: skip


def answer(session: Session, line: str) -> str:
    name, *words = line.split(" ")
    try:
        if name not in ARITY:
            raise Refusal("unknown", f"no command {name}")
        if len(words) != ARITY[name]:
            raise Refusal("usage", f"{name}: {len(words)} words")
        command: Callable[..., str | None] = getattr(session, name)
        result = command(*words)
        return "ok" if result is None else f"ok {result}"
    except Refusal as refusal:
        return f"err {refusal.kind} {refusal}".replace("\n", " ")
    except Exception as error:
        return f"err panic {error!r}".replace("\n", " ")


def main() -> None:
    session = Session()
    for line in sys.stdin:
        print(answer(session, line.rstrip("\n")), flush=True)


if __name__ == "__main__":
    main()
