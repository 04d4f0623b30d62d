"""Figures arrive at platforms, each once acknowledged, whatever lies in between."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bms.core.decisions import Condition
from bms.core.errors import InvalidInput
from bms.forward.platforms.upload_task import UploadTask
from tests.forward.platforms.platform_rig import (
    Gateway,
    Platform,
    broken,
    platform,
    taken,
    uploads,
)
from tests.ledger.support import START
from tests.patience import async_until
from tests.servers.certificates import certificate

DAY_MIN = 24 * 60


async def test_figures_are_sent_in_the_platforms_words_when_they_are_due(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            assert await gateway.upload().once()  # from here on
            gateway.count(15)
            assert await gateway.upload().once()
            assert there.taken == []  # five minutes after its end
            gateway.later(minutes=5)
            assert await gateway.upload().once()
            assert there.taken == [
                {
                    "head": {
                        "id": "park-p-quarter-20260302T0000Z-0",
                        "enterprise": "9133",
                        "kind": "quarter",
                        "again": False,
                    },
                    "from": "2026-03-02T08:00:00+08:00",
                    "to": "2026-03-02T08:15:00+08:00",
                    "data": [{"code": "0101", "value": 0.004, "unit": "MWh", "quality": 1}],
                }
            ]
            assert await gateway.upload().once()
            assert len(there.bodies) == 1


@pytest.mark.case(
    "U01",
    when="A platform that figures are reported to is out of reach for seven days",
    then="Every message is kept and arrives afterwards, in order, none twice and none invented",
)
async def test_after_seven_days_everything_arrives_in_order(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            there.script = broken
            for hour in range(1, 7 * 24 + 1):
                gateway.count(hour * 60)
                if hour % 4 == 0:
                    assert not await gateway.upload().once()
            assert there.taken == []
            there.script = taken
            gateway.later(minutes=5)
            assert await gateway.upload().once()
            quarters = there.of("quarter")
            starts = [message["from"] for message in quarters]
            assert len(starts) == 7 * 96
            assert len(set(starts)) == 7 * 96
            # Those of the last hour need not wait for the backlog; all others come by age.
            lately = sorted(starts)[-4:]
            backlog = [start for start in starts if start not in lately]
            assert backlog == sorted(backlog)
            total = sum(message["data"][0]["value"] for message in quarters)
            assert total == pytest.approx(7 * 96 * 0.004)
            assert [m["from"] for m in there.of("day")] == [f"2026-03-{d:02}" for d in range(2, 9)]
            assert gateway.kept(waiting=True) == []
            assert len(gateway.kept()) == len(there.taken)


async def test_the_present_does_not_wait_for_a_long_backlog(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(5 * DAY_MIN)
            there.script = broken
            assert not await gateway.upload().once()
            for _ in range(8):  # all of them are made
                await gateway.upload().once()
            there.script = taken
            gateway.later(minutes=5)
            assert await gateway.upload().once()
            starts = [message["from"] for message in there.of("quarter")]
            newest = starts.index(max(starts))
            assert newest < 150
            old = [s for s in starts if s < starts[newest - 3]]
            assert old == sorted(old)


@pytest.mark.case(
    "U02",
    when="The program is killed after a platform took a message and before its answer came",
    then="The same message goes once more with the same id, so that the platform can tell",
)
async def test_a_lost_answer_repeats_the_same_bytes(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(15)
            gateway.later(minutes=5)
            there.script = lambda _message: "lost"
            assert not await gateway.upload().once()
            gateway.later(minutes=10)
            there.script = taken
            assert await gateway.upload().once()
            assert len(there.bodies) == 2
            assert there.bodies[0] == there.bodies[1]
            assert gateway.kept(waiting=True) == []


@pytest.mark.case(
    "U03",
    when="One platform hangs and another does not",
    then="The other gets its messages as if it were alone",
)
async def test_a_platform_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async with Platform() as hangs, Platform() as works:
        hangs.script = lambda _message: "hang"
        text = uploads(platform("hangs", hangs.url), platform("works", works.url))
        with Gateway.of(tmp_path, text) as gateway:
            for number in (0, 1):
                await gateway.upload(number).once()
            gateway.count(10 * 60)
            gateway.later(minutes=5)
            alarms: dict[str, Condition] = {}
            task = UploadTask(
                gateway.site,
                lambda: gateway.now,
                lambda: gateway.now,
                lambda condition: alarms.update({condition.key: condition}),
                alarms.__delitem__,
            )
            running = asyncio.create_task(task.run())
            try:
                await async_until(lambda: len(works.taken) == 40)
                assert hangs.taken == []
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
            assert len(gateway.kept("hangs", waiting=True)) == 40


def _endless(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.Response(body=b"x" * 400_000)


def _deep(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.Response(body=b"[" * 60_000)


def _page(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.Response(text="<html>welcome</html>", content_type="text/html")


def _other(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.json_response({"result": {"code": 500, "msg": "no"}})


def _true(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.json_response({"result": {"code": True}})


def _packed(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.Response(body=b"\x1f\x8b garbage", headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("script", [_endless, _deep, _page, _other, _true, _packed])
async def test_what_is_no_acknowledgement_is_none(tmp_path: Path, script: Any) -> None:
    async with Platform() as there:
        text = uploads(platform("p", there.url))
        text += '    acknowledged: {field: result.code, values: [0, 1, "0"]}\n'
        with Gateway.of(tmp_path, text) as gateway:
            await gateway.upload().once()
            gateway.count(15)
            gateway.later(minutes=5)
            there.script = script
            assert not await gateway.upload().once()
            (kept,) = gateway.kept(waiting=True)
            assert kept.said
            assert len(kept.said) < 1000
            there.script = lambda _m: web.json_response({"result": {"code": "0"}})
            gateway.later(minutes=10)
            assert await gateway.upload().once()
            assert gateway.kept(waiting=True) == []


async def test_a_redirection_is_not_followed(tmp_path: Path) -> None:
    async with Platform() as there, Platform() as elsewhere:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(15)
            gateway.later(minutes=5)
            there.script = lambda _m: web.Response(
                status=307, headers={"Location": elsewhere.url + "/quarter"}
            )
            upload = gateway.upload()
            assert not await upload.once()
            assert elsewhere.bodies == []
            assert "307" in upload.said


@pytest.mark.case(
    "U04",
    when="A platform refuses one message and takes others",
    then="The others go on; the refused one is tried again, more and more rarely",
)
async def test_a_message_that_is_refused_blocks_no_other(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(60)
            gateway.later(minutes=5)
            poison = "park-p-quarter-20260302T0015Z-0"

            def script(message: dict[str, Any]) -> web.StreamResponse | str:
                if message["head"]["id"] == poison:
                    return web.Response(status=422, text="no such code")
                return web.Response(status=204)

            there.script = script
            upload = gateway.upload()
            for _ in range(4):
                await upload.once()
            (kept,) = gateway.kept(waiting=True)
            assert kept.message_id == poison
            assert "422" in kept.said
            asked = len(there.bodies)
            await upload.once()  # within the minute nobody asks again
            assert len(there.bodies) == asked
            gateway.later(minutes=1)
            await upload.once()
            assert len(there.bodies) == asked + 1


@pytest.mark.case(
    "U05",
    when="A quarter hour is missing in what is reported to a platform",
    then="It is sent as missing with the platform's code of quality, never as 0",
)
@pytest.mark.parametrize(
    ("missing", "data"),
    [
        ("send_null", [{"code": "0101", "value": None, "unit": "MWh", "quality": 9}]),
        ("omit_field", [{"code": "0101", "unit": "MWh", "quality": 9}]),
        ("omit_meter", []),
    ],
)
async def test_a_missing_quarter_hour_is_no_zero(tmp_path: Path, missing: str, data: Any) -> None:
    async with Platform() as there:
        text = uploads(platform("p", there.url)) + f"    missing: {missing}\n"
        with Gateway.of(tmp_path, text) as gateway:
            await gateway.upload().once()
            gateway.later(minutes=20)  # nothing was read
            assert await gateway.upload().once()
            assert there.taken[0]["data"] == data


@pytest.mark.case(
    "U06",
    when="A figure changes after it was reported to a platform",
    then="A new message with the new figure follows, and says that it corrects",
)
async def test_a_late_reading_makes_a_correction(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(15)
            gateway.later(minutes=20)  # the second quarter hour is not known
            assert await gateway.upload().once()
            assert [m["data"][0]["value"] for m in there.taken] == [0.004, None]
            gateway.count(60)
            gateway.later(minutes=5)
            assert await gateway.upload().once()
            again = [m for m in there.taken if m["head"]["again"]]
            assert [m["head"]["id"] for m in again] == ["park-p-quarter-20260302T0015Z-1"]
            assert again[0]["data"][0]["value"] == 0.004
            asked = len(there.bodies)
            assert await gateway.upload().once()
            assert len(there.bodies) == asked


async def test_where_clocks_are_put_back_each_quarter_hour_has_its_message(tmp_path: Path) -> None:
    async with Platform() as there:
        text = uploads(platform("p", there.url))
        with Gateway.of(tmp_path, text, zone="Europe/Berlin") as gateway:
            gateway.now, gateway.read = START + timedelta(days=26), 26 * DAY_MIN
            gateway.books.site = replace(
                gateway.site,
                file=gateway.site.file.model_copy(update={"zone": "Europe/Berlin"}),
            )
            await gateway.upload().once()
            # From 28 March to 30 March 2026: the day between has 23 hours.
            gateway.count((26 + 3) * DAY_MIN)
            gateway.later(hours=2)
            assert await gateway.upload().once()
            days = {m["from"]: m for m in there.of("day")}
            assert days["2026-03-29"]["data"][0]["value"] == pytest.approx(23 * 4 * 0.004)
            assert days["2026-03-30"]["data"][0]["value"] == pytest.approx(24 * 4 * 0.004)
            ids = [m["head"]["id"] for m in there.of("quarter")]
            assert len(ids) == len(set(ids))
            of_day = [m for m in there.of("quarter") if m["from"].startswith("2026-03-29")]
            assert len(of_day) == 23 * 4


async def test_six_months_are_kept_and_what_never_arrived_is_counted(tmp_path: Path) -> None:
    async with Platform() as there:
        with Gateway.of(tmp_path, uploads(platform("p", there.url))) as gateway:
            await gateway.upload().once()
            gateway.count(60)
            gateway.later(minutes=5)
            there.script = broken
            assert not await gateway.upload().once()
            shown: list[Condition] = []
            gateway.later(days=1)
            assert not await gateway.upload(shown=shown).once()
            assert "upload:p:server" in [condition.key for condition in shown]
            gateway.later(days=182)
            await gateway.upload().once()
            first = "park-p-quarter-20260302T0000Z-0"
            assert first in [kept.message_id for kept in gateway.kept()]
            gateway.later(days=3)
            await gateway.upload(shown=shown).once()
            assert first not in [kept.message_id for kept in gateway.kept()]
            assert "upload:p:lost" in [condition.key for condition in shown]


async def test_https_is_believed_on_the_named_authority_alone(tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority")
    shown = certificate(tmp_path, "platform", address="127.0.0.1", signer=authority)
    async with Platform(shown) as there:
        bare = platform("p", there.url).replace("    insecure: true\n", "")
        with Gateway.of(tmp_path, uploads(bare)) as gateway:
            upload = gateway.upload()
            await upload.once()
            gateway.count(15)
            gateway.later(minutes=5)
            assert not await upload.once()
            assert "not believed" in upload.said
            assert there.bodies == []
            known = uploads(bare + "    ca: authority.pem\n")
            gateway.books.site = replace(gateway.site, texts={"uploads.yaml": known})
            assert await gateway.upload().once()
            assert len(there.taken) == 1


async def test_a_secret_comes_from_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    async with Platform() as there:
        text = uploads(platform("p", there.url, "token_file: secret.txt"))
        secret = tmp_path / "secret.txt"
        secret.write_text("s3cret\n")
        secret.chmod(0o644)
        with Gateway.of(tmp_path, text) as gateway:
            with pytest.raises(InvalidInput, match="others may read it"):
                await gateway.upload().once()
            secret.chmod(0o600)
            await gateway.upload().once()
            gateway.count(15)
            gateway.later(minutes=5)
            assert await gateway.upload().once()
            assert there.headers[0]["Authorization"] == "Bearer s3cret"
