"""How many nodes a server takes at a time: what it says, what it refuses, how long it needs. Pure.

Some controllers refuse more than about a thousand nodes; some take 20 ms for each. Both are
learned, and known for longer than a session.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BATCH = 500
"""Nodes per request; some controllers refuse more than about a thousand."""
FIRST = 25
"""As long as nobody knows how fast the server is."""
_SHARE = 0.25
"""Of the time-out that a request should take at most."""


@dataclass(slots=True)
class Portion:
    """Nodes in one request of one service."""

    most: int = BATCH
    """What the server takes."""
    fast: int = FIRST
    """What it answers in good time."""

    @property
    def size(self) -> int:
        """How many to ask for in the next request."""
        return min(self.most, self.fast)

    def took(self, count: int, seconds: float, timeout_s: float) -> None:
        """So many nodes were answered in so much time."""
        fits = max(1, int(count * _SHARE * timeout_s / max(seconds, 1e-6)))
        if fits < self.fast:
            self.fast = min(self.fast, max(fits, self.fast // 4))
        elif count >= self.fast:
            self.fast = min(2 * self.fast, fits, BATCH)

    def unanswered(self, count: int) -> None:
        """So many nodes were more than the server answers within the time-out."""
        self.fast = max(1, min(self.fast, count) // 4)

    def limited(self, most: object) -> None:
        """The server says so; what is no number above 0 is no limit."""
        if isinstance(most, int) and most > 0:
            self.most = min(self.most, most)

    def halve(self) -> bool:
        """The server took so many for too many; False if one is too many already."""
        size = self.size
        self.most = max(1, size // 2)
        return size > 1


@dataclass(slots=True)
class Portions:
    """Of one server, by service."""

    read: Portion = field(default_factory=Portion)
    write: Portion = field(default_factory=Portion)
    items: Portion = field(default_factory=Portion)
    """Monitored items created by one request."""
    subscription: Portion = field(default_factory=lambda: Portion(fast=BATCH))
    """Items in one subscription."""
