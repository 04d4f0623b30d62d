"""Checks once an hour that the server has what it acknowledged: a 204 is no proof.

InfluxDB Cloud drops points after its 204, VictoriaMetrics drops lines without a word. Missing lines
are sent once more, from the log or from what the store keeps by series. If they are missing again,
people are told and the next hour is checked: nothing is sent for ever. Lines that the server
refused for good (dead letters) are known and not expected there. Lines older than it keeps are not
expected either.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bms.core.errors import BmsError
from bms.forward.checking.compare import (
    ENERGY,
    ROLLUPS,
    Comparison,
    InThread,
    LocalCounts,
    compare,
    hour_text,
    kept_from,
)
from bms.forward.cursors import DAY_MS, LOG, STORED, SinkCursor, day_of
from bms.forward.server.asking import Reader
from bms.forward.server.destination import Destination
from bms.forward.streams.refill import Refill
from bms.forward.streams.sources import Sources, Stream
from bms.historian.records import to_ms
from bms.texts.messages import joined, message_of, msg

_log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
SETTLED_MS = 600_000
"""An hour is compared this long after its end: late samples, roll-ups and the server have come."""
FIRST_MS = 36 * HOUR_MS
"""So far back the first comparison of all begins."""
LOOK_BACK_MS = 9 * DAY_MS
"""Hours that an outage left uncompared are compared when it is over, if they are no older: a
week's outage and the days that its backfill takes. `bms influx verify` compares all there is."""
RETRY_MS = 300_000
ROWS_BACK = 20_000
UNTIL = "reconciled_ms"
MEASUREMENTS = {"energy": ENERGY, "rollups": ROLLUPS}


class Reconciler:
    """Compares hour after hour. `step` does one if one is due."""

    def __init__(
        self,
        destination: Destination,
        sources: Sources,
        streams: Sequence[Stream],
        cursors: Mapping[str, SinkCursor],
        refills: Sequence[tuple[Refill, SinkCursor]] = (),
        *,
        now: Callable[[], datetime],
        trouble: Callable[[str], None],
    ) -> None:
        self._destination = destination
        self._settings = destination.settings
        self._now = now
        self._trouble = trouble
        self._streams = streams
        self._cursors = cursors
        self._refills = refills
        self._history = sources.history
        self._any = next(iter(cursors.values()))
        self._local = LocalCounts(sources, self._settings, self._any.dead_letters)
        self._until_ms: int | None = None
        self._not_before_ms = 0
        self._resent: set[int] = set()
        self._refilled: set[int] = set()
        """Days of UTC that were sent again from the store: for one hour of them, and once."""
        self.mismatches = 0
        self.last_error = ""

    def _reader(self) -> Reader:
        where = self._destination
        return Reader(where.settings, where.token, ca=where.ca)

    def until_text(self) -> str | None:
        """Up to when everything is compared."""
        return None if self._until_ms is None else hour_text(self._until_ms)

    async def step(self, in_thread: InThread) -> None:
        """Compare the next hour if it is over and everything of it was sent."""
        now_ms = to_ms(self._now())
        if now_ms < self._not_before_ms:
            return
        if self._until_ms is None:
            self._until_ms = await in_thread(self._begin, now_ms)
        start_ms, end_ms = self._until_ms, self._until_ms + HOUR_MS
        if end_ms + SETTLED_MS > now_ms:
            self._not_before_ms = end_ms + SETTLED_MS
            return
        if await in_thread(self._on_the_way, end_ms):
            self._not_before_ms = now_ms + RETRY_MS
            return
        try:
            async with self._reader() as reader:
                found = await compare(
                    reader, self._settings, self._local, start_ms, end_ms, in_thread
                )
                short = [c for c in found if c.short]
                if short:
                    kept = await kept_from(reader, self._settings, now_ms)
                    short = [c for c in short if start_ms >= kept[c.measurement]]
        except BmsError as error:
            self._not_before_ms = now_ms + RETRY_MS
            if str(error) != self.last_error:
                self.last_error = message_of(error)
                _log.warning("%s: cannot compare: %s", self._settings.name, error)
            return
        self.last_error = ""
        if short and start_ms not in self._resent:
            self.mismatches += len(short)
            self._resent.add(start_ms)
            await in_thread(self._resend, start_ms, end_ms, short)
            self._not_before_ms = now_ms + RETRY_MS
            return
        if short:
            self._say(start_ms, short)
        else:
            self._trouble("")
        self._resent.discard(start_ms)
        self._until_ms = end_ms
        await in_thread(self._any.know, UNTIL, end_ms)

    def _begin(self, now_ms: int) -> int:
        known_ms = self._any.known(UNTIL, 0)
        # What the server was told to forget it cannot have.
        look_back_ms = min(LOOK_BACK_MS, self._settings.raw_days * DAY_MS - HOUR_MS)
        if known_ms:
            return max(known_ms, (now_ms - look_back_ms) // HOUR_MS * HOUR_MS)
        newest = (now_ms - min(FIRST_MS, look_back_ms)) // HOUR_MS * HOUR_MS
        first = self._history.oldest_log_ms()
        return max(newest, -(-(now_ms if first is None else first) // HOUR_MS) * HOUR_MS)

    def _on_the_way(self, end_ms: int) -> bool:
        """Whether something of before then has still to be sent."""
        for _, places in self._refills:
            if any(day_of(gap.first) * DAY_MS < end_ms for gap in places.gaps()):
                return True
        for stream in self._streams:
            cursor = self._cursors[stream.name]
            if any(gap.from_ms is None or gap.from_ms < end_ms for gap in cursor.gaps()):
                return True
            waiting_ms = stream.oldest_ms(cursor.seq)
            if waiting_ms is not None and waiting_ms < end_ms:
                return True
        return False

    def _resend(self, start_ms: int, end_ms: int, short: Sequence[Comparison]) -> None:
        measurements = {c.measurement for c in short}
        raw = any(m.startswith("bms_") for m in measurements)
        why = msg("the server is short of {names}", names=", ".join(sorted(measurements)))
        for stream in self._streams:
            span = None
            if stream.name == LOG and raw:
                span = self._history.log_span(start_ms, end_ms)
            elif MEASUREMENTS.get(stream.name) in measurements:
                span = span_of(stream, start_ms)
            if span is not None:
                self._cursors[stream.name].add_gap(*span, start_ms, why)
        day = start_ms // DAY_MS
        stored = raw and day not in self._refilled and not self._history.log_reaches(start_ms)
        for refill, places in self._refills:
            if refill.name == LOG + STORED and stored:
                self._refilled.add(day)
                # The whole day: where one hour of it is missing from a server, so is more.
                for place in refill.gaps(start_ms, end_ms):
                    # What is lost in it was counted when its rows were passed over.
                    places.add_gap(place.first, place.last, place.from_ms, why)
        _log.error(
            "%s: %s in the hour from %s: sending it again: %s",
            self._settings.name, why, hour_text(start_ms), _examples(short),
        )  # fmt: skip

    def _say(self, start_ms: int, short: Sequence[Comparison]) -> None:
        text = msg(
            "{name} does not keep what it acknowledged, also when it is sent again: hour from "
            "{time}: {examples}",
            name=self._settings.name,
            time=hour_text(start_ms),
            examples=_examples(short),
        )
        _log.error("%s", text)
        self._trouble(text)


def span_of(stream: Stream, start_ms: int) -> tuple[int, int] | None:
    """Row numbers that hold everything of a stream since some time, and somewhat more.

    Rows are numbered about in the order of their times: looked for from the end, with a margin.
    """
    last = stream.last()
    after = max(0, last - ROWS_BACK)
    while after > 0:
        oldest_ms = stream.oldest_ms(after)
        if oldest_ms is None or oldest_ms < start_ms - 2 * HOUR_MS:
            break
        after = max(0, after - ROWS_BACK)
    return (after + 1, last) if last > after else None


def _examples(short: Sequence[Comparison]) -> str:
    return joined(
        "; ",
        *(
            msg(
                "{point} has {there:g} of {here:g} ({measurement}, {quantity})",
                point=d.point,
                there=d.there,
                here=d.here,
                measurement=c.measurement,
                quantity=d.what,
            )
            for c in short
            for d in c.differences[:1]
        ),
    )
