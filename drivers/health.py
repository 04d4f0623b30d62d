"""How a link is doing, as its driver counts it. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_LATENCIES_KEPT = 512


@dataclass(frozen=True, slots=True)
class UnitHealth:
    """One Modbus unit of a link, or what else fails on its own."""

    unit: str
    online: bool
    failures: int
    """Requests in a row that it left unanswered."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DriverHealth:
    """Counted since the driver was made; latencies over the last 512 answers."""

    connected: bool
    requests: int = 0
    failures: int = 0
    """Requests that brought no usable answer, time-outs included."""
    timeouts: int = 0
    connects: int = 0
    """Connections made; one more than reconnections."""
    overruns: int = 0
    """Reads that were skipped because the one before was not finished."""
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p99_ms: float | None = None
    clock_skew_s: float | None = None
    """How far the server's clock is ahead of ours; None where the protocol does not tell."""
    units: tuple[UnitHealth, ...] = ()
    detail: str = ""
    """Why it is not connected, or what else is wrong."""

    @property
    def error_pct(self) -> float:
        """Failures in percent of requests."""
        return 100 * self.failures / self.requests if self.requests else 0.0


@dataclass(slots=True)
class Tally:
    """What a driver counts of its requests; see `DriverHealth`."""

    requests: int = 0
    failures: int = 0
    timeouts: int = 0
    latencies: Latencies = field(default_factory=lambda: Latencies())


class Latencies:
    """The last answer times of a link."""

    __slots__ = ("_kept", "add")

    def __init__(self) -> None:
        self._kept: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self.add = self._kept.append
        """Takes seconds."""

    def percentile_ms(self, percent: float) -> float | None:
        """None before the first answer."""
        if not self._kept:
            return None
        ordered = sorted(self._kept)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
