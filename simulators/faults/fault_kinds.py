"""What can go wrong, as data and as words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class FaultKind(StrEnum):
    """Kinds of faults; each says what it does to what it hits."""

    # What is measured. The target is a point, or a pattern of points.
    BIAS = "bias"
    """Shows so much more."""
    DRIFT = "drift"
    """Shows so much more for each hour."""
    FREEZE = "freeze"
    """Shows what it showed when it froze."""
    SHOW = "show"
    """Shows this value, whatever is."""
    NOISE = "noise"
    """Shows noise of this standard deviation."""
    BAD = "bad"
    """Shows no value."""
    DROPOUT = "dropout"
    """Shows no value for this share of the time, a minute at once."""
    # Machines and what is commanded. The target is a machine, or a pattern.
    TRIP = "trip"
    """Stops, says `fault`, and does not run until it is cleared."""
    NO_START = "no_start"
    """Runs on if it runs, and does not start again. Says nothing."""
    HAND_OFF = "hand_off"
    """Switched off at the machine; says `local` if it has such a contact."""
    HAND_ON = "hand_on"
    """Switched on at the machine."""
    STICK = "stick"
    """A valve, damper or speed stays where it is. The target is its point."""
    BREAK = "break"
    """Coupling, belt, mixing valve: it turns, and nothing moves; a tank: a pipe behind it bursts.
    Only where the plant knows it."""
    # Wires and power. The target is a base, a machine, or a pattern.
    SILENT = "silent"
    """Does not answer, and takes no command."""
    POWER_DIP = "power_dip"
    """Machines stand; their controller lives on and keeps what it was told."""
    POWER_FAILURE = "power_failure"
    """All is off and silent; then the controller comes back with everything off."""
    # At once; nothing to clear.
    REBOOT = "reboot"
    """The controller forgets what it was told: everything goes to its rest."""
    REGISTER = "register"
    """A counter goes on from this value: a new meter, or one that was reset."""
    RESET = "reset"
    """A person resets the machine: what it latched is free again."""


INSTANT = frozenset({FaultKind.REBOOT, FaultKind.REGISTER, FaultKind.RESET})
VALUED = frozenset(
    {
        FaultKind.BIAS,
        FaultKind.DRIFT,
        FaultKind.SHOW,
        FaultKind.NOISE,
        FaultKind.DROPOUT,
        FaultKind.REGISTER,
    }
)
"""Kinds that need a number."""
MEASURED = frozenset(
    {
        FaultKind.BIAS,
        FaultKind.DRIFT,
        FaultKind.FREEZE,
        FaultKind.SHOW,
        FaultKind.NOISE,
        FaultKind.BAD,
        FaultKind.DROPOUT,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what happens to what, how much, and how long."""

    kind: FaultKind
    target: str
    """A point, a machine or a base, or a pattern with `*`."""
    value: float = 0.0
    for_s: float | None = None
    """None: until it is cleared."""

    def hits(self, name: str) -> bool:
        """Whether a point belongs to the target."""
        return hits(self.target, name)


def hits(target: str, name: str) -> bool:
    """Whether a point is the target, belongs to it, or fits its pattern."""
    if "*" in target:
        return fnmatchcase(name, target) or fnmatchcase(name, f"{target}.*")
    return name == target or name.startswith(f"{target}.")


_UNITS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h|d)")


def seconds(text: str) -> float:
    """`90s`, `20m`, `1.5h` or `2d`; raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no duration; write 90s, 20m, 1.5h or 2d")
    return float(match[1]) * _UNITS[match[2]]


def parsed(text: str) -> Fault:
    """`KIND TARGET [NUMBER] [for DURATION]`, as `bias b.ch-1.chw_supply_temp 2 for 20m`.

    Raises ValueError with what is wrong.
    """
    words = text.split()
    if not words or words[0] not in set(FaultKind):
        kinds = ", ".join(FaultKind)
        raise ValueError(f"no fault '{words[0] if words else ''}'; there are {kinds}")
    kind = FaultKind(words[0])
    rest = words[1:]
    for_s = None
    if "for" in rest:
        at = rest.index("for")
        if len(rest) != at + 2:
            raise ValueError("write the duration behind 'for'")
        for_s = seconds(rest[at + 1])
        rest = rest[:at]
    if not rest or len(rest) > 2:
        raise ValueError(f"write: {kind} TARGET{' NUMBER' if kind in VALUED else ''}")
    if (len(rest) == 2) != (kind in VALUED):
        wanted = "a number" if kind in VALUED else "no number"
        raise ValueError(f"{kind} needs {wanted}")
    if for_s is not None and kind in INSTANT:
        raise ValueError(f"{kind} happens at once")
    try:
        value = float(rest[1]) if len(rest) == 2 else 0.0
    except ValueError:
        raise ValueError(f"'{rest[1]}' is no number") from None
    return Fault(kind, rest[0], value, for_s)
