"""``credits-exporter vendors`` and ``schema``, seen from the command line."""

import json

from exporter.cli import main
from exporter.providers.registry import provider_types


def test_vendors_lists_every_type(capsys):
    """One line each: type, keys (optional ones in brackets), refresh interval, documentation."""
    assert main(["vendors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split("  ") for line in lines]
    assert [row[0] for row in rows] == ["TYPE", *provider_types()]
    told = {row[0]: [cell.strip() for cell in row if cell] for row in rows}
    assert told["twilio"][1:3] == ["account_sid, auth_token", "5m"]
    assert told["trueverify"][1] == "base_url, api_key, [auth_header]"
    assert all(line[3].startswith("https://") for name, line in told.items() if name != "TYPE")


def test_vendors_as_json_tells_what_each_key_means(capsys):
    """With base URL and notes, for whoever makes a page of it."""
    assert main(["vendors", "--format", "json"]) == 0
    told = {vendor["type"]: vendor for vendor in json.loads(capsys.readouterr().out)}
    assert list(told) == list(provider_types())
    twilio = told["twilio"]
    assert [key["name"] for key in twilio["keys"]] == ["account_sid", "auth_token"]
    assert all(key["required"] and key["description"] for key in twilio["keys"])
    assert (twilio["base_url"], twilio["refresh_interval"]) == ("https://api.twilio.com", "5m")
    assert twilio["notes"]
    assert told["leadmagic"]["notes"] == []


def test_a_type_that_can_not_be_used_says_why(capsys, monkeypatch, tmp_path):
    """In both formats; the others are listed all the same."""
    (tmp_path / "broken.yml").write_text("vendor: [")
    monkeypatch.setattr("exporter.commands.describe.provider_types", lambda: provider_types(tmp_path))
    main(["vendors"])
    assert "provider type 'broken' can't be used: broken.yml" in capsys.readouterr().out
    main(["vendors", "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert next(vendor for vendor in told if vendor["type"] == "broken").keys() == {"type", "error"}


def test_schema_prints_the_schema(capsys):
    """As JSON, to be redirected into a file."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Configuration of credits-exporter"
