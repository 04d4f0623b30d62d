"""Facts of all controllers as samples that the next cycle sees. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from bms.core.decisions import Fact
from bms.texts.messages import Message, msg
from drivers.points import PointId, Quality, Sample

_UNPUBLISHED = msg("nobody works it out at present")


class Facts:
    """The latest of every fact; one that is no longer published is BAD, never its last value."""

    def __init__(self) -> None:
        self._facts: dict[PointId, Sample] = {}
        self.view: Mapping[PointId, Sample] = MappingProxyType({})
        """The same object for as long as nothing is different."""

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
            self._facts[point] = Sample(point, None, Quality.BAD, now, _UNPUBLISHED)
        self.view = MappingProxyType(self._facts.copy())


def all_bad(facts: tuple[Fact, ...], why: Message) -> tuple[Fact, ...]:
    """The same facts, of which nothing is known now."""
    return tuple(Fact(fact.point, None, Quality.BAD, why) for fact in facts)
