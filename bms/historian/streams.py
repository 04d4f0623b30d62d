"""What history and ledger offer to sinks: append-only streams, numbered from 1 without gaps.

A sink keeps one cursor per stream. A row never changes once it has a number: what turns out
otherwise is a new row with a higher `rev`, so that copying is at-least-once and idempotent.
Times are milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from bms.core.readings import Label
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Energy of one meter in one quarter hour (measurement `energy_15m`).

    The sum over all revisions of a quarter hour is what is known of it: revision 0 is the first
    value, every later one the signed difference to the sum before. An interval that is missing
    has no row; one that was published and turned out missing gets a row that takes it back. Of a
    quarter hour that is known in part (a meter's first, one with an unexplained step) the part
    that is known has a row under the label missing. A row may hold 0: only the label changed.
    """

    seq: int
    meter: PointId
    """The energy counter, or the id of a virtual meter."""
    start_ms: int
    amount: Fraction
    """In the meter's own unit: kWh for electricity and heat, m3 for water and gas."""
    label: Label
    rev: int
    local_date: date
    """The date in the base's zone at `start_ms`."""


@dataclass(frozen=True, slots=True)
class RollupRow:
    """One quarter hour of one point (measurement `analog_15m`).

    `integral`, `covered_s`, `n`, `on_s` and `switches` add up over revisions (a later revision
    holds signed differences), over time and to days; the time-weighted mean of any period is
    sum(integral) / sum(covered_s). `minimum` and `maximum` are those of what is newly known.
    """

    seq: int
    point: PointId
    start_ms: int
    rev: int
    n: int
    integral: float
    """Value times seconds over the covered part."""
    covered_s: float
    """Seconds for which the value was known and good."""
    minimum: float | None
    maximum: float | None
    last: float | None
    on_s: float
    """States: seconds that were on."""
    switches: int
    """States: how often it went on or off."""
    local_date: date
