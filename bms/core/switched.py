"""What people and the weather have switched, as it is kept over restarts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from schedules.model.context import Context, Extension, OverlayLevel, SeasonSpell


class SpellKey(NamedTuple):
    """Whose season it is: a season set at a base."""

    set_id: str
    base: str


Cause: TypeAlias = Literal["start", "weather", "dates", "hand"]
"""What began a season: the first start, the weather, the dates in its place, or a person."""

EXTENSIONS_KEPT = timedelta(days=8)
"""How long an extension that is over is still known, to previews of days past."""


@dataclass(frozen=True, slots=True)
class Spell:
    """From `start` (aware UTC) on, until the next spell of its set and base, this season."""

    set_id: str
    base: str
    start: datetime
    season: str
    cause: Cause
    by: str
    """User name; `bms` unless the cause is a person."""
    reason: str

    @property
    def key(self) -> SpellKey:
        return SpellKey(self.set_id, self.base)


@dataclass(frozen=True, slots=True)
class Switched:
    """Everything that stands switched, past and planned, nothing withdrawn."""

    spells: tuple[Spell, ...] = ()
    levels: tuple[OverlayLevel, ...] = ()
    """The last of each overlay, also when its time is over and nobody has cleared it."""
    extensions: tuple[Extension, ...] = ()

    def context(self) -> Context:
        """What the resolvers are asked with."""
        seasons: dict[SpellKey, list[SeasonSpell]] = {}
        for spell in sorted(self.spells, key=lambda s: s.start):
            found = SeasonSpell(spell.start, spell.season, spell.reason)
            seasons.setdefault(spell.key, []).append(found)
        return Context(
            MappingProxyType({key: tuple(spells) for key, spells in seasons.items()}),
            self.levels,
            tuple(sorted(self.extensions, key=lambda e: e.id)),
        )


NOTHING_SWITCHED = Switched()


def of_key(spells: Iterable[Spell], key: SpellKey) -> tuple[Spell, ...]:
    """The spells of one set and base, in order of start."""
    return tuple(sorted((s for s in spells if s.key == key), key=lambda s: s.start))


def current(spells: Iterable[Spell], now: datetime) -> Spell | None:
    """The spell in force; None before the first."""
    begun = [spell for spell in spells if spell.start <= now]
    return max(begun, key=lambda s: s.start) if begun else None


def planned(spells: Iterable[Spell], now: datetime) -> tuple[Spell, ...]:
    """What people have planned. A machine never plans: its spells ahead are a clock's mistake."""
    ahead = [s for s in spells if s.start > now and s.cause == "hand"]
    return tuple(sorted(ahead, key=lambda s: s.start))
