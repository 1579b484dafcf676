"""Which of the codes around a moment one is."""

from __future__ import annotations

import pyotp
import pytest

from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.values.totp import REACH, steps_off

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSW"
NOW = 1_800_000_000


def off(secret: str, code: str, at: float = NOW) -> int | None:
    return steps_off(SecretText(secret), SecretText(code), at)


@pytest.mark.parametrize("steps", [0, 1, -1, 7, -7, REACH, -REACH])
@pytest.mark.parametrize("secret", [SECRET, SECRET.lower(), SECRET[:26]])
def test_a_code_is_found_where_another_implementation_has_it(secret: str, steps: int) -> None:
    code = pyotp.TOTP(secret).at(NOW + 30 * steps)
    assert off(secret, code) == steps


@pytest.mark.parametrize("steps", [REACH + 1, -REACH - 1])
def test_a_code_farther_away_is_not_found(steps: int) -> None:
    assert off(SECRET, pyotp.TOTP(SECRET).at(NOW + 30 * steps)) is None


@pytest.mark.parametrize("secret", ["not base32!", "ü", "A"])
def test_a_secret_that_is_none_has_no_codes(secret: str) -> None:
    assert off(secret, "123456") is None


def test_a_time_before_the_epoch_has_no_codes() -> None:
    assert off(SECRET, "123456", at=-1.0) is None
