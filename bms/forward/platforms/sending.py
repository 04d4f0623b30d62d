"""The task of one platform: messages are made, sent and sent again until they are acknowledged.

One message is on its way at a time. It is kept before it is sent, and marked only after the answer:
a kill in between sends the same bytes with the same id once more.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from bms.core.decisions import Condition, Severity
from bms.core.errors import InvalidInput, StoreError, UnusableFile
from bms.core.instants import to_ms
from bms.core.threads import in_thread
from bms.forward.copying.timing import Timing
from bms.forward.platforms.collecting import Plan, collect
from bms.forward.platforms.platform_server import (
    NoAnswer,
    PlatformServer,
    about_the_message,
    secret_of,
)
from bms.forward.platforms.postbox import FILE_NAME, Kept, Postbox
from bms.forward.platforms.reported_months import months_of
from bms.forward.platforms.standing import conditions
from bms.forward.platforms.wording import acknowledges
from bms.ledger.database.store import Ledger
from bms.storage.aside import put_aside
from bms.texts.messages import Message, message_of, msg

_log = logging.getLogger(__name__)

T = TypeVar("T")

STORE_TIMEOUT_S: Final = 60.0
IN_A_ROW: Final = 20
"""So many of a backlog, then those of the last hour, then what fell due meanwhile."""
LONGEST_PAUSE_S: Final = 300.0
LOOK_EVERY_S: Final = 60.0
"""How often people are told how it stands."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a platform's messages come from."""

    site: Path
    """The site's directory, of secrets and certificates."""
    state: Path
    known: Callable[[], datetime | None]
    """Up to when the ledger has what it can have; None while nobody knows."""


class PlatformUpload:
    """The task of one platform. `run` it until it is cancelled."""

    def __init__(
        self,
        plan: Plan,
        places: Places,
        timing: Timing,
        show: Callable[[Sequence[Condition]], None] = lambda _found: None,
    ) -> None:
        """`show` takes all conditions that hold now."""
        self.plan = plan
        self._places = places
        self._timing = timing
        self._show = show
        self._failures = 0
        self._asked_s: float | None = None
        self._lacking: Sequence[Condition] = ()
        self._told: float | None = None
        self.said: str = ""
        """Why the platform takes nothing at the moment."""

    async def run(self) -> None:
        """Report until cancelled. Whatever goes wrong is waited for."""
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"upload-{self.plan.name}")
        try:
            while True:
                try:
                    await self._serve(executor)
                except UnusableFile as error:
                    if error.path.name == FILE_NAME:
                        await _in_time(executor, partial(put_aside, error, self._timing.now()))
                    self._failed(message_of(error))
                except (StoreError, InvalidInput) as error:
                    self._failed(message_of(error))
                except TimeoutError:
                    self._failed(msg("the disk does not answer"))
                except Exception as error:
                    # A report that fails must never stop the control of a park.
                    _log.exception("%s: unexpected; trying again", self.plan.name)
                    self._failed(repr(error))
                await self._timing.sleep(self._pause_s())
        finally:
            executor.shutdown(wait=True)

    async def once(self) -> bool:
        """Make and send what is due now; whether the platform took all of it.

        Raises StoreError and InvalidInput.
        """
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"upload-{self.plan.name}")
        try:
            async with AsyncExitStack() as stack:
                box = await self._opened(executor, stack)
                server = await stack.enter_async_context(self._server())
                return await self._round(executor, box, server)
        finally:
            executor.shutdown(wait=True)

    async def _serve(self, executor: ThreadPoolExecutor) -> None:
        async with AsyncExitStack() as stack:
            box = await self._opened(executor, stack)
            while True:
                # Secrets and certificates may be put right while it runs.
                try:
                    async with self._server() as server:
                        self._lacking = []
                        well = await self._round(executor, box, server)
                except InvalidInput as error:
                    self._lacking = [self._lacks(message_of(error))]
                    self._failed(message_of(error))
                    well = await self._make(executor, box)
                    await self._tell(executor, box)
                await self._timing.sleep(self._timing.idle_s if well else self._pause_s())

    async def _tell(self, executor: ThreadPoolExecutor, box: Postbox) -> None:
        """Tell people how it stands, once a minute."""
        steady = self._timing.monotonic()
        if self._told is None or steady - self._told >= LOOK_EVERY_S:
            self._told = steady
            self._show([*self._lacking, *await _in_time(executor, lambda: self._look(box))])

    def _lacks(self, cause: Message) -> Condition:
        text = msg("{platform}: nothing is sent: {cause}", platform=self.plan.name, cause=cause)
        return Condition(f"upload:{self.plan.name}:lacks", Severity.URGENT, text)

    def _server(self) -> PlatformServer:
        settings, site = self.plan.settings, self._places.site
        secret = secret_of(settings, site, os.environ)
        return PlatformServer(settings, site, secret, self._timing.now)

    async def _opened(self, executor: ThreadPoolExecutor, stack: AsyncExitStack) -> Postbox:
        files = ExitStack()
        # Queued behind whatever the thread is doing, so nothing is closed while in use.
        stack.callback(executor.submit, files.close)
        return await _in_time(executor, lambda: files.enter_context(Postbox(self._places.state)))

    # --- a round -----------------------------------------------------------------------------

    async def _round(
        self, executor: ThreadPoolExecutor, box: Postbox, server: PlatformServer
    ) -> bool:
        """Make and send until nothing is due; False as soon as the platform takes nothing."""
        while True:
            more = await self._make(executor, box)
            sent = await self._send(executor, box, server)
            await self._tell(executor, box)
            if sent is None:
                return False
            if not sent and not more:
                return True

    async def _make(self, executor: ThreadPoolExecutor, box: Postbox) -> bool:
        known = self._places.known()
        if known is None:
            return False
        return await _in_time(executor, lambda: self._collect(box, to_ms(known)))

    def _collect(self, box: Postbox, known_ms: int) -> bool:
        now = self._timing.now()
        box.drop(to_ms(now))
        with Ledger(self._places.state, read_only=True) as ledger:
            return collect(self.plan, box, ledger, now, known_ms)

    async def _send(
        self, executor: ThreadPoolExecutor, box: Postbox, server: PlatformServer
    ) -> bool | None:
        """Send some of the backlog, then what is of the last hour: whether there was anything;
        None if the platform takes nothing now."""
        sent = False
        for present in (False, True):
            for _ in range(IN_A_ROW):
                now_ms = to_ms(self._timing.now())
                kept = await _in_time(
                    executor, partial(box.following, self.plan.name, now_ms, present=present)
                )
                if kept is None:
                    break
                if not await self._bring(executor, box, server, kept):
                    return None
                sent = True
        return sent

    async def _bring(
        self, executor: ThreadPoolExecutor, box: Postbox, server: PlatformServer, kept: Kept
    ) -> bool:
        """Post one message; whether the next may be tried."""
        try:
            answer = await server.post(self.plan.settings.paths[kept.period.kind], kept.body)
        except NoAnswer as error:
            self._failed(message_of(error))
            return False
        except KeyError:  # its kind is no longer sent
            now_ms = to_ms(self._timing.now())
            text = msg("messages of this kind have no path now")
            await _in_time(executor, lambda: box.refuse(kept, text, now_ms))
            return True
        now_ms = to_ms(self._timing.now())
        wrong = acknowledges(self.plan.sender.form, answer.status, answer.body)
        if not wrong:
            await _in_time(executor, lambda: box.acknowledge(kept.number, now_ms))
            if self._failures:
                _log.info("%s: goes on", self.plan.name)
            self._failures, self._asked_s, self.said = 0, None, ""
            return True
        text = msg("the answer was {answer}", answer=wrong)
        if about_the_message(answer.status):
            await _in_time(executor, lambda: box.refuse(kept, text, now_ms))
        if 300 <= answer.status < 400:
            text = msg(
                "the answer was {status}: write the address that it points to into {key}",
                status=answer.status,
                key="url",
            )
        self._asked_s = answer.retry_after_s
        self._failed(text)
        return False

    def _failed(self, why: str) -> None:
        self._failures += 1
        if why != self.said:  # the same again and again fills no log
            _log.warning("%s: everything is kept and sent again: %s", self.plan.name, why)
        self.said = why

    def _pause_s(self) -> float:
        longest = min(LONGEST_PAUSE_S, 2.0 ** min(self._failures, 16) / 2)
        pause_s = longest * (1.0 - self._timing.jitter() / 4)
        return max(pause_s, min(self._asked_s or 0.0, LONGEST_PAUSE_S))

    def _look(self, box: Postbox) -> list[Condition]:
        now_ms = to_ms(self._timing.now())
        course = box.course(self.plan.name)
        if course is None:
            return []
        counted = box.counted(self.plan.name)
        months = months_of(self.plan, box, course, now_ms)
        found = conditions(
            self.plan.name, counted, months, course.dropped, now_ms, self.said or counted.said
        )
        return list(found)


async def _in_time(executor: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    async with asyncio.timeout(STORE_TIMEOUT_S):
        return await in_thread(executor, call)
