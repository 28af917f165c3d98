"""What stands between the connection and the application: the request limit and configured headers."""

import logging
import threading
from pathlib import Path

import pytest

from exporter.web.webfile import WebConfigFile
from tests.web.serving import PATIENCE, Served, get, read_all, serving, status_of


def _start_slow(running: Served, count: int) -> list[threading.Thread]:
    """Start requests and return once all of them are in the application."""
    threads = [threading.Thread(target=running.exchange, args=(get("/slow"),)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert running.application.entered.acquire(timeout=PATIENCE)
    return threads


def test_one_request_too_many_is_told_to_come_back(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit a request gets 503 with Retry-After; health doesn't count; one line is logged."""
    with caplog.at_level(logging.WARNING), serving(max_requests=2) as running:
        threads = _start_slow(running, 2)
        refused = [running.exchange(get("/metrics")) for _ in range(3)]
        health = [running.exchange(get(path)) for path in ("/-/healthy", "/-/ready")]
        running.application.release.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert status_of(running.exchange(get("/metrics"))) == 200
    assert [status_of(response) for response in refused] == [503] * 3
    assert b"\r\nretry-after: 1\r\n" in refused[0].lower()
    assert b"Limit of concurrent requests reached (2)" in refused[0]
    assert [status_of(response) for response in health] == [200, 200]
    assert caplog.messages == ["too_many_requests"]


def test_no_limit_is_no_limit() -> None:
    """``--web.max-requests 0`` lets everything in."""
    with serving(max_requests=0) as running:
        threads = _start_slow(running, 5)
        assert status_of(running.exchange(get("/-/healthy"))) == 200
        running.application.release.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_every_admitted_request_has_a_thread() -> None:
    """The thread pool holds as many requests as the limit admits: none of them waits for another."""
    with serving(max_requests=60) as running:
        threads = _start_slow(running, 60)
        running.application.release.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_health_answers_while_every_thread_is_taken() -> None:
    """Health is answered on the event loop, whatever the scrapes are waiting for."""
    with serving(max_requests=40) as running:
        threads = _start_slow(running, 40)
        assert status_of(running.exchange(get("/-/healthy"))) == 200
        running.application.release.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_a_slot_is_free_again_when_its_client_is_gone() -> None:
    """Clients that leave before the answer don't use up the limit for good."""
    with serving(max_requests=1) as running:
        with running.connect() as impatient:
            impatient.sendall(get("/slow"))
            assert running.application.entered.acquire(timeout=PATIENCE)
        running.application.release.set()
        statuses = set()
        for _ in range(1000):
            statuses.add(status_of(running.exchange(get("/metrics"))))
            if 200 in statuses:
                return
    pytest.fail("the slot stayed taken")


def test_unauthenticated_requests_take_no_slot(tmp_path: Path) -> None:
    """Who may not get in can't crowd out who may: 401 comes before 503."""
    path = tmp_path / "web.yml"
    path.write_text("basic_auth_users:\n  a: $2y$04$9pAvf3BYuAaXb6OLKs5dZu3FHJIwyZrwZ3TqiSDc9UpLJc8d6LxFa\n")
    with serving(max_requests=1, web_config=WebConfigFile(path)) as running:
        assert [status_of(running.exchange(get("/metrics"))) for _ in range(3)] == [401] * 3


def test_configured_headers_are_on_every_response(tmp_path: Path) -> None:
    """Headers of http_server_config are on what the application answers, errors included."""
    path = tmp_path / "web.yml"
    path.write_text(
        "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}}"
    )
    with serving(web_config=WebConfigFile(path)) as running:
        for target in ("/metrics", "/nowhere"):
            head = running.exchange(get(target)).lower()
            assert head.count(b"\r\nx-frame-options: deny\r\n") == 1
            assert b"\r\nstrict-transport-security: max-age=1\r\n" in head


def test_head_is_answered_without_a_body() -> None:
    """HEAD gets the headers of GET and nothing else."""
    with serving() as running, running.connect() as connection:
        connection.sendall(get("/metrics", method="HEAD"))
        response = read_all(connection)
    assert response.endswith(b"\r\n\r\n")
    assert b"content-length: 5" in response
