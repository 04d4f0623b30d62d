"""Puts edited schedules in force, or says why not, while the controller runs; says what of the
site's other files waits."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final

from bms.config.site import Site
from bms.config.writing.render import problem_line
from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError
from bms.core.threads import in_thread
from bms.operations.editing.site_files import CHANGED, FilesOnDisk, SiteFiles
from bms.operations.editing.watcher import Found, ScheduleFiles
from bms.operations.runtime import Runtime
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

OTHERS_EVERY: Final = 20
"""The files beside the schedules are looked at once in so many looks: two seconds."""


class ScheduleTask:
    """Notices edits on the disk, checks them beside the loop, adopts or rejects them whole."""

    def __init__(
        self,
        runtime: Runtime,
        files: ScheduleFiles,
        others: SiteFiles,
        thread: ThreadPoolExecutor,
    ) -> None:
        self._runtime = runtime
        self._files = files
        self._others = others
        self._thread = thread
        self.looking = asyncio.Lock()
        """Held from a look to what becomes of it: what was checked against one site is never put
        in force on another."""

    async def run(self) -> None:
        """Look until cancelled."""
        pause_s = min(0.1, self._runtime.site.file.cycle_s / 8)
        while self._runtime.last is None:  # only what has controlled is known to be good
            await asyncio.sleep(pause_s)
        await self._keep(at_start=True)
        for look in count():
            async with self.looking:
                await self._look(others_too=look % OTHERS_EVERY == 0)
            await asyncio.sleep(pause_s)

    async def _look(self, *, others_too: bool) -> None:
        found = await in_thread(self._thread, self._files.look)
        if found is not None:
            self._take(found)
        others = await in_thread(self._thread, self._others.look) if others_too else None
        if others is not None:
            self._tell(others)

    async def renew(self, site: Site) -> None:
        """Go on with other files, which are in force and are the last good ones now.

        Hold `looking` from before they are."""
        self._files.renew(site)
        self._others.renew(site)
        self._runtime.clear_own(CHANGED)
        await self._keep()

    async def _keep(self, *, at_start: bool = False) -> None:
        try:
            await in_thread(self._thread, lambda: self._others.keep(at_start=at_start))
        except StoreError as error:
            _log.error("the files of the site: %s", error)
            text = msg("the files that run are not being kept as last good: {error}", error=error)
            self._runtime.raise_own(Condition("store:last-good", Severity.URGENT, text))
        else:
            self._runtime.clear_own("store:last-good")

    def _tell(self, found: FilesOnDisk) -> None:
        condition = found.condition()
        if condition is None:
            self._runtime.clear_own(CHANGED)
            return
        self._runtime.raise_own(condition)
        for problem in found.problems:
            _log.error("files not in force: %s", problem_line(problem))

    def _take(self, found: Found) -> None:
        if found.trouble:
            _log.error("schedules: %s", found.trouble)
            text = msg(
                "what became of edited schedules is not being kept: {trouble}",
                trouble=found.trouble,
            )
            self._runtime.raise_own(Condition("store:revisions", Severity.URGENT, text))
        else:
            self._runtime.clear_own("store:revisions")
        self._tell_removed(found.held)
        if found.library is None or found.problems:
            self._runtime.reject(found.problems)
            for problem in found.problems:
                _log.error("schedules not adopted: %s", problem_line(problem))
        else:
            self._runtime.adopt(found.library, found.unmet)
            _log.info("schedules adopted")

    def _tell_removed(self, held: tuple[str, ...]) -> None:
        if not held:
            self._runtime.clear_own("schedules:removed")
            return
        text = msg(
            "{files} is gone from the disk, and stays in force as it was last: bring it back with "
            "'bms schedule restore', or confirm its removal with 'bms schedule remove'",
            files=", ".join(held),
        )
        self._runtime.raise_own(Condition("schedules:removed", Severity.URGENT, text))
        _log.warning("schedules gone from the disk stay in force: %s", ", ".join(held))
