"""How a copy is doing, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class SinkStatus:
    """How the copy is doing. Counts are since the start of this process."""

    name: str
    dialect: str = ""
    url: str = ""
    cursors: dict[str, int] = field(default_factory=dict)
    backlog_rows: int = 0
    """Rows not yet sent, those of gaps included."""
    oldest_unsent_s: float | None = None
    gaps: int = 0
    sent_lines: int = 0
    dead_lines: int = 0
    """Dead letters that are kept now."""
    expired_lines: int = 0
    """Older than what the server keeps; it does not want them, and the store here has them."""
    damaged_rows: int = 0
    """Rows that did not read back as written; what they held is lost."""
    missing_rows: int = 0
    """Rows that were gone before they could be sent, and of whose time nothing is stored."""
    refill_days: int = 0
    """Days of UTC of which rows are gone, and that are sent from what is stored by series."""
    lost_samples: int = 0
    """Raw samples that the disk budget gave up before they were sent, ever."""
    lost: list[dict[str, Any]] = field(default_factory=list)
    """The same by class of points and day: `class`, `start`, `end`, `samples`."""
    retries: dict[str, int] = field(default_factory=dict)
    """By HTTP status; `no answer` for the rest."""
    backfill_lines_s: float = 0.0
    """The rate allowed to backfill now."""
    mismatches: int = 0
    """Hours of a measurement whose count on the server was less than ours."""
    reconciled_until: str | None = None
    reconcile_error: str = ""
    """Why the counts cannot be compared now."""
    outage: bool = False
    """Nothing was taken for more than a minute."""
    last_error: str = ""
    """Empty as soon as a request succeeds."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
