"""Reads modes and setpoints where they are given: in blocks, in `otherwise`, in overlays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, nearest
from bms.texts.yaml.sheet import Sheet

MODE = "mode"

_SETPOINT = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Values:
    """A mode, setpoints, or both, and where each is written."""

    mode: str | None
    mode_origin: Origin
    setpoints: Mapping[str, float]
    setpoint_origins: Mapping[str, Origin]


def read_values(
    sheet: Sheet, path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Values | None:
    """The values at a path: every key that is neither required nor optional is a setpoint.

    `mode` is one of the required or the optional keys. None with problems.
    """
    data = sheet.mapping(path)
    if not isinstance(sheet.value(path), dict):
        return None
    before = len(sheet.problems)
    missing = [name for name in required if name not in data]
    setpoints: dict[str, float] = {}
    for name, value in data.items():
        if name in required or name in optional:
            continue
        meant = nearest(name, [*missing, *(o for o in optional if o not in data)])
        if isinstance(value, int | float) and not isinstance(value, bool):
            if _SETPOINT.fullmatch(name):
                setpoints[name] = float(value)
                continue
            hint = msg("use a-z, 0-9 and '_', beginning with a letter")
            sheet.complain(
                (*path, name), msg("'{name}' is not a setpoint's name", name=name), hint, key=True
            )
        elif meant:
            if meant[0] in missing:
                missing.remove(meant[0])
            hint = msg("did you mean '{suggestion}'?", suggestion=meant[0])
            sheet.complain((*path, name), msg("unknown key '{name}'", name=name), hint, key=True)
        else:
            hint = msg("keys beside {names} are setpoints", names=", ".join((*required, *optional)))
            sheet.complain((*path, name), msg("'{name}' needs a number", name=name), hint)
    for name in missing:
        sheet.complain(path, msg("'{name}' is missing", name=name), msg("add it"))
    mode = sheet.word((*path, MODE), msg("the mode")) if MODE in data else None
    if len(sheet.problems) > before:
        return None
    return Values(
        mode,
        sheet.at((*path, MODE)),
        MappingProxyType(setpoints),
        MappingProxyType({name: sheet.at((*path, name), key=True) for name in setpoints}),
    )
