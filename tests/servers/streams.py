"""A TCP server of a test: it listens as long as it is wanted, and its connections end with it."""

from __future__ import annotations

import asyncio
import ssl


class StreamServer:
    """Subclasses say in `converse` what one connection does."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.port = 0
        """The same after every start, chosen by the system at the first."""
        self.connections = 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, ssl=self._context
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def leave(self, writer: asyncio.StreamWriter) -> None:
        """The end of a connection that `converse` has not closed itself."""
        if not writer.is_closing():
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            await self.converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one side went, or the test ends
        finally:
            await self.leave(writer)
