"""Rows of the history as lines of InfluxDB's line protocol.

| measurement | a line is | fields |
|---|---|---|
| `bms_analog`, `bms_counter`, `bms_state` | a sample | `v`; `q` (1 stale, 2 bad) if not good |
| `bms_event` | a text; tagged `event`: an award, a change of an alarm | `text` and more |
| `energy_15m` | energy of a meter in a quarter hour | `kwh` or `m3`, `date`, `label` |
| `analog_15m` | a roll-up of a point | those of `RollupRow`, `mean`, `date` |

A measurement fixes the type of its fields, so that they can never conflict; all numbers are
floats. Times are milliseconds, those of roll-ups the start of their interval. A correction is a
separate point, tagged `rev`, with the signed difference: sums are right on every database,
and no point ever changes. `date` is the base's local date as a number, 20260329: a number can be
compared in every query language and is kept by VictoriaMetrics; as a tag it would make a new
series of every meter every day (500 meters: 182,500 a year).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite

from bms.core.equipment import Medium, PointClass
from bms.forward.streams.tags import Tagging
from bms.forward.streams.text import escaped, quoted
from bms.historian.formats.blob import BOOL, FLOAT, INT, value_of
from bms.historian.records import AlarmRow, AwardRow, to_ms
from bms.historian.streams import EnergyRow, RollupRow
from drivers.points import PointId, Quality, Value

PLAIN = bytes(kind << 4 for kind in (FLOAT, INT, BOOL))
"""Statuses of good numbers: nearly all there are. Whatever their kind, they are sent as floats."""
VOLUMES = [medium for medium in Medium if medium.unit == "m3"]


class LineWriter:
    """Builds lines of samples; remembers the first part of each point's."""

    def __init__(self, tagging: Tagging, classes: Mapping[PointId, PointClass]) -> None:
        self._tagging = tagging
        self._classes = dict(classes)
        self._heads: dict[PointId, str] = {}

    def know(self, classes: Mapping[PointId, PointClass]) -> None:
        """Take the classes as they are now; a point whose class changed gets a new measurement."""
        if classes != self._classes:
            self._classes = dict(classes)
            self._heads.clear()

    def lines(
        self,
        points: Sequence[PointId],
        times_ms: Sequence[int],
        values: Sequence[float],
        status: bytes,
        text: Callable[[int], str],
    ) -> list[str]:
        """The lines of samples as the history keeps them (see `historian.blob`), in their order.

        `text` gives a text by its number. Raises KeyError for one that is missing.
        """
        if not points:
            return []
        first_ms, last_ms = min(times_ms), max(times_ms)
        if first_ms < self._tagging.settled_ms:
            heads = [self._head(p, ms) for p, ms in zip(points, times_ms, strict=True)]
        else:
            known = self._heads
            for point in set(points) - known.keys():
                known[point] = self._head(point, first_ms)
            heads = list(map(known.__getitem__, points))
        # Two formats make one list of texts: numbers and times as texts would be two more lists.
        if first_ms == last_ms:
            lines = [f"{head}{v!r} {first_ms}" for head, v in zip(heads, values, strict=True)]
        else:
            lines = [
                f"{head}{v!r} {ms}" for head, v, ms in zip(heads, values, times_ms, strict=True)
            ]
        if status.translate(None, PLAIN) or not isfinite(sum(values)):
            for i, kind in enumerate(status):
                if kind not in PLAIN or not isfinite(values[i]):
                    value = value_of(kind, values[i], text)
                    lines[i] = self._line(points[i], times_ms[i], value, kind & 15)
        return lines

    def _line(self, point: PointId, ms: int, value: Value | None, quality: int) -> str:
        if isinstance(value, str):
            head = f"bms_event{self._tagging.of(point, ms)} "
            fields = f'text="{quoted(value)}"'
        else:
            head = self._head(point, ms).removesuffix("v=")
            fields = "" if value is None or not isfinite(value) else f"v={float(value)!r}"
            if not fields:
                quality = Quality.BAD
        if quality:
            fields = f"{fields},q={quality:d}.0" if fields else f"q={quality:d}.0"
        return f"{head}{fields} {ms}"

    def _head(self, point: PointId, ms: int) -> str:
        klass = self._classes.get(point, PointClass.ANALOG).value
        return f"bms_{klass}{self._tagging.of(point, ms)} v="


def energy_line(row: EnergyRow, tagging: Tagging) -> str:
    """Energy of one meter in one quarter hour."""
    tags = tagging.of(row.meter, row.start_ms)
    unit = "m3" if any(f",medium={medium.value}," in tags for medium in VOLUMES) else "kwh"
    return (
        f"energy_15m{tags}{_revision(row.rev)} {unit}={float(row.amount)!r},"
        f'date={_date(row.local_date)},label="{quoted(row.label.value)}" {row.start_ms}'
    )


def rollup_line(row: RollupRow, tagging: Tagging) -> str:
    """A roll-up of one point. Only a first revision can state a mean; see `RollupRow`."""
    mean = None
    if row.rev == 0 and row.covered_s > 0:
        mean = row.integral / row.covered_s
    fields = ",".join(
        f"{name}={float(value)!r}"
        for name, value in (
            ("covered_s", row.covered_s),
            ("integral", row.integral),
            ("last", row.last),
            ("max", row.maximum),
            ("mean", mean),
            ("min", row.minimum),
            ("n", row.n),
            ("on_s", row.on_s),
            ("switches", row.switches),
        )
        if value is not None and isfinite(value)
    )
    tags = tagging.of(row.point, row.start_ms)
    return (
        f"analog_15m{tags}{_revision(row.rev)} {fields},date={_date(row.local_date)} {row.start_ms}"
    )


def award_line(row: AwardRow, tagging: Tagging) -> str:
    """Who commands a point from now on, and why."""
    ms = to_ms(row.time)
    head = f"bms_event,event=award{tagging.of(row.point, ms)}"
    if row.award is None:
        return f'{head} text="released" {ms}'
    winner = row.award.winner
    number = ""
    if not isinstance(winner.value, str) and isfinite(winner.value):
        number = f",v={float(winner.value)!r}"
    return (
        f'{head} priority={float(winner.priority)!r},reason="{quoted(winner.reason)}",'
        f'source="{quoted(winner.source)}",text="{quoted(str(winner.value))}"{number} {ms}'
    )


def alarm_line(row: AlarmRow, site: str) -> str:
    """Something that happened to an alarm; `site` tells controllers' own alarms apart."""
    tags = f",event=alarm,key={escaped(row.key) or '-'},change={escaped(row.kind) or '-'}"
    return (
        f"bms_event{tags},site={escaped(site) or '-'} severity={float(int(row.severity))!r},"
        f'text="{quoted(row.text)}" {to_ms(row.time)}'
    )


def audit_line(number: int, digest: str, time: datetime, site: str) -> str:
    """The hash of an entry of the audit."""
    return (
        f'bms_audit,site={escaped(site) or "-"} number={float(number)!r},hash="{quoted(digest)}" '
        f"{to_ms(time)}"
    )


def _revision(rev: int) -> str:
    return f",rev={rev}" if rev else ""


def _date(day: date) -> str:
    return f"{day.year * 10000 + day.month * 100 + day.day}.0"
