"""The tables of `ledger.db`, and what rows of some of them mean.

`slot` has the quarter hours of the day that is still open, `day` those of the days before as one
small blob each; a slot goes before the blob's. `log` has every row ever published, in order, and
is only appended to. `month` sums slots by the local month of the base, so that years are added up
without looking at quarter hours. `beneath` keeps what a quarter hour would be without the
correction that stands on it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

from bms.core.readings import LABELS, Label
from bms.energy.quarters import Anchor, Open
from bms.energy.register import Doubt, Past
from bms.storage.sqlite import Layout
from bms.texts.messages import msg

FILE_NAME: Final = "ledger.db"
_WITHOUT_PAST: Final = {
    "tip": "SELECT *, NULL AS past FROM main.tip",
    "anchor": "SELECT *, NULL AS past FROM main.anchor",
}
LAYOUT: Final = Layout(
    msg("energy ledger"),
    0x424D534C,  # "BMSL"
    3,
    """
CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), uid TEXT NOT NULL,
    late INTEGER NOT NULL, entry INTEGER NOT NULL);
INSERT INTO about VALUES (1, lower(hex(randomblob(16))), 0, 0);
CREATE TABLE meter (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL DEFAULT '');
CREATE TABLE scale (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);
CREATE TABLE tip (meter INTEGER PRIMARY KEY, ms INTEGER NOT NULL, shown INTEGER NOT NULL,
    counts INTEGER NOT NULL, label INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    resolution TEXT NOT NULL, trouble_ms INTEGER NOT NULL, past TEXT);
CREATE TABLE anchor (ms INTEGER NOT NULL, meter INTEGER NOT NULL, shown INTEGER NOT NULL,
    counts INTEGER NOT NULL, label INTEGER NOT NULL, covered_ms INTEGER NOT NULL, past TEXT,
    PRIMARY KEY (meter, ms)) WITHOUT ROWID;
CREATE TABLE slot (ms INTEGER NOT NULL, meter INTEGER NOT NULL, counts INTEGER NOT NULL,
    scale INTEGER NOT NULL, label INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    rev INTEGER NOT NULL, PRIMARY KEY (ms, meter)) WITHOUT ROWID;
CREATE TABLE day (meter INTEGER NOT NULL, ms INTEGER NOT NULL, blob BLOB NOT NULL,
    PRIMARY KEY (meter, ms)) WITHOUT ROWID;
CREATE TABLE beneath (meter INTEGER NOT NULL, ms INTEGER NOT NULL, counts INTEGER NOT NULL,
    scale INTEGER NOT NULL, label INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    PRIMARY KEY (meter, ms)) WITHOUT ROWID;
CREATE TABLE month (month INTEGER NOT NULL, meter INTEGER NOT NULL, label INTEGER NOT NULL,
    scale INTEGER NOT NULL, counts INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    PRIMARY KEY (month, meter, label, scale)) WITHOUT ROWID;
CREATE TABLE stretch (meter INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
    event TEXT NOT NULL, label INTEGER NOT NULL, amount TEXT, reason TEXT NOT NULL,
    made_of TEXT, PRIMARY KEY (meter, start_ms, end_ms)) WITHOUT ROWID;
CREATE TABLE log (last INTEGER PRIMARY KEY, first INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, meter TEXT NOT NULL, kind TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, data TEXT NOT NULL, who TEXT NOT NULL,
    why TEXT NOT NULL, recorded_ms INTEGER NOT NULL, made_of TEXT);
CREATE INDEX entry_meter ON entry (meter, kind, start_ms)
""",
    {
        1: "ALTER TABLE stretch ADD COLUMN made_of TEXT;ALTER TABLE entry ADD COLUMN made_of TEXT",
        # What registers did before was not kept: it is learnt from here on.
        2: "ALTER TABLE tip ADD COLUMN past TEXT;ALTER TABLE anchor ADD COLUMN past TEXT",
    },
    {
        1: {
            "stretch": "SELECT *, NULL AS made_of FROM main.stretch",
            "entry": "SELECT *, NULL AS made_of FROM main.entry",
            **_WITHOUT_PAST,
        },
        2: _WITHOUT_PAST,
    },
)


def anchor_of(row: Sequence[Any]) -> Anchor:
    """The anchor of a row: ms, shown, counts, label, covered ms, past."""
    ms, shown, counts, label, covered_ms, past = row
    known = None if past is None else _past(past)
    return Anchor(ms, shown, Open(counts, LABELS[label], covered_ms), known)


@lru_cache(2048)  # a tip is looked at several times in a step
def _past(text: str) -> Past:
    *numbers, doubt = json.loads(text)
    return Past._make((*numbers, Doubt(doubt)))


class Tip(NamedTuple):
    """Up to where a meter's readings are in the ledger; `resolution` of its counts."""

    anchor: Anchor
    resolution: Fraction
    trouble_ms: int
    """When its register last did anything but stand or rise."""


class MonthSum(NamedTuple):
    """What a meter's slots sum to in one month of its base's calendar."""

    meter: str
    year: int
    month: int
    label: Label
    counts: int
    """Whole multiples of `scale` in the meter's unit."""
    scale: Fraction
    covered_ms: int

    @property
    def amount(self) -> Fraction:
        return self.counts * self.scale
