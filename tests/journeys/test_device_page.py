"""The person's own page: state in words, rename, history, and who may see it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.visitor import Visitor

DEVICE, RENAME, HISTORY = (f"cognito_mfa:{name}" for name in ("device", "device_rename", "history"))


def test_it_says_what_is_set_up_since_when_and_what_happened(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(visitor.wrong_code())
    visitor.confirm_setup(friendly_name="Blue phone")
    page = visitor.text(visitor.get(reverse(DEVICE)))

    for words in ("Blue phone", "Required by this site", "Authenticator app set up", "<time"):
        assert words in page
    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    visitor.enter_code(visitor.wrong_code())
    visitor.enter_code()
    assert "Wrong code" in visitor.text(visitor.get(reverse(DEVICE)))


def test_a_link_is_told_in_words_for_its_user(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """A user who was here before the pool: what an administrator calls a link is their first sign-in."""
    resolver = "cognito_mfa.sign_in.linking.by_verified_email"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": resolver}
    User.objects.create_user("ada", email="newcomer@example.com")
    visitor.set_up()
    page = visitor.text(visitor.get(reverse(HISTORY)))
    assert "Your account was linked to your sign-in" in page
    assert "user of this site" not in page


def test_every_event_has_words_for_its_user() -> None:
    for kind in MFAEvent.Kind:
        told = MFAEvent(kind=kind).text_for_user
        assert told
        for word in ("Cognito", "user pool", "a user of this site", "MFA"):
            assert word not in told, kind


@pytest.mark.parametrize(
    "name", ["device", "device_rename", "device_replace", "device_remove", "history"]
)
def test_no_one_sees_it_without_a_second_factor(
    pool: LocalPool, visitor: Visitor, name: str
) -> None:
    url = reverse(f"cognito_mfa:{name}")
    assert visitor.get(url).url.startswith(reverse("cognito_mfa:sign_in"))
    visitor.set_up()
    assert visitor.get(url).status_code == 200
    CognitoIdentity.objects.get().invalidate_proofs()
    assert visitor.get(url).url.startswith(reverse("cognito_mfa:setup"))


def test_people_whom_no_one_obliges_can_set_it_up_themselves(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    assert "only by your password" in visitor.text(visitor.get(reverse(DEVICE)))
    replace = reverse("cognito_mfa:device_replace")
    assert visitor.post(replace, {"password": "Correct-Horse-7"}).url == reverse(
        "cognito_mfa:setup"
    )
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")
    assert "protected by an authenticator app" in visitor.text(visitor.get(reverse(DEVICE)))


def test_a_new_name_is_ours_alone_and_shown_at_the_next_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up(friendly_name="Old name")
    response = visitor.post(reverse(RENAME), {"friendly_name": "New <name>"})
    assert response.url == reverse(DEVICE)
    assert visitor.cognito.operations() == []
    visitor.sign_out()
    visitor.sign_in()
    page = visitor.text(visitor.get(reverse("cognito_mfa:challenge")))
    assert "New &lt;name&gt;" in page
    assert "Old name" not in page
    event = MFAEvent.objects.get(kind="RENAMED")
    assert event.detail == "Old name → New <name>"


@pytest.mark.over_api
def test_renaming_wants_a_code_not_older_than_some_minutes(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    visitor.set_up(friendly_name="Old name")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REAUTH_MAX_AGE": 60}
    age_proof(visitor, 61)

    asked = visitor.get(reverse(RENAME))
    assert (
        asked.url
        == reverse("cognito_mfa:sign_in") + "?again=1&next=" + "%2Faccount%2Fdevice%2Frename%2F"
    )
    assert "Confirm it’s you" in visitor.text(visitor.get(asked.url))
    visitor.post(reverse(RENAME), {"friendly_name": "x"})
    assert CognitoIdentity.objects.get().software_token.friendly_name == "Old name"  # type: ignore[union-attr]

    visitor.sign_in(next_url=reverse(RENAME))
    assert visitor.enter_code().url == reverse(RENAME)
    assert visitor.get(reverse(RENAME)).status_code == 200


def test_scripts_are_told_in_their_own_way(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    age_proof(visitor, 3600)
    response = visitor.get(reverse(RENAME), headers={"Accept": "application/json"})
    assert response.status_code == 403
    assert response.json()["code"] == "mfa_too_old"


def age_proof(visitor: Visitor, seconds: int) -> None:
    session: Any = visitor.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - seconds}
    session.save()


def test_the_history_is_paged_and_ones_own(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    mine = CognitoIdentity.objects.get()
    for number in range(30):
        MFAEvent.objects.record(MFAEvent.Kind.RENAMED, mine, detail=f"name {number}")
    page = visitor.text(visitor.get(reverse(HISTORY)))
    assert "name 29" in page
    assert "name 1<" not in page
    assert "Page 1 of 2" in page
    second = visitor.text(visitor.get(reverse(HISTORY), query_params={"page": "2"}))
    assert "name 1<" in second
    assert visitor.get(reverse(HISTORY), query_params={"page": "x"}).status_code == 200


def test_a_user_from_another_backend_without_a_link_is_led_to_the_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    from django.contrib.auth.models import User

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    backend = "django.contrib.auth.backends.ModelBackend"
    visitor.client.force_login(User.objects.create_user("local"), backend=backend)
    assert visitor.get(reverse(DEVICE)).status_code == 200
    response = visitor.get(reverse("cognito_mfa:device_replace"))
    assert response.url.startswith(reverse("cognito_mfa:sign_in"))


def test_a_removed_name_is_not_asked_for_at_the_next_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Cognito keeps the name of the setup, and says it with each challenge."""
    visitor.set_up(friendly_name="Mine")
    visitor.post(reverse(RENAME), {"friendly_name": ""})
    visitor.sign_out()
    visitor.sign_in()
    page = visitor.text(visitor.get(reverse("cognito_mfa:challenge")))
    assert "Open your authenticator app" in page
    assert "Mine" not in page
