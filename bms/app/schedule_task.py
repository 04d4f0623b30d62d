"""Puts edited schedules in force, or says why not, while the controller runs."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from bms.config.writing.render import problem_line
from bms.core.decisions import Condition, Severity
from bms.core.threads import in_thread
from bms.operations.editing.watcher import Found, ScheduleFiles
from bms.operations.runtime import Runtime
from bms.texts.messages import msg

_log = logging.getLogger(__name__)


class ScheduleTask:
    """Notices edits on the disk, checks them beside the loop, adopts or rejects them whole."""

    def __init__(self, runtime: Runtime, files: ScheduleFiles, thread: ThreadPoolExecutor) -> None:
        self._runtime = runtime
        self._files = files
        self._thread = thread

    async def run(self) -> None:
        """Look until cancelled."""
        pause_s = min(0.1, self._runtime.site.file.cycle_s / 8)
        while True:
            found = await in_thread(self._thread, self._files.look)
            if found is not None:
                self._take(found)
            await asyncio.sleep(pause_s)

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
        if found.library is None or found.problems:
            self._runtime.reject(found.problems)
            for problem in found.problems:
                _log.error("schedules not adopted: %s", problem_line(problem))
        else:
            self._runtime.adopt(found.library)
            _log.info("schedules adopted")
