"""``credits-exporter try``: the tool for writing an entry, seen from the command line."""

import json
from pathlib import Path

import pytest
import responses

from exporter.cli import main

KEY = "canary-k3y-7d1f"
CONFIG = f"""
providers:
  - name: described
    type: http
    request:
      url: https://vendor.example/credits
      method: POST
      headers: {{Authorization: Bearer {KEY}, Accept: application/json}}
      params: {{token: {KEY}}}
      json: {{auth: {{key: {KEY}}}, limit: 5}}
    response:
      errors: [{{when: error, reason: unauthorized}}]
      pools:
        - {{balance: data.left, unit: USD, reserved: data.email, sources: {{plan: data.plan}}, used_total: data.used}}
        - {{each: more, pool_from: name, balance: left, frozen: held}}
      daily_limit_remaining: data.day
      daily_limit_reset: {{timestamp: data.reset}}
      upstream_ttp: {{seconds: data.took}}
  - {{type: impressionwise, code: BBF, password: {KEY}}}
  - {{type: leadmagic, api_key: {KEY}, proxy_url: "http://127.0.0.1:1"}}
  - type: agiletelecom
    oauth1: {{consumer_key: aaaa1, consumer_secret: bbbb1, token: cccc1, token_secret: dddd1}}
"""
BODY = {
    "data": {"left": "12.50", "email": "ann@vendor.example", "plan": 10, "used": 3, "day": 7, "reset": 1738356858,
             "took": 0.5, "echo": KEY},
    "more": [{"name": "sms", "left": 4, "held": 1}, {"name": "fax"}],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run the command over an answer in a file; without one the vendor is asked."""
    config = tmp_path / "c.yml"
    config.write_text(CONFIG)

    def run(name, answer=None):
        arguments = ["try", "--config.file", str(config), "--provider", name]
        if answer is not None:
            file = tmp_path / "answer"
            file.write_text(answer if isinstance(answer, str) else json.dumps(answer), newline="")
            arguments += ["--response-file", str(file)]
        status = main(arguments)
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return status, out, err

    return run


def section(out, heading):
    """Return the lines of one section."""
    return [line.strip() for line in out.split(f"{heading}\n", 1)[1].split("\n\n", 1)[0].splitlines()]


def test_everything_is_shown_and_nothing_that_is_secret(run):
    """Request, body, expressions and reading; keys and people are masked in all of them."""
    status, out, err = run("described", BODY)
    assert (status, err) == (0, "")
    assert section(out, "REQUEST")[:3] == [
        "POST https://vendor.example/credits?token=<secret>",
        "Authorization: Bearer <secret>",
        "Accept: application/json",
    ]
    assert json.loads("".join(section(out, "REQUEST")[3:])) == {"auth": {"key": "<secret>"}, "limit": 5}
    answer = section(out, "ANSWER")
    assert answer[0].startswith("HTTP 200, ")
    shown = json.loads("".join(answer[1:]))
    assert shown["data"] | {"email": "<personal>", "echo": "<secret>"} == shown["data"]
    assert (shown["data"]["left"], shown["more"][0]["name"]) == ("12.50", "<personal>")
    expressions = dict(line.split("  ", 1) for line in section(out, "EXPRESSIONS"))
    told = {key: text.strip() for key, text in expressions.items()}
    assert told["response.errors[0].when"] == "error  ->  nothing"
    assert told["response.pools[0].balance"] == 'data.left  ->  "12.50"'
    assert told["response.pools[0].reserved"] == 'data.email  ->  "<personal>" (not a number: no series)'
    assert told["response.pools[1].balance of element 1"] == "left  ->  nothing"
    assert section(out, "READING") == [
        "pool default: balance 12.5 USD, used 3, source plan 10",
        "pool sms: balance 4 credits, frozen 1",
        "daily limit remaining: 7",
        "daily limit resets: 2025-01-31T20:54:18+00:00",
        "upstream processing seconds: 0.5",
    ]


def test_the_vendor_is_asked_without_a_file(run):
    """One call, as the exporter makes it."""
    with responses.RequestsMock() as vendor:
        sent = vendor.post("https://vendor.example/credits", json=BODY)
        status, out, _ = run("described")
    assert (status, sent.call_count) == (0, 1)
    assert "pool default: balance 12.5 USD" in out


def test_what_curl_prints_is_an_answer_with_status_and_headers(run):
    """Of several heads, as a proxy makes them, the last counts; headers that tell nothing are left out."""
    head = "HTTP/1.1 200 Connection established\r\n\r\nHTTP/2 429 \r\nretry-after: 30\r\nset-cookie: a=b\r\n"
    status, out, _ = run("described", f"{head}X-RateLimit-Limit: 5\r\n\r\n{{}}")
    assert status == 1
    assert section(out, "ANSWER")[:3] == ["HTTP 429, 2 bytes", "retry-after: 30", "X-RateLimit-Limit: 5"]
    assert section(out, "ERROR") == [
        "rate_limited: the vendor limits the rate of calls (HTTP 429)",
        "the vendor asks to wait for 30 s",
    ]


def test_an_answer_without_headers_is_one(run):
    """A status line, an empty line, the body."""
    assert section(run("described", f"HTTP/1.0 401 No\n\n{json.dumps(BODY)}")[1], "ANSWER")[0].startswith(
        "HTTP 401, "
    )


@pytest.mark.parametrize(
    ("body", "shown", "told"),
    [
        (
            "<html><p>Go away ann@vendor.example",
            "<html><p>Go away <personal>",
            "none can be evaluated: the answer is not",
        ),
        ('{"error": "no"}', '"error": "no"', 'error  ->  "no"'),
    ],
)
def test_an_answer_that_is_no_reading_ends_with_its_error(body, shown, told, run):
    """The body, as far as it can be read, and the reason; exit status 1."""
    status, out, _ = run("described", body)
    assert status == 1
    assert shown in out
    assert told in out
    assert "ERROR\n" in out


def test_a_built_in_type_is_shown_too(run):
    """Request, body and reading; it has no expressions."""
    status, out, _ = run("impressionwise", f"CODE=BBF&CREDITS=1,200&TTP=0.4&echo={KEY}")
    assert status == 0
    assert section(out, "REQUEST") == [
        "GET https://post.impressionwise.com/creditscheck.aspx?CODE=BBF&PSW=<secret>"
    ]
    assert '"CREDITS": "1,200"' in out
    assert "EXPRESSIONS" not in out
    assert section(out, "READING") == [
        "pool default: balance 1200 credits",
        "upstream processing seconds: 0.4",
    ]


def test_a_signed_request_says_how_it_is_signed(run):
    """The signature is made anew for each call and would say nothing."""
    assert "signed by OAuth1" in section(run("agiletelecom", '{"credit": 5}')[1], "REQUEST")


def test_a_call_without_an_answer_is_an_error(run):
    """The request is shown all the same."""
    status, out, _ = run("leadmagic")
    assert status == 1
    assert section(out, "REQUEST")[1] == "X-API-Key: <secret>"
    assert section(out, "ERROR")[0].startswith("connection: ")


def test_long_bodies_and_values_are_cut(run):
    """A page of a thousand lines doesn't hide the rest."""
    _, out, _ = run(
        "described", {"data": {"left": "x" * 5000}, "more": [{}] * 50, "other": list(range(1000))}
    )
    assert len(out.splitlines()) < 500
    assert " more lines" in out
    assert "x…" in out


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("descibed", None, "no provider is called 'descibed'; did you mean described?"),
        ("described", "missing.json", "missing.json can't be read: No such file or directory"),
        ("described", "large.json", "large.json is larger than an answer may be: 1024 KiB"),
    ],
)
def test_mistakes_are_told_in_one_line(name, file, message, tmp_path, capsys):
    """Exit status 1, as of check."""
    config = tmp_path / "c.yml"
    config.write_text(CONFIG)
    (tmp_path / "large.json").write_text(" " * (1024 * 1024 + 1))
    more = [] if file is None else ["--response-file", str(tmp_path / file)]
    assert main(["try", "--config.file", str(config), "--provider", name, *more]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("credits-exporter: ")
    assert err.endswith(f"{message}\n")
    assert err.count("\n") == 1


def test_a_wrong_configuration_is_reported_as_check_does(tmp_path, capsys):
    """Every problem, exit status 1."""
    config = tmp_path / "c.yml"
    config.write_text("providers: [{type: leadmagic}, {type: oceanio}]")
    assert main(["try", "--config.file", str(config), "--provider", "leadmagic"]) == 1
    assert capsys.readouterr().err.count("is required") == 2
