"""What an air handler shows that cannot be right: coils and dampers that stick. Pure.

After the fault conditions of Guideline 36, 5.16.14: 2 and 3 (mixed air is none of what is mixed), 7
and 13 (at full heating or cooling the supply air is far off), 14 and 15 (a shut coil changes the
air). Half an hour, on balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bms.control.blocks.delays import Accumulated, accumulate
from bms.core.decisions import Condition, Severity
from bms.texts.messages import Message, msg

LASTS_S = 1800.0
OFF_K = 2.0
CHANGES_K = 3.0
FAN_K = 1.0
MIXES_K = 3.0
"""Two sensors and air that is not well mixed (R: Guideline 36 allows 3 K to mixed air alone)."""
FULL_PCT = 95.0


class AirSeen(NamedTuple):
    """One air handler while its fan runs; None: not known."""

    supply_c: float | None
    aim_c: float | None
    mixed_c: float | None
    cooling_pct: float | None
    heating_pct: float | None
    return_c: float | None = None
    outdoor_c: float | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A contradiction: how long it has held, and whether it was found to last."""

    timer: Accumulated = field(default_factory=Accumulated)
    found: bool = False
    """Until it has not held for as long."""


def doubts(
    before: Mapping[str, Doubt], seen: AirSeen | None, watched_s: float
) -> Mapping[str, Doubt]:
    """How long each contradiction has held; None: nothing is judged now."""
    if seen is None:
        return before if not before else {}
    after = {}
    for name, holds in _contradictions(seen).items():
        known = before.get(name)
        if known is None and not holds:
            continue
        known = known or Doubt()
        timer = accumulate(known.timer, holds, watched_s, LASTS_S)
        lasts = timer.held_s >= LASTS_S or (known.found and timer.held_s > 0.0)
        after[name] = Doubt(timer, lasts)
    return after


def found(equipment: str, held: Mapping[str, Doubt]) -> tuple[Condition, ...]:
    """The contradictions that have lasted."""
    return tuple(
        Condition(f"{equipment}:{name}", Severity.NORMAL, _text(name, equipment))
        for name, doubt in held.items()
        if doubt.found
    )


def _contradictions(seen: AirSeen) -> dict[str, bool]:
    supply, aim, mixed = seen.supply_c, seen.aim_c, seen.mixed_c
    cooling, heating = seen.cooling_pct or 0.0, seen.heating_pct or 0.0
    known = supply is not None and aim is not None
    full_cooling, full_heating = cooling >= FULL_PCT, heating >= FULL_PCT
    shut = seen.cooling_pct is not None and not cooling and not heating
    mixes = supply is not None and mixed is not None and shut
    return {
        "no-cooling": known and full_cooling and _less(aim, supply, OFF_K),
        "no-heating": known and full_heating and _less(supply, aim, OFF_K),
        "cools-shut": mixes and _less(supply, mixed, CHANGES_K),
        "heats-shut": mixes and _less(mixed, supply, CHANGES_K + FAN_K),
        "mixed-air": _outside(mixed, seen.return_c, seen.outdoor_c),
    }


def _outside(mixed: float | None, back: float | None, outdoor: float | None) -> bool:
    """Mixed air is colder or warmer than both that it is mixed of."""
    if mixed is None or back is None or outdoor is None:
        return False
    return mixed < min(back, outdoor) - MIXES_K or mixed > max(back, outdoor) + MIXES_K


def _less(low: float | None, high: float | None, by_k: float) -> bool:
    return low is not None and high is not None and high - low > by_k


def _text(name: str, equipment: str) -> Message:
    if name == "no-cooling":
        return msg(
            "{equipment} stays too warm with its cooling valve open: look at the valve, and at "
            "the chilled water",
            equipment=equipment,
        )
    if name == "no-heating":
        return msg(
            "{equipment} stays too cold with its heating valve open: look at the valve, and at "
            "the hot water",
            equipment=equipment,
        )
    if name == "mixed-air":
        return msg(
            "{equipment} shows mixed air that outdoor and return air cannot make: look at its "
            "three sensors",
            equipment=equipment,
        )
    if name == "cools-shut":
        return msg(
            "{equipment} cools with its valves shut: the cooling valve leaks or sticks",
            equipment=equipment,
        )
    return msg(
        "{equipment} heats with its valves shut: the heating valve leaks or sticks",
        equipment=equipment,
    )
