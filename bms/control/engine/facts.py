"""Facts of all controllers as samples that the next cycle sees. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from bms.core.decisions import Fact
from bms.texts.messages import Message, msg
from drivers.points import PointId, Quality, Sample

UNPUBLISHED = msg("nobody works it out at present")
CONFIRMED_EVERY = timedelta(minutes=10)
"""A fact that stays the same is told again so often: trends and readers see that it is alive."""


class Facts:
    """The latest of every fact; one that is no longer published is BAD, never its last value."""

    def __init__(self) -> None:
        self._facts: dict[PointId, Sample] = {}
        self.view: Mapping[PointId, Sample] = MappingProxyType({})
        """The same object for as long as nothing is different."""
        self._confirmed: datetime | None = None

    def put(self, before: tuple[Fact, ...], after: tuple[Fact, ...], now: datetime) -> None:
        """One controller's facts in place of its last ones."""
        gone = dict.fromkeys(fact.point for fact in before)
        for fact in after:
            gone.pop(fact.point, None)
            known = self._facts.get(fact.point)
            told = (fact.value, fact.quality, fact.detail)
            if known is None or (known.value, known.quality, known.detail) != told:
                sample = Sample(fact.point, fact.value, fact.quality, now, fact.detail)
                self._facts[fact.point] = sample
        for point in gone:
            self._facts[point] = Sample(point, None, Quality.BAD, now, UNPUBLISHED)
        self.view = MappingProxyType(self._facts.copy())

    def keep(self, points: Container[PointId]) -> None:
        """Only these are points: what was worked out for groups that are gone is forgotten."""
        kept = {point: sample for point, sample in self._facts.items() if point in points}
        if len(kept) < len(self._facts):
            self._facts = kept
            self.view = MappingProxyType(kept.copy())

    def confirm(self, now: datetime) -> None:
        """What is known holds at `now` too; at most every ten minutes."""
        if not self._facts:
            return
        if self._confirmed is None or now < self._confirmed:
            self._confirmed = now
        elif now - self._confirmed < CONFIRMED_EVERY:
            return
        self._confirmed = now
        for point, sample in self._facts.items():
            if sample.quality is Quality.GOOD:
                self._facts[point] = sample._replace(time=now)
        self.view = MappingProxyType(self._facts.copy())


def all_bad(facts: tuple[Fact, ...], why: Message) -> tuple[Fact, ...]:
    """The same facts, of which nothing is known now."""
    return tuple(Fact(fact.point, None, Quality.BAD, why) for fact in facts)
