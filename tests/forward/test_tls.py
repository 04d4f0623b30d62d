"""A database behind TLS: believed are the authority of the site and its names, else it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.core.errors import InvalidInput
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.asking import QueryFailed, Reader
from bms.forward.server.destination import Destination
from bms.forward.server.http import InfluxTransport, NotNow, pack
from bms.forward.server.tls import trust
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series
from drivers.points import Quality, Sample
from tests.patience import patience
from tests.servers.certificates import Identity, certificate
from tests.servers.influx import BUCKET, ORG, TOKEN, Influx2

pytestmark = pytest.mark.servers

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LINE = pack(b"bms_analog,point=b.m.power v=1.0 1772438400000")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Secured:
    """A real InfluxDB 2.7 that speaks TLS only, and what it shows."""

    server: Influx2
    authority: Identity


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = certificate(folder, "works-authority")
    shown = certificate(folder, "influx", address=LOOPBACK, signer=authority)
    with Influx2(certificate=shown.certificate, key=shown.key) as server:
        yield Secured(server, authority)


def settings_of(url: str) -> InfluxFile:
    return InfluxFile(url=url, org=ORG, bucket=BUCKET)


async def said(url: str, ca: Path | None) -> str:
    """What sending and asking say, which is the same; empty if both work."""
    settings = settings_of(url)
    sending = asking = ""
    try:
        async with InfluxTransport(
            settings, TOKEN, timeout_s=10, now=lambda: NOW, ca=ca
        ) as transport:
            await transport.post(LINE)
    except NotNow as error:
        sending = str(error)
    try:
        async with Reader(settings, TOKEN, ca=ca) as reader:
            await reader.influxql("SHOW MEASUREMENTS", database=BUCKET)
    except QueryFailed as error:
        asking = str(error)
    assert sending in asking
    return sending


async def test_everything_arrives_with_the_authority_of_the_site(
    tmp_path: Path, secured: Secured
) -> None:
    with History(tmp_path) as history:
        history.append(Batch(series=[Series("tls.m.power", "kW")]))
        history.append(Batch([Sample("tls.m.power", 7.0, Quality.GOOD, NOW)]))
    sink = InfluxSink(
        Destination(settings_of(secured.server.url), TOKEN, ca=secured.authority.certificate),
        Copied(tmp_path),
        timing=Timing(now=lambda: NOW, idle_s=0.02),
        reconcile=False,
    )
    task = asyncio.create_task(sink.run())
    async with patience():
        while not sink.status.cursors.get("log") or sink.status.backlog_rows:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (sink.status.last_error, sink.status.dead_lines) == ("", 0)
    async with Reader(
        settings_of(secured.server.url), TOKEN, ca=secured.authority.certificate
    ) as reader:
        (table,) = await reader.influxql(
            "SELECT v FROM bms_analog WHERE point='tls.m.power'", database=BUCKET
        )
    assert [row[1] for row in table.rows] == [7.0]


async def test_who_is_not_believed_is_sent_nothing_and_the_remedy_is_said(
    tmp_path: Path, secured: Secured
) -> None:
    url = secured.server.url
    assert await said(url, secured.authority.certificate) == ""
    unnamed = await said(url, None)
    assert "not believed" in unnamed
    assert "name the file under 'ca'" in unnamed
    stranger = certificate(tmp_path, "stranger")
    assert "stranger.pem is not the authority that signed it" in await said(
        url, stranger.certificate
    )
    other = await said(url.replace(LOOPBACK, "localhost"), secured.authority.certificate)
    assert "localhost" in other
    assert "a name that the certificate is made for" in other
    assert "write https:// in url" in await plain(url)


async def plain(url: str) -> str:
    """InfluxDB answers 400 to a request without TLS: no reason to give up the lines."""
    with pytest.raises(NotNow) as found:
        async with InfluxTransport(
            settings_of(url.replace("https:", "http:")), TOKEN, timeout_s=10, now=lambda: NOW
        ) as transport:
            await transport.post(LINE)
    return str(found.value)


async def test_a_server_that_signed_itself_is_believed_if_it_is_named(tmp_path: Path) -> None:
    own = certificate(tmp_path, "own", address=LOOPBACK)
    old = certificate(tmp_path, "old", address=LOOPBACK, days=(-9, -1))
    with Influx2(certificate=own.certificate, key=own.key) as server:
        assert await said(server.url, own.certificate) == ""
        assert "if it signed itself" in await said(server.url, None)
    with Influx2(certificate=old.certificate, key=old.key) as server:
        assert "renew it on the server" in await said(server.url, old.certificate)


async def test_a_server_without_tls_is_told_from_one_with(tmp_path: Path) -> None:
    with Influx2() as server:
        text = await said(server.url.replace("http:", "https:"), None)
    assert "does not speak TLS at this address" in text


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    own = certificate(tmp_path, "own", address=LOOPBACK)
    for text in (b"", b"not PEM", own.key.read_bytes()):
        (tmp_path / "ca.pem").write_bytes(text)
        with pytest.raises(InvalidInput, match=r"ca\.pem holds no certificate"):
            trust(tmp_path / "ca.pem")
    with pytest.raises(InvalidInput, match="cannot be read"):
        trust(tmp_path / "absent.pem")
