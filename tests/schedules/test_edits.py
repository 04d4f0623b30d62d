"""What people change in a schedule, as the data that its file will hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bms.texts.problems import TextError
from schedules import edits


def block(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"from": start, "to": end, "mode": "on", **more}


MORNING, NOON, EVENING = block("07:00", "11:00"), block("11:00", "14:00"), block("18:00", "21:00")


def plan(**week: Any) -> dict[str, Any]:
    """A schedule whose one season has these lines; `_` stands for `-` and `__` for `,`."""
    lines = {k.replace("__", ",").replace("_", "-"): v for k, v in week.items()}
    return {"schedule": "air", "week": {"any": copy.deepcopy(lines)}}


def week_of(data: dict[str, Any]) -> Any:
    return data["week"]["any"]


# --- which season ----------------------------------------------------------------------------

SEASONS = {
    "week": {
        "summer": {"mon-fri": [MORNING]},
        "winter": {"fri,sat": [NOON]},
        "broken": "?",
        "empty": {"someday": []},
    }
}


@pytest.mark.parametrize(
    ("day", "season", "found"),
    [
        ("mon", None, "summer"),
        ("mon-thu", None, "summer"),
        ("sat", None, "winter"),
        ("mon", "winter", "winter"),
        ("sun", "empty", "empty"),
    ],
)
def test_the_season_is_needed_only_where_several_have_the_day(
    day: str, season: str | None, found: str
) -> None:
    assert edits.season_of(SEASONS, day, season) == found


@pytest.mark.parametrize(
    ("data", "day", "season", "said", "hint"),
    [
        (SEASONS, "fri", None, "fri has a plan in several seasons", "--season summer, winter"),
        (SEASONS, "sun", None, "several seasons", "summer, winter, broken, empty"),
        (SEASONS, "mon", "sumer", "no week for 'sumer'", "did you mean 'summer'"),
        ({}, "mon", None, "no week", "name a schedule"),
        ({"week": {}}, "mon", None, "no week", "name a schedule"),
        ({"week": [1]}, "mon", "any", "no week", "name a schedule"),
    ],
)
def test_a_season_that_nobody_can_tell(
    data: Any, day: str, season: str | None, said: str, hint: str
) -> None:
    with pytest.raises(TextError, match=said) as refused:
        edits.season_of(data, day, season)
    assert hint in refused.value.hint


def test_with_one_week_every_day_is_in_it() -> None:
    assert edits.season_of(plan(mon=[]), "sun", None) == "any"


# --- blocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["2", "11:00"])
def test_a_block_is_named_by_its_number_or_its_begin(which: str) -> None:
    data = plan(mon=[MORNING, NOON, EVENING])
    before = copy.deepcopy(data)
    made = edits.set_block(data, "any", "mon", which, {"to": "15:00", "speed_pct": 60})
    assert week_of(made) == {"mon": [MORNING, block("11:00", "15:00", speed_pct=60), EVENING]}
    assert data == before, "nothing is changed in place"
    back = edits.set_block(made, "any", "mon", which, {"to": "14:00", "speed_pct": None})
    assert back == data
    assert edits.set_block(data, "any", "mon", which, {"speed_pct": None}) == data
    assert week_of(edits.remove_block(data, "any", "mon", which)) == {"mon": [MORNING, EVENING]}


@pytest.mark.parametrize("which", ["0", "4", "-1", "07:30", "two", ""])
def test_a_block_that_is_not_there_is_refused_with_those_that_are(which: str) -> None:
    data = plan(mon=[MORNING, NOON, EVENING])
    with pytest.raises(TextError, match=f"mon has no block '{which}'") as refused:
        edits.set_block(data, "any", "mon", which, {"to": "15:00"})
    assert refused.value.hint == "blocks: 1 (07:00), 2 (11:00), 3 (18:00)"


def test_a_day_without_blocks_says_so() -> None:
    with pytest.raises(TextError, match="no block '1'") as refused:
        edits.remove_block(plan(mon=None), "any", "mon", "1")
    assert "it has none" in refused.value.hint


@pytest.mark.parametrize(
    ("start", "at"), [("06:00", 0), ("07:00", 0), ("07:01", 1), ("11:00", 1), ("22:00", 3)]
)
def test_a_block_is_added_at_its_place_in_time(start: str, at: int) -> None:
    new = block(start, "23:00")
    made = edits.add_block(plan(mon=[MORNING, NOON, EVENING]), "any", "mon", new)
    assert [b is not None and b == new for b in week_of(made)["mon"]].index(True) == at
    assert len(week_of(made)["mon"]) == 4


def test_a_number_that_means_two_blocks_is_refused() -> None:
    data = plan(mon=[MORNING], tue=[NOON])
    with pytest.raises(TextError, match="block 1 begins at 07:00, 11:00") as refused:
        edits.remove_block(data, "any", "mon-tue", "1")
    assert "change mon, tue apart" in refused.value.hint
    same = plan(mon=[MORNING], tue=[MORNING, NOON])
    made = edits.remove_block(same, "any", "mon-tue", "1")
    assert week_of(made) == {"mon": [], "tue": [NOON]}


def test_a_line_that_is_no_list_is_not_touched() -> None:
    for broken in ("?", ["noise", MORNING], [None], 5):
        with pytest.raises(TextError, match="'mon' has no list of blocks"):
            edits.add_block(plan(mon=broken), "any", "mon", MORNING)
        with pytest.raises(TextError, match="'mon' has no list of blocks"):
            edits.set_block(plan(mon=broken), "any", "mon", "1", {"to": "12:00"})
        with pytest.raises(TextError, match="'mon' has no list of blocks"):
            edits.copy_day(plan(mon=broken), "any", "mon", ["tue"])
    with pytest.raises(TextError, match="the week of 'any' cannot be read"):
        edits.add_block({"week": {"any": 5}}, "any", "mon", MORNING)


# --- lines with several days -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "day", "rest", "mine"),
    [
        ("mon_fri", "mon", "tue-fri", "mon"),
        ("mon_fri", "wed", "mon,tue,thu,fri", "wed"),
        ("mon_fri", "fri", "mon-thu", "fri"),
        ("daily", "sun", "mon-sat", "sun"),
        ("daily", "mon-fri", "sat,sun", "mon-fri"),
        ("mon_wed__sat", "tue,wed", "mon,sat", "tue,wed"),
    ],
)
def test_other_days_of_a_line_keep_what_they_have(
    line: str, day: str, rest: str, mine: str
) -> None:
    made = edits.add_block(plan(**{line: [MORNING]}), "any", day, NOON)
    assert week_of(made) == {rest: [MORNING], mine: [MORNING, NOON]}
    assert list(week_of(made)) == [rest, mine]


def test_days_without_a_line_get_one_and_whole_lines_stay() -> None:
    data = plan(mon_fri=[MORNING], sat=[])
    made = edits.add_block(data, "any", "daily", EVENING)
    assert week_of(made) == {"mon-fri": [MORNING, EVENING], "sat": [EVENING], "sun": [EVENING]}
    assert edits.own_lines(plan(mon=[MORNING]), "any", []) == {}
    assert week_of(edits.add_block(plan(), "any", "daily", NOON)) == {"daily": [NOON]}
    empty = {"week": {"any": None}}
    assert week_of(edits.add_block(empty, "any", "sat,sun", NOON)) == {"sat,sun": [NOON]}


def test_a_label_that_is_no_day_stays_as_it_is() -> None:
    made = edits.add_block(plan(someday=[NOON]), "any", "mon", MORNING)
    assert week_of(made) == {"someday": [NOON], "mon": [MORNING]}


def test_the_plan_of_a_day_is_copied_to_others() -> None:
    data = plan(mon_fri=[MORNING, NOON], sat=[])
    made = edits.copy_day(data, "any", "tue", ["sat", "sun"])
    assert week_of(made) == {
        "mon-fri": [MORNING, NOON],
        "sat": [MORNING, NOON],
        "sun": [MORNING, NOON],
    }
    assert edits.copy_day(data, "any", "tue", ["tue"]) == data, "to itself is no change"
    own = edits.copy_day(data, "any", "sat", ["mon,tue", "sat"])
    assert week_of(own) == {"wed-fri": [MORNING, NOON], "sat": [], "mon,tue": []}
    for day in ("sun", "mon"):
        without = edits.copy_day(plan(mon=None, sat=[NOON]), "any", day, ["sat"])
        assert week_of(without)["sat"] == []


# --- otherwise and exceptions ----------------------------------------------------------------


def test_what_is_in_force_otherwise_is_changed_key_by_key() -> None:
    data = {"otherwise": {"mode": "off", "speed_pct": 30}}
    assert edits.set_otherwise(data, {"mode": "on", "speed_pct": None, "level_pct": None}) == {
        "otherwise": {"mode": "on"}
    }
    assert edits.set_otherwise({}, {"mode": "off"}) == {"otherwise": {"mode": "off"}}
    assert data["otherwise"]["speed_pct"] == 30


RULES = [{"name": "gala"}, {"calendar": "cn"}, {"name": "twice"}, {"name": "twice"}, {}]


@pytest.mark.parametrize(
    ("which", "at"), [("1", 0), ("gala", 0), ("2", 1), ("4", 3), ("5", 4), ("", None)]
)
def test_an_exception_is_taken_away_by_number_or_name(which: str, at: int | None) -> None:
    data = {"exceptions": copy.deepcopy(RULES)}
    if at is None:
        with pytest.raises(TextError, match="several exceptions are called"):
            edits.remove_exception(data, which)
        return
    made, gone = edits.remove_exception(data, which)
    assert gone == RULES[at]
    assert made["exceptions"] == RULES[:at] + RULES[at + 1 :]
    assert data["exceptions"] == RULES


@pytest.mark.parametrize(
    ("which", "said"),
    [("twice", "several exceptions are called 'twice'"), ("0", "no exception '0'"), ("6", "no")],
)
def test_an_exception_that_is_not_one_is_refused(which: str, said: str) -> None:
    with pytest.raises(TextError, match=said) as refused:
        edits.remove_exception({"exceptions": RULES}, which)
    assert "1 gala, 2 cn, 3 twice, 4 twice, 5 ?" in refused.value.hint
    with pytest.raises(TextError) as refused:
        edits.remove_exception({}, "1")
    assert "there is none" in refused.value.hint


def test_a_new_exception_comes_first() -> None:
    rule = {"name": "new"}
    assert edits.add_exception({}, rule) == {"exceptions": [rule]}
    assert edits.add_exception({"exceptions": None}, rule) == {"exceptions": [rule]}
    made = edits.add_exception({"exceptions": [{"name": "old"}]}, rule)
    assert [one["name"] for one in made["exceptions"]] == ["new", "old"]


# --- in words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (plan(mon=[MORNING]), plan(mon=[MORNING]), []),
        (
            plan(mon=[MORNING]),
            plan(mon=[block("07:30", "11:00")]),
            ["any mon #1 from: 07:00 → 07:30"],
        ),
        (plan(mon=[MORNING]), plan(mon=[MORNING, NOON]), ["+ any mon #2: 11:00–14:00 on"]),
        (plan(mon=[MORNING, NOON]), plan(mon=[NOON]), ["- any mon #1: 07:00–11:00 on"]),
        (
            plan(mon=[MORNING]),
            plan(mon=[block("07:00", "11:00", speed_pct=60)]),
            ["+ any mon #1 speed_pct: 60"],
        ),
        (
            plan(mon=[block("07:00", "11:00", speed_pct=60)]),
            plan(mon=[MORNING]),
            ["- any mon #1 speed_pct: 60"],
        ),
        (plan(mon=[MORNING]), plan(mon=[MORNING], tue=[]), ["+ any tue: —"]),
        (
            plan(mon=[MORNING]),
            plan(mon=[MORNING], tue=[NOON, EVENING]),
            ["+ any tue: 11:00–14:00 on; 18:00–21:00 on"],
        ),
        ({"week": 1}, {"week": 2}, ["week: 1 → 2"]),
        ({"a": {"b": None}}, {"a": {"b": 1}}, ["+ a b: 1"]),
        (
            {"otherwise": {"mode": "off"}},
            {"otherwise": {"mode": "off"}, "exceptions": [{"name": "gala", "do": "add", "x": 1}]},
            ["+ exceptions: gala add x=1"],
        ),
    ],
)
def test_differences_are_said_one_by_one(old: Any, new: Any, said: list[str]) -> None:
    assert edits.in_words(old, new) == said
