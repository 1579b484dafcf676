"""RFC 6238 as Cognito uses it: "TOTP parameters" in docs/cognito-behavior.md."""

from __future__ import annotations

import base64

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognito_mfa.local.rules import totp

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
MOMENTS = st.integers(min_value=0, max_value=2**33)
KEYS = st.binary(min_size=16, max_size=64)


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, totp.step_at(moment)) == code


@given(key=KEYS, moment=MOMENTS)
def test_codes_are_those_of_an_authenticator(key: bytes, moment: int) -> None:
    secret = base64.b32encode(key).decode().rstrip("=")
    assert totp.code_at(secret, totp.step_at(moment)) == pyotp.TOTP(secret).at(moment)


@given(key=KEYS, moment=MOMENTS.filter(lambda moment: moment > 120), offset=st.integers(-3, 3))
def test_one_step_either_side_matches_and_no_more(key: bytes, moment: int, offset: int) -> None:
    secret = base64.b32encode(key).decode().rstrip("=")
    step = totp.step_at(moment) + offset
    matching = totp.matching_steps(secret, totp.code_at(secret, step), moment)
    # Two steps may share a code by chance; whether this very step matches is what counts.
    assert (step in matching) is (abs(offset) <= 1)


def test_a_secret_of_32_bytes_has_52_characters_of_base32() -> None:
    secret = totp.new_secret(32)
    assert len(secret) == 52
    assert len(base64.b32decode(secret + "====")) == 32


def test_no_secret_has_no_code() -> None:
    """An empty key's codes could be worked out by anyone."""
    code = totp.code_at("", totp.step_at(59))
    assert totp.matching_steps("", code, 59) == []


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 456", "-12345"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert totp.matching_steps(RFC_SECRET, typed, 59) == []
