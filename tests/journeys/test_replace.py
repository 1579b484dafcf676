"""A new phone, without a moment in which no authenticator counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa import signals
from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

DEVICE, REPLACE, CHALLENGE, SETUP, CANCEL = (
    f"cognito_mfa:{name}"
    for name in ("device", "device_replace", "challenge", "setup", "setup_cancel")
)
Status = CognitoIdentity.Status


@pytest.fixture(params=["ON", "OPTIONAL"])
def person(request: pytest.FixtureRequest, cognito: LocalCognito, visitor: Visitor) -> Visitor:
    """A user with an old phone, signed in; in both kinds of pool."""
    pool = cognito.create_pool(POOL_ID, mfa=request.param)
    pool.create_client(CLIENT_ID)
    attributes = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    visitor.set_up(friendly_name="Old phone")
    return visitor


def start(visitor: Visitor, password: str = PASSWORD) -> Any:
    return visitor.post(reverse(REPLACE), {"password": password})


def come_to_the_picture(visitor: Visitor) -> str:
    """Give password and old code; returns what the old app knows."""
    old = visitor.secret
    start(visitor)
    visitor.enter_code()
    visitor.scan()
    assert visitor.secret != old
    return old


@pytest.mark.over_api
def test_password_old_code_new_picture_new_code(person: Visitor) -> None:
    page = person.text(person.get(reverse(REPLACE)))
    assert "Once we’ve confirmed the new entry" in page
    assert start(person).url == reverse(CHALLENGE)
    assert person.enter_code().url == reverse(SETUP)
    assert "Keep the old entry" in person.text(person.get(reverse(SETUP)))
    old, _new = person.secret, person.scan()
    assert "didn’t work" in person.text(person.confirm_setup(person.wrong_code()))

    done = person.confirm_setup(friendly_name="New phone")

    assert done.url == reverse("cognito_mfa:setup_done")
    assert "delete it from your old app" in person.text(person.get(done.url))
    assert person.is_in()
    assert person.cognito.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "VerifySoftwareToken",
        "SetUserMFAPreference",
    ]
    identity = CognitoIdentity.objects.get()
    names = identity.software_tokens.values_list("friendly_name", "retired_because")
    assert list(names) == [("New phone", ""), ("Old phone", "REPLACED")]
    assert MFAEvent.objects.filter(kind="SOFTWARE_TOKEN_REPLACED").count() == 1

    person.sign_out()
    person.cognito.clock.advance(30)
    person.sign_in()
    new, person.secret = person.secret, old
    assert "didn’t work" in person.text(person.enter_code())
    person.secret = new
    person.enter_code()
    assert person.is_in()


@pytest.mark.over_api
def test_other_sessions_end_with_their_next_request(person: Visitor) -> None:
    elsewhere = Visitor(Client(), person.cognito)
    elsewhere.secret = person.secret
    elsewhere.sign_in()
    elsewhere.enter_code()
    assert elsewhere.is_in()
    person.cognito.clock.advance(30)

    come_to_the_picture(person)
    assert elsewhere.is_in()
    person.confirm_setup()

    assert person.is_in()
    assert not elsewhere.is_in()


def test_each_app_has_its_own_last_use(person: Visitor) -> None:
    """The identity's row has that of the app in use, which goes to the app's own row when it is retired."""
    told: list[Any] = []

    def receive(before: SoftwareToken, software_token: SoftwareToken, **_kwargs: object) -> None:
        told.extend([before.last_used_at, software_token.last_used_at])

    come_to_the_picture(person)
    used = SoftwareToken.objects.get().last_used_at
    assert used is not None
    signals.software_token_replaced.connect(receive)
    try:
        person.confirm_setup(friendly_name="New phone")
    finally:
        signals.software_token_replaced.disconnect(receive)
    assert told == [used, None]
    person.sign_out()
    person.wait(30)
    person.sign_in()
    person.enter_code()
    identity = CognitoIdentity.objects.get()
    new, old = identity.software_tokens.all()
    now_used = new.last_used_at
    assert now_used is not None
    assert old.last_used_at == used < now_used

    identity.retire_token(SoftwareToken.Retired.RESET)
    SoftwareToken.activate(identity, friendly_name="Third phone")

    third, *earlier = CognitoIdentity.objects.get().software_tokens.all()
    assert third.last_used_at is None
    assert [app.last_used_at for app in earlier] == [now_used, used]


@pytest.mark.over_api
@pytest.mark.parametrize("leave_at", ["password", "code", "picture"])
def test_stopping_half_way_leaves_everything_as_it_was(person: Visitor, leave_at: str) -> None:
    before = SoftwareToken.objects.values().get()
    old = person.secret
    if leave_at != "password":
        start(person)
    if leave_at == "picture":
        person.enter_code()
        person.scan()
        response = person.post(reverse(CANCEL))
    else:
        response = (
            person.get(reverse(DEVICE)) if leave_at == "password" else person.post(reverse(CANCEL))
        )
    said = {
        "password": "",
        "code": "Nothing has changed",
        "picture": "keep using the old one",
    }
    assert said[leave_at] in person.text(person.get(reverse(DEVICE)))
    assert response.status_code in (200, 302)

    assert person.is_in()
    after = SoftwareToken.objects.values().get()
    assert after == before
    person.secret = old
    person.sign_out()
    person.cognito.clock.advance(30)
    person.sign_in()
    person.enter_code()
    assert person.is_in()


@pytest.mark.over_api
def test_the_older_behavior_of_cognito_is_survived(cognito: LocalCognito, visitor: Visitor) -> None:
    """Until about 2021 asking for a new secret ended the old one at once."""
    behavior = Behavior(association_drops_active_token=True)
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL", behavior=behavior)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)
    visitor.set_up(friendly_name="Old phone")
    come_to_the_picture(visitor)
    visitor.confirm_setup(friendly_name="New phone")
    assert visitor.is_in()

    visitor.cognito.clock.advance(30)
    come_to_the_picture(visitor)
    visitor.post(reverse(CANCEL))
    assert visitor.is_in()  # this session answered its code
    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    # Cognito has no authenticator any more: the next sign-in sets up anew, and never lets in without.
    assert visitor.sign_in().url == reverse(SETUP)
    assert not visitor.is_in()
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()


@pytest.mark.over_api
def test_a_code_of_the_old_entry_is_answered_with_which_entry_to_use(person: Visitor) -> None:
    """Both are in the same app, with the same name."""
    old = come_to_the_picture(person)
    person.cognito.clock.advance(30)
    new, person.secret = person.secret, old
    page = person.text(person.confirm_setup())
    assert "Use the new entry in your app, not the old one" in page
    person.secret = new
    expired = person.text(person.confirm_setup(person.code(steps=-6)))
    assert "That code expired about 3 minutes ago" in expired


def test_the_last_page_leads_back_to_where_the_change_began(person: Visitor) -> None:
    come_to_the_picture(person)
    done = person.confirm_setup()
    page = person.text(person.get(done.url))
    assert f'href="{reverse("cognito_mfa:device")}">Continue' in page


@pytest.mark.over_api
def test_the_wrong_password_or_no_code_changes_nothing(person: Visitor) -> None:
    """A stolen session alone cannot replace the authenticator app."""
    wrong = start(person, "Wrong-Horse-7")
    assert wrong.status_code == 200
    assert "Incorrect password" in person.text(wrong)
    assert person.get(reverse(SETUP)).url.startswith(reverse("cognito_mfa:sign_in"))

    start(person)
    assert person.get(reverse(SETUP)).url == reverse(CHALLENGE)
    assert "AssociateSoftwareToken" not in person.cognito.operations()


def test_another_users_password_changes_nothing(optional_pool: LocalPool, visitor: Visitor) -> None:
    """The name is the signed-in person's own; the form has no other."""
    optional_pool.create_user("other", password="Other-Horse-7")
    visitor.set_up()
    visitor.post(reverse(REPLACE), {"password": "Other-Horse-7", "username": "other"})
    calls = visitor.cognito.calls
    assert calls[0].parameters["AuthParameters"]["USERNAME"] == "newcomer"
    assert calls[-1].error == "NotAuthorizedException"


def test_the_person_is_written_to_in_their_language_after_the_commit(
    person: Visitor, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": "https://example.com/help/"}
    come_to_the_picture(person)
    mail.outbox.clear()
    with django_capture_on_commit_callbacks() as callbacks:
        person.confirm_setup(friendly_name="<b>New</b>")
    assert mail.outbox == []
    for callback in callbacks:
        callback()

    (message,) = mail.outbox
    assert message.to == ["newcomer@example.com"]
    assert message.subject == "Example Ltd: Your authenticator app was replaced"
    assert "<b>New</b>" in message.body
    assert "https://example.com/help/" in message.body
    assert "Wasn’t you?" in message.body
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]
    assert "&lt;b&gt;New&lt;/b&gt;" in html
    for text in (message.body, html):
        assert person.secret not in text
