"""The machine's time, for tests of what runs against real servers."""

from __future__ import annotations

from bms.core.clock import SystemClock

utc_now = SystemClock().now
