"""A site whose user model refuses much: each refusal is a page with a reference, and a line in the log that names the
field. ``tests/test_user_models.py`` runs this."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model, user_logged_in
from django.contrib.auth.models import update_last_login
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.visitor import PASSWORD, Visitor

HIDES_LENGTH = connection.vendor == "sqlite"
ENTRY = "Keep its entry for this site"


def employees() -> Any:
    return get_user_model()._base_manager


def hire(username: str, **columns: Any) -> Any:
    return employees().create(username=username, **columns)


def join(pool: LocalPool, name: str, email: str = "", *, verified: str = "true") -> str:
    attributes = {"email": email or f"{name}@example.com", "email_verified": verified}
    return pool.create_user(name, password=PASSWORD, attributes=attributes).sub


def reference(visitor: Visitor, page: Any) -> str:
    assert page.answered == 403
    found = re.search(r"quote reference <bdi[^>]*>(\w{8})<", visitor.text(page))
    assert found, visitor.text(page)
    return found[1]


def refused_line(caplog: pytest.LogCaptureFixture, told: str) -> str:
    """Return the one line of the log with the reference ``told``."""
    (line,) = [record.getMessage() for record in caplog.records if told in record.getMessage()]
    return line


CAUSES = {
    "unnumbered": "number",
    "negative": "number_is_positive",
    "text": "ValueError: number",
    "teamless": "team_id" if connection.vendor == "postgresql" else "IntegrityError",
    "badge": "badge",
    "empty_badge": "badge: unique, and there is no value",
    "validates": "ValidationError: first_name (max_length)",
    "pair": "ValidationError: first_name last_name (unique_together)",
    "denied": "PermissionDenied in tests.user_models.models, line ",
    "missing": "TypeError: phone in tests.user_models.models, line ",
    "broken": "RuntimeError in tests.user_models.models, line ",
    "received": "LookupError in tests.user_models.models, line ",
    "profiled": "IntegrityError: shop_profile.nickname in tests.user_models.models",
    "silent": "save() stored no row",
    "hidden": "the default manager does not find the new user",
    **({} if HIDES_LENGTH else {"long_badge": "badge (at most 8 characters)"}),
}


@pytest.mark.parametrize("name", CAUSES)
def test_what_the_model_refuses_is_a_page_and_a_line(
    optional_pool: LocalPool,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Before anything is registered at Cognito; at each later sign-in too.

    makinacorpus/django_pyoidc#35, omab/django-social-auth#549, corradio/polynomial#105.
    """
    hire("somebody", badge="taken")
    employees().filter(username="somebody").update(last_name="taken")
    sub = join(optional_pool, name)
    for _time in range(2):
        told = reference(visitor, visitor.sign_in(name))
        line = refused_line(caplog, told)
        assert CAUSES[name] in line
        assert f"user_not_created, sub {sub}" in line
        assert "USER_RESOLVER" in line
        assert name in MFAEvent.objects.first().username  # type: ignore[union-attr]
        event = MFAEvent.objects.filter(kind="LINK_REFUSED").first()
        assert event is not None
        assert (event.reason, event.sub) == ("user_not_created", sub)
        assert CAUSES[name] in event.detail
        assert told in event.detail
    assert f"{name}@example.com" not in caplog.text
    assert "some-secret" not in caplog.text
    assert "Traceback" not in caplog.text
    assert employees().count() == 1
    assert not CognitoIdentity.objects.exists()
    assert "AssociateSoftwareToken" not in visitor.cognito.operations()


@pytest.mark.parametrize("verified", ["true", "false"])
def test_an_address_of_another_user_is_left_to_an_administrator(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture, verified: str
) -> None:
    """In a pool that requires MFA, Cognito has the authenticator before anyone knows: the page says that it stays.

    An address that is not verified is stored nowhere, and so taken by no one. makinacorpus/django_pyoidc#35.
    """
    old = hire("old-name", email="ada@example.com")
    sub = join(pool, "ada", verified=verified)
    visitor.sign_in("ada")
    visitor.scan()
    done = visitor.confirm_setup()
    if verified == "false":
        assert done.status_code == 302
        assert CognitoIdentity.objects.get().user.email is None
        return
    told = reference(visitor, done)
    assert ENTRY in visitor.text(done)
    assert re.search(rf"user_not_created, sub {sub}, IntegrityError: [\w.]*email", caplog.text)
    assert told in caplog.text

    for _time in range(2):
        visitor.cognito.clock.advance(30)
        visitor.sign_in("ada")
        refused = visitor.enter_code()
        reference(visitor, refused)
        assert ENTRY in visitor.text(refused)
        assert not visitor.is_in()
    assert employees().get() == old

    old.delete()  # what the administrator does
    visitor.cognito.clock.advance(30)
    visitor.sign_in("ada")
    visitor.enter_code()
    assert visitor.is_in()
    assert CognitoIdentity.objects.get().software_token is not None


def test_before_anything_is_registered_where_a_new_password_comes_first(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    optional_pool.create_user("broken", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("broken")
    new = {"new_password1": "Another-Horse-8", "new_password2": "Another-Horse-8"}
    reference(visitor, visitor.post("/account/new-password/", new))
    assert "AssociateSoftwareToken" not in visitor.cognito.operations()


def test_an_address_that_is_too_long_for_the_column_is_left_out(
    optional_pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """It decides nothing: no one is found by it, and the column may be empty."""
    join(optional_pool, "ada", f"{'a' * 40}@example.com")
    visitor.set_up("ada")
    assert CognitoIdentity.objects.get().user.email is None
    assert "user_field_skipped: email, ValidationError: max_length" in caplog.text


@pytest.mark.parametrize("length", [254, 255, 320, 2048])
def test_an_address_of_any_length_lets_people_in(
    optional_pool: LocalPool, visitor: Visitor, length: int
) -> None:
    """Cognito allows 2,048 characters; ours of the address is a copy, and decides nothing."""
    domain = ".".join(["d" * 60] * 3)
    address = f"{'a' * 60}@{domain}.{'e' * 2000}"[: length - 4] + ".com"
    join(optional_pool, "ada", address)
    for _time in range(2):
        assert visitor.sign_in("ada").status_code == 302


def test_a_softly_deleted_user_is_refused(
    optional_pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """The default manager no longer finds the user, so that no session could be theirs; no second user is made."""
    join(optional_pool, "ada")
    visitor.set_up("ada")
    employees().update(deleted=True)
    assert not visitor.is_in()
    visitor.sign_in("ada")
    told = reference(visitor, visitor.enter_code())
    assert "inactive" in refused_line(caplog, told)
    assert employees().count() == 1
    assert MFAEvent.objects.filter(kind="SIGN_IN_REFUSED", reason="inactive").exists()


def test_a_name_of_a_deleted_user_is_taken(optional_pool: LocalPool, visitor: Visitor) -> None:
    """The database refuses it all the same; and the log says that there are two accounts now."""
    old = hire("ada", deleted=True)
    sub = join(optional_pool, "ada")
    visitor.set_up("ada")
    assert CognitoIdentity.objects.get().user.username == sub
    assert MFAEvent.objects.get(kind="LINKED").detail == f"NEW_USER · user {old.pk} has the name"


@pytest.mark.parametrize("refuses", ["model", "receiver"])
def test_a_later_sign_in_that_the_site_refuses_is_a_page_too(
    pool: LocalPool,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    refuses: str,
) -> None:
    """Django saves ``last_login`` through the site's own ``save()``, and calls its receivers of the sign-in."""
    join(pool, "ada")
    visitor.set_up("ada")
    visitor.sign_out()

    def denied(**_kwargs: Any) -> None:
        raise PermissionError("some-secret")

    if refuses == "model":
        employees().update(email="no address", username="validates")
    else:
        user_logged_in.connect(denied)
    try:
        visitor.sign_in("ada")
        told = reference(visitor, visitor.enter_code())
    finally:
        user_logged_in.disconnect(denied)
    line = refused_line(caplog, told)
    cause = "ValidationError: email" if refuses == "model" else "PermissionError in tests"
    assert f"user {employees().get().pk}, {cause}" in line
    assert "some-secret" not in caplog.text
    assert MFAEvent.objects.get(kind="SIGN_IN_REFUSED").reason == "login_failed"
    assert "_auth_user_id" not in visitor.client.session
    assert not visitor.is_in()


def test_a_receiver_that_refuses_every_row_does_not_hide_the_page(
    optional_pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """It refuses our event of the refusal as well; the line in the log is there."""

    def refuse(sender: Any, **_kwargs: object) -> None:
        if sender in (get_user_model(), MFAEvent):
            raise RuntimeError

    join(optional_pool, "ada")
    pre_save.connect(refuse)
    try:
        told = reference(visitor, visitor.sign_in("ada"))
    finally:
        pre_save.disconnect(refuse)
    assert f"link_refused [{told}]: user_not_created" in caplog.text
    assert f"event_not_recorded [{told}]: RuntimeError in tests" in caplog.text


def test_last_login_is_what_django_saves(db: None) -> None:
    """The test above rests on it."""
    user = hire("ada")
    update_last_login(type(user), user)
    assert user.last_login <= timezone.now()


def test_a_resolver_that_makes_users_leaves_none_behind(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """Its user must not be linked: staff are linked by hand."""
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": lambda person, *, request: hire(person.username, is_staff=True),
    }
    join(optional_pool, "ada")
    for _time in range(2):
        reference(Visitor(Client(), visitor.cognito), visitor.sign_in("ada"))
    assert not employees().exists()


def test_no_one_catches_the_end_of_the_process(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    def stop(_person: Any, *, request: Any) -> None:
        raise KeyboardInterrupt

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": stop}
    join(optional_pool, "ada")
    with pytest.raises(KeyboardInterrupt):
        visitor.sign_in("ada")
