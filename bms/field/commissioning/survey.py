"""Finding Modbus units without changing anything, and drafting the files for them."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bms.core.errors import InvalidInput
from bms.texts.clean import clean
from bms.texts.messages import msg
from drivers.device_files.catalogue import shipped
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.identify import Found, look_at
from drivers.modbus.wire.frames import Request
from drivers.modbus.wire.transport import Endpoint, Pacing, RtuOverTcp, Tcp
from drivers.times import Times

MOST_HOSTS = 1024
HOSTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Answering:
    """One unit of one endpoint that answers, and the device type that it seems to be."""

    host: str
    port: int
    found: Found
    device: str | None


def hosts(texts: Iterable[str], port: int) -> list[tuple[str, int]]:
    """Host and port of each text: a name, an address with or without port, or a network.

    Raises InvalidInput for what is none of them, and for networks of more than 1,024 addresses.
    """
    found: list[tuple[str, int]] = []
    for text in texts:
        if "/" in text:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError as error:
                raise InvalidInput(
                    msg("'{text}' is no network: {error}", text=text, error=error)
                ) from None
            if network.num_addresses > MOST_HOSTS:
                raise InvalidInput(
                    msg(
                        "{network} has {addresses} addresses; take a /22 or less",
                        network=text,
                        addresses=network.num_addresses,
                    )
                )
            found += [(str(address), port) for address in network.hosts()]
            continue
        host, colon, number = text.rpartition(":")
        if colon and number.isdigit() and ":" not in host:
            found.append((host, int(number)))
        else:
            found.append((text, port))
    if len(found) > MOST_HOSTS:
        raise InvalidInput(
            msg("{hosts} hosts are more than {limit}", hosts=len(found), limit=MOST_HOSTS)
        )
    return list(dict.fromkeys(found))


def units(text: str) -> list[int]:
    """Units of `1`, `1-10` or `1,5,7-9`. Raises InvalidInput."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InvalidInput(msg("--units '{text}': write 1, 1-10 or 1,5,7-9", text=text))
        found += range(int(first), int(last or first) + 1)
    if not found or max(found) > 255:
        raise InvalidInput(msg("--units '{text}': units are 0 to 255", text=text))
    return list(dict.fromkeys(found))


async def scan_modbus(
    places: Sequence[tuple[str, int]],
    numbers: Sequence[int],
    *,
    rtu: bool,
    transaction_ids: bool = True,
    timeout_s: float,
    rate_hz: float,
    now: Callable[[], datetime],
    report: Callable[[str], None],
) -> AsyncIterator[Answering]:
    """Units that answer, as they are found; at most `rate_hz` requests a second to each host."""
    catalogue = sorted(shipped())
    queue: asyncio.Queue[Answering | None] = asyncio.Queue()
    limit = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def one(host: str, port: int) -> None:
        endpoint: Endpoint = RtuOverTcp(host, port) if rtu else Tcp(host, port, transaction_ids)
        made = ModbusDriver(endpoint, (), pacing=Pacing(timeout_s), shadow=True, times=Times(now))
        async with limit, made as driver:

            async def ask(request: Request) -> bytes:
                await asyncio.sleep(1 / rate_hz)
                return await driver.ask(request)

            for unit in numbers:
                found = await look_at(ask, unit)
                health = driver.health()
                if not health.connected and not health.connects:
                    report(msg("{host}:{port}: {error}", host=host, port=port, error=health.detail))
                    break
                if found is not None:
                    queue.put_nowait(Answering(host, port, found, _device(found, catalogue)))

    async def everything() -> None:
        try:
            await asyncio.gather(*(one(host, port) for host, port in places))
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(everything())
    try:
        while (answering := await queue.get()) is not None:
            yield answering
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _device(found: Found, catalogue: Iterable[str]) -> str | None:
    """The shipped device type whose words are all in what the device says, the longest first;
    else that of its first SunSpec model that there is one for."""
    said = f"{found.title} {' '.join(found.identification.values())}".lower().replace("-", " ")
    fitting = [name for name in catalogue if all(word in said for word in name.split("-"))]
    if fitting:
        return max(fitting, key=len)
    return next((name for name, _, _ in _sunspec(found)), None)


def _sunspec(found: Found) -> list[tuple[str, int, int]]:
    """The SunSpec models that a shipped device type is for: the type, the model, and its header."""
    known = shipped()
    return [
        (f"sunspec-{model}", model, at)
        for model, at in found.sunspec
        if f"sunspec-{model}" in known
    ]


def draft(
    found: Sequence[Answering],
    *,
    rtu: bool,
    transaction_ids: bool = True,
    told: Callable[[str], str] = str,
) -> str:
    """Links and equipment as YAML, to be completed by hand; `told` says its comments.

    Units that answer and read nothing are named, and not drafted.
    """
    lines = [
        comment(told, msg("A draft from `bms scan`: look at every line.")),
        comment(told, msg("Links belong into links.yaml, equipment into equipment/<base>.yaml.")),
        comment(told, msg("A base, names and kinds have to be chosen in the place of CHOOSE.")),
        "links:",
    ]
    names: dict[tuple[str, int], str] = {}
    for one in found:
        if (one.host, one.port) not in names:
            name = names[one.host, one.port] = f"link-{len(names) + 1}"
            protocol = "modbus_rtu_tcp" if rtu else "modbus_tcp"
            ids = "" if transaction_ids else ", transaction_ids: false"
            lines.append(
                f"  {name}: {{protocol: {protocol}, host: {one.host}, port: {one.port}{ids}}}"
            )
    lines += ["", "base: CHOOSE", "equipment:"]
    for number, one in enumerate(found, start=1):
        lines += _drafted(number, one, names[one.host, one.port], told)
    if all(one.found.refused for one in found):
        lines[-1] = "equipment: {}" if lines[-1] == "equipment:" else lines[-1]
    return "\n".join(lines) + "\n"


def _drafted(number: int, one: Answering, link: str, told: Callable[[str], str]) -> list[str]:
    """The lines of one unit."""
    unit = one.found.unit
    if one.found.refused:
        text = msg(
            "unit {unit} of {link} answers and reads nothing: {refusal}",
            unit=unit,
            link=link,
            refusal=one.found.refused,
        )
        return [f"  {comment(told, text)}"]
    kinds = {name: device.kind for name, device in shipped().items()}
    title: str = one.found.title
    if one.found.sunspec:
        models = ", ".join(f"{model}: {at}" for model, at in one.found.sunspec)
        title = msg("{title}; SunSpec models {models}", title=title, models=f"{{{models}}}")
    lines = [f"  {comment(told, title)}"]
    of_models = [
        (device, f", models: {{{model}: {at}}}") for device, model, at in _sunspec(one.found)
    ]
    by_model = one.device is not None and one.device.startswith("sunspec-") and of_models
    for copy, (device, where) in enumerate(by_model or [(one.device or "CHOOSE", "")], start=1):
        name = f"unit-{number}" if copy == 1 else f"unit-{number}-{copy}"
        lines.append(
            f"  {name}: {{kind: {kinds.get(device, 'CHOOSE')}, device: {device}, "
            f"link: {link}, unit: {unit}{where}}}"
        )
    return lines


def comment(told: Callable[[str], str], message: str) -> str:
    """A line of a YAML file that is only for people."""
    return f"# {clean(told(message))}"
