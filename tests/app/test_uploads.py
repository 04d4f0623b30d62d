"""A running controller reports to platforms, and to others when its files are taken in again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bms.core.clock import SystemClock
from bms.core.instants import DAY_MS, from_ms, to_ms
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.forward.platforms.platform_rig import Platform, platform, uploads
from tests.patience import async_until

MORE = {
    "devices/meter.yaml": "device: m\nkind: meter\ndocument: test\nprotocol: modbus\npoints:\n"
    "  energy: {table: holding, address: 9, type: uint32, unit: kWh}\n",
    "equipment/m.yaml": "base: b\nequipment:\n  m: {kind: meter, device: m, link: plc, unit: 3}\n",
}


async def test_it_reports_and_takes_another_platform_in(tmp_path: Path) -> None:
    since = from_ms(to_ms(SystemClock().now()) - DAY_MS).date()
    async with Platform() as one, Platform() as other:
        text = uploads(platform("one", one.url, f"since: {since}"))
        async with controlled(tmp_path, **files_of(text)) as (_, _task, told):
            await async_until(lambda: one.taken)
            assert one.taken[0]["data"][0]["value"] is None  # nobody knows yesterday
            path = tmp_path / "uploads.yaml"
            path.write_text(uploads(platform("other", other.url, f"since: {since}")))
            await asyncio.to_thread(ask, tmp_path / "state", "reload", reason="another one")
            await async_until(lambda: other.taken)
            path.write_text("platforms: {}\n")
            assert told["b.holds.speed"] == 80.0
        # A start with a broken file controls, and says what is withheld.
        async with controlled(tmp_path, **files_of("platforms: {}\n")) as (_, _task, told):
            await async_until(lambda: told.get("b.holds.speed") == 80.0)
            answer = await asyncio.to_thread(ask, tmp_path / "state", "status")
            assert "uploads.yaml" in str(answer["alarms"])


def files_of(text: str) -> dict[str, str]:
    return {**FILES, **MORE, "uploads.yaml": text}
