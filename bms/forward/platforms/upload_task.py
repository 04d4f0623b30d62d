"""The uploads of a running site: one task per platform, none of which holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bms.config.site import Site
from bms.core.decisions import Condition
from bms.core.errors import InvalidInput
from bms.forward.copying.timing import Timing
from bms.forward.platforms.collecting import Plan
from bms.forward.platforms.site_platforms import plans_of

if TYPE_CHECKING:
    from bms.forward.platforms.sending import PlatformUpload

IDLE_S: Final = 10.0


class UploadTask:
    """Reports to all platforms of a site. `raise_own` and `clear_own` take its alarms."""

    def __init__(
        self,
        site: Site,
        now: Callable[[], datetime],
        known: Callable[[], datetime | None],
        raise_own: Callable[[Condition], None],
        clear_own: Callable[[str], None],
    ) -> None:
        """`known` says up to when the ledger has what it can have."""
        self._site = site
        self._timing = Timing(now, idle_s=IDLE_S)
        self._known = known
        self._raise = raise_own
        self._clear = clear_own
        self._raised: dict[str, set[str]] = {}
        self._renewed = asyncio.Event()

    def renew(self, site: Site) -> None:
        """Go on as the files say now."""
        self._site = site
        self._renewed.set()

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            self._renewed.clear()
            plans = self._plans()
            for gone in self._raised.keys() - {plan.name for plan in plans}:
                self._show(gone, ())
            uploads = await asyncio.to_thread(self._uploads, plans) if plans else []
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(upload.run()) for upload in uploads]
                await self._renewed.wait()
                for task in tasks:
                    task.cancel()

    def _plans(self) -> list[Plan]:
        try:
            return plans_of(self._site)
        except InvalidInput:  # told with the other unmet demands of the site's files
            return []

    def _uploads(self, plans: Sequence[Plan]) -> list[PlatformUpload]:
        # The HTTP client takes a while to import: only who uses it pays, and not on the loop.
        from bms.forward.platforms.sending import Places, PlatformUpload

        def showing(plan: Plan) -> Callable[[Sequence[Condition]], None]:
            return lambda found: self._show(plan.name, found)

        places = Places(self._site.directory, self._site.state_dir, self._known)
        return [PlatformUpload(plan, places, self._timing, showing(plan)) for plan in plans]

    def _show(self, platform: str, found: Sequence[Condition]) -> None:
        keys = {condition.key for condition in found}
        for condition in found:
            self._raise(condition)
        for key in self._raised.get(platform, set()) - keys:
            self._clear(key)
        self._raised[platform] = keys
