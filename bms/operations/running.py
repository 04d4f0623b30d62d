"""What the use cases work with: a running site and its ways to the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from bms.operations.changes import Changes, InStore
from bms.operations.overrides.override_record import OverrideRecord
from bms.operations.past import Past
from bms.operations.requests.live_requests import CycleView, ReloadSite, SiteReloaded
from bms.operations.requests.operation import ON_FILES_S
from bms.operations.runtime import Runtime

T = TypeVar("T")

MARGIN_S = 5.0
"""Who asks hears that it goes on before the socket gives up."""


class Beside(Protocol):
    """Runs a call beside the loop."""

    async def __call__(self, call: Callable[[], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Running:
    """One running site."""

    runtime: Runtime
    now: Callable[[], datetime]
    in_store: InStore
    beside: Beside
    changes: Changes
    overrides: OverrideRecord
    past: Past
    cycle: Callable[[], CycleView]
    kwh_today: Callable[[datetime], Awaitable[Mapping[str, float | None]]]
    reload: Callable[[ReloadSite, str], Awaitable[SiteReloaded]]
    """Puts the files of the site in force for a user, or says what it would do."""
    entered: Changes | None = None
    """Changes of files and of the ledger, which may take long; None: they are like all others."""

    async def on_files(self, call: Callable[[], T]) -> T:
        """Run a call that changes files or the ledger beside the loop, one after the other, each
        to its end whatever becomes of who asked."""
        changes = self.entered or self.changes
        return await changes.carry_out(lambda: self.beside(call), ON_FILES_S - MARGIN_S)
