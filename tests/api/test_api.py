"""The local API over a real Unix socket, with good and bad clients."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.api import server
from bms.api.client import ask, exchange
from bms.api.connections import Connections
from bms.api.places import former_path, socket_path
from bms.api.protocol import REQUEST_LIMIT, schema
from bms.api.server import ApiServer
from bms.cli import main
from bms.core.errors import BmsError, InvalidInput, Refused, Unfinished, Unreachable
from bms.operations.registry import use_cases
from bms.operations.requests.operation import Answer, Operation, Request, Served
from bms.texts.field import Words
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem
from tests.patience import async_until, patience

STRANGER = """
import os, socket, sys
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.bind(sys.argv[1])
    sock.listen()
    print("ready", flush=True)
    while True:
        sock.accept()
"""


class Echo(Request):
    text: str = ""
    number: int | None = None


class Echoed(Answer):
    text: Words
    user: str


class Nothing(Request):
    pass


ECHO = Operation("echo", Echo, Echoed)
REFUSE = Operation("refuse", Nothing, Echoed)
INVALID = Operation("invalid", Nothing, Echoed)
DEFECT = Operation("defect", Nothing, Echoed)
SLOW = Operation("slow", Nothing, Echoed, changes=True)
NONSENSE = Operation("nonsense", Nothing, Echoed)


async def _echo(request: Request, user: str) -> Echoed:
    assert isinstance(request, Echo)
    return Echoed(text=msg("you said {words}", words=request.text), user=user)


async def _refuse(_request: Request, _user: str) -> Echoed:
    raise Refused(msg("not while {unit} runs", unit="冷站"))


async def _invalid(_request: Request, _user: str) -> Echoed:
    problem = Problem("a.yaml", 3, 1, msg("no mode '{mode}'", mode="on"), "write off")
    raise InvalidInput(msg("two problems"), [problem])


async def _defect(_request: Request, _user: str) -> Echoed:
    raise ZeroDivisionError


async def _slow(_request: Request, _user: str) -> Echoed:
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def serving(state_dir: Path) -> AsyncIterator[None]:
    served = (
        Served(ECHO, _echo),
        Served(REFUSE, _refuse),
        Served(INVALID, _invalid),
        Served(DEFECT, _defect),
        Served(SLOW, _slow),
    )
    handlers = {one.operation.name: one for one in served}
    ready = asyncio.Event()
    task = asyncio.create_task(ApiServer(socket_path(state_dir), handlers).run(ready))
    await ready.wait()
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_answers_errors_and_the_name_of_who_asks(tmp_path: Path) -> None:
    async with serving(tmp_path):
        answer = await asyncio.to_thread(ask, tmp_path, ECHO, Echo(text="冷站"))
        assert (answer.text, answer.user) == ("you said 冷站", getpass.getuser())
        with pytest.raises(Refused, match="not while 冷站 runs"):
            await asyncio.to_thread(ask, tmp_path, REFUSE, Nothing())
        with pytest.raises(InvalidInput, match="echo, refuse"):
            await asyncio.to_thread(ask, tmp_path, NONSENSE, Nothing())
        with pytest.raises(BmsError, match="defect"):
            await asyncio.to_thread(ask, tmp_path, DEFECT, Nothing())
    assert not socket_path(tmp_path).exists()
    with pytest.raises(Unreachable, match="bms run"):
        ask(tmp_path, ECHO, Echo())


async def test_messages_arrive_as_what_they_were_made_of(tmp_path: Path) -> None:
    async with serving(tmp_path):
        answer = await asyncio.to_thread(ask, tmp_path, ECHO, Echo(text="hello"))
        assert answer.shown()["text"] == msg("you said {words}", words="hello")
        assert answer.shown()["text"].arguments == {"words": "hello"}
        assert answer.plain()["text"] == "you said hello"
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(ask, tmp_path, REFUSE, Nothing())
        assert refused.value.args[0].template == "not while {unit} runs"
        with pytest.raises(InvalidInput, match="two problems") as invalid:
            await asyncio.to_thread(ask, tmp_path, INVALID, Nothing())
        (problem,) = invalid.value.problems
        assert str(problem) == "a.yaml:3:1: no mode 'on'; write off"
        assert isinstance(problem.message, Message)


async def test_what_is_wrong_with_an_argument_is_said_by_its_name(tmp_path: Path) -> None:
    async with serving(tmp_path):
        for args, says in (({"text": 3}, "'text' is a text"), ({"number": "x"}, "'number' is not")):
            with pytest.raises(InvalidInput, match=says):
                await asyncio.to_thread(exchange, tmp_path, "echo", args)
        answer = await asyncio.to_thread(exchange, tmp_path, "echo", {"of a later version": 1})
        assert answer == {
            "text": {"msg": "you said {words}", "args": {"words": ""}},
            "user": getpass.getuser(),
        }


async def test_who_waits_too_long_for_a_change_is_not_told_that_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.05)
    async with serving(tmp_path):
        with pytest.raises(Unfinished, match="look before you ask again"):
            await asyncio.to_thread(ask, tmp_path, SLOW, Nothing())


async def test_a_request_that_is_too_long_is_not_an_absent_controller(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(InvalidInput, match="at most"):
            await asyncio.to_thread(ask, tmp_path, ECHO, Echo(text="长" * REQUEST_LIMIT))


def test_the_protocol_describes_itself() -> None:
    told = json.loads(json.dumps(schema([case.operation for case in use_cases()])))
    assert set(told["operations"]) >= {"status", "override.set", "season.switch", "raw.write"}
    override = told["$defs"][told["operations"]["override.set"]["request"]["$ref"][8:]]
    assert set(override["required"]) == {"point", "value", "reason"}
    assert told["operations"]["override.set"]["changes"]
    season = told["$defs"][told["operations"]["season.switch"]["request"]["$ref"][8:]]
    assert "set" in season["properties"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), {"status", "why", "override.set"}),
        (("--files",), {"schedule.set", "meter.replace"}),
        (("--files",), {"schedule.preview", "schedule.diff", "audit.list", "audit.verify"}),
        (("--files",), {"meter.list", "meter.intervals", "meter.tree", "report.growth"}),
    ],
)
def test_the_command_prints_the_schema(words: tuple[str, ...], names: set[str]) -> None:
    said = CliRunner().invoke(main, ["api", "schema", *words])
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert names <= told["operations"].keys()
    for operation in told["operations"].values():
        for part in ("request", "answer"):
            assert operation[part]["$ref"][8:] in told["$defs"]


async def test_bad_clients_hurt_only_themselves(tmp_path: Path) -> None:
    async with serving(tmp_path):
        for junk in (b"\xff\xfe\n", b"[]\n", b'{"op": 3}\n', b"x" * (REQUEST_LIMIT + 10) + b"\n"):
            reader, writer = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
            writer.write(junk)
            error = json.loads(await reader.readline())["error"]
            assert error["kind"] == "invalid"
            writer.close()
            await writer.wait_closed()
        _, silent = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
        assert (await asyncio.to_thread(ask, tmp_path, ECHO, Echo())).text == "you said "
        silent.close()
        await silent.wait_closed()


async def test_a_second_server_is_refused_and_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(Refused, match="already running"):
            await ApiServer(socket_path(tmp_path), {}).run(asyncio.Event())
        assert (await asyncio.to_thread(ask, tmp_path, ECHO, Echo())).text == "you said "
    leftover = await asyncio.start_unix_server(lambda *_: None, str(socket_path(tmp_path)))
    leftover.close()
    await leftover.wait_closed()
    socket_path(tmp_path).touch()
    async with serving(tmp_path):
        assert (await asyncio.to_thread(ask, tmp_path, ECHO, Echo())).text == "you said "


@pytest.mark.case(
    "R7",
    when="The path of the state directory is too long for the address of a socket",
    then="The socket lies in the state directory all the same: nobody can take its place",
)
async def test_the_socket_of_a_long_state_directory_lies_in_it(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    former = former_path(deep)
    assert former is not None
    async with serving(deep):
        assert (deep / "bms.sock").is_socket()
        assert (await asyncio.to_thread(ask, deep, ECHO, Echo())).text == "you said "
        # a program of an earlier version looks there
        assert former.resolve() == deep / "bms.sock"
        former.unlink()
        with pytest.raises(Refused, match="already running"):
            await ApiServer(socket_path(deep), {}).run(asyncio.Event())
    with pytest.raises(Unreachable):
        ask(deep, ECHO, Echo())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.case(
    "R7",
    when="Somebody else listens where an earlier version had its socket",
    then="Commands do not believe it: its account owns neither the state directory nor the machine",
)
async def test_a_strange_socket_is_not_believed(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    former = former_path(deep)
    assert former is not None
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STRANGER, str(former), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert stranger.stdout is not None
        await stranger.stdout.readline()
        with pytest.raises(Refused, match="not believed"):
            await asyncio.to_thread(ask, deep, ECHO, Echo())
    finally:
        stranger.kill()
        await stranger.communicate()
        former.unlink()


async def test_who_has_many_connections_loses_the_oldest_idle_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "most_in_all", lambda: 12)
    async with serving(tmp_path):
        opened = [await asyncio.open_unix_connection(socket_path(tmp_path)) for _ in range(30)]
        for _ in range(3):
            answer = await asyncio.to_thread(ask, tmp_path, ECHO, Echo(text="hello"))
            assert answer.text == "you said hello"
        closed = 0
        for reader, writer in opened[:26]:
            async with patience():
                closed += await reader.read() == b""
            writer.close()
        assert closed == 26
        for _, writer in opened[26:]:
            writer.close()


def test_connections_are_shared_fairly() -> None:
    seats: Connections[str] = Connections(6)
    assert [seats.admit(f"a{n}", 1, n) for n in range(2)] == [(True, None)] * 2
    assert seats.admit("a2", 1, 2.0) == (True, "a0")  # one account has a third at most
    seats.busy("a1")
    seats.busy("a2")
    assert seats.admit("a3", 1, 3.0) == (False, None)  # nothing that is being answered is cut off
    seats.idle("a1", 9.0)
    assert [seats.admit(f"b{n}", n, 4.0 + n)[0] for n in range(2, 6)] == [True] * 4
    assert seats.admit("c", 9, 9.5) == (True, "b2")
    seats.close("c")
    assert seats.admit("d", 10, 10.0) == (True, None)


async def test_a_socket_that_was_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK_S", 0.01)
    async with serving(tmp_path):
        socket_path(tmp_path).unlink()
        await async_until(socket_path(tmp_path).is_socket, "the socket")
        assert (await asyncio.to_thread(ask, tmp_path, ECHO, Echo())).text == "you said "


@pytest.mark.case(
    "R18",
    when="Somebody sends the controller JSON that is nested a thousand times, or none at all",
    then="It is answered as an error, and nothing else happens",
)
@pytest.mark.parametrize(
    "junk",
    [
        b"[" * 30_000 + b"]" * 30_000,
        b'{"op": "echo", "args": {"text": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"op": "echo", "args": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"op": "echo", "args": {"number": ' + b"9" * 60_000 + b"}}",
        b'{"op": ["echo"], "args": 7}',
        b"\x00\xff\xfe",
        b'{"op": "echo", "args": {"text": "\\ud800"}}',
    ],
)
async def test_nonsense_is_answered(tmp_path: Path, junk: bytes) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(socket_path(tmp_path))
        writer.write(junk + b"\n")
        async with patience():
            answer = json.loads(await reader.readline())
        assert answer["error"]["kind"] == "invalid"
        writer.close()
        assert (await asyncio.to_thread(ask, tmp_path, ECHO, Echo())).text == "you said "
