"""Any variant and any text over OPC-UA, from a socket to history, screens and the copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.points import Quality
from tests.acceptance.any_bytes.opcua import HostileOpcUa
from tests.acceptance.any_bytes.rig import hostile_site

SLICE = 3000
ALL = 100_000


async def fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: int, inputs: int) -> None:
    field = HostileOpcUa(links, seed=7)
    async with hostile_site(tmp_path, monkeypatch, [field]) as stack:
        for part in (3, 2, 1):
            await stack.fed(inputs // part)
            await stack.everything_answers()
        await stack.recorded_and_copied()
    assert stack.seen[Quality.GOOD]
    assert stack.seen[Quality.BAD] + stack.seen[Quality.STALE]
    details = "\n".join(stack.details)
    assert "text is not UTF-8" in details
    assert "not a number or text" in details


@pytest.mark.case(
    "S92",
    when="An OPC-UA server sends any type, any text, or bytes that are nothing",
    then="Its points are bad with the reason; all other points, history, screens and copies go on.",
)
async def test_any_variant_and_any_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fed(tmp_path, monkeypatch, 2, SLICE)


@pytest.mark.slow
async def test_a_hundred_thousand_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fed(tmp_path, monkeypatch, 8, ALL)
