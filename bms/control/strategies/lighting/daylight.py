"""Whether daylight is enough: a light sensor in the room, and what its own lamps add. Pure.

Off above 1.5 times the target for 10 minutes, on below the target at once. A sensor in the room
also sees the lamps: by how much it changes as they are switched is what they give, and they go off
only where daylight alone reaches the target. Without that, lamps would switch every 10 minutes
on a bright winter day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.control.blocks.delays import held_for, holds_since, passed_s
from bms.control.blocks.replacing import replace

LEARNS_S: Final = 30.0
"""So long after lamps were switched they give what they give."""
LEARNS_UNTIL_S: Final = 180.0
DARK_S: Final = 600.0
"""A sensor that shows light for so long where there can be none is not believed."""


@dataclass(frozen=True, slots=True)
class DaylightRules:
    """What a circuit is to keep, in lux."""

    target_lux: float
    off_ratio: float = 1.5
    on_ratio: float = 1.0
    delay_s: float = 600.0
    frozen_s: float = 86400.0


@dataclass(frozen=True, slots=True)
class Daylight:
    """What a light sensor has shown."""

    bright: bool = False
    """Daylight is enough."""
    bright_since_s: float | None = None
    lamps_lux: float = 0.0
    """What the lamps give, as learned when they were switched."""
    lit: bool = False
    """They burnt at the last look."""
    before_lux: float | None = None
    """What the sensor showed as they were switched, until that is learned."""
    switched_s: float = 0.0
    shown_lux: float | None = None
    shown_s: float = 0.0
    """What it shows, and since when it has shown the very same."""
    impossible_since_s: float | None = None
    lost: bool = False
    """It cannot be read or is not believed."""

    @property
    def rests(self) -> bool:
        """Whether no delay runs, so that it stays so while the sensor shows the same."""
        waits = self.bright_since_s is not None and not self.bright
        return not waits and self.before_lux is None and self.impossible_since_s is None


def watch_daylight(
    before: Daylight,
    lux: float | None,
    watched_s: float,
    rules: DaylightRules,
    *,
    lit: bool = True,
    no_light: bool = False,
) -> Daylight:
    """The state at a look. `lit`: its lamps burn; `no_light`: it is night and no lamp near the
    sensor does.

    A sensor that shows the very same for `frozen_s`, or enough light for 10 minutes where there can
    be none, is lost until it shows something else.
    """
    if lux is None:
        return replace(before, bright=False, bright_since_s=None, before_lux=None, lost=True)
    enough = rules.on_ratio * rules.target_lux
    moved = before.shown_lux != lux or before.shown_s > watched_s
    shown_s = watched_s if moved else before.shown_s
    impossible = holds_since(no_light and lux >= enough, before.impossible_since_s, watched_s)
    doubted = held_for(impossible, DARK_S, watched_s)
    lost = watched_s - shown_s >= rules.frozen_s or doubted or (before.lost and not moved)
    if lost:
        return replace(
            before, bright=False, bright_since_s=None, before_lux=None, shown_lux=lux,
            shown_s=shown_s, impossible_since_s=impossible, lost=True,
        )  # fmt: skip
    state = replace(
        before, shown_lux=lux, shown_s=shown_s, impossible_since_s=impossible, lost=False
    )
    state = _learned(state, before.shown_lux, lux, lit, watched_s)
    if state.bright:
        if lux >= enough:
            return state
        # Too dark at once: they gave at least this much.
        gave_lux = 0.0 if state.before_lux is None or lit else state.before_lux - lux
        lamps_lux = max(state.lamps_lux, gave_lux)
        return replace(state, bright=False, bright_since_s=None, lamps_lux=lamps_lux)
    much = lux > rules.off_ratio * rules.target_lux and lux - state.lamps_lux > enough
    since_s = holds_since(much, state.bright_since_s, watched_s)
    bright = held_for(since_s, rules.delay_s, watched_s)
    if not bright and since_s == state.bright_since_s:
        return state
    return replace(state, bright=bright, bright_since_s=since_s)


def _learned(
    state: Daylight, before_lux: float | None, lux: float, lit: bool, watched_s: float
) -> Daylight:
    """What the lamps give, once they have been switched for a while."""
    if lit is not state.lit:
        return replace(state, lit=lit, before_lux=before_lux, switched_s=watched_s)
    if state.before_lux is None:
        return state
    since_s = passed_s(state.switched_s, watched_s)
    if since_s < LEARNS_S:
        return state
    if since_s > LEARNS_UNTIL_S:
        return replace(state, before_lux=None)
    change_lux = lux - state.before_lux if lit else state.before_lux - lux
    return replace(state, lamps_lux=max(0.0, change_lux), before_lux=None)
