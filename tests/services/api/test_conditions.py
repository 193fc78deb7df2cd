"""Conditional requests, and what the fuzzer of the whole system may expect of them."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def conditional(document):
    """The operations that take `If-Match`, as (name, statuses that the document states)."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if any(each["name"].lower() == "if-match" for each in operation.get("parameters", [])):
                yield f"{method.upper()} {path}", set(operation["responses"])


def test_every_operation_with_if_match_states_412(client):
    found = dict(conditional(client.get("/openapi.json").json()))
    assert len(found) >= 5
    assert [name for name, statuses in found.items() if "412" not in statuses] == []


def test_the_fuzzer_takes_412_as_an_answer_to_a_valid_request():
    """Whether two of its requests meet at one resource differs from machine to machine."""
    checks = tomllib.loads((ROOT / "schemathesis.toml").read_text())["checks"]
    assert "412" in checks["positive_data_acceptance"]["expected-statuses"]
