"""Why a code was refused during a setup: an earlier QR code, a clock that is wrong, or neither."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.sign_in.encryption import decrypt
from cognito_mfa.sign_in.pending import KEY
from cognito_mfa.values.secret_text import SecretText
from tests.visitor import PASSWORD, POOL_ID, Visitor

SETUP, SIGN_IN, REPLACE = (f"cognito_mfa:{name}" for name in ("setup", "sign_in", "device_replace"))
EARLIER = "That code belongs to an earlier QR code"
NEW_QR = "This is a new QR code"
WRONG = "That code didn’t work"
REASONS = (EARLIER, WRONG, "isn’t valid yet", "code expired about", "already used")


def reasons_on(page: str) -> list[str]:
    """Return which causes the page names."""
    return [reason for reason in REASONS if reason in page]


def pending(visitor: Visitor) -> dict[str, Any]:
    return decrypt(visitor.client.session.get(KEY)) or {}


def kept_secrets(visitor: Visitor) -> list[SecretText]:
    """Return every secret of a software token that the session keeps."""
    kept = pending(visitor)
    return [one for one in (kept.get("secret"), *kept.get("earlier_secrets", ())) if one]


def start_again(visitor: Visitor) -> tuple[str, str]:
    """Start the setup in one tab, then in another; return both secrets."""
    visitor.sign_in()
    first = visitor.scan()
    visitor.sign_in()
    return first, visitor.scan()


def test_a_code_of_the_qr_code_in_another_tab_is_recognized(
    pool: LocalPool, visitor: Visitor
) -> None:
    first, second = start_again(visitor)
    visitor.secret = first
    page = visitor.text(visitor.confirm_setup())
    assert reasons_on(page) == [EARLIER]
    assert NEW_QR in page  # it is not the one that this tab showed
    assert second in page
    assert first not in page

    visitor.secret = second
    assert visitor.confirm_setup().status_code == 302
    assert visitor.is_in()


def test_a_reloaded_tab_says_that_its_qr_code_is_new(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    assert NEW_QR not in visitor.text(visitor.get(reverse(SETUP)))
    start_again(visitor)
    assert NEW_QR in visitor.text(visitor.get(reverse(SETUP)))


@pytest.mark.over_api
def test_each_qr_code_of_the_setup_is_recognized_and_no_more_than_needed_are_kept(
    pool: LocalPool, visitor: Visitor
) -> None:
    secrets = []
    for _try in range(6):
        visitor.sign_in()
        secrets.append(visitor.scan())
    assert [one.reveal() for one in kept_secrets(visitor)[1:]] == secrets[-4:-1]
    visitor.secret = secrets[-4]
    assert reasons_on(visitor.text(visitor.confirm_setup())) == [EARLIER]


@pytest.mark.over_api
def test_a_code_of_the_qr_code_that_timed_out_is_recognized(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    first = visitor.scan()
    visitor.cognito.clock.advance(200)
    assert visitor.confirm_setup().url.startswith(reverse(SIGN_IN))
    visitor.sign_in()
    assert visitor.scan() != first
    visitor.secret = first
    assert reasons_on(visitor.text(visitor.confirm_setup())) == [EARLIER]


@pytest.mark.over_api
def test_at_a_replacement_as_well(optional_pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    own = visitor.secret

    def come_to_the_qr_code() -> str:
        visitor.secret = own
        visitor.post(reverse(REPLACE), {"password": PASSWORD})
        visitor.enter_code()
        visitor.cognito.clock.advance(30)
        return visitor.scan()

    first, second = come_to_the_qr_code(), come_to_the_qr_code()
    visitor.secret = first
    page = visitor.text(visitor.confirm_setup())
    assert reasons_on(page) == [EARLIER]
    visitor.secret = own  # of the app that is to be replaced, which this setup never showed
    assert reasons_on(visitor.text(visitor.confirm_setup())) == [WRONG]
    visitor.secret = second
    assert visitor.confirm_setup().status_code == 302


def test_no_secret_of_a_setup_outlives_it(pool: LocalPool, visitor: Visitor) -> None:
    first, second = start_again(visitor)
    text = visitor.client.session[KEY]
    assert first not in text
    assert second not in text
    assert len(kept_secrets(visitor)) == 2
    visitor.confirm_setup()
    assert kept_secrets(visitor) == []

    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    assert kept_secrets(visitor) == []


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("operation", ["VerifySoftwareToken", "RespondToAuthChallenge"])
def test_a_secret_that_cognito_may_have_confirmed_is_not_kept(
    pool: LocalPool, visitor: Visitor, operation: str, executed: bool
) -> None:
    start_again(visitor)
    visitor.cognito.faults.on(operation, faults.Timeout(executed=executed), times=1)
    assert visitor.confirm_setup().answered == 503
    assert kept_secrets(visitor) == []
    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    assert len(kept_secrets(visitor)) <= 1


@pytest.mark.over_api
def test_a_canceled_setup_is_forgotten(pool: LocalPool, visitor: Visitor) -> None:
    first, _second = start_again(visitor)
    visitor.post(reverse("cognito_mfa:setup_cancel"))
    assert kept_secrets(visitor) == []
    visitor.sign_in()
    visitor.secret = first
    assert reasons_on(visitor.text(visitor.confirm_setup())) == [WRONG]


def test_a_code_of_another_users_setup_in_this_browser_is_only_wrong(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.create_user("second", password=PASSWORD)
    visitor.sign_in()
    first = visitor.scan()
    visitor.sign_in("second")
    assert visitor.scan() != first
    visitor.secret = first
    page = visitor.text(visitor.confirm_setup())
    assert reasons_on(page) == [WRONG]
    assert NEW_QR not in page


@pytest.mark.over_api
@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (6, "clock is about 3 minutes ahead"),
        (2, "clock is about 1 minute ahead"),
        (20, "clock is about 10 minutes ahead"),
        (-4, "code expired about 2 minutes ago"),
        (-2, "code expired about 1 minute ago"),
        (-20, "code expired about 10 minutes ago"),
    ],
)
@pytest.mark.parametrize("away", [0, 4000], ids=["same time", "Cognito is an hour ahead"])
def test_a_clock_that_is_wrong_is_named_by_cognitos_time(
    pool: LocalPool, visitor: Visitor, steps: int, said: str, away: int
) -> None:
    visitor.cognito.clock.advance(away)
    visitor.sign_in()
    visitor.scan()
    page = visitor.text(visitor.confirm_setup(visitor.code(steps=steps)))
    assert said in page
    assert len(reasons_on(page)) == 1
    assert visitor.confirm_setup().status_code == 302


@pytest.mark.parametrize("steps", [21, -21])
def test_beyond_ten_minutes_a_code_is_only_wrong(
    pool: LocalPool, visitor: Visitor, steps: int
) -> None:
    visitor.sign_in()
    visitor.scan()
    page = visitor.text(visitor.confirm_setup(visitor.code(steps=steps)))
    assert reasons_on(page) == [WRONG]


def test_a_code_that_was_typed_late_is_called_expired(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    code = visitor.code()
    visitor.cognito.clock.advance(120)
    assert "code expired about 2 minutes ago" in visitor.text(visitor.confirm_setup(code))


def test_a_code_that_cognito_should_have_accepted_is_only_wrong(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    refusal = faults.Error("EnableSoftwareTokenMFAException", "Code mismatch")
    visitor.cognito.faults.on("VerifySoftwareToken", refusal, times=1)
    assert reasons_on(visitor.text(visitor.confirm_setup())) == [WRONG]


def test_a_used_code_of_the_present_secret_is_called_used(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    refusal = faults.Error(
        "ExpiredCodeException", "Your software token has already been used once."
    )
    visitor.cognito.faults.on("VerifySoftwareToken", refusal, times=1)
    page = visitor.text(visitor.confirm_setup(visitor.code(steps=6)))
    assert reasons_on(page) == ["already used"]


@pytest.mark.parametrize("steps", [-4, 6])
def test_at_a_sign_in_every_wrong_code_reads_the_same(
    pool: LocalPool, visitor: Visitor, steps: int
) -> None:
    """The site has no secret then, and a stranger who guesses must not learn how near a guess was."""
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    visitor.get(reverse("cognito_mfa:challenge"))  # which shows the message of the sign-out
    near = visitor.text(visitor.enter_code(visitor.code(steps=steps)))
    far = visitor.text(visitor.enter_code(visitor.wrong_code()))
    assert near == far
    assert reasons_on(near) == [WRONG]


@pytest.mark.over_api
def test_a_wrong_code_that_is_explained_is_counted_like_any_other(
    pool: LocalPool, visitor: Visitor
) -> None:
    first, _second = start_again(visitor)
    visitor.secret = first
    for _try in range(5):
        assert EARLIER in visitor.text(visitor.confirm_setup())
    assert visitor.confirm_setup().answered == 429


def test_an_emulator_with_one_secret_for_all_shows_no_earlier_one(
    pool: LocalPool, visitor: Visitor, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = cognito.pool(POOL_ID).register_software_token("newcomer")
    monkeypatch.setattr("cognito_mfa.local.rules.totp.new_secret", lambda _size: same)
    cognito.pool(POOL_ID).user("newcomer").software_token = None
    start_again(visitor)
    assert NEW_QR not in visitor.text(visitor.get(reverse(SETUP)))
    assert reasons_on(visitor.text(visitor.confirm_setup(visitor.wrong_code()))) == [WRONG]
