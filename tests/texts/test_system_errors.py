"""What the system says of files and connections, as messages of ours."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from bms.texts.language import speaking, told
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause


@pytest.mark.parametrize(
    ("error", "english", "chinese"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"),
         "connection refused", "连接被拒绝"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 113] x"),
         "connection refused", "连接被拒绝"),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "a.csv"),
         "no such file or directory", "没有该文件或目录"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
         "the name is not known", "名称无法解析"),
        (TimeoutError(), "timed out", "超时"),
        (ConnectionError(msg("timed out")), "timed out", "超时"),
        (OSError(errno.ENOTTY, "no ioctl"), "no ioctl", "no ioctl"),
    ],
)  # fmt: skip
def test_a_cause_is_said_without_the_file_or_address(
    error: OSError, english: str, chinese: str
) -> None:
    assert os_cause(error) == english
    with speaking("zh"):
        assert told(os_cause(error)) == chinese


async def test_a_refused_connection_has_a_cause() -> None:
    with pytest.raises(OSError) as raised:  # noqa: PT011
        await asyncio.open_connection("127.0.0.1", 1)
    assert os_cause(raised.value) == "connection refused"
