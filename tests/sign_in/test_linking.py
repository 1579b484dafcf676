"""Which Django user a person of the pool becomes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.http import HttpRequest
from pytest_django import Settings

from cognito_mfa.cognito.types import Person
from cognito_mfa.exceptions import ConfirmationNeeded, LinkRefused, Refused
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import linking
from cognito_mfa.sign_in.linking import Consent
from tests.threads import in_threads
from tests.visitor import POOL_ID

pytestmark = pytest.mark.django_db
ADA = Person(sub="sub-ada", username="ada", email="ada@example.com", email_verified=True)


def with_resolver(settings: Settings, name: str) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": f"cognito_mfa.sign_in.linking.{name}",
    }


def test_a_person_gets_a_user_without_a_password_once() -> None:
    identity = linking.link(ADA, request=None)
    assert linking.link(ADA, request=None) == identity
    assert identity.user.get_username() == "ada"
    assert identity.user.email == "ada@example.com"
    assert not identity.user.has_usable_password()
    assert (identity.pool_id, identity.sub) == (POOL_ID, "sub-ada")


def test_an_existing_name_is_not_taken_over() -> None:
    """A stranger who chose the name of a Django user becomes another user."""
    victim = User.objects.create_user("Ada", "ada@example.com")
    identity = linking.link(ADA, request=None)
    assert identity.user != victim
    assert identity.user.get_username() == "sub-ada"


def test_an_address_of_an_existing_user_is_told_to_the_operator(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No one is linked by it, unless the site says so; but a second account is made in silence for no one."""
    other = User.objects.create_user("ada.l", "Ada@Example.com")
    identity = linking.link(ADA, request=None)
    assert identity.user != other
    event = MFAEvent.objects.get(kind="LINKED")
    assert (event.identity, event.detail) == (
        identity,
        f"NEW_USER · user {other.pk} has the address",
    )
    assert "second_account" in caplog.text


def test_an_address_that_is_only_claimed_is_not_compared() -> None:
    User.objects.create_user("ada.l", "ada@example.com")
    claimed = Person(sub="sub-eve", username="eve", email="ada@example.com", email_verified=False)
    linking.link(claimed, request=None)
    assert not MFAEvent.objects.exists()


def test_a_new_sub_of_the_same_name_is_another_person() -> None:
    """The name was given up in the pool, and another user took it."""
    first = linking.link(ADA, request=None)
    second = linking.link(Person(sub="sub-other", username="ada"), request=None)
    assert first.user != second.user


def test_a_changed_mail_address_relinks_no_one() -> None:
    User.objects.create_user("victim", "victim@example.com")
    identity = linking.link(ADA, request=None)
    changed = Person(sub="sub-ada", username="ada", email="victim@example.com", email_verified=True)
    assert linking.link(changed, request=None) == identity
    identity.refresh_from_db()
    assert identity.email == "victim@example.com"
    assert identity.user.email == "ada@example.com"


def test_pools_are_apart(settings: Settings) -> None:
    first = linking.link(ADA, request=None)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_POOL_ID": "eu-west-1_Other"}
    other = Person(sub=ADA.sub, username="zoe", email="zoe@example.com", email_verified=True)
    assert linking.link(other, request=None).user != first.user


def test_a_name_that_is_only_a_sub_is_replaced_by_a_verified_address() -> None:
    person = Person(sub="s-1", username="s-1", email="bea@example.com", email_verified=True)
    assert linking.link(person, request=None).user.get_username() == "bea@example.com"
    unverified = Person(sub="s-2", username="s-2", email="cid@example.com", email_verified=False)
    assert linking.link(unverified, request=None).user.get_username() == "s-2"


def test_a_name_too_long_for_the_column_is_not_cut_into_another_users() -> None:
    person = Person(sub="s-1", username="x" * 128, email="")
    assert linking.link(person, request=None).user.get_username() == "x" * 128


def test_sites_that_make_no_users_refuse(settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CREATE_USERS": False}
    with pytest.raises(Refused):
        linking.link(ADA, request=None)
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("resolver", ["by_username", "by_verified_email"])
def test_a_resolver_links_existing_users_but_no_superuser(
    settings: Settings, resolver: str
) -> None:
    with_resolver(settings, resolver)
    existing = User.objects.create_user("ada", "ADA@example.com")
    assert linking.link(ADA, request=None).user == existing

    User.objects.create_superuser("root", "root@example.com")
    root = Person(sub="r", username="root", email="root@example.com", email_verified=True)
    with pytest.raises(LinkRefused, match="staff"):
        linking.link(root, request=None)
    assert not CognitoIdentity.objects.filter(sub="r").exists()


def test_an_unverified_or_shared_address_links_no_one(settings: Settings) -> None:
    with_resolver(settings, "by_verified_email")
    User.objects.create_user("one", "ada@example.com")
    unverified = Person(sub="u", username="u", email="ada@example.com", email_verified=False)
    assert linking.link(unverified, request=None).user.get_username() == "u"

    User.objects.create_user("two", "ada@example.com")
    with pytest.raises(LinkRefused, match="several_users"):
        linking.link(ADA, request=None)
    event = MFAEvent.objects.get(kind="LINK_REFUSED")
    assert "2 users match: " in event.detail


def test_a_signed_in_user_can_be_linked(settings: Settings) -> None:
    with_resolver(settings, "by_signed_in_user")
    request = HttpRequest()
    request.user = AnonymousUser()
    assert linking.link(ADA, request=request).user.get_username() == "ada"
    request.user = User.objects.create_user("bea")
    bea = Person(sub="b", username="b")
    with pytest.raises(ConfirmationNeeded):
        linking.link(bea, request=request)
    identity = linking.link(bea, request=request, consent=Consent.GIVEN)
    assert identity.user == request.user


def by_resolver(user: User) -> CognitoIdentity:
    request = HttpRequest()
    request.user = user
    return linking.link(ADA, request=request)


def by_another_package(user: User) -> CognitoIdentity:
    return linking.link_signed_in(ADA, user)


@pytest.mark.parametrize("link", [by_resolver, by_another_package])
def test_a_signed_in_user_with_a_link_of_a_former_pool_gets_no_second_account(
    settings: Settings, link: Callable[[User], CognitoIdentity]
) -> None:
    with_resolver(settings, "by_signed_in_user")
    user = User.objects.create_user("somebody")
    CognitoIdentity.objects.create(user=user, pool_id="us-east-1_Other0000", sub="s", username="x")
    with pytest.raises(LinkRefused) as refused:
        link(user)
    assert refused.value.reason == "linked_in_another_pool"
    assert User.objects.count() == 1


def test_a_user_that_belongs_to_another_user_is_refused(settings: Settings) -> None:
    with_resolver(settings, "by_username")
    linking.link(ADA, request=None)
    with pytest.raises(Refused):
        linking.link(Person(sub="another", username="ada"), request=None)
    assert CognitoIdentity.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_requests_at_once_make_one_user() -> None:
    """Two tabs, or a click that was repeated: all of them get the same user, and no one is refused."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite has one writer at a time")
    found: list[tuple[int, int]] = []

    def work() -> None:
        identity = linking.link(ADA, request=None)
        found.append((identity.pk, identity.user_id))

    in_threads(4, work)
    assert len(set(found)) == 1
    assert len(found) == 4
    assert get_user_model().objects.count() == CognitoIdentity.objects.count() == 1
    assert not MFAEvent.objects.filter(kind="LINK_REFUSED").exists()
