"""How many may ask at once: nobody's connections, idle or not, keep others or the control out."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_IN_ALL: Final = 192
LEAST_IN_ALL: Final = 12


def most_in_all() -> int:
    """Connections at once: at most a quarter of the files that this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_IN_ALL
    return max(LEAST_IN_ALL, min(MOST_IN_ALL, soft // 4))


@dataclass(slots=True)
class _Connection:
    account: int
    idle_since: float | None
    """By a steady clock; None while it is being answered."""


@dataclass(slots=True)
class Connections(Generic[T]):
    """Who is connected. Decides only; closing is the caller's."""

    in_all: int
    _open: dict[T, _Connection] = field(default_factory=dict, init=False)

    @property
    def of_one(self) -> int:
        """The most of one account: a third, so that no single one keeps others out."""
        return max(1, self.in_all // 3)

    def all(self) -> list[T]:
        return list(self._open)

    def admit(self, one: T, account: int, now: float) -> tuple[bool, T | None]:
        """Whether a new connection may stay, and which one has to go for it.

        It is one that has been idle the longest, of the same account where that has too many.
        """
        mine = [key for key, found in self._open.items() if found.account == account]
        crowd = mine if len(mine) >= self.of_one else []
        if not crowd and len(self._open) >= self.in_all:
            crowd = list(self._open)
        gone: T | None = None
        if crowd:
            idle = [
                (since, number)
                for number, key in enumerate(crowd)
                if (since := self._open[key].idle_since) is not None
            ]
            if not idle:
                return False, None
            gone = crowd[min(idle)[1]]
            del self._open[gone]
        self._open[one] = _Connection(account, now)
        return True, gone

    def idle(self, one: T, now: float) -> None:
        """It waits for its next request from now on."""
        if one in self._open:
            self._open[one].idle_since = now

    def busy(self, one: T) -> None:
        """It is being answered."""
        if one in self._open:
            self._open[one].idle_since = None

    def close(self, one: T) -> None:
        self._open.pop(one, None)
