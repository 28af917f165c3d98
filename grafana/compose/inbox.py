"""Where the messages of compose.yaml's Alertmanager arrive: shown on a page and in the log.

Alertmanager posts to ``/<receiver>`` (webhook, version 4); ``GET /`` lists the newest messages first.
"""

import http.server
import json
from collections import deque
from typing import Any

PORT = 8080
KEPT = 200
LARGEST = 1 << 20


def lines(receiver: str, message: dict[str, Any]) -> list[str]:
    """Return one line per alert: when, who hears it, what, about which account."""
    return [
        "  ".join(
            [
                alert["startsAt"] if alert["status"] == "firing" else alert["endsAt"],
                f"→ {receiver}",
                alert["status"].upper(),
                alert["labels"]["alertname"],
                "/".join(alert["labels"][name] for name in ("provider", "pool") if name in alert["labels"]),
                " ".join(alert["annotations"].get("description", "").split()),
            ]
        )
        for alert in message["alerts"]
    ]


class Inbox(http.server.ThreadingHTTPServer):
    """A server that remembers the last messages."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self.messages: deque[str] = deque(maxlen=KEPT)


class Handler(http.server.BaseHTTPRequestHandler):
    """Takes messages in and shows them."""

    server: Inbox
    timeout = 10

    def do_POST(self) -> None:
        """Keep one message of Alertmanager's."""
        length = int(self.headers.get("Content-Length", "0"))
        if length > LARGEST:
            self._answer(413, "too large\n")
            return
        try:
            arrived = lines(self.path.strip("/"), json.loads(self.rfile.read(length)))
        except (ValueError, KeyError, TypeError):
            self._answer(400, "not a message of Alertmanager's\n")
            return
        for line in arrived:
            self.server.messages.appendleft(line)
            print(line, flush=True)
        self._answer(200, "")

    def do_GET(self) -> None:
        """List the messages, newest first."""
        self._answer(200, "\n".join(self.server.messages or ["No alert yet."]) + "\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Keep requests out of the log: it is for the messages."""

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Inbox(("", PORT)).serve_forever()
