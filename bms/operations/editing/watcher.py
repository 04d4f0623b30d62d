"""The schedule files beside a running controller: edits are noticed, checked, adopted or rejected.

Everything here reads the disk: it belongs in a separate thread, never on the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from bms.config.load import schedule_texts
from bms.config.reading.files import yaml_below
from bms.config.resolving.site_programme import check_schedules
from bms.config.site import Site, StrategySpec
from bms.core.errors import InvalidInput, StoreError
from bms.operations.editing.last_good import LastGood
from bms.operations.editing.removed import held_back
from bms.operations.editing.revisions import Revisions
from bms.texts.messages import message_of
from bms.texts.problems import Problem
from schedules.library import Library

READ_AGAIN = timedelta(seconds=60)
"""How often the contents are compared although no file seems to have changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Edited schedules: a library to put in force, or the problems that keep it out."""

    library: Library | None
    problems: Sequence[Problem]
    held: tuple[str, ...] = ()
    """Files that are gone without anybody having confirmed it; `library` still has them."""
    unmet: Sequence[Problem] = ()
    """The demands that files in force did not meet before, nor do now."""
    trouble: str = ""
    """Why the revision or its audit entry could not be kept; the library counts all the same."""


class ScheduleFiles:
    """Looks at the schedule files of one site again and again."""

    def __init__(
        self, site: Site, strategies: Mapping[str, StrategySpec], now: Callable[[], datetime]
    ) -> None:
        self._site = site
        self._strategies = strategies
        self._now = now
        self._revisions = Revisions(site.directory, site.state_dir)
        self._good = LastGood(site.state_dir)
        self._before: object = None
        self._seen: object = None
        self._read_at: datetime | None = None
        self._judged = ""
        self._loaded: Library | None = site.library
        """What runs since the start, until the first look has seen whether it is on the disk."""
        self._held: tuple[str, ...] = ()
        self._unmet = site.unmet

    def renew(self, site: Site) -> None:
        """Other files of the site are in force: the schedules are looked at again."""
        self._site = site
        self._loaded = site.library
        self._seen, self._judged = None, ""
        self._unmet = site.unmet

    def look(self) -> Found | None:
        """What an edit that is complete has brought; None while there is nothing new.

        What is still changing is looked at later: a checkout or a copy removes files before it
        writes them, and a group whose schedule is gone would be let go.
        """
        confirmed = tuple(self._revisions.removed(name) for name in self._held)
        signature = (*_signature(self._site.directory), confirmed)
        still, self._before = signature == self._before, signature
        now = self._now()
        due = self._read_at is None or not timedelta(0) <= now - self._read_at < READ_AGAIN
        if not still or (signature == self._seen and not due):
            return None
        self._seen, self._read_at = signature, now
        texts = self._revisions.files()
        content = sha256(repr([confirmed, *(path for path, *_ in signature[:-1])]).encode())
        for name, data in texts.items():
            content.update(f"{name}\0{len(data)}\0".encode() + data)
        if content.hexdigest() == self._judged:
            return None
        self._judged = content.hexdigest()
        found = self._judge(texts, now)
        if found is None:
            self._seen, self._judged = None, ""
            return None
        loaded, self._loaded = self._loaded, None
        quiet = not found.trouble and not found.held
        if loaded is not None and found.library == loaded and quiet:
            return None  # already in force: nothing is put together again
        return found

    def _judge(self, texts: Mapping[str, bytes], now: datetime) -> Found | None:
        """None if the files changed once more while they were read."""
        library: Library | None
        problems: Sequence[Problem]
        held: dict[str, str] = {}
        try:
            there = schedule_texts(self._site.directory)
            library, problems = check_schedules(self._site, self._strategies, there)
            held = held_back(self._revisions, self._site, there, library)
            if held:
                library, problems = check_schedules(self._site, self._strategies, {**there, **held})
        except InvalidInput as error:  # not readable, or not UTF-8: an edit as broken as any
            there, library, problems = {}, None, error.problems
        if self._revisions.files() != texts:
            return None
        self._held = tuple(sorted(held))
        # What an earlier version put in force goes on: only what is new keeps an edit out.
        known = {(problem.file, problem.message) for problem in self._unmet}
        unmet = [p for p in problems if p.withholds and (p.file, p.message) in known]
        problems = [p for p in problems if p not in unmet]
        if library is not None and not problems:
            self._unmet = tuple(unmet)
        try:
            if library is None or problems:
                self._revisions.reject(texts, problems, now)
            else:
                kept = {name: text.encode() for name, text in held.items()}
                self._revisions.adopt({**texts, **kept}, now)
                self._good.keep({**beside(self._site.texts), **there, **held}, now)
        except StoreError as error:
            return Found(library, problems, self._held, unmet, message_of(error))
        return Found(library, problems, self._held, unmet)


def beside(texts: Mapping[str, str]) -> dict[str, str]:
    """The files of a site that are no schedules."""
    return {name: text for name, text in texts.items() if not name.startswith("schedules/")}


def _signature(directory: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What changes when any schedule file does; ctime, because copies may keep the mtime."""
    found = []
    for path in yaml_below(directory / "schedules"):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_ctime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
