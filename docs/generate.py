"""Prints the pages that the code knows best: keys, devices, kinds, strategies, commands, requests.

A Sphinx extension: the pages appear in `docs/reference/` before the site is built. What a key means
is the text beneath it in its model; `schedules/files/keys.py` says it of schedules.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bms.cli import main
from bms.config.resolving.energy.meters import MetersFile
from bms.config.shapes.driver_files import DriversFile
from bms.config.shapes.energy_keys import EnergyFile
from bms.config.shapes.links import PROTOCOLS
from bms.config.shapes.measure_files import MeasuresFile
from bms.config.shapes.models import EquipmentFile, GroupsFile, SiteFile
from bms.config.shapes.reading_formats import ReadingsFile
from bms.config.shapes.tariff_files import TariffsFile
from bms.config.shapes.upload_keys import UploadsFile
from bms.config.site import StrategySpec
from bms.control import STRATEGIES
from bms.core.equipment import Kind, Role
from bms.core.machines.equipment_kinds import KINDS
from bms.operations.registry import use_cases
from docs.cases import pages as case_pages
from drivers.device_files.catalogue import DeviceType, shipped
from schedules.files import keys

if TYPE_CHECKING:
    from sphinx.application import Sphinx

REFERENCE = Path(__file__).parent / "reference"
INDEX = """# Reference

These pages are printed from the code when the site is built, so they say what the program knows.

```{toctree}
:maxdepth: 1

%s
```
"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the pages written before Sphinx looks for documents."""
    app.connect("builder-inited", lambda _: write(REFERENCE))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(directory: Path) -> None:
    """Write every page into `directory`; a page that says the same already is left alone."""
    directory.mkdir(exist_ok=True)
    made = {**pages(), "index": INDEX % "\n".join(pages())}
    for name, text in made.items():
        path = directory / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Every generated page by name."""
    strategies = [spec.parameters for spec in STRATEGIES.values()]
    return {
        "site": _models_page("site.yaml", [SiteFile]),
        "links": _models_page("links.yaml", [*PROTOCOLS.values()]),
        "equipment": _models_page("equipment/*.yaml", [EquipmentFile]),
        "groups": _models_page("groups/*.yaml", [GroupsFile]),
        "strategies": _strategies_page(STRATEGIES, strategies),
        "meters": _models_page("meters.yaml", [MetersFile]),
        "energy": _models_page("energy.yaml", [EnergyFile]),
        "tariffs": _models_page("tariffs.yaml", [TariffsFile]),
        "drivers": _models_page("drivers.yaml", [DriversFile]),
        "measures": _models_page("measures.yaml", [MeasuresFile]),
        "readings": _models_page("readings.yaml", [ReadingsFile]),
        "uploads": _models_page("uploads.yaml", [UploadsFile]),
        "schedules": _schedules_page(),
        "device-files": _models_page("Device files, devices/*.yaml", [DeviceType]),
        "devices": _devices_page(shipped()),
        "kinds": _kinds_page(KINDS),
        "commands": _commands_page(),
        "socket": _socket_page(),
        **case_pages(),
    }


# --- models ----------------------------------------------------------------------------------


def models_beneath(roots: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """The models, and those that their fields hold, each once, outer before inner."""
    found: dict[type[BaseModel], None] = {}
    waiting = list(roots)
    while waiting:
        model = waiting.pop(0)
        if model not in found:
            found[model] = None
            held = [m for field in model.model_fields.values() for m in _models_in(field)]
            waiting = [*held, *waiting]
    return list(found)


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What each field means: the text beneath it in the source, of the class or one above it."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= _texts_beneath(cls)
    return {name: found.get(name, "") for name in model.model_fields}


def _texts_beneath(cls: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = inspect.cleandoc(text.value.value)
    return found


def _models_page(title: str, roots: Sequence[type[BaseModel]]) -> str:
    return "\n".join([f"# {title}", "", *_model_sections(roots)])


def _model_sections(roots: Iterable[type[BaseModel]]) -> Iterator[str]:
    for model in models_beneath(roots):
        yield f"({_label(model)})="
        yield f"## {_heading(model)}"
        yield ""
        yield inspect.cleandoc(model.__doc__ or "")
        yield ""
        told = meanings(model)
        own = inspect.get_annotations(model)
        fields = sorted(model.model_fields.items(), key=lambda item: item[0] not in own)
        rows = [
            (f"`{field.alias or name}`", _takes(field), _default(field), told[name])
            for name, field in fields
        ]
        yield from _table(("key", "takes", "if absent", "meaning"), rows)


def _label(model: type[BaseModel]) -> str:
    return f"keys-{model.__name__.lower()}"


def _heading(model: type[BaseModel]) -> str:
    protocol = model.model_fields.get("protocol")
    known = get_args(protocol.annotation) if protocol is not None else ()
    if len(known) == 1:
        return f"`protocol: {known[0]}`"
    name = model.__name__.removesuffix("File").removesuffix("Entry")
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip().capitalize()


def _models_in(field: FieldInfo) -> list[type[BaseModel]]:
    return list(_models_of(field.annotation))


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_of(part)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*needed*"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", [], {}, ()) or isinstance(value, BaseModel):
        return "—"
    return f"`{_written(value)}`"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        hours, minutes = divmod(int(value.total_seconds() // 60), 60)
        return f"{hours}h" if not minutes else f"{hours * 60 + minutes}m"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _takes(field: FieldInfo) -> str:
    if field.examples:
        return " or ".join(f"`{example}`" for example in field.examples)
    words = _words(field.annotation)
    bounds = _bounds(field.metadata)
    return f"{words}, {bounds}" if bounds else words


_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    date: "date",
    timedelta: "duration, `30m`, `2h`",
}


_BY = {"text": "name", "whole number": "number"}


def _words(annotation: Any) -> str:
    """What a key takes, for people."""
    if hasattr(annotation, "__value__"):
        return _words(annotation.__value__)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = _bounds(args[1:])
        return _words(args[0]) + (f", {bounds}" if bounds else "")
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin in (Union, types.UnionType):
        return _either([part for part in args if part is not type(None)])
    if origin in (list, tuple):
        listed = [part for part in args if part is not Ellipsis]
        if origin is tuple and len(listed) == 2:
            return "two numbers"
        return f"list of {_words(listed[0])}"
    if origin is dict:
        return f"by {_BY.get(_words(args[0]), _words(args[0]))}: {_words(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{_heading(annotation)}](#{_label(annotation)})"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return _PLAIN.get(annotation, "anything")


def _either(parts: Sequence[Any]) -> str:
    models = [p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)]
    if len(models) > 2:
        return "one of the protocols below"
    words = list(
        dict.fromkeys(_words(part) for part in parts if part is not int or float not in parts)
    )
    if "text" in words and any("language" in w or "by name" in w for w in words):
        return "text, or one per language"
    return " or ".join(words)


def _bounds(metadata: Iterable[Any]) -> str:
    """The range of a number, the length of a text."""
    least = most = ""
    for constraint in (part for entry in metadata for part in getattr(entry, "metadata", [entry])):
        for name, word in (("ge", "from"), ("gt", "above")):
            if getattr(constraint, name, None) is not None:
                least = f"{word} {_written(getattr(constraint, name))}"
        for name, word in (("le", "to"), ("lt", "below")):
            if getattr(constraint, name, None) is not None:
                most = f"{word} {_written(getattr(constraint, name))}"
    return " ".join(part for part in (least, most) if part)


# --- schedules, devices, kinds, strategies, commands --------------------------------------------


def _schedules_page() -> str:
    lines = [
        "# schedules/",
        "",
        "Times are local to the base. Any other key beside `mode` in a block, in `otherwise` or in "
        "what an overlay gives is a setpoint: its name as the [strategy](strategies.md) knows it, "
        "its value a number.",
        "",
    ]
    for one in keys.ALL:
        lines += [f"## {one.where}", ""]
        rows = [(f"`{name}`", "*needed*", says) for name, says in one.required.items()]
        rows += [(f"`{name}`", "", says) for name, says in one.optional.items()]
        lines += _table(("key", "", "meaning"), rows)
    return "\n".join(lines)


def _devices_page(devices: Mapping[str, DeviceType]) -> str:
    lines = [
        "# Devices that ship with bms",
        "",
        f"{len(devices)} device files. Each gives its source, and `make test` checks each against "
        "raw registers and the values they mean. **rw** marks points that can be commanded.",
        "",
    ]
    for kind in sorted({device.kind for device in devices.values()}):
        lines += [f"## {kind}", ""]
        for device in sorted(devices.values(), key=lambda d: d.device):
            if device.kind == kind:
                lines += [f"### `{device.device}`", "", *_device(device)]
    return "\n".join(lines)


def _device(device: DeviceType) -> Iterator[str]:
    title = device.title if isinstance(device.title, str) else device.title.get("en", "")
    yield f"{title + '. ' if title else ''}Source: {_escaped(device.document)}"
    yield ""
    if device.sunspec:
        models = ", ".join(map(str, device.sunspec))
        yield f"SunSpec: say where model {models} begins (`models`), as the scan tells."
        yield ""
    rows = [
        (f"`{role}`", point.unit or "—", "**rw**" if point.writable else "r")
        for role, point in device.points.items()
    ]
    yield from _table(("point", "unit", ""), rows)


def _kinds_page(kinds: Mapping[str, Kind]) -> str:
    lines = [
        "# Kinds of equipment",
        "",
        "A point's id is `<base>.<equipment>.<role>`. A device file names the roles that the "
        "device has. *Commanded* roles may be written, and take what the limits allow.",
        "",
    ]
    for kind in kinds.values():
        lines += [f"## {kind.name}", ""]
        if kind.min_on_s or kind.min_off_s:
            lines += [f"At least {kind.min_on_s:g} s on, {kind.min_off_s:g} s off.", ""]
        lines += _table(
            ("role", "unit", "class", ""), [_role(role) for role in kind.roles.values()]
        )
    return "\n".join(lines)


def _role(role: Role) -> tuple[str, ...]:
    facts = ["needed"] if role.required else []
    if role.command:
        facts.append("commanded")
    if role.limits is not None:
        facts.append(f"{role.limits[0]:g} to {role.limits[1]:g}")
    return f"`{role.name}`", role.unit or "—", role.klass.value, ", ".join(facts)


def _strategies_page(
    strategies: Mapping[str, StrategySpec], parameters: Sequence[type[BaseModel]]
) -> str:
    lines = [
        "# Strategies",
        "",
        "What a group's `strategy` may be, the setpoints that its schedule may give, and its "
        "`parameters` in the groups file.",
        "",
    ]
    for spec in strategies.values():
        lines += [f"## `{spec.name}`", "", f"{spec.summary[:1].upper()}{spec.summary[1:]}.", ""]
        lines += [f"Modes: {', '.join(f'`{mode}`' for mode in spec.modes)}.", ""]
        lines += [f"Its parameters: [{_heading(spec.parameters)}](#{_label(spec.parameters)}).", ""]
        rows = [(f"`{name}`", point.unit or "—") for name, point in spec.setpoints.items()]
        lines += _table(("setpoint", "unit"), rows)
    return "\n".join([*lines, *_model_sections(parameters)])


def _commands_page() -> str:
    lines = ["# Commands", "", "Every command, as `--help` says it.", ""]
    for path, command in commands(main, ("bms",)):
        context = click.Context(command, info_name=" ".join(path))
        help_text = command.get_help(context)
        lines += [f"## {' '.join(path)}", "", "```text", help_text, "```", ""]
    return "\n".join(lines)


def _socket_page() -> str:
    lines = [
        "# The socket",
        "",
        "What the running controller answers on its Unix socket: one JSON object a line, "
        '`{"op": "status", "args": {}}`, one answer for each: `{"ok": ...}`, or `{"error": '
        '{"kind": ..., "message": ...}}`. The kernel says who asks. The command line asks the '
        "same. `bms api schema` prints the whole protocol, answers too, as a JSON schema.",
        "",
    ]
    held: dict[type[BaseModel], None] = {}
    for case in use_cases():
        operation = case.operation
        operation.request.model_rebuild()
        held |= dict.fromkeys(models_beneath([operation.request])[1:])
        lines += [f"## `{operation.name}`", "", inspect.cleandoc(operation.request.__doc__ or "")]
        lines += ["It changes something." if operation.changes else "", ""]
        rows = [
            (f"`{field.alias or name}`", _takes(field), _default(field))
            for name, field in operation.request.model_fields.items()
        ]
        if rows:
            lines += _table(("argument", "takes", "if absent"), rows)
    return "\n".join([*lines, *_model_sections(held)])


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command beneath one, itself first, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


# --- tables ----------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("<", "\\<").replace("_", "\\_").replace("*", "\\*")
