"""Where the running controller keeps overrides and asks the past: databases beside the loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.decisions import Condition, Override, Severity
from bms.core.errors import StoreError
from bms.historian.log.embedded import History
from bms.operations.overrides.cost import Cost, override_cost
from bms.operations.runtime import Runtime
from bms.reports.why import why_then
from bms.storage import audit
from bms.storage.state import PastOverride, Store
from bms.texts.messages import msg

T = TypeVar("T")


class Keeping:
    """Overrides in the store, changes in the audit, costs and past ladders from history.

    `store` raises StoreError, `history` is None, while the disk does not let them be opened.
    """

    def __init__(
        self,
        runtime: Runtime,
        store: Callable[[], Store],
        history: Callable[[], History | None],
        *,
        store_thread: ThreadPoolExecutor,
        history_thread: ThreadPoolExecutor,
        files_thread: ThreadPoolExecutor,
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._history = history
        self._store_thread = store_thread
        self._history_thread = history_thread
        self._files_thread = files_thread

    @property
    def _site(self) -> Site:
        return self._runtime.site

    async def add(self, override: Override) -> Override:
        return await _in(self._store_thread, lambda: self._store().add(override))

    async def extend(self, override: Override) -> bool:
        return await _in(self._store_thread, lambda: self._store().extend(override))

    async def clear(self, override: Override, now: datetime, user: str) -> None:
        await _in(self._store_thread, lambda: self._store().clear(override.id, now, user))

    async def past(self, since: datetime) -> Sequence[PastOverride]:
        return await _in(self._store_thread, lambda: self._store().overrides_since(since))

    async def costs(self, periods: Sequence[tuple[Override, datetime]]) -> Mapping[int, Cost]:
        """What each override has cost until the instant given with it."""
        last = self._runtime.last
        samples = last.snapshot.samples if last is not None else {}

        def count() -> dict[int, Cost]:
            found = {}
            for override, end in periods:
                try:
                    found[override.id] = override_cost(
                        self._site, self._known_history(), override, end, samples
                    )
                except StoreError as error:  # a list of overrides is worth more than their costs
                    found[override.id] = Cost(None, "", str(error))
            return found

        return await _in(self._history_thread, count)

    async def note(self, now: datetime, who: str, what: str, why: str, **details: Any) -> None:
        """Into the audit; if that fails it is an alarm, and what was done stands."""
        entry = functools.partial(
            audit.record,
            self._site.state_dir,
            now,
            who=who,
            via="api",
            what=what,
            why=why,
            **details,
        )
        try:
            await _in(self._files_thread, entry)
        except StoreError as error:
            text = msg("changes are not being audited: {error}", error=error)
            self._runtime.raise_own(Condition("audit", Severity.CRITICAL, text))
        else:
            self._runtime.clear_own("audit")

    async def why_then(self, point: str, time: datetime, now: datetime) -> dict[str, Any]:
        """The ladder of a past moment; see `bms.reports.why`."""

        def ask() -> dict[str, Any]:
            return why_then(
                self._site,
                STRATEGIES,
                self._known_history(),
                point,
                time,
                now,
                units=self._runtime.units,
            )

        return await _in(self._history_thread, ask)

    def _known_history(self) -> History:
        history = self._history()
        if history is None:
            raise StoreError(msg("the history cannot be opened at the moment; see the alarms"))
        return history


async def _in(thread: ThreadPoolExecutor, call: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, call, *args)
