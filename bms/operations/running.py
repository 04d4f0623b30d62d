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
from bms.operations.runtime import Runtime

T = TypeVar("T")


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
