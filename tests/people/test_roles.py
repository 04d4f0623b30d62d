"""Who may do what: roles, areas, and what the refusal says."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.config.load import check, load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import Refused
from bms.people import accounts
from bms.people.accounts import login, owner_here
from bms.people.roles import ROLES, Action, may, may_for, role_of
from tests.app.test_app import FILES
from tests.config.sites import write

PEOPLE = """\
people:
  wang: operator
  li: {role: engineer, name: 李工}
  zhao: {role: operator, areas: [b.air]}
  sun: {role: engineer, areas: [b.light]}
  guest: viewer
  boss: admin
"""


def _site(directory: Path, people: str = PEOPLE) -> Site:
    files = {
        **FILES,
        "site.yaml": FILES["site.yaml"] + people,
        "equipment/b.yaml": FILES["equipment/b.yaml"]
        + "  lamp: {kind: fan, device: two-fans, link: plc, unit: 3}\n",
        "groups/b.yaml": FILES["groups/b.yaml"].replace(
            "groups: {", "groups: {light: {strategy: on_off, members: [lamp]}, "
        ),
    }
    return replace(load(write(directory, files), STRATEGIES), owner="bms")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return _site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize(
    ("user", "action", "targets", "says"),
    [
        ("wang", Action.OVERRIDE, ["b.air.mode"], None),
        ("wang", Action.SCHEDULE, ["b.air", "b.light"], None),
        ("wang", Action.SEASON, ["b.air"], r"wang \(operator\) may not switch the season of b.air"),
        ("wang", Action.RAW, [], r"write by hand to the whole site; engineers may \(李工\)"),
        ("li", Action.SEASON, [], None),
        ("li", Action.RAW, [], None),
        # An area holds the group's own points, its members, and their points.
        ("zhao", Action.OVERRIDE, ["b.air.mode", "b.air", "b.holds", "b.holds.enable"], None),
        ("zhao", Action.OVERRIDE, ["b.lamp.enable"], r"only in b.air; .*\(wang, 李工, sun\)"),
        ("zhao", Action.SCHEDULE, ["b.air", "b.light"], "edit the schedule of b.light, only in"),
        ("zhao", Action.OVERLAY, [], "switch overlays of .*, only in b.air"),
        ("sun", Action.SEASON, ["b.light"], None),
        ("sun", Action.SEASON, ["b.air"], r"engineers may \(李工\)"),
        ("guest", Action.OVERRIDE, ["b.lamp.enable"], "guest.*operators and engineers may"),
        ("boss", Action.OVERRIDE, ["b.lamp.enable"], r"boss \(admin\) may not override"),
        ("nobody", Action.OVERRIDE, ["b.lamp.enable"], None),
        ("nobody", Action.METER, ["b.lamp"], "engineers may"),
        ("root", Action.METER, ["b.lamp"], None),
        ("bms", Action.METER, ["b.lamp"], None),
    ],
)
def test_roles_and_areas(
    site: Site, user: str, action: Action, targets: list[str], says: str | None
) -> None:
    if says is None:
        may(site, user, action, *targets)
    else:
        with pytest.raises(Refused, match=says):
            may(site, user, action, *targets)


def test_every_action_has_its_roles() -> None:
    assert set(ROLES) == set(Action)
    # Plant control is no admin's, and looking is no action.
    assert not [action for action, roles in ROLES.items() if {"admin", "viewer"} & set(roles)]


def test_names_beat_what_an_account_would_be_otherwise(tmp_path: Path) -> None:
    named = _site(tmp_path, "people: {root: viewer, bms: operator}\ndefault_role: viewer\n")
    assert [role_of(named, user) for user in ("root", "bms", "x")] == [
        "viewer", "operator", "viewer",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "hours", "says"),
    [
        ("wang", 24, None),
        ("wang", 24.01, r"wang \(operator\) may override for at most 1 d; engineers may .*李工"),
        ("li", 168, None),
        ("li", 169, "at most 7 d; for longer than 7 d, edit the schedule"),
        ("wang", 169, "edit the schedule"),
        ("guest", 1, "at most 0 s"),
    ],
)
def test_an_override_is_bounded_by_role(
    site: Site, user: str, hours: float, says: str | None
) -> None:
    if says is None:
        may_for(site, user, timedelta(hours=hours))
    else:
        with pytest.raises(Refused, match=says):
            may_for(site, user, timedelta(hours=hours))


@pytest.mark.parametrize(
    ("people", "problem"),
    [
        ("people: {wang: opertor}\n", "6:16: .*a person has a role: viewer, operator"),
        ("people: {wang: {role: opertor}}\n", "6:23: .*operator"),
        ("people: {wang: {role: operator, areas: [b.aire]}}\n", "6:41: no group.*'b.aire'.*b.air"),
        ("people: {wang: {role: operator, areas: []}}\n", "6:40"),
        ("people: {wang: {areas: [b.air]}}\n", "'role' is missing"),
        ("default_role: boss\n", "6:15"),
    ],
)
def test_mistakes_are_shown_where_they_are(tmp_path: Path, people: str, problem: str) -> None:
    files = {**FILES, "site.yaml": FILES["site.yaml"] + people}
    site, problems = check(write(tmp_path, files), STRATEGIES)
    assert site is None
    (only,) = problems
    assert re.search(problem, str(only)), str(only)


def test_who_is_behind_sudo_is_said_and_decides_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "wang")
    assert login() == "root (says: wang)"
    assert role_of(site, login()) == role_of(site, "root") == "engineer"
    may(site, login(), Action.RAW)
    monkeypatch.setenv("SUDO_USER", "wang) (says: li")
    assert login() == "root"
    monkeypatch.delenv("SUDO_USER")
    assert login() == "root"
    monkeypatch.setattr("os.geteuid", lambda: 4999)
    monkeypatch.setenv("SUDO_USER", "li")
    assert login() == "uid 4999"


@pytest.mark.parametrize(
    ("uid", "owner", "table", "allowed"),
    [
        (4998, 4998, [(0, 0, 2**32 - 1)], True),
        (4997, 4998, [(0, 0, 2**32 - 1)], False),
        (0, 4998, [(0, 0, 2**32 - 1)], True),  # really root
        (0, 65534, [(0, 4997, 1)], False),  # root of a namespace: somebody else's directory
        (65534, 65534, [(65534, 4997, 1)], False),  # and made to look like its owner
        (0, 0, [(0, 4997, 1)], True),  # it is theirs
        (0, 0, [], False),
    ],
)
def test_who_owns_the_state_may_change_it_without_a_controller(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uid: int,
    owner: int,
    table: list[tuple[int, int, int]],
    allowed: bool,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr(accounts, "_uid_map", lambda: table)
    os.chown(tmp_path, owner, owner)
    if not allowed:
        with pytest.raises(Refused, match="without one only"):
            owner_here(tmp_path / "state")
        return
    name = owner_here(tmp_path / "state")
    assert name.endswith(" (in a namespace)") == (len(table) == 1 and table[0][1] != 0)
