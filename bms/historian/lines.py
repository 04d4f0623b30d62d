"""Samples as InfluxDB line protocol (schema: historian reference, section 4).

One measurement per point class, so that a field never changes its type: `bms_analog`,
`bms_counter` and `bms_state` carry the float `v`, texts go to `bms_event` as `text`. A field `q`
(1 stale, 2 bad) is there only if the value is not good; a bad value without a number has `q`
alone. Tags are `base`, `equip` and `point` (the full id), in that order; times are milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from bms.equipment import PointClass
from bms.historian.records import LogRow
from drivers.points import PointId, Quality

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPECIAL = re.compile(r"([,= ])")


class LineWriter:
    """Builds lines; remembers the first part of each point's."""

    def __init__(self, classes: Mapping[PointId, PointClass]) -> None:
        self._classes = dict(classes)
        self._heads: dict[PointId, tuple[str, str]] = {}

    def know(self, classes: Mapping[PointId, PointClass]) -> None:
        """Take the classes as they are now; a point whose class changed gets a new measurement."""
        if classes != self._classes:
            self._classes = dict(classes)
            self._heads.clear()

    def lines(self, row: LogRow) -> Iterable[bytes]:
        """The lines of one log row, in recorded order."""
        for point, ms, value, quality in zip(
            row.points, row.times_ms, row.values, row.qualities, strict=True
        ):
            numeric, event = self._heads.get(point) or self._head(point)
            if isinstance(value, str):
                fields = f'text="{quoted(value)}"'
                head = event
            else:
                fields = "" if value is None or not isfinite(value) else f"v={float(value)!r}"
                head = numeric
                if not fields:
                    quality = Quality.BAD
            if quality:
                fields = f"{fields},q={quality:d}.0" if fields else f"q={quality:d}.0"
            yield f"{head} {fields} {ms}".encode()

    def _head(self, point: PointId) -> tuple[str, str]:
        base, _, rest = point.partition(".")
        equip = rest.rpartition(".")[0]
        tags = "".join(
            f",{key}={text}"
            for key, value in (("base", base), ("equip", equip), ("point", point))
            if (text := escaped(value))
        )
        klass = self._classes.get(point, PointClass.ANALOG).value
        head = self._heads[point] = (f"bms_{klass}{tags}", f"bms_event{tags}")
        return head


def escaped(tag: str) -> str:
    """A tag value: no control characters, no backslash at the end, separators escaped."""
    return _SPECIAL.sub(r"\\\1", _CONTROL.sub("", tag).rstrip("\\"))


def quoted(text: str) -> str:
    """The inside of a quoted string field, on one line."""
    return _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
