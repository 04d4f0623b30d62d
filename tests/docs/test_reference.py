"""The reference of keys says what every key means, in words that a person understands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from bms.config.resolving.energy.meters import MetersFile
from bms.config.shapes.links import PROTOCOLS
from bms.config.shapes.models import EquipmentFile, GroupsFile, SiteFile
from bms.config.shapes.reading_formats import ReadingsFile
from bms.control import STRATEGIES
from docs.generate import commands, meanings, models_beneath, pages, write
from drivers.device_files.catalogue import DeviceType, shipped
from schedules.files import keys

MODELS = models_beneath(
    [
        SiteFile,
        *PROTOCOLS.values(),
        EquipmentFile,
        GroupsFile,
        MetersFile,
        ReadingsFile,
        DeviceType,
        *(spec.parameters for spec in STRATEGIES.values()),
    ]
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_of_the_site_files_has_a_meaning(model: type[BaseModel]) -> None:
    assert model.__doc__
    for name, text in meanings(model).items():
        assert text.endswith("."), f"{model.__name__}.{name} has no sentence beneath it"


def test_every_key_of_the_schedule_files_has_a_meaning() -> None:
    known = [value for value in vars(keys).values() if isinstance(value, keys.Keys)]
    assert {one.where for one in known} == {one.where for one in keys.ALL}
    for one in keys.ALL:
        for name, says in {**one.required, **one.optional}.items():
            assert says.endswith("."), (one.where, name)


def test_every_key_device_and_command_is_printed() -> None:
    made = pages()
    text = "\n".join(made.values())
    for model in MODELS:
        for name, field in model.model_fields.items():
            assert f"| `{field.alias or name}` |" in text, (model.__name__, name)
    for device in shipped():
        assert f"### `{device}`" in made["devices"]
    from bms.cli import main

    for path, _ in commands(main, ("bms",)):
        assert f"## {' '.join(path)}\n" in made["commands"]


def test_pages_are_written_once(tmp_path: Path) -> None:
    write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert {path.stem for path in before} == {*pages(), "index"}
