"""Who works here: local accounts, as the kernel knows them.

Through the running controller the kernel says who asks. Without one a command knows only itself:
it may change what its own account owns, and nothing else. A namespace in which everybody can be
uid 0, and what `sudo` says of who called it, are no proof of anything.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bms.core.errors import Refused
from bms.people.hints import named
from bms.texts.messages import msg

_ALL_UIDS: Final = 2**32 - 1
_UID_MAP: Final = Path("/proc/self/uid_map")
_UNMAPPED: Final = Path("/proc/sys/kernel/overflowuid")
_NOBODY: Final = 65534


def account(uid: int) -> str:
    """The name of a local account; its number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def caller(environment: Mapping[str, str] = os.environ) -> str | None:
    """Who says to be behind this process; None unless it is root's, by `sudo`."""
    return environment.get("SUDO_USER") if os.geteuid() == 0 else None


def login() -> str:
    """The local account of this process. In a namespace of users it can have any name and number
    that whoever made that chose, so that it is none of the machine's accounts."""
    who = account(os.geteuid())
    return named(who, caller()) if _initial(_uid_map()) else f"{who} (in a namespace)"


def owner_here(directory: Path) -> str:
    """Who works here, if the directory (or, before it is made, the one it will lie in) is theirs.

    root may too, outside all namespaces. Raises Refused, saying who may.
    """
    place = next(path for path in (directory, *directory.resolve().parents) if path.exists())
    owner, uid, table = place.stat().st_uid, os.geteuid(), _uid_map()
    known = _initial(table) or (_mapped(owner, table) and owner != _unmapped())
    if known and (uid == owner or (uid == 0 and _initial(table))):
        return login()
    raise Refused(
        msg(
            "no controller answers, and without one only {owner} may change this, who owns "
            "{directory}; you are {user}",
            owner=account(owner) if known else msg("somebody else"),
            directory=place,
            user=login(),
        )
    )


def _uid_map() -> list[tuple[int, int, int]]:
    """First uid here, first uid outside, and how many, of this process's namespace."""
    try:
        lines = _UID_MAP.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # nothing is known: nobody is believed to be root
    return [(int(here), int(there), int(count)) for here, there, count in map(str.split, lines)]


def _initial(table: list[tuple[int, int, int]]) -> bool:
    return table == [(0, 0, _ALL_UIDS)]


def _mapped(uid: int, table: list[tuple[int, int, int]]) -> bool:
    """Whether the uid is that of somebody outside this namespace."""
    return any(here <= uid < here + count for here, _, count in table)


def _unmapped() -> int:
    """What the kernel shows for every uid that this namespace does not know."""
    try:
        return int(_UNMAPPED.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _NOBODY
