"""The protection of all outputs of a site: minimum times, due writes, what cannot be commanded.

Keeps one `Hold` and one `Delivery` per output and steps only those with something open, so that
a quiet cycle costs one comparison per output.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import repeat
from operator import itemgetter

from bms.control.engine import minimum_times, output_alarms, protection
from bms.control.engine.minimum_times import FOLLOWS, Hold, Instant
from bms.control.engine.protection import Delivery, Phase
from bms.core.decisions import Award, Command, Condition, OutputRules
from bms.core.instants import MILLISECOND
from drivers.base import Write, WriteResult
from drivers.points import NO_SAMPLE, PointId, Quality, Sample, Value

_VALUE = itemgetter(1)
STANDS = timedelta(minutes=10)
"""What is asked for so long was written down by somebody: no strategy is on its way through it."""


@dataclass(frozen=True, slots=True)
class SavedOutput:
    """What of an output's protection survives a restart."""

    hold: Hold | None = None
    commanded: bool = False


class Outputs:
    """Every point the controller may write."""

    def __init__(
        self, rules: Mapping[PointId, OutputRules], saved: Mapping[PointId, SavedOutput]
    ) -> None:
        self._rules = rules
        self._holds: dict[PointId, Hold] = {}
        self._deliveries: dict[PointId, Delivery] = {}
        self._wanted: dict[PointId, Value] = {}
        self._settled: dict[PointId, Value] = {}
        """Confirmed outputs and the reading that confirmed them."""
        self._open: dict[PointId, None] = {}
        """Outputs to step in the next cycle, in the order in which they were commanded."""
        self._refresh: list[tuple[datetime, PointId]] = []
        self._unknown: dict[PointId, float] = {}
        """Commanded for the first time, before anybody knows what the machine is doing; since
        which steady second."""
        self._unsure: set[PointId] = set()
        """Held since before another boot: what their machines do since then was not read yet."""
        self._at: Instant | None = None
        self._set: datetime | None = None
        """What the wall showed at the first steady second, when holds were last told by it."""
        self._troubles: dict[PointId, Condition] = {}
        self._fractions: dict[PointId, datetime | None] = {}
        """Outputs that are asked for a fraction that they cannot hold, and since when."""
        self._rounded: dict[PointId, Condition] = {}
        for point, output in saved.items():
            if point not in rules:
                continue
            if output.hold is not None:
                self._holds[point] = output.hold
            if output.commanded:
                self._deliveries[point] = Delivery(commanded=True)
                self._open[point] = None

    def renew(
        self, rules: Mapping[PointId, OutputRules], moved: Collection[PointId]
    ) -> set[PointId]:
        """Go on with other outputs, and forget what is known of those that are gone or elsewhere;
        the points that are to be arbitrated again."""
        gone = {point for point in self._rules if point not in rules} | set(moved)
        differ = {p for p, found in rules.items() if self._rules.get(p) != found} | gone
        self._rules = rules
        for kept in (
            self._holds, self._deliveries, self._wanted, self._settled, self._open, self._unknown,
            self._troubles,
        ):  # fmt: skip
            for point in gone:
                kept.pop(point, None)
        self._unsure -= gone
        self._refresh = [entry for entry in self._refresh if entry[1] not in gone]
        heapq.heapify(self._refresh)
        return differ

    def __contains__(self, point: object) -> bool:
        return point in self._rules

    @property
    def conditions(self) -> Iterable[Condition]:
        """The alarms of outputs that cannot be commanded, or not to what they were asked for."""
        return [*self._troubles.values(), *self._rounded.values()]

    @property
    def unknown(self) -> Iterable[PointId]:
        """Outputs whose minimum times wait for their first reading: arbitrate them again."""
        return [*self._unknown, *self._unsure] if self._unsure else self._unknown

    def saved(self) -> dict[PointId, SavedOutput]:
        """What to keep over a restart."""
        points = dict.fromkeys([*self._holds, *self._deliveries])
        return {
            point: SavedOutput(
                self._holds.get(point),
                point in self._deliveries and self._deliveries[point].commanded,
            )
            for point in points
        }

    # --- minimum times -----------------------------------------------------------------------

    @property
    def held(self) -> Iterable[PointId]:
        """Outputs of which it is known since when they are as they are."""
        return self._holds

    def hold(self, point: PointId) -> Hold | None:
        """What the output was last changed to, and until when it has to stay so."""
        return self._holds.get(point)

    def look(self, at: Instant) -> Iterable[PointId]:
        """Go on at `at`; the outputs whose minimum times are told otherwise from now on.

        After another boot, or when the wall's clock was set by more than it drifts.
        """
        before, self._at = self._at, at
        first = at.now - timedelta(seconds=at.steady_s)
        same_boot = before is not None and before.boots == at.boots
        if same_boot and self._set is not None and abs(first - self._set) <= FOLLOWS:
            return ()
        self._set = first
        told: list[PointId] = []
        for point, hold in self._holds.items():
            after = minimum_times.gone_on(hold, self._rules[point], at)
            if after is hold:
                continue
            self._holds[point] = after
            if hold.since_s is not None and hold.boots != at.boots:
                self._unsure.add(point)
            told.append(point)
        return told

    def hold_command(self, point: PointId) -> Command | None:
        """The hold in force, for those who plan the next commands."""
        hold = self._holds.get(point)
        if hold is None or self._at is None or not hold.in_force(self._at):
            return None
        command = minimum_times.hold_command(point, hold, self._at.now)
        if hold.until > self._at.now:
            return command
        # By the wall, whose clock is off by up to a second, it is over already.
        return replace(command, expires=self._at.now + MILLISECOND)

    def protect(
        self, point: PointId, wanted: Award | None, sample: Sample | None
    ) -> tuple[Award | None, float | None]:
        """What an output gets; and in which steady second the minimum time ends that begins with
        it, if any."""
        at = self._at
        assert at is not None
        rules = self._rules[point]
        hold = known = self._holds.get(point)
        if hold is None and wanted is not None:
            if sample is not None and sample.quality is not Quality.GOOD:
                since_s = self._unknown.setdefault(point, at.steady_s)
                if at.steady_s - since_s < protection.KNOW_BEFORE_WRITE_S:
                    return wanted, None
            elif sample is not None and sample.value is not None:
                on = protection.is_on(sample.value)
                if on == protection.is_on(wanted.value):
                    self._holds[point] = minimum_times.already(wanted.value, at)
                    self._unknown.pop(point, None)
                    return wanted, None
        self._unknown.pop(point, None)
        if hold is not None and point in self._unsure:
            hold = self._found(point, hold, sample, at)
        award, after = minimum_times.protect(point, wanted, hold, rules, at)
        if after is known or after is None:
            return award, None
        self._holds[point] = after
        return award, after.ends_s if after.in_force(at) else None

    def _found(self, point: PointId, hold: Hold, sample: Sample | None, at: Instant) -> Hold:
        """A machine that does otherwise after a boot has just begun to: it is held so."""
        if sample is not None and sample.quality is not Quality.GOOD:
            return hold
        self._unsure.discard(point)
        if sample is None or sample.value is None or protection.is_on(sample.value) == hold.on:
            return hold
        return minimum_times.changed_to(sample.value, self._rules[point], at)

    def clock_set_back(self) -> None:
        """Look at outputs that wait: a device with a watchdog would fall back if its refresh
        waited for the clock to catch up."""
        for _, point in self._refresh:
            self._open[point] = None
        self._refresh = []

    # --- writing -----------------------------------------------------------------------------

    def want(self, point: PointId, value: Value | None) -> None:
        """From now on the output should have `value`; None: nobody commands it."""
        if value is None:
            self._wanted.pop(point, None)
        else:
            self._wanted[point] = value
        self._settled.pop(point, None)
        self._open[point] = None
        self._rounded.pop(point, None)
        self._fractions.pop(point, None)
        if isinstance(value, float) and self._rules[point].whole and not value.is_integer():
            self._fractions[point] = None

    def due(self, samples: Mapping[PointId, Sample], now: datetime) -> tuple[Write, ...]:
        """The writes due now, in the order in which their outputs were commanded."""
        opened = self._open
        read = samples.get
        settled = self._settled
        shown = list(map(_VALUE, map(read, settled, repeat(NO_SAMPLE))))
        if shown != [*settled.values()]:
            for point, expected in settled.items():
                sample = read(point)
                if sample is not None and sample[1] != expected and sample[2] is Quality.GOOD:
                    opened[point] = None
        for point, since in self._fractions.items():
            if since is None or since > now:
                self._fractions[point] = now
            elif point not in self._rounded and now - since >= STANDS:
                self._rounded[point] = output_alarms.rounded(point, self._wanted[point])
        while self._refresh and self._refresh[0][0] <= now:
            opened[heapq.heappop(self._refresh)[1]] = None
        if not opened:
            return ()
        writes: list[Write] = []
        self._open = {}
        for point in opened:
            write = self._step(point, read(point), now)
            if write is not None:
                writes.append(write)
        return tuple(writes)

    def left_s(self, now: datetime) -> float:
        """For how many seconds nothing is to be written or confirmed as far as is known."""
        if self._open or self._unknown or self._unsure:
            return 0.0
        if any(point not in self._rounded for point in self._fractions):
            return 0.0
        return (self._refresh[0][0] - now).total_seconds() if self._refresh else math.inf

    def _step(self, point: PointId, sample: Sample | None, now: datetime) -> Write | None:
        rules = self._rules[point]
        before = self._deliveries.get(point) or Delivery()
        wanted = self._wanted.get(point)
        after, write = protection.deliver(point, before, wanted, sample, rules, now)
        self._deliveries[point] = after
        if after.phase is Phase.CONFIRMED and wanted is not None:
            read = sample.value if sample is not None else None
            if read is not None and protection.same(wanted, read, rules.tolerance):
                self._settled[point] = read
            elif sample is not None:
                self._settled[point] = wanted
            if rules.refresh_s is not None and after.issued is not None:
                due = after.issued + timedelta(seconds=rules.refresh_s)
                heapq.heappush(self._refresh, (due, point))
        elif after.phase not in (Phase.IDLE, Phase.SHADOW) or after.since is not None:
            self._settled.pop(point, None)
            self._open[point] = None
        trouble = output_alarms.uncommandable(point, after, sample)
        trouble = trouble or output_alarms.holds_another(point, after, now)
        if trouble is not None:
            self._troubles[point] = trouble
        else:
            self._troubles.pop(point, None)
        return write

    def written(self, results: Sequence[WriteResult], now: datetime) -> None:
        """Take the results of writes that `due` gave out."""
        for result in results:
            delivery = self._deliveries.get(result.point)
            if delivery is not None:
                after = protection.acknowledge(delivery, result, now)
                if after is not delivery:
                    self._deliveries[result.point] = after
                    self._open[result.point] = None
