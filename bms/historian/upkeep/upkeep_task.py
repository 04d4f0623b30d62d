"""Runs the upkeep of the history beside the controller: every quarter hour, and when it is full."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta

from bms.config.site import Site
from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError
from bms.historian.records import from_ms, to_ms
from bms.historian.upkeep.rounds import RETRY_LATER, Outcome, Request, parsed
from bms.texts.messages import joined, message_of, msg

_log = logging.getLogger(__name__)

QUARTER_S = 900.0
AFTER_S = 130.0
"""Quarter hours are closed two minutes late; a few seconds more let the last commit in."""
FIRST_S = 20.0
"""After the start, when links and first cycles have settled."""
AGAIN_S = 60.0
"""After a failure, or while the disk is full."""
BETWEEN_S = 10.0
"""At least, however often the disk refuses a commit."""
LIMIT_S = 600.0

Prune = Callable[[datetime, tuple[int, int], bool], Awaitable[int]]
"""Delete compacted log rows older than a time; True: also those that a sink has not taken."""


class UpkeepTask:
    """The upkeep task. `run` it in a TaskGroup; it ends only by cancellation."""

    def __init__(
        self,
        site: Site,
        now: Callable[[], datetime],
        prune: Prune,
        sinks: Sequence[str],
        command: Sequence[str],
        *,
        first_s: float = FIRST_S,
        again_s: float = AGAIN_S,
        between_s: float = BETWEEN_S,
    ) -> None:
        self._site = site
        self._now = now
        self._prune = prune
        self._sinks = list(sinks)
        self._command = tuple(command)
        self._first_s = first_s
        self._again_s = again_s
        self._between_s = between_s
        self._urgent = asyncio.Event()
        self.last: Outcome | None = None
        self.error = ""
        """Why the last round failed; empty after one that did not."""
        self.dropped_samples = 0
        """Given up for want of room since the start of this process."""

    def hurry(self) -> None:
        """Make room now: the disk refused a commit."""
        self._urgent.set()

    def renew(self, site: Site) -> None:
        """Go on with other bases from the next round on."""
        self._site = site

    async def run(self) -> None:
        pause_s = self._first_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._urgent.wait()
            self._urgent.clear()
            outcome = await self._round()
            await asyncio.sleep(self._between_s)
            pause_s = self._pause(outcome)

    def _pause(self, outcome: Outcome | None) -> float:
        if outcome is None or outcome.error or outcome.missing_bytes or outcome.prune_log:
            return self._again_s
        if not outcome.finished:
            return 1.0
        since = (self._now().timestamp() - AFTER_S) % QUARTER_S
        return QUARTER_S - since

    async def _round(self) -> Outcome | None:
        """One round; None if it could not be made."""
        try:
            outcome = await self._upkeep()
        except (OSError, TimeoutError, ValueError) as error:
            outcome = Outcome(error=message_of(error) or msg("it took too long"), finished=False)
        if outcome is None:  # another process is at it
            return None
        if outcome.error and outcome.error != self.error:
            _log.error("history upkeep: %s", outcome.error)
        self.error = outcome.error
        if not outcome.error:
            self.last = outcome
            self.dropped_samples += outcome.dropped_samples
            if outcome.dropped_samples:
                _log.error("history is full: gave up %d samples", outcome.dropped_samples)
        if outcome.compacted is not None:
            try:
                await self._delete(outcome, outcome.compacted)
            except StoreError as error:
                self.error = message_of(error)
        return outcome

    async def _delete(self, outcome: Outcome, compacted: tuple[int, int]) -> None:
        kept = timedelta(hours=self._site.file.history.log_hours)
        while await self._prune(self._now() - kept, compacted, False):
            await asyncio.sleep(0)  # commits go between
        if outcome.missing_bytes or outcome.prune_log:
            # Everything compacted lies in segments too; sinks that fell behind find it there.
            while await self._prune(self._now(), compacted, True):
                await asyncio.sleep(0)

    async def _upkeep(self) -> Outcome | None:
        history = self._site.file.history
        request = Request(
            directory=str(self._site.state_dir),
            now_ms=to_ms(self._now()),
            zone=self._site.file.zone,
            zones={base.id: base.zone for base in self._site.bases.values()},
            retain_days=history.retain_days,
            max_bytes=history.max_bytes,
            sinks=self._sinks,
            own=True,
        )
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                out, err = await process.communicate(json.dumps(asdict(request)).encode())
        finally:
            if process.returncode is None:
                # A round that breaks off is redone; nothing of it counts.
                process.kill()
                await process.wait()
        if process.returncode == RETRY_LATER:
            return None
        code = process.returncode if process.returncode is not None else -1
        return parsed(code, out.decode(), err.decode(errors="replace"))

    def conditions(self) -> list[Condition]:
        """What is wrong with the history as it is kept."""
        found = []
        if self.error:
            text = msg("history is stored, but not compacted: {error}", error=self.error)
            found.append(Condition("store:upkeep", Severity.URGENT, text))
        last = self.last
        if last is not None and (last.dropped_samples or last.missing_bytes):
            text = msg(
                "history is full ({used_bytes:,.0f} MB): gave up {dropped_samples:,} samples "
                "since the start",
                used_bytes=last.used_bytes / 1000000.0,
                dropped_samples=self.dropped_samples,
            )
            if last.missing_bytes:
                more = msg(
                    "what is never given up needs {missing_bytes:,.0f} MB more: raise "
                    "history.max_bytes in site.yaml, or free the disk",
                    missing_bytes=last.missing_bytes / 1000000.0,
                )
                text = joined("; ", text, more)
            found.append(Condition("store:full", Severity.URGENT, text))
        return found

    def view(self) -> dict[str, object]:
        """For the status: plain JSON values."""
        last = self.last
        return {
            "compacted_until": None
            if last is None or last.horizon_ms is None
            else from_ms(last.horizon_ms).isoformat(timespec="seconds"),
            "used_bytes": None if last is None else last.used_bytes,
            "limit_bytes": None if last is None else last.limit_bytes,
            "segments": None if last is None else last.segments,
            "quarantined_samples": None if last is None else last.quarantined,
            "upkeep_s": None if last is None else last.seconds,
            "dropped_samples": self.dropped_samples,
            "error": self.error,
        }
