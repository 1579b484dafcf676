"""The switches of Behavior: what each may be, and how the command line names them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.behavior import listed, parse
from tests.local.caller import POOL_ID


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("acr_and_amr=true", True),
        ("acr_and_amr=False", False),
        ("latency=0.05", 0.05),
        ("latency=1", 1.0),
        ("secret_bytes=20", 20),
        ("code_failures_before_lock=none", None),
        ("code_failures_before_lock=3", 3),
        ("srp_timestamp_tolerance=none", None),
        ("issuer=none", None),
        ("issuer=http://127.0.0.1:9229", "http://127.0.0.1:9229"),
        ("issuer=https://cognito.test/a/b", "https://cognito.test/a/b"),
    ],
)
def test_a_switch_is_named_with_its_value(text: str, value: Any) -> None:
    name = text.partition("=")[0]
    assert parse(text) == (name, value)
    assert type(parse(text)[1]) is type(value)
    assert getattr(Behavior(**{name: value}), name) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=true",
        "nonsense=true",
        "__class__=x",
        "acr_and_amr",
        "acr_and_amr=",
        "acr_and_amr=1",
        "acr_and_amr=none",
        "latency=none",
        "latency=nan",
        "latency=inf",
        "latency=-1",
        "latency=61",
        "secret_bytes=1.5",
        "secret_bytes=1000",
        "code_failures_before_lock=-1",
        "code_failures_before_lock=true",
        "issuer=",
        "issuer=127.0.0.1:9229",
        "issuer=ftp://127.0.0.1",
        "issuer=http://",
        "issuer=http://x:y",
        "issuer=http://x?a",
        "issuer=http://x#a",
        "issuer=http://a@x",
        "issuer=http://x y",
        "issuer=http://x\\y",
        "issuer=http://ü",
    ],
)
def test_what_is_no_switch_or_no_value_of_it_is_said(text: str) -> None:
    name = text.partition("=")[0]
    with pytest.raises(ValueError, match=name or "behavior"):
        parse(text)


@pytest.mark.parametrize(
    "values", [{"latency": -1.0}, {"acr_and_amr": None}, {"issuer": "x"}, {"secret_bytes": "32"}]
)
def test_python_is_told_as_well(values: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Behavior(**values)
    cognito = LocalCognito()
    cognito.create_pool(POOL_ID)
    with pytest.raises(ValueError, match=next(iter(values))):
        cognito.behave(**values)
    assert cognito.pool(POOL_ID).state.behavior == Behavior()


def test_each_is_listed_with_its_default_and_its_meaning() -> None:
    entries = listed().split("\n\n")
    assert len(entries) == len(fields(Behavior))
    for entry, one in zip(entries, fields(Behavior), strict=True):
        first, _, meaning = entry.partition("\n")
        assert parse(first) == (one.name, one.default)
        assert len(meaning.strip()) > 20


def test_a_change_is_in_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "pool.json"
    with LocalCognito(state_file=state) as cognito:
        cognito.create_pool(POOL_ID)
        cognito.behave(acr_and_amr=True, issuer="http://127.0.0.1:9229")
    with LocalCognito(state_file=state) as cognito:
        expected = Behavior(acr_and_amr=True, issuer="http://127.0.0.1:9229")
        assert cognito.pool(POOL_ID).state.behavior == expected
