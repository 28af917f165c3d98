"""A local webhook that remembers what it was told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Notification:
    """One request: the path that it came to, and its JSON body."""

    path: str
    body: dict[str, Any]


class Webhook:
    """Notifications in the order in which they came, and the URL that they come to."""

    def __init__(self, url: str, heard: list[Notification]) -> None:
        self.url = url
        self._heard = heard

    def at(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that came to exactly this path, oldest first."""
        return [notification.body for notification in tuple(self._heard) if notification.path == path]


@contextmanager
def listening() -> Iterator[Webhook]:
    """Listen on loopback while the block runs."""
    heard: list[Notification] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(Notification(self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")  # Slack's answer; without it Alertmanager believes that Slack refused.

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Webhook(f"http://127.0.0.1:{server.server_port}", heard)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
