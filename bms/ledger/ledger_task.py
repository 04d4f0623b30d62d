"""The energy ledger of a running site: kept every quarter hour, in a separate thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from bms.config.site import Site
from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError, UnusableFile
from bms.core.instants import from_ms, to_ms
from bms.core.threads import in_thread
from bms.energy.quarters import QUARTER_MS, floor_quarter
from bms.energy.today import Day, midnight
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.log.log_queries import Queries
from bms.ledger.conditions import conditions
from bms.ledger.database.store import FILE_NAME, Ledger
from bms.ledger.posting import LATE_MS, Posting
from bms.storage.aside import opened, put_aside
from bms.storage.sqlite import Identity
from bms.texts.messages import msg
from drivers.points import PointId

_log = logging.getLogger(__name__)

RETRY_S: Final = 30.0
MARGIN: Final = timedelta(seconds=5)
"""After the time at which a quarter hour may be published: the history commits every second."""


class LedgerTask:
    """Owns the ledger of a site. `raise_own` and `clear_own` take its alarms."""

    def __init__(
        self,
        site: Site,
        now: Callable[[], datetime],
        raise_own: Callable[[Condition], None],
        clear_own: Callable[[str], None],
    ) -> None:
        self._site = site
        self._now = now
        self._raise = raise_own
        self._clear = clear_own
        self._raised: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._history: Queries | None = None
        self._history_file = Identity(site.state_dir / HISTORY)
        self._ledger: Ledger | None = None
        self.kept_until: datetime | None = None
        """Up to when the ledger has what it can have; None while it is not kept."""

    def renew(self, site: Site) -> None:
        """Go on with other meters from the next step on."""
        self._site = site

    def close(self) -> None:
        """Wait for a step that is under way, then close the files."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._close()

    def _close(self) -> None:
        for store in (self._ledger, self._history):
            if store is not None:
                store.close()
        self._ledger = self._history = None

    async def run(self) -> None:
        """Keep the ledger until cancelled."""
        while True:
            now = self._now()
            try:
                while await in_thread(self._thread, self._step, now):
                    pass
                found = await in_thread(self._thread, self._conditions, now)
                self.kept_until = now
            except Exception as error:
                # Control of the park goes on even if the ledger fails; it catches up later.
                if isinstance(error, UnusableFile) and await in_thread(
                    self._thread, self._renewed, error
                ):
                    continue
                await in_thread(self._thread, self._close)
                self.kept_until = None
                _log.error(
                    "ledger: not kept, trying again: %s", error,
                    exc_info=not isinstance(error, StoreError),
                )  # fmt: skip
                text = msg("the energy ledger is not being kept: {error}", error=error)
                self._show([Condition("store:ledger", Severity.CRITICAL, text)])
                await asyncio.sleep(RETRY_S)
                continue
            self._show(found)
            due = from_ms(floor_quarter(to_ms(now) - LATE_MS) + QUARTER_MS + LATE_MS) + MARGIN
            left_s = (due - self._now()).total_seconds()
            # By a clock that is set meanwhile it may be years.
            await asyncio.sleep(min(max(1.0, left_s), QUARTER_MS / 1000))

    async def days(self, points: Sequence[PointId], now: datetime) -> Mapping[PointId, Day | None]:
        """What the ledger knows of today, by meter; nothing while it cannot be read."""
        try:
            return await in_thread(self._thread, self._days, points, now)
        except StoreError as error:
            _log.error("ledger: cannot be read: %s", error)
            return {}

    def _show(self, found: Iterable[Condition]) -> None:
        keys = set()
        for condition in found:
            keys.add(condition.key)
            self._raise(condition)
        for key in self._raised - keys:
            self._clear(key)
        self._raised = keys

    # --- in the ledger's thread --------------------------------------------------------------

    def _open(self) -> tuple[Queries, Ledger]:
        directory = self._site.state_dir
        if self._history is not None and self._history_file.is_replaced():
            self._history.close()
            self._history = None
        if self._history is None:
            self._history_file = Identity(directory / HISTORY)
            self._history = Queries(directory, read_only=True)
        if self._ledger is None:
            self._ledger = opened(directory / FILE_NAME, self._delivered, self._now)
        return self._history, self._ledger

    def _delivered(self) -> Ledger:
        ledger = Ledger(self._site.state_dir)
        try:
            ledger.deliver()  # somebody may have been killed behind an entry
        except BaseException:
            ledger.close()
            raise
        return ledger

    def _renewed(self, error: UnusableFile) -> bool:
        """Whether it can go on with another file: one turned out to be damaged."""
        self._close()
        if error.path != self._site.state_dir / FILE_NAME:
            return False  # the history is its writer's
        try:
            put_aside(error, self._now())
        except StoreError:
            return False
        return True

    def _step(self, now: datetime) -> bool:
        history, ledger = self._open()
        return Posting(self._site.metering, history, ledger).step(now)

    def _conditions(self, now: datetime) -> list[Condition]:
        return conditions(self._site, self._open()[1], now)

    def _days(self, points: Sequence[PointId], now: datetime) -> dict[PointId, Day | None]:
        ledger, site = self._open()[1], self._site
        found = {}
        for point in points:
            spec = site.metering.get(point)  # it may just have gone
            if spec is not None:
                found[point] = ledger.day(spec, midnight(site.bases[spec.base], now))
        return found
