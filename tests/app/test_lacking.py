"""A start that lacks a password or a token which an earlier one had: all else is controlled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput
from bms.operations.editing.last_good import LastGood
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.patience import async_until

LINKS = FILES["links.yaml"] + (
    "  plant: {protocol: opcua, url: 'opc.tcp://127.0.0.1:1', security: none, user: bms, "
    "password_env: BMS_PLANT_PASSWORD}\n"
)
FILES_TOO = {
    "links.yaml": LINKS,
    "devices/meter.yaml": "device: m\nkind: meter\ndocument: test\nprotocol: opcua\n"
    "namespace: urn:test\npoints:\n  energy: {node: 's=e', type: float64, unit: kWh}\n",
    "equipment/m.yaml": "base: b\nequipment:\n  m: {kind: meter, device: m, link: plant}\n",
    "site.yaml": FILES["site.yaml"]
    + "influx: {url: 'http://127.0.0.1:1', org: o, bucket: raw, name: cloud}\n",
}
VARIABLES = ("BMS_PLANT_PASSWORD", "BMS_INFLUX_TOKEN")


@pytest.mark.parametrize("variable", VARIABLES)
async def test_a_later_start_does_without_what_a_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    state = tmp_path / "state"
    for name in VARIABLES:
        monkeypatch.setenv(name, "secret")
    monkeypatch.delenv(variable)
    with pytest.raises(InvalidInput, match=variable):  # a first start says so at once
        async with controlled(tmp_path, **FILES_TOO):
            pass
    monkeypatch.setenv(variable, "secret")
    async with controlled(tmp_path, **FILES_TOO):
        await async_until(lambda: LastGood(state).kept)
    monkeypatch.delenv(variable)
    async with controlled(tmp_path, **FILES_TOO) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 80.0)
        if variable == VARIABLES[0]:
            (row,) = await asyncio.to_thread(ask, state, "points", filter="b.m.energy")
            assert row["quality"] == "bad"
            assert variable in row["detail"]
            monkeypatch.setenv(variable, "secret")
            made = await asyncio.to_thread(ask, state, "reload", reason="it is there now")
            assert made["opened"] == ["plant"]
        else:
            answer = await asyncio.to_thread(ask, state, "status")
            texts = {alarm["key"]: alarm["text"] for alarm in answer["alarms"]}
            assert variable in texts["sink:cloud:lacks"]
