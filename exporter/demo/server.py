"""The simulator on a socket: HTTP/1.1 with keep-alive, on an event loop in a thread of its own.

One loop serves thousands of connections, so slow vendors cost nothing; and unlike a finished web
server it can close a connection without an answer, which is what an outage looks like.
"""

import asyncio
import contextlib
import socket
import threading
from types import TracebackType

import h11

from exporter.demo.message import Request, Response
from exporter.demo.simulator import Simulator

_CHUNK = 65_536
_BACKLOG = 4096


class SimulatorServer:
    """Serves a simulator from construction's port on, between ``start`` and ``stop`` or in a ``with``.

    Raises OSError at once where the address can't be used. Port 0 takes a free one.
    """

    def __init__(self, simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.simulator = simulator
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        bound = self._socket.getsockname()[1]
        self.base_url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        self._thread = threading.Thread(target=self._run, name="simulated-vendors", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def start(self) -> "SimulatorServer":
        """Start serving; returns when it does."""
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self) -> None:
        """Stop serving and close every connection; returns when all are closed."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> "SimulatorServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accept, sock=self._socket)
        self._ready.set()
        await self._stopping.wait()
        # Closing the server at once would lose a connection accepted in this very turn of the loop.
        self._loop.remove_reader(self._socket)
        await asyncio.sleep(0)
        server.close()
        for conversation, writer in self._conversations.items():
            conversation.cancel()
            writer.close()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping.is_set():
            writer.close()
            return
        conversation = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._conversations[conversation] = writer
        conversation.add_done_callback(self._conversations.pop)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that goes away in the middle is its own affair.
        with contextlib.closing(writer), contextlib.suppress(OSError):
            connection = h11.Connection(h11.SERVER)
            while (request := await _receive(connection, reader)) is not None:
                reply = self.simulator.handle(request)
                if reply.delay > 0:
                    await asyncio.sleep(reply.delay)
                if reply.response is None:
                    break
                await _send(connection, writer, request, reply.response)
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """Return the next request; None where the client closed or doesn't speak HTTP."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return None
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, bytes(body))
        else:
            return None


def _request(head: h11.Request, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    target = head.target.decode("latin-1")
    return Request(head.method.decode("latin-1"), f"http://{headers.get('host', '')}{target}", headers, body)


async def _send(
    connection: h11.Connection, writer: asyncio.StreamWriter, request: Request, response: Response
) -> None:
    headers = [*response.headers.items(), ("Content-Length", str(len(response.body)))]
    data = connection.send(h11.Response(status_code=response.status, headers=headers)) or b""
    if request.method != "HEAD":
        data += connection.send(h11.Data(data=response.body)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    writer.write(data)
    await writer.drain()
