"""The local API over a real Unix socket, with good and bad clients."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.api import server
from bms.api.client import ask, exchange
from bms.api.protocol import REQUEST_LIMIT, schema, socket_path
from bms.api.server import ApiServer
from bms.cli import main
from bms.core.errors import BmsError, InvalidInput, Refused, Unfinished, Unreachable
from bms.operations.registry import use_cases
from bms.operations.requests.operation import Answer, Operation, Request, Served
from bms.texts.field import Words
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem


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


def test_a_long_state_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = socket_path(deep)
    assert len(str(path)) < 100
    assert path == socket_path(deep)
    assert path != socket_path(deep / "other")
