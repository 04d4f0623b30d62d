"""An address may be shown anywhere: its user and password are not in it."""

from __future__ import annotations

import pickle
from base64 import b64encode

import pytest
from pydantic import ValidationError

from bms.config.shapes.links import opcua_url
from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.status import SinkStatus
from bms.forward.server.http import authorization, points_elsewhere
from bms.texts.addresses import Address


@pytest.mark.parametrize(
    ("written", "shown", "login"),
    [
        ("http://db:8086", "http://db:8086", ""),
        ("https://oper:s3cret@db:8086/base/", "https://db:8086/base/", "oper:s3cret"),
        ("http://oper:p%40ss%3A@db", "http://db", "oper:p@ss:"),
        ("http://oper:s3/c@ret@db:1", "http://db:1", "oper:s3/c@ret"),
        ("http://oper:s3?c#ret@db:1", "http://db:1", "oper:s3?c#ret"),
        ("http://token@db", "http://db", "token"),
        ("http://db:8086?u=oper&p=s3cret", "http://db:8086", ""),
        ("http://[::1]:8086/at@home", "http://[::1]:8086/at@home", ""),
        ("opc.tcp://oper:s3cret@plc:4840/UA", "opc.tcp://plc:4840/UA", "oper:s3cret"),
        ("oper:s3cret@db", "db", "oper:s3cret"),
    ],
)
def test_what_is_shown_and_what_signs_in(written: str, shown: str, login: str) -> None:
    address = Address(written)
    assert address == shown
    assert address.login == login
    assert pickle.loads(pickle.dumps(address)) == shown


@pytest.mark.case(
    "R16",
    when="The address of a database has a user and a password in it",
    then="They sign in there; status, log, alarms and errors show the address without them.",
)
def test_a_password_in_an_address_signs_in_and_is_never_shown() -> None:
    settings = InfluxFile(dialect="v1", db="raw", url="http://oper:s3cret@db:8086")
    assert "s3cret" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "s3cret" not in str(SinkStatus("influx", settings.dialect, settings.url).to_json())
    basic = f"Basic {b64encode(b'oper:s3cret').decode()}"
    assert authorization(settings, "") == {"Authorization": basic}
    assert authorization(settings, "other:pass")["Authorization"] != basic
    assert "s3cret" not in points_elsewhere("https://oper:s3cret@db/?p=s3cret")
    with pytest.raises(ValidationError) as found:
        InfluxFile(dialect="v1", db="raw", url="ftp://oper:s3cret@db")
    assert "s3cret" not in str(found.value.errors(include_input=False)[0]["msg"])
    with pytest.raises(ValueError, match="not an OPC-UA address") as refused:
        opcua_url("opc.tcp://oper:s3cret@plc:4840")
    assert "s3cret" not in str(refused.value)
