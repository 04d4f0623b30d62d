"""The site that `init` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms import control
from bms.config.load import check
from bms.config.reading.devices import check_device
from bms.config.writing.scaffold import init, template
from bms.core.errors import InvalidInput, Refused
from drivers.device_files.catalogue import DeviceType, shipped
from tests.config.sites import STRATEGIES


def test_the_written_site_passes(tmp_path: Path) -> None:
    written = init(tmp_path / "deep" / "site")
    assert {path.relative_to(tmp_path / "deep" / "site").as_posix() for path in written} == set(
        template()
    )
    site, problems = check(tmp_path / "deep" / "site", STRATEGIES)
    assert problems == []
    assert site is not None
    assert site.library.governed == {"plant.offices": "offices"}


def test_the_written_site_passes_with_the_real_strategies(tmp_path: Path) -> None:
    init(tmp_path / "site")
    assert check(tmp_path / "site", control.STRATEGIES)[1] == []


def test_every_file_explains_itself() -> None:
    for name, text in template().items():
        assert text.startswith("#"), name
        assert "\t" not in text
        assert all(len(line) <= 100 for line in text.splitlines()), name


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".hidden"]
    with pytest.raises(Refused, match="is a file"):
        init(tmp_path / ".hidden")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        init(tmp_path / "file" / "site")


@pytest.mark.parametrize("device", shipped().values(), ids=shipped().keys())
def test_shipped_devices_fit_their_kinds(device: DeviceType) -> None:
    assert check_device(device) == []
