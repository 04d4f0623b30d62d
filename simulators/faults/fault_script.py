"""Faults with their times, as YAML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simulators.faults.fault_kinds import Fault, parsed, seconds


@dataclass(frozen=True, slots=True)
class TimedFault:
    """A fault and when it begins; or, with `clears`, when what hits that target ends."""

    at: datetime
    fault: Fault | None = None
    clears: str = ""


def read_script(path: Path, start: datetime) -> list[TimedFault]:
    """A list of `{at: TIME, fault: WORDS}` or `{at: TIME, clear: TARGET}`, in order of time.

    A time is a duration since `start` (`2h`) or an instant with its zone. Raises ValueError
    with the file's name, OSError if it cannot be read.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return script(document, start)
    except (YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def script(document: Any, start: datetime) -> list[TimedFault]:
    """The same from data that is read already."""
    if not isinstance(document, list):
        raise ValueError("a list of faults with their times is expected")
    return sorted(_entries(document, start), key=lambda timed: timed.at)


def _entries(document: Iterable[Any], start: datetime) -> Iterable[TimedFault]:
    for number, entry in enumerate(document, 1):
        if not isinstance(entry, dict) or entry.keys() not in ({"at", "fault"}, {"at", "clear"}):
            raise ValueError(f"entry {number}: write {{at: TIME, fault: WORDS}} or clear: TARGET")
        at = _time(entry["at"], start)
        if "clear" in entry:
            yield TimedFault(at, clears=str(entry["clear"]))
        else:
            yield TimedFault(at, parsed(str(entry["fault"])))


def _time(given: Any, start: datetime) -> datetime:
    if isinstance(given, datetime):
        # YAML 1.2 as ruamel reads it turns an instant with a zone into UTC without one.
        return given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    text = str(given)
    try:
        return start + timedelta(seconds=seconds(text))
    except ValueError:
        found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"'{text}' has no time zone")
    return found
