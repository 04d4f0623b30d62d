"""The default clock of the drivers; the controller and the tests pass their own."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Aware UTC now."""
    return datetime.now(UTC)
