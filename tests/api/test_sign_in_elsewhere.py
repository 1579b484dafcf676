"""Users who sign in through another package: their setup and their changes over the API, without a password."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.managed_login import ProvidedTokens
from cognito_mfa.models import CognitoIdentity
from tests.api.frontend import FrontEnd
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

BACKEND = "django.contrib.auth.backends.ModelBackend"


def from_session(request: Any) -> Any:
    """Return what the package of this site left in the session."""
    access, identity = request.session.get("theirs", (None, None))
    return ProvidedTokens.of(access, identity) if access else None


@pytest.fixture
def person(
    optional_pool: LocalPool, front_end: FrontEnd, settings: Settings, django_user_model: Any
) -> FrontEnd:
    """A user without an authenticator app, who signed in elsewhere a moment ago."""
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": from_session,
        "TRUSTED_BACKENDS": {BACKEND: "enrolled"},
    }
    alice = django_user_model.objects.create_user("alice", email="newcomer@example.com")
    CognitoIdentity.objects.create(
        user=alice, pool_id=POOL_ID, sub=optional_pool.user("newcomer").sub, username="newcomer"
    )
    scopes = ["openid", "aws.cognito.signin.user.admin"]
    tokens = optional_pool.issue_tokens("newcomer", CLIENT_ID, scopes=scopes)
    session = front_end.client.session
    session["theirs"] = [tokens["AccessToken"], tokens["IdToken"]]
    session.save()
    front_end.client.cookies["sessionid"] = str(session.session_key)
    front_end.client.force_login(alice, backend=BACKEND)
    front_end.see()
    front_end.operations()
    return front_end


def test_no_password_is_asked_for(person: FrontEnd) -> None:
    seen = person.see().body
    assert (seen["signed_in"], seen["step"]) == (True, "sign_in")
    assert seen["step_data"]["elsewhere"] is True
    assert not person.is_in()
    for name in ("sign_in", "change_password"):
        body = {"username": "newcomer", "password": PASSWORD} if name == "sign_in" else {}
        elsewhere = person.tell(name, **body)
        assert elsewhere.status_code in (403, 404)
    assert person.operations() == []


def test_a_setup_needs_no_password(person: FrontEnd) -> None:
    begun = person.tell("setup_start", next="/private/").body
    assert begun["step"] == "setup", begun
    person.scan()
    assert person.confirm_setup(person.wrong_code()).body["code"] == "bad_code"
    person.wait(30)
    done = person.confirm_setup(friendly_name="Phone").body
    assert (done["step"], done["step_data"]["next"]) == ("done", "/private/")
    assert person.is_in()

    person.cognito.clock.advance(30)
    assert person.tell("device_replace").body["step"] == "setup"
    assert person.scan()


def test_an_old_sign_in_is_not_enough(person: FrontEnd) -> None:
    session = person.client.session
    del session["theirs"]
    session.save()
    again = person.tell("setup_start")
    assert (again.status_code, again.body["code"]) == (401, "sign_in_again")
    assert again["WWW-Authenticate"]


def test_who_signs_in_here_starts_no_setup_this_way(pool: LocalPool, front_end: FrontEnd) -> None:
    front_end.set_up()
    assert front_end.tell("setup_start").status_code == 404
