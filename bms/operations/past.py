"""What a running controller asks its own past: costs of overrides, ladders of then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bms.control import STRATEGIES
from bms.core.decisions import Override
from bms.core.errors import StoreError
from bms.core.threads import in_thread
from bms.historian.log.embedded import History
from bms.operations.overrides.cost import Cost, override_cost
from bms.operations.runtime import Runtime
from bms.reports.why import why_then
from bms.texts.messages import message_of, msg


class Past:
    """Asks the history on its thread; `history` is None while the disk keeps it from opening."""

    def __init__(
        self, runtime: Runtime, history: Callable[[], History | None], thread: ThreadPoolExecutor
    ) -> None:
        self._runtime = runtime
        self._history = history
        self._thread = thread

    async def costs(self, periods: Sequence[tuple[Override, datetime]]) -> Mapping[int, Cost]:
        """What each override has cost until the instant given with it."""
        last = self._runtime.last
        samples = last.snapshot.samples if last is not None else {}
        site = self._runtime.site

        def count(override: Override, end: datetime) -> Cost:
            try:
                return override_cost(site, self._known_history(), override, end, samples)
            except StoreError as error:  # a list of overrides is worth more than their costs
                return Cost(None, "", message_of(error))

        # One by one: what is recorded meanwhile is stored between them, and who has gone away
        # keeps the thread no longer.
        return {
            override.id: await in_thread(self._thread, count, override, end)
            for override, end in periods
        }

    async def why_then(self, point: str, time: datetime, now: datetime) -> dict[str, Any]:
        """The ladder of a past moment; see `bms.reports.why`."""

        def ask() -> dict[str, Any]:
            return why_then(
                self._runtime.site,
                STRATEGIES,
                self._known_history(),
                point,
                time,
                now,
                units=self._runtime.units,
            )

        return await in_thread(self._thread, ask)

    def _known_history(self) -> History:
        history = self._history()
        if history is None:
            raise StoreError(msg("the history cannot be opened at the moment; see the alarms"))
        return history
