import json
from collections.abc import Callable
from typing import Any

import pytest

from exporter.demo.accounts import Account, still_accounts
from exporter.demo.limits import Limits
from exporter.demo.message import Request, Response
from exporter.demo.pools import Pool
from exporter.demo.simulator import Simulator

Ask = Callable[..., Response]


def credits_of(answer: Response) -> Any:
    """Return LeadMagic's figure."""
    return json.loads(answer.body)["credits"]


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("", "GET", 404),
        ("/", "GET", 404),
        ("/v1", "GET", 404),
        ("/v1/credits/", "GET", 404),
        ("/v1/credits", "POST", 405),
        ("/v1/credits", "HEAD", 405),
    ],
)
def test_only_the_documented_paths_and_methods_answer(
    ask: Ask, target: str, method: str, status: int
) -> None:
    """Any other path below an account is 404, any other method 405."""
    assert ask("leadmagic", target, method=method).status == status


def test_a_prefix_without_an_account_is_not_found(simulator: Simulator) -> None:
    """The first segment of the path is the account's name, and an unknown one is 404."""
    for path in ("/", "", "/nobody/v1/credits", "/v1/credits"):
        assert simulator.handle(Request("GET", f"http://x{path}")).response == Response(404)


def test_requests_are_recorded_as_they_came(simulator: Simulator, ask: Ask) -> None:
    """Method, path, decoded query and headers of each request are kept per account, refused ones too."""
    ask("impressionwise", "/creditscheck.aspx?CODE=BBF&PSW=a%26b", {"user-agent": "test"})
    ask("impressionwise", "/creditscheck.aspx", {}, method="POST")
    first, second = simulator.received("impressionwise")
    assert (first.method, first.path) == ("GET", "/impressionwise/creditscheck.aspx")
    assert first.query == (("CODE", "BBF"), ("PSW", "a&b"))
    assert first.headers == {"user-agent": "test"}
    assert second.method == "POST"
    assert simulator.received("leadmagic") == ()


def test_a_balance_can_be_set_and_topped_up(simulator: Simulator, ask: Ask) -> None:
    """Set, it stays; topped up, it grows by the amount; other pools don't move."""
    simulator.set_balance("leadmagic", "default", 12.5)
    assert credits_of(ask("leadmagic")) == 12.5
    simulator.top_up("leadmagic", "default", 100)
    assert credits_of(ask("leadmagic")) == simulator.balance("leadmagic") == 112.5
    simulator.set_balance("oceanio", "email", 50)
    told = json.loads(ask("oceanio").body)
    assert told["emailCredits"] == {"oneTime": 50, "recurrent": 0}
    assert told["phoneCredits"] == {"oneTime": 100, "recurrent": 100}


def test_reserved_credits_are_told_apart_from_the_available(simulator: Simulator, ask: Ask) -> None:
    """Credits held for jobs show by themselves and leave the balance as it is."""
    simulator.reserve("trueverify", 75)
    data = json.loads(ask("trueverify").body)["data"]
    assert (data["reserved_credits"], data["available_credits"]) == (75, 9850)


def test_a_stale_vendor_answers_from_its_cache_until_refreshed(simulator: Simulator, ask: Ask) -> None:
    """A change shows only after the POST that makes the vendor read its database again."""
    simulator.stale("leadmagic")
    simulator.set_balance("leadmagic", "default", 7)
    assert credits_of(ask("leadmagic")) == 15432.5
    assert ask("leadmagic", "/v1/credits/refresh", method="POST").headers["X-Credits-Remaining"] == "7.00"
    assert credits_of(ask("leadmagic")) == 7


def test_a_failure_lasts_until_recovery_or_for_a_number_of_calls(simulator: Simulator, ask: Ask) -> None:
    """Without a number it stays until recover; with one it ends by itself; Retry-After is sent as given."""
    simulator.fail("leadmagic", "rate_limited", retry_after=30)
    for _ in range(3):
        assert ask("leadmagic").headers["Retry-After"] == "30"
    simulator.recover("leadmagic")
    assert ask("leadmagic").status == 200
    simulator.fail("leadmagic", "server_error", times=2)
    assert [ask("leadmagic").status for _ in range(3)] == [500, 500, 200]


def test_any_answer_at_all_can_be_given(simulator: Simulator, ask: Ask) -> None:
    """A test may make a vendor answer what no documentation knows."""
    simulator.fail("trueverify", Response(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}))
    assert ask("trueverify").body == b"<html>maintenance</html>"


@pytest.mark.parametrize(
    ("failure", "status"), [("server_error", 200), ("rate_limited", 200), ("unauthorized", 401)]
)
def test_the_health_check_fails_only_for_want_of_access(
    simulator: Simulator, ask: Ask, failure: str, status: int
) -> None:
    """A balance that can't be had leaves the health check as it is; a revoked key doesn't."""
    simulator.fail("leadmagic", failure)
    assert ask("leadmagic", "/v1/credits/health").status == status


def test_wrong_credentials_are_refused_even_while_failing(simulator: Simulator, ask: Ask) -> None:
    """A failure on demand doesn't hide that the request was wrong."""
    simulator.fail("leadmagic", "server_error", times=1)
    assert ask("leadmagic", headers={"x-api-key": "wrong"}).status == 401
    assert ask("leadmagic").status == 500


def test_an_outage_is_no_answer_and_ends_with_recovery(simulator: Simulator, ask: Ask) -> None:
    """While out, there is no response at all; other accounts answer."""
    simulator.outage("leadmagic")
    assert simulator.handle(Request("GET", "http://x/leadmagic/v1/credits")).response is None
    assert ask("trueverify").status == 200
    simulator.recover("leadmagic")
    assert ask("leadmagic").status == 200


def test_latency_is_the_delay_of_every_answer_and_what_the_vendor_reports(simulator: Simulator) -> None:
    """The reply carries the delay for the server to wait, and the vendor's own figure is as long."""
    simulator.latency("impressionwise", 1.2)
    url = "http://x/impressionwise/creditscheck.aspx?CODE=BBF&PSW=demo%26pass%25word"
    reply = simulator.handle(Request("GET", url))
    assert reply.delay == 1.2
    assert reply.response is not None
    assert reply.response.body.endswith(b"TTP=1.20")


def test_limits_are_enforced_with_the_time_to_wait(fake_time: Any) -> None:
    """Over the limit the vendor answers 429 with Retry-After, and takes requests again after that time."""
    account = Account(still_accounts()["oceanio"].vendor, {"standard": Pool(5)}, Limits(per_minute=2))
    simulator = Simulator({"o": account}, clock=fake_time)
    request = Request("GET", "http://x/o/v2/credits/balance", {"x-api-token": "demo-oceanio-token"})
    replies = [simulator.handle(request).response for _ in range(3)]
    assert [reply and reply.status for reply in replies] == [200, 200, 429]
    assert replies[2] is not None
    fake_time.advance(float(replies[2].headers["Retry-After"]))
    again = simulator.handle(request).response
    assert again is not None
    assert again.status == 200


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (
            lambda s: s.latency("leadmagik", 1),
            "no account 'leadmagik'; there is: impressionwise, agiletelecom",
        ),
        (lambda s: s.set_balance("oceanio", "mail", 1), "no pool 'mail'; there is: standard, email, phone"),
        (lambda s: s.fail("impressionwise", "oops"), "no failure 'oops'; there is: unauthorized, wrong_pass"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_known(
    simulator: Simulator, mistake: Callable[[Simulator], None], message: str
) -> None:
    """A mistyped account, pool or failure says what would be right."""
    with pytest.raises(ValueError, match=message):
        mistake(simulator)
