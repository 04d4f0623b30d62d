"""Any bytes in any Modbus framing, from a socket to history, screens and the copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.points import Quality
from tests.acceptance.any_bytes.modbus import Framing, HostileModbus
from tests.acceptance.any_bytes.rig import hostile_site

SLICE = 1500
ALL = 100_000
FRAMINGS: tuple[Framing, ...] = ("tcp", "tls", "tcp_without_ids", "rtu_tcp", "rtu_tcp_echo")


async def fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: int, inputs: int) -> None:
    fields = [
        HostileModbus(framing, links, seed, tmp_path / "pki")
        for seed, framing in enumerate(FRAMINGS)
    ]
    async with hostile_site(tmp_path, monkeypatch, fields) as stack:
        for part in (3, 2, 1):
            await stack.fed(inputs // part)
            await stack.everything_answers()
        await stack.recorded_and_copied()
    assert stack.seen[Quality.GOOD]
    assert stack.seen[Quality.BAD] + stack.seen[Quality.STALE]


@pytest.mark.case(
    "S91",
    when="A Modbus device answers with nonsense",
    then="Its points are BAD with the reason; all other points, the history, the screens and the "
    "copies go on",
)
async def test_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fed(tmp_path, monkeypatch, 1, SLICE)


@pytest.mark.slow
async def test_a_hundred_thousand_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fed(tmp_path, monkeypatch, 4, ALL)
