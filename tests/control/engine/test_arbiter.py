from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bms.control.engine.arbiter import award
from bms.core.decisions import Command, Priority
from tests.control.engine.parts import T0, command

commands = st.lists(
    st.builds(
        Command,
        point=st.just("b.p.enable"),
        value=st.one_of(st.booleans(), st.integers(0, 2), st.sampled_from([0.0, 1.0, "on"])),
        priority=st.sampled_from(list(Priority)),
        source=st.sampled_from("abc"),
        reason=st.sampled_from(["x", "y"]),
        expires=st.one_of(
            st.none(), st.integers(-2, 2).map(lambda minutes: T0 + timedelta(minutes=minutes))
        ),
    ),
    max_size=8,
)


@given(commands, st.randoms())
def test_the_order_of_the_commands_does_not_matter(
    given_commands: list[Command], random: Random
) -> None:
    shuffled = list(given_commands)
    random.shuffle(shuffled)
    # repr, because True == 1 == 1.0 would hide a difference
    assert repr(award(shuffled, T0)) == repr(award(given_commands, T0))


@given(commands)
def test_the_lowest_number_wins_and_nobody_is_forgotten(
    given_commands: list[Command],
) -> None:
    found = award(given_commands, T0)
    live = [c for c in given_commands if c.expires is None or c.expires > T0]
    if found is None:
        assert not live
        return
    everyone = [found.winner, *found.losers]
    assert [c.priority for c in everyone] == sorted(c.priority for c in live)
    assert sorted(map(repr, everyone)) == sorted(map(repr, live))


def test_a_command_is_absent_from_the_instant_it_expires() -> None:
    override = command(1, Priority.OPERATOR, expires=T0)
    schedule = command(0, Priority.SCHEDULE)
    before = award([schedule, override], T0 - timedelta(microseconds=1))
    assert before is not None
    assert before.winner is override
    assert before.losers == (schedule,)
    after = award([schedule, override], T0)
    assert after is not None
    assert after.winner is schedule
    assert after.losers == ()


def test_the_source_decides_between_equal_priorities() -> None:
    one, other = command(1, source="a"), command(0, source="b")
    assert award([other, one], T0) == award([one, other], T0)
    found = award([other, one], T0)
    assert found is not None
    assert found.winner is one


def test_nobody_commands() -> None:
    assert award([], T0) is None
