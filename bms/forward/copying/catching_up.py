"""How fast what was missed may follow: behind live data, and gently after an outage.

A thousand gateways come back to one server at the same moment. So backfill begins at a random
time within `START_WITHIN_S`, runs at a small multiple of the live rate, and halves whenever the
server says that it has had enough.
"""

from __future__ import annotations

START_WITHIN_S = 300.0
FLOOR_LINES_S = 200.0
"""A site with a handful of points would otherwise take weeks for a week."""
BURST_LINES = 5000.0
RATE_OVER_S = 60.0
"""The live rate is an average over about this long."""
RECOVER_S = 60.0
"""After so long without a refusal a halved rate doubles again, up to the full one."""
LEAST_SHARE = 1 / 64


class Pace:
    """Allowances in lines, from times in seconds that are given. It reads no clock."""

    def __init__(self, ratio: float, cap_lines_s: float | None = None) -> None:
        """`ratio` is backfill over live; `cap_lines_s` is for both together."""
        self._ratio = ratio
        self._cap_lines_s = cap_lines_s
        self._share = 1.0
        self._refused_s = float("-inf")
        self._live_lines_s = 0.0
        self._live_lines = 0
        self._counted_s: float | None = None
        self._earned = 0.0
        self._earned_s: float | None = None
        self._owed = 0.0
        self._owed_s: float | None = None
        self.not_before_s = float("-inf")

    def connected(self, now_s: float, chance: float) -> None:
        """The server answers (again): backfill waits a random time, `chance` being 0 to 1."""
        self.not_before_s = now_s + chance * START_WITHIN_S

    def refused(self, now_s: float) -> None:
        """The server is busy (429, 503)."""
        self._share = max(LEAST_SHARE, self._share / 2)
        self._refused_s = now_s

    def live(self, lines: int, now_s: float) -> None:
        """Live lines went out."""
        self._live_lines += lines
        self._owe(lines, now_s)
        if self._counted_s is None:
            self._counted_s = now_s
        elapsed_s = now_s - self._counted_s
        if elapsed_s >= RATE_OVER_S / 6:
            weight = min(1.0, elapsed_s / RATE_OVER_S)
            rate = self._live_lines / elapsed_s
            self._live_lines_s += weight * (rate - self._live_lines_s)
            self._live_lines, self._counted_s = 0, now_s

    def backfill_lines_s(self, now_s: float) -> float:
        """The rate of backfill as it is now."""
        while self._share < 1.0 and now_s - self._refused_s >= RECOVER_S:
            self._share = min(1.0, self._share * 2)
            self._refused_s += RECOVER_S
        return max(FLOOR_LINES_S, self._ratio * self._live_lines_s) * self._share

    def allowance(self, now_s: float) -> int:
        """How many lines backfill may send now."""
        rate = self.backfill_lines_s(now_s)
        if now_s < self.not_before_s:
            self._earned_s = None
            return 0
        if self._earned_s is None:
            self._earned_s = now_s
            self._earned = min(BURST_LINES, rate)
        self._earned = min(BURST_LINES, self._earned + rate * (now_s - self._earned_s))
        self._earned_s = now_s
        # Small requests cost a server more than large ones.
        return int(self._earned) if self._earned >= min(BURST_LINES, rate) else 0

    def backfilled(self, lines: int, now_s: float) -> None:
        """Backfill went out."""
        self._earned -= lines
        self._owe(lines, now_s)

    def hold_s(self, now_s: float) -> float:
        """How long to wait before anything more, so that the cap is kept."""
        if self._cap_lines_s is None:
            return 0.0
        self._owe(0, now_s)
        return max(0.0, self._owed / self._cap_lines_s - 1.0)

    def _owe(self, lines: int, now_s: float) -> None:
        if self._cap_lines_s is None:
            return
        if self._owed_s is not None:
            self._owed = max(0.0, self._owed - (now_s - self._owed_s) * self._cap_lines_s)
        self._owed_s = now_s
        self._owed += lines
