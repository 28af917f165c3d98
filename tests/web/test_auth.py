"""Basic authentication: who gets in, what it costs, and what an attacker learns."""

import asyncio
import base64
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from exporter.secret import Secret
from exporter.web import auth
from exporter.web.auth import PasswordChecker, TooManyChecksError, decoy
from exporter.web.webfile import WebConfigFile
from tests.web.serving import get, read_all, serving, status_of


def _hash(password: str, cost: int = 4) -> Secret:
    return Secret(bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode())


def _basic(credentials: bytes, scheme: str = "Basic") -> str:
    return f"Authorization: {scheme} {base64.b64encode(credentials).decode()}"


@pytest.fixture(scope="module")
def web_config(tmp_path_factory: pytest.TempPathFactory) -> WebConfigFile:
    """Two users: alice with a plain password, and one whose name and password are not ASCII."""
    path: Path = tmp_path_factory.mktemp("auth") / "web.yml"
    users = {"alice": "s3cret:with:colons", "jürgen": "pässword"}
    lines = [f"  {user}: {_hash(password).reveal()}" for user, password in users.items()]
    path.write_text("\n".join(["basic_auth_users:", *lines]), encoding="utf-8")
    return WebConfigFile(path)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([_basic(b"alice:s3cret:with:colons")], 200),
        ([_basic(b"alice:s3cret:with:colons", "bAsIc")], 200),
        ([_basic("jürgen:pässword".encode())], 200),
        ([], 401),
        ([_basic(b"alice:wrong")], 401),
        ([_basic(b"alice:")], 401),
        ([_basic(b"alice")], 401),
        ([_basic(b":")], 401),
        ([_basic(b"bob:s3cret:with:colons")], 401),
        ([_basic(b"alice:s3cret:with:colons\0")], 401),
        ([_basic("jürgen:pässword".encode("latin-1"))], 401),
        ([_basic(b"alice:" + b"x" * 5000)], 401),
        ([_basic(b"alice:s3cret:with:colons", "Bearer")], 401),
        (["Authorization: Basic"], 401),
        (["Authorization: Basic !!!"], 401),
        (["Authorization: Basic YWxp=Y2U="], 401),
        ([_basic(b"alice:s3cret:with:colons"), _basic(b"alice:s3cret:with:colons")], 401),
    ],
)
def test_only_right_credentials_get_in(web_config: WebConfigFile, headers: list[str], status: int) -> None:
    """A right user and password are served; everything else, however malformed, is 401."""
    with serving(web_config=web_config) as running:
        assert status_of(running.exchange(get("/metrics", *headers))) == status


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/nowhere"])
def test_every_path_is_protected(web_config: WebConfigFile, path: str) -> None:
    """As in exporter-toolkit nothing answers without credentials; the challenge names the scheme."""
    with serving(web_config=web_config) as running:
        response = running.exchange(get(path)).lower()
    assert response.startswith(b"http/1.1 401 ")
    assert b'\r\nwww-authenticate: basic realm="credits-exporter", charset="utf-8"\r\n' in response


def test_no_users_is_no_authentication(tmp_path: Path) -> None:
    """An empty basic_auth_users protects nothing, as in exporter-toolkit."""
    path = tmp_path / "web.yml"
    path.write_text("basic_auth_users: {}")
    with serving(web_config=WebConfigFile(path)) as running:
        assert status_of(running.exchange(get("/metrics"))) == 200


class _Comparisons:
    """Stands in for bcrypt: counts, and takes as long as the test wants."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self._running = 0
        self.most_at_once = 0

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        self.asked.append((password, hashed))
        self.go_on.wait(20)
        self._running -= 1
        return password == b"right"


USERS = {"alice": _hash("right"), "bob": _hash("right", 5)}


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_success_is_remembered() -> None:
    """The same credentials cost one comparison, however often they come."""
    compare = _Comparisons()

    async def work() -> None:
        checker = PasswordChecker(compare)
        assert [await checker.check(USERS, "alice", b"right") for _ in range(3)] == [True] * 3

    _run(work())
    assert len(compare.asked) == 1


@pytest.mark.parametrize(("user", "password"), [("alice", b"wrong"), ("nobody", b"right")])
def test_a_failure_costs_the_same_every_time(user: str, password: bytes) -> None:
    """A wrong password and an unknown user are compared at every attempt, and never get in."""
    compare = _Comparisons()

    async def work() -> None:
        checker = PasswordChecker(compare)
        assert [await checker.check(USERS, user, password) for _ in range(3)] == [False] * 3

    _run(work())
    assert len(compare.asked) == 3


def test_an_unknown_user_costs_as_much_as_the_costliest_known_one() -> None:
    """The hash for unknown users has the highest cost in use, is valid, and fits no password."""
    compare = _Comparisons()

    async def work() -> None:
        await PasswordChecker(compare).check(USERS, "nobody", b"right")

    _run(work())
    ((_, hashed),) = compare.asked
    assert hashed.startswith(b"$2b$05$")
    assert bcrypt.checkpw(b"right", hashed) is False


def test_without_users_the_decoy_has_a_usual_cost() -> None:
    """The decoy never depends on there being users."""
    assert decoy([]).startswith("$2b$10$")


def test_a_changed_hash_is_checked_anew() -> None:
    """When a user's hash changes, what was remembered for the old one counts no more."""
    compare = _Comparisons()

    async def work() -> None:
        checker = PasswordChecker(compare)
        await checker.check({"alice": _hash("right")}, "alice", b"right")
        await checker.check({"alice": _hash("right")}, "alice", b"right")

    _run(work())
    assert len(compare.asked) == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the entry that was used least recently is forgotten."""
    monkeypatch.setattr(auth, "_MOST_REMEMBERED", 2)
    compare = _Comparisons()
    users = {name: _hash("right") for name in ("a", "b", "c")}

    async def work() -> None:
        checker = PasswordChecker(compare)
        for name in ("a", "b", "a", "c", "a", "b"):
            assert await checker.check(users, name, b"right")

    _run(work())
    assert len(compare.asked) == 4


def test_one_bcrypt_at_a_time_and_one_for_equal_credentials() -> None:
    """Requests that come at once are compared one after another; equal ones share the result."""
    compare = _Comparisons()

    async def work() -> None:
        checker = PasswordChecker(compare)
        names = ["alice"] * 5 + ["bob"] * 5
        results = await asyncio.gather(*(checker.check(USERS, name, b"right") for name in names))
        assert all(results)

    _run(work())
    assert (len(compare.asked), compare.most_at_once) == (2, 1)


def test_a_flood_of_guesses_is_turned_away_and_known_credentials_still_get_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the queue for bcrypt is full new guesses are refused; remembered credentials don't queue."""
    monkeypatch.setattr(auth, "_MOST_WAITING", 3)
    compare = _Comparisons()

    async def work() -> None:
        checker = PasswordChecker(compare)
        assert await checker.check(USERS, "alice", b"right")
        compare.go_on.clear()
        guesses = [asyncio.create_task(checker.check(USERS, "alice", b"%d" % n)) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyChecksError):
            await checker.check(USERS, "alice", b"another")
        assert await checker.check(USERS, "alice", b"right")
        compare.go_on.set()
        assert await asyncio.gather(*guesses) == [False] * 3

    _run(work())


def test_a_full_queue_is_503_with_retry_after(
    web_config: WebConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client that is turned away is told to come back."""
    monkeypatch.setattr(auth, "_MOST_WAITING", 0)
    with serving(web_config=web_config) as running:
        response = running.exchange(get("/metrics", _basic(b"alice:guess")))
    assert status_of(response) == 503
    assert b"\r\nretry-after: 1\r\n" in response.lower()


def test_bcrypt_reads_72_bytes_as_everywhere() -> None:
    """Longer passwords are compared as Go and htpasswd compare them, whatever the library's version."""

    async def work() -> None:
        users = {"alice": _hash("x" * 72)}
        assert await PasswordChecker().check(users, "alice", b"x" * 100)
        assert not await PasswordChecker().check(users, "alice", b"x" * 71)

    _run(work())


def test_health_answers_while_bcrypt_works(
    web_config: WebConfigFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow comparison is off the event loop: those already known are served meanwhile."""
    compare = _Comparisons()
    monkeypatch.setattr(auth, "PasswordChecker", lambda: PasswordChecker(compare))
    right = _basic(b"alice:right")
    with serving(web_config=web_config) as running:
        assert status_of(running.exchange(get("/-/healthy", right))) == 200
        compare.go_on.clear()
        with running.connect() as guess:
            guess.sendall(get("/-/healthy", _basic(b"alice:guess")))
            assert status_of(running.exchange(get("/-/healthy", right))) == 200
            compare.go_on.set()
            assert status_of(read_all(guess)) == 401
