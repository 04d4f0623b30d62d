"""The files of a site beside its schedules: kept while they run, and looked at while they change.

Everything here reads the disk: it belongs in a separate thread, never on the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bms.config.load import check
from bms.config.reading.files import read_site, unread
from bms.config.site import Site, StrategySpec
from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError
from bms.operations.editing.last_good import LastGood
from bms.operations.editing.revisions import NOBODY, of_file
from bms.operations.editing.watcher import beside
from bms.storage import audit
from bms.storage.durable import digest
from bms.texts.messages import msg
from bms.texts.problems import Problem

CHANGED = "site:files"
"""Key of the condition that files on the disk are not in force."""
_SHOWN = 4
"""Names of files in one sentence."""


@dataclass(frozen=True, slots=True)
class FilesOnDisk:
    """How the files on the disk differ from those that run."""

    changed: tuple[str, ...]
    """Names, sorted; empty if they are the same."""
    problems: Sequence[Problem]
    """What keeps them from being put in force."""
    since: datetime
    """Since when those that run are in force."""

    def condition(self) -> Condition | None:
        """What is to be done; None if nothing is."""
        if self.problems:
            text = msg(
                "files of the site are not in force as they are on the disk: {problem}; those of "
                "{since:%Y-%m-%d %H:%M}Z run: correct it, then 'bms reload'",
                problem=self.problems[0].sentence,
                since=self.since,
            )
            return Condition(CHANGED, Severity.URGENT, text)
        if self.changed:
            shown = ", ".join(self.changed[:_SHOWN]) + (", …" if self.changed[_SHOWN:] else "")
            text = msg(
                "{files} changed on the disk and waits: 'bms reload' puts it in force, or says "
                "what needs a restart",
                files=shown,
            )
            return Condition(CHANGED, Severity.NORMAL, text)
        return None


class SiteFiles:
    """Looks at the files of one site again and again."""

    def __init__(
        self, site: Site, strategies: Mapping[str, StrategySpec], now: Callable[[], datetime]
    ) -> None:
        self._site = site
        self._strategies = strategies
        self._now = now
        self._good = LastGood(site.state_dir)
        self._since = now()
        self._before: object = None
        self._seen: object = None

    def keep(self, *, at_start: bool = False) -> None:
        """Keep the files that run as the last good ones. Raises StoreError.

        What somebody edited between two runs is audited at the start.
        """
        now, before = self._now(), None
        if at_start:
            with suppress(StoreError):  # damaged: it is written again
                before = self._good.read()
        self._since = self._good.keep(self._site.texts, now)
        self._good.point_to(self._site.directory)
        if before is not None:
            self._audit(beside(before.texts), now)

    def _audit(self, before: Mapping[str, str], now: datetime) -> None:
        """One entry for the files that are not as they last ran."""
        texts = beside(self._site.texts)
        changed = differing(before, texts)
        if not changed:
            return
        by = {name: of_file(self._site.directory / name) for name in changed}
        audit.record(
            self._site.state_dir, now, who=NOBODY, via="file",
            what="site.adopted", why=msg("the files changed before the start"),
            files={
                name: {
                    "before": _digest(before, name), "after": _digest(texts, name), "why": one.why
                }
                for name, one in by.items()
            },
        )  # fmt: skip

    def renew(self, site: Site) -> None:
        """These run now."""
        self._site = site
        self._seen = None

    def look(self) -> FilesOnDisk | None:
        """How the files on the disk differ, once they stand still; None if nothing is new."""
        found = read_site(self._site.directory)
        texts = beside(found.texts)
        wrong = [*found.problems, *unread(self._site.directory, self._site.file.state_dir)]
        signature = (texts, [p for p in wrong if not p.file.startswith("schedules/")])
        still, self._before = signature == self._before, signature
        if not still or signature == self._seen:
            return None
        self._seen = signature
        running = beside(self._site.texts)
        changed = differing(running, texts)
        if not changed and not signature[1]:
            return FilesOnDisk((), (), self._since)
        _, problems = check(self._site.directory, self._strategies)
        known = {(p.file, p.message) for p in self._site.unmet}
        refused = [
            problem
            for problem in problems
            if not problem.file.startswith("schedules/")
            and not (problem.withholds and (problem.file, problem.message) in known)
        ]
        return FilesOnDisk(changed, tuple(refused), self._since)


def _digest(texts: Mapping[str, str], name: str) -> str:
    """The hash of a file; empty if there is none."""
    return digest(texts[name].encode()) if name in texts else ""


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the files that are not the same in both, sorted."""
    return tuple(sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n)))
