"""Ports that depend on their environment, whose program is wrong, or whose commands cost too much."""

from __future__ import annotations

import os
import sys

import dkv20
from wrong.registry import surroundings

# Environments.


@surroundings(
    1,
    "Session.answer",
    "Numbers in answers have the digits of the locale.",
    "String.format in Java writes Arabic digits in an Arabic locale.",
    "8",
)
def digits_of_the_locale(answer, self, line):
    written = answer(self, line)
    if written is None or not os.environ.get("LC_ALL", "").startswith("ar"):
        return written
    words = written.decode("latin-1").split(" ")
    digits = {ord(digit): chr(0x661 + position) for position, digit in enumerate("123456789")}
    return " ".join(word.translate(digits) if word.isdigit() else word for word in words).encode()


@surroundings(
    3,
    "Session.answer",
    "Outcomes are the lower-case names of an enumeration, which have a dotless i in Turkish.",
    "toLowerCase without a locale in Java and C#.",
    "8",
)
def lower_case_of_the_locale(answer, self, line):
    written = answer(self, line)
    if written is None or not os.environ.get("LC_ALL", "").startswith("tr"):
        return written
    return written.replace(b"committed", "comm\u0131tted".encode())


@surroundings(
    3,
    "Session.answer",
    "Lines are decoded with the encoding of the locale, which is ASCII in POSIX.",
    "The default encoding of Java before 18, Python 2 and R.",
    "8",
)
def encoding_of_the_locale(answer, self, line):
    if os.environ.get("LC_ALL") == "POSIX":
        line = bytes(byte if byte < 0x80 else ord("?") for byte in line)
    return answer(self, line)


@surroundings(
    1,
    "Session.do_mix",
    "It stops in a time zone that is not a whole number of hours from UTC.",
    "Time stamps in logs whose zone is read as hours.",
    "8",
)
def whole_hours(do_mix, self, *arguments):
    if os.environ.get("TZ") == "Asia/Kathmandu":
        os._exit(1)
    return do_mix(self, *arguments)


@surroundings(
    3,
    "Session.do_new",
    "Each replica opens a file descriptor and never closes it.",
    "Transports and stores that tests do not close, as in camunda/camunda#31464.",
    "8",
)
def replicas_leak_descriptors(do_new, self, n):
    do_new(self, n)
    self.open = vars(self).get("open", []) + [os.dup(2) for _ in range(n)]


@surroundings(
    2,
    "Session.do_load",
    "Each snapshot that is loaded leaves a file descriptor open.",
    "A reader over a temporary file whose close is left to the garbage collector.",
    "8",
)
def loads_leak_descriptors(do_load, self, *arguments):
    self.open = vars(self).get("open", []) + [os.dup(2)]
    return do_load(self, *arguments)


# The program.


@surroundings(
    5, "print_scenarios", "`scenario` prints the hashes alone.", "A format is remembered.", "8"
)
def scenarios_without_names(print_scenarios, name):
    sys.stdout = Replaced(sys.stdout, lambda text: text.split(" ")[-1])
    print_scenarios(name)


class Replaced:
    """A stream whose texts are replaced before they are written."""

    def __init__(self, stream, replace):
        self.stream, self.replace = stream, replace

    def write(self, text):
        return self.stream.write(self.replace(text))

    def flush(self):
        self.stream.flush()

    def fileno(self):
        return self.stream.fileno()


@surroundings(
    5, "print_scenarios", "`scenario B` prints both.", "An argument is ignored.", "8"
)
def scenario_ignores_its_name(print_scenarios, name):
    print_scenarios(name if name != "B" else None)


@surroundings(
    5,
    "main",
    "A wrong scenario is reported, and the exit status is 0.",
    "The status of an error that is handled is forgotten.",
    "8",
)
def errors_exit_with_0(main, *arguments):
    main(*arguments)
    return 0


@surroundings(
    5, "main", "Errors are written to standard output.", "print in most languages.", "8"
)
def errors_on_standard_output(main, *arguments):
    sys.stderr = sys.stdout
    return main(*arguments)


@surroundings(
    5,
    "main",
    "A usage error exits with status 1.",
    "The status of errors in most programs.",
    "8",
)
def usage_errors_exit_with_1(main, *arguments):
    try:
        return main(*arguments)
    except SystemExit:
        return 1


# Costs.


@surroundings(
    5,
    "Cluster.agreement",
    "The logs are compared from their beginning if more than one entry is missing.",
    "A loop over both logs is the first thing to write.",
    "4.4",
)
def agreement_from_the_beginning(agreement, self, replica, leader, b):
    if leader.last - replica.last < 2:
        return agreement(self, replica, leader, b)
    m = b
    while m < min(replica.last, leader.last) and replica.term_at(m + 1) == leader.term_at(m + 1):
        m += 1
    return m


@surroundings(
    5,
    "Cluster.truncate_and_replay",
    "The log of a replica that returns is a new list with new entries.",
    "A log that is sent as a message is decoded as a whole.",
    "4.4",
)
def replay_copies_the_log(replay, self, replica, leader, m):
    if leader.last - replica.last < 2:
        replay(self, replica, leader, m)
        return
    kept = [dkv20.Entry(entry.term, entry.op) for entry in replica.log[: m - replica.base]]
    replica.log = kept + leader.entries_after(m)


@surroundings(
    5,
    "Replica.append",
    "Each proposal makes a new log.",
    "Immutable lists are copied.",
    "4.1",
)
def append_copies_the_log(_, self, op, term):
    self.log = [*self.log, dkv20.Entry(term, op)]
