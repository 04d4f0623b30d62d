"""`influx` of site.yaml: one database or several, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bms.config.load import check
from bms.config.shapes.sinks import InfluxFile
from bms.control import STRATEGIES
from tests.app.test_app import FILES

ONE = "influx: {url: 'http://db:8086/', org: o, bucket: raw}\n"
SEVERAL = """\
influx:
  - {url: 'http://db:8086', org: o, bucket: raw, rollup_bucket: long}
  - name: group
    dialect: victoria
    url: https://group.example
    send: [energy, events]
    ca: ca.pem
  - {name: old, dialect: v1, url: 'http://old:8086', db: bms, rp: raw, rollup_rp: long}
"""


def checked(tmp_path: Path, text: str) -> tuple[Any, list[str]]:
    for name, content in {**FILES, "site.yaml": FILES["site.yaml"] + text}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    site, problems = check(tmp_path, STRATEGIES)
    return site, [str(problem) for problem in problems]


def test_a_single_mapping_is_one_database(tmp_path: Path) -> None:
    site, problems = checked(tmp_path, ONE)
    assert problems == []
    (sink,) = site.file.influx
    assert (sink.name, sink.dialect, sink.token_variable) == ("influx", "v2", "BMS_INFLUX_TOKEN")
    assert sink.url == "http://db:8086"
    assert site.file.influx is not None


def test_several_databases_each_with_its_dialect(tmp_path: Path) -> None:
    site, problems = checked(tmp_path, SEVERAL)
    assert problems == []
    assert [sink.name for sink in site.file.influx] == ["influx", "group", "old"]
    assert [sink.needs_token for sink in site.file.influx] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("influx: {url: 'db:8086', org: o, bucket: b}\n", ["'db:8086' is not an address"]),
        ("influx: {url: 'http://db', bucket: b}\n", ["dialect v2 needs 'org'"]),
        ("influx: {url: 'http://db', org: o, bukket: b}\n", ["unknown key 'bukket'", "bucket"]),
        (
            "influx: {url: 'http://db', dialect: v1, db: d, bucket: b}\n",
            ["'bucket' means nothing to dialect v1, which knows db, rollup_rp, rp, write"],
        ),
        ("influx: {url: 'http://db', dialect: v4}\n", ["v4"]),
        ("influx: 7\n", ["list"]),
        (
            "influx:\n  - {url: 'http://a', org: o, bucket: b}\n"
            "  - {url: 'http://b', org: o, bucket: b}\n",
            ["two databases are called 'influx'"],
        ),
        ("influx: {url: 'http://db', org: o, bucket: b, backfill_ratio: 9}\n", ["5"]),
        ("influx: {url: 'http://db', org: o, bucket: b, send: [all]}\n", ["'all'", "energy"]),
        ("influx: {url: 'http://db', org: o, bucket: b, name: 'A b'}\n", ["'A b'"]),
    ],
)  # fmt: skip
def test_mistakes_are_said_at_their_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    site, problems = checked(tmp_path, text)
    assert site is None
    assert len(problems) == 1
    line = FILES["site.yaml"].count("\n") + 1
    assert problems[0].startswith("site.yaml:")
    assert int(problems[0].split(":")[1]) >= line
    for part in expected:
        assert part in problems[0]


@pytest.mark.parametrize(
    ("settings", "rollup", "path", "parameters"),
    [
        ({"org": "o", "bucket": "b"}, False, "/api/v2/write",
         {"org": "o", "bucket": "b", "precision": "ms"}),
        ({"org": "o", "bucket": "b", "rollup_bucket": "r"}, True, "/api/v2/write",
         {"org": "o", "bucket": "r", "precision": "ms"}),
        ({"dialect": "v1", "db": "d"}, False, "/write", {"db": "d", "precision": "ms"}),
        ({"dialect": "v1", "db": "d", "rollup_rp": "long"}, True, "/write",
         {"db": "d", "rp": "long", "precision": "ms"}),
        ({"dialect": "v1", "db": "d", "write": "v2"}, False, "/api/v2/write",
         {"org": "-", "bucket": "d/autogen", "precision": "ms"}),
        ({"dialect": "v3", "db": "d", "rollup_db": "r"}, True, "/api/v2/write",
         {"org": "-", "bucket": "r", "precision": "ms"}),
        ({"dialect": "victoria"}, False, "/api/v2/write", {"precision": "ms"}),
    ],
)  # fmt: skip
def test_where_lines_are_posted(
    settings: dict[str, object], rollup: bool, path: str, parameters: dict[str, str]
) -> None:
    place = InfluxFile.model_validate({"url": "http://db", **settings}).place(rollup=rollup)
    assert (place.path, dict(place.parameters)) == (path, parameters)


def test_a_ratio_above_five_is_refused() -> None:
    with pytest.raises(ValidationError):
        InfluxFile(url="http://db", org="o", bucket="b", backfill_ratio=5.1)
