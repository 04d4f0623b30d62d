"""Which time zone database is in use: the newer of the system's and the installed package's.

Python asks the system first, and a gateway's system may be years older than what was installed
with the program: clocks of a country that has changed its rules would be an hour wrong.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

_FIRST_LINE = "# version "
"""How `tzdata.zi` begins, which Linux distributions install beside the zones."""


@dataclass(frozen=True, slots=True)
class ZoneDatabase:
    """Where rules of time zones come from; `version` as IANA names it (2026b), empty if unknown."""

    version: str
    path: str
    """The system's directory; empty: the package `tzdata`."""

    @property
    def packaged(self) -> bool:
        return not self.path


def in_use() -> ZoneDatabase:
    """The database that zones are read from."""
    system = of_system(zoneinfo.TZPATH)
    return system if system is not None else ZoneDatabase(_packaged_version(), "")


def use_newest() -> None:
    """Have this process read zones from the package if the system's are older or of unknown age.

    Once, before the first zone is read: zones that were read stay as they are.
    """
    system = of_system(zoneinfo.TZPATH)
    packaged = _packaged_version()
    if system is not None and packaged and is_older(system.version, packaged):
        zoneinfo.reset_tzpath(())


def of_system(paths: Sequence[str]) -> ZoneDatabase | None:
    """The first of the directories that is there; None: Python takes the package."""
    for path in paths:
        directory = Path(path)
        if directory.is_dir():
            return ZoneDatabase(_version_in(directory), path)
    return None


def is_older(version: str, than: str) -> bool:
    """Whether an IANA version comes before another: `2025b` before `2026a`. Unknown is older."""
    return (version[:4], version[4:]) < (than[:4], than[4:])


def _version_in(directory: Path) -> str:
    """From `+VERSION` (BSD, macOS) or the first line of `tzdata.zi`; empty if there is neither."""
    try:
        return (directory / "+VERSION").read_text("ascii", "replace").strip()
    except OSError:
        pass
    try:
        with (directory / "tzdata.zi").open(encoding="ascii", errors="replace") as lines:
            first = lines.readline(80)
    except OSError:
        return ""
    return first.removeprefix(_FIRST_LINE).strip() if first.startswith(_FIRST_LINE) else ""


def _packaged_version() -> str:
    try:
        found = import_module("tzdata").IANA_VERSION
    except (ImportError, AttributeError):
        return ""
    return str(found)
