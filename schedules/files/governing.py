"""Which schedule governs what: names and selections, the more exact before the less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, suggestion
from bms.texts.yaml.sheet import Sheet
from schedules.files.targets import Targets, exactness, is_selection, is_target

_GOVERNS = "governs"


@dataclass(frozen=True, slots=True)
class Governed:
    """Which schedule governs each target, and where that is written."""

    schedules: Mapping[str, str]
    claims: Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class _Claim:
    """One place where a schedule names or selects what it governs."""

    sheet: Sheet
    schedule_id: str
    text: str
    path: Path

    @property
    def place(self) -> Origin:
        return self.sheet.at(self.path)


def read_targets(sheet: Sheet, path: Path) -> dict[str, Origin]:
    """Targets and selections as written, and where each is."""
    found: dict[str, Origin] = {}
    for place in sheet.one_or_more(path, msg("group")):
        name = sheet.word(place, msg("the group"))
        if name is None:
            continue
        if not is_target(name):
            hint = msg("write <base>.<group>, <base>.<equipment>, <base>.* or <base>.<group>.*")
            sheet.complain(place, msg("'{name}' is not the id of a group", name=name), hint)
        elif name in found:
            message = msg(
                "'{name}' is already named on line {line}", name=name, line=found[name].line
            )
            sheet.complain(place, message, msg("remove one of the two"))
        else:
            found[name] = sheet.at(place)
    return found


def settle(sheets: Sequence[Sheet], targets: Targets | None) -> Governed:
    """The schedule of each target; one that two govern equally is a problem at the second.

    Looks at what is written, so that a schedule with another problem still counts. Without
    `targets`, selections stand for nothing.
    """
    claims: dict[str, list[_Claim]] = {}
    for sheet in sheets:
        schedule_id = str(sheet.document.data.get("schedule"))
        for text, path in _written(sheet).items():
            claim = _Claim(sheet, schedule_id, text, path)
            for name in _stands_for(sheet, path, text, targets):
                claims.setdefault(name, []).append(claim)
    winners: dict[str, _Claim] = {}
    clashes: dict[tuple[str, Path], tuple[_Claim, _Claim, list[str]]] = {}
    for name, rivals in claims.items():
        most = max(exactness(claim.text) for claim in rivals)
        winner, *equals = [claim for claim in rivals if exactness(claim.text) == most]
        winners[name] = winner
        for claim in equals:
            if claim.sheet is winner.sheet:
                continue
            key = (claim.sheet.document.file, claim.path)
            clashes.setdefault(key, (claim, winner, []))[2].append(name)
    for claim, winner, names in clashes.values():
        _complain(claim, winner, names)
    return Governed(
        {name: claim.schedule_id for name, claim in winners.items()},
        {name: claim.place for name, claim in winners.items()},
    )


def _written(sheet: Sheet) -> dict[str, Path]:
    """The targets that a sheet names, each once."""
    data = sheet.document.data.get(_GOVERNS)
    listed = data if isinstance(data, list) else [data]
    found: dict[str, Path] = {}
    for n, text in enumerate(listed):
        if isinstance(text, str) and is_target(text):
            found.setdefault(text, (_GOVERNS, n) if isinstance(data, list) else (_GOVERNS,))
    return found


def _stands_for(sheet: Sheet, path: Path, text: str, targets: Targets | None) -> list[str]:
    if not is_selection(text):
        return [text]
    if targets is None:
        return []
    names = targets.select(text)
    if not names and targets.complete:
        complain_nothing(sheet, sheet.at(path), text, targets.groups, targets)
    return names


def complain_nothing(
    sheet: Sheet,
    place: Origin,
    text: str,
    among: Sequence[str] | Mapping[str, object],
    targets: Targets,
) -> None:
    """A name or selection that stands for nothing."""
    if is_selection(text):
        sheet.complain_at(
            place, msg("nothing matches '{text}'", text=text), suggestion(text, among)
        )
        return
    if not targets.knows(text):
        sheet.complain_at(place, msg("no group '{text}'", text=text), suggestion(text, among))
        return
    owners = [name for name, members in targets.groups.items() if text in members]
    hint = (
        msg("name its group {group}, or give it its own schedule", group=owners[0])
        if owners
        else msg("give it its own schedule")
    )
    sheet.complain_at(place, msg("no schedule governs '{text}' by itself", text=text), hint)


def _complain(claim: _Claim, winner: _Claim, names: Sequence[str]) -> None:
    name, more = (
        names[0],
        msg(" (and {names} more)", names=len(names) - 1) if len(names) > 1 else "",
    )
    if is_selection(claim.text):
        message = msg(
            "'{target}' selects '{group}'{others}, as exactly as {place} does",
            target=claim.text,
            group=name,
            others=more,
            place=winner.place,
        )
        hint = msg("let one of the two name it, or select fewer")
    else:
        message = msg(
            "group '{name}' is already governed in {place}", name=name, place=winner.place
        )
        hint = msg("let one schedule govern a group")
    claim.sheet.complain(claim.path, message, hint)
