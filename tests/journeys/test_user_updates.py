"""Journey: what each sign-in writes to the site's user, as Cognito says.

mozilla/mozilla-django-oidc#207, #351, #384, #538.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from cognito_mfa.cognito.claims import person_of
from cognito_mfa.cognito.types import Person
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import user_fields, user_groups
from tests.visitor import PASSWORD, POOL_ID, Visitor

ADA = {
    "email": "ada@example.com",
    "email_verified": "true",
    "given_name": "Ada",
    "family_name": "Lovelace",
}


def conf(settings: Settings, **given: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **given}


def join(pool: LocalPool, name: str = "ada", **attributes: str) -> None:
    pool.create_user(name, password=PASSWORD, attributes={**ADA, **attributes})


def put_into(visitor: Visitor, name: str, *groups: str) -> None:
    """Put a user of the pool into these groups and no others."""
    boto: Any = visitor.cognito.client()
    user = {"UserPoolId": POOL_ID, "Username": name}
    listed = boto.list_groups(UserPoolId=POOL_ID)["Groups"]
    for group in set(groups) - {one["GroupName"] for one in listed}:
        boto.create_group(UserPoolId=POOL_ID, GroupName=group)
    for one in boto.admin_list_groups_for_user(**user)["Groups"]:
        boto.admin_remove_user_from_group(**user, GroupName=one["GroupName"])
    for group in groups:
        boto.admin_add_user_to_group(**user, GroupName=group)


def change(visitor: Visitor, name: str = "ada", **attributes: str) -> None:
    visitor.cognito.client().admin_update_user_attributes(
        UserPoolId=POOL_ID,
        Username=name,
        UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
    )


def again(visitor: Visitor, name: str = "ada") -> Any:
    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    visitor.sign_in(name)
    return visitor.enter_code()


def user() -> User:
    return User.objects.get()


def names() -> set[str]:
    return set(user().groups.values_list("name", flat=True))


def rights() -> list[str]:
    return list(MFAEvent.objects.filter(kind="RIGHTS_CHANGED").values_list("detail", flat=True))


# ---------------------------------------------------------------------------------------------- fields


FIELDS = {"given_name": "first_name", "family_name": "last_name", "email": "email"}


def test_claims_are_written_at_the_first_and_at_each_later_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    conf(settings, USER_FIELDS=FIELDS)
    join(pool)
    visitor.set_up("ada")
    assert (user().first_name, user().last_name, user().email) == (
        "Ada",
        "Lovelace",
        "ada@example.com",
    )
    change(visitor, family_name="King", email="countess@example.com", email_verified="true")
    again(visitor)
    assert (user().last_name, user().email) == ("King", "countess@example.com")
    change(visitor, email="root@example.com", email_verified="false")
    again(visitor)
    assert user().email == "countess@example.com"
    assert visitor.is_in()


def test_nothing_is_asked_or_written_where_nothing_changed(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    join(pool)
    visitor.set_up("ada")
    with CaptureQueriesContext(
        connection,
    ) as without:
        again(visitor)
    conf(settings, USER_FIELDS={"given_name": "first_name"})
    again(visitor)
    with CaptureQueriesContext(connection) as unchanged:
        again(visitor)
    assert user().first_name == "Ada"
    assert len(unchanged) == len(without)


def test_what_a_column_does_not_take_is_cut_or_left(
    pool: LocalPool, visitor: Visitor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    conf(
        settings,
        USER_FIELDS={"given_name": "first_name", "family_name": "last_name", "email": "email"},
    )
    join(pool, given_name="x" * 500, family_name="La\u202eva\n\x07ce ")
    visitor.set_up("ada")
    assert user().first_name == "x" * 150
    assert user().last_name == "Lavace"
    assert visitor.is_in()


@pytest.mark.parametrize("at", ["first", "later"])
def test_what_the_model_refuses_is_left_and_the_rest_is_written(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    at: str,
) -> None:
    """A claim decides nothing at a later sign-in, and locks no one out."""
    conf(settings, USER_FIELDS=FIELDS)

    def refuse(instance: User, **_kwargs: object) -> None:
        if instance.last_name == "Refused":
            raise ValueError("some-secret")

    join(pool)
    pre_save.connect(refuse, sender=User)
    try:
        if at == "first":
            change(visitor, family_name="Refused")
            visitor.sign_in("ada")
            visitor.scan()
            assert visitor.confirm_setup().answered == 403
            assert not User.objects.exists()
            return
        visitor.set_up("ada")
        change(visitor, family_name="Refused", given_name="Augusta")
        assert again(visitor).status_code == 302
    finally:
        pre_save.disconnect(refuse, sender=User)
    assert (user().first_name, user().last_name) == ("Augusta", "Lovelace")
    sub = pool.user("ada").sub
    assert re.search(
        rf"user_field_skipped: last_name, ValueError in tests\S+, line \d+, sub {sub}", caplog.text
    )
    assert "some-secret" not in caplog.text
    assert visitor.is_in()


@pytest.mark.parametrize(
    "field",
    ["is_staff", "is_superuser", "is_active", "password", "id", "groups", "username", "date_joined", "email", "nothing"],
)  # fmt: skip
def test_no_claim_writes_what_decides_rights(
    pool: LocalPool, visitor: Visitor, settings: Settings, field: str
) -> None:
    """Here too, and not only in a check: a server process runs none."""
    conf(settings, USER_FIELDS={"profile": field})
    join(pool, profile="true")
    visitor.set_up("ada")
    assert visitor.is_in()
    made = user()
    assert (made.is_staff, made.is_superuser, made.is_active) == (False, False, True)
    assert (made.username, made.email) == ("ada", "ada@example.com")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"phone_number": "+12025550123", "phone_number_verified": True}, "+12025550123"),
        ({"phone_number": "+12025550123", "phone_number_verified": "true"}, "+12025550123"),
        ({"phone_number": "+12025550123", "phone_number_verified": "false"}, ""),
        ({"phone_number": "+12025550123"}, ""),
        ({"phone_number": "call me", "phone_number_verified": True}, ""),
        ({"custom:site": "a", "custom:site_verified": "true"}, "a"),
        ({"custom:site": "a", "custom:site_verified": "false"}, ""),
        ({"custom:site": "a"}, "a"),
        ({"custom:site": 7}, "7"),
        ({"custom:site": True}, ""),
        ({"custom:site": {"a": "b"}}, ""),
        ({"custom:site": ["a"]}, ""),
        ({"custom:site": None}, ""),
    ],
    ids=str,
)
def test_what_cognito_does_not_call_verified_is_written_nowhere(
    settings: Settings, claims: dict[str, Any], expected: str
) -> None:
    conf(settings, USER_FIELDS={"phone_number": "first_name", "custom:site": "first_name"})
    made = User(username="ada")
    person = person_of({"sub": "s", "username": "ada"}, {"sub": "s", **claims}, trusts=False)
    user_fields.fill(made, person)
    assert made.first_name == expected
    assert person.claims.get("phone_number", "") == person.phone_number


# ---------------------------------------------------------------------------------------------- groups


def test_mapped_groups_follow_the_pool_and_others_stay(
    pool: LocalPool, visitor: Visitor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    conf(settings, GROUPS={"editors": "Editors", "all": ["Readers", "Missing"]})
    for name in ("Editors", "Readers", "By hand"):
        Group.objects.create(name=name)
    join(pool)
    put_into(visitor, "ada", "editors", "all", "unmapped")
    visitor.set_up("ada")
    assert names() == {"Editors", "Readers"}
    assert "group_missing: group 'Missing'" in caplog.text
    assert not Group.objects.filter(name="Missing").exists()

    user().groups.add(Group.objects.get(name="By hand"))
    put_into(visitor, "ada", "all")
    assert names() == {"Editors", "Readers", "By hand"}  # until the next sign-in
    again(visitor)
    assert names() == {"Readers", "By hand"}
    put_into(visitor, "ada")
    again(visitor)
    assert names() == {"By hand"}
    assert rights() == ["-Readers", "-Editors", "+Editors +Readers"]
    assert not user().is_staff


def test_groups_cost_one_query_where_nothing_changed(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    Group.objects.create(name="Editors")
    join(pool)
    put_into(visitor, "ada", "editors", "staff")
    visitor.set_up("ada")
    with CaptureQueriesContext(connection) as without:
        again(visitor)
    conf(settings, GROUPS={"editors": "Editors"}, STAFF_GROUPS=["staff"])
    again(visitor)
    with CaptureQueriesContext(connection) as unchanged:
        again(visitor)
    mine = [query["sql"] for query in unchanged if "auth_group" in query["sql"]]
    assert len(mine) == 1
    # And the savepoint around it.
    assert len(unchanged) - len(without) <= 3


def test_staff_by_group_must_have_a_second_factor_in_this_very_sign_in(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """The policy is asked after the groups: anyone who becomes staff does not enter with a password alone."""
    conf(settings, STAFF_GROUPS=["staff"], REQUIRED="staff")
    join(optional_pool)
    assert visitor.sign_in("ada", next_url="/private/").url == "/private/"
    assert visitor.is_in()
    visitor.sign_out()

    put_into(visitor, "ada", "staff")
    assert visitor.sign_in("ada").url == "/account/setup/"
    assert user().is_staff
    assert not user().is_superuser
    assert not visitor.is_in()

    put_into(visitor, "ada")
    visitor.sign_in("ada")
    assert not user().is_staff
    assert rights() == ["-staff", "+staff"]


def test_a_superuser_stays_in_the_admin(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    join(pool)
    visitor.set_up("ada")
    User.objects.update(is_staff=True, is_superuser=True)
    conf(settings, STAFF_GROUPS=["staff"])
    again(visitor)
    assert user().is_staff


def test_staff_are_linked_by_hand_all_the_same(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """A group in the pool links no one to a user who is staff here."""
    conf(
        settings,
        STAFF_GROUPS=["staff"],
        USER_RESOLVER="cognito_mfa.sign_in.linking.by_verified_email",
    )
    User.objects.create_user("root", "ada@example.com", is_staff=True)
    join(optional_pool)
    put_into(visitor, "ada", "staff")
    assert visitor.sign_in("ada").answered == 403
    assert not CognitoIdentity.objects.exists()


def test_rights_that_cannot_be_taken_refuse_the_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    conf(settings, STAFF_GROUPS=["staff"])
    join(pool)
    put_into(visitor, "ada", "staff")
    visitor.set_up("ada")
    put_into(visitor, "ada")

    def refuse(update_fields: Any = None, **_kwargs: object) -> None:
        if update_fields and "is_staff" in update_fields:
            raise RuntimeError

    pre_save.connect(refuse, sender=User)
    try:
        assert again(visitor).answered == 403
    finally:
        pre_save.disconnect(refuse, sender=User)
    assert MFAEvent.objects.get(kind="SIGN_IN_REFUSED").reason == "rights_not_saved"
    assert not visitor.is_in()


@pytest.mark.parametrize("claim", ["admins", {"admins": 1}, [["admins"], 5, None], None])
def test_groups_of_no_list_are_none(claim: object) -> None:
    assert not user_groups.groups_of(Person("s", "ada", claims={"cognito:groups": claim}))


def test_groups_come_from_the_access_token_alone() -> None:
    access = {"sub": "s", "username": "ada"}
    told = {"sub": "s", "cognito:groups": ["admins"]}
    assert "cognito:groups" not in person_of(access, told, trusts=False).claims


# ------------------------------------------------------------------------------------------------ hook


def test_the_sites_own_function_runs_at_each_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    seen = []

    def update(made: User, person: Any, *, request: Any) -> None:
        seen.append((made.pk, person.claims["given_name"], request.method, person.email))
        made.last_name = person.claims["family_name"].upper()
        made.save(update_fields=["last_name"])

    conf(settings, USER_UPDATER=update)
    join(pool)
    visitor.set_up("ada")
    again(visitor)
    assert seen == [(user().pk, "Ada", "POST", "ada@example.com")] * 2
    assert user().last_name == "LOVELACE"


@pytest.mark.parametrize("how", ["raises", "deactivates", "deletes"])
def test_a_function_that_fails_refuses_the_sign_in(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """It may have been about to take rights away; what it wrote before it failed is undone."""

    def update(made: User, person: Any, *, request: Any) -> None:
        made.last_name = "Half done"
        made.is_active = how != "deactivates"
        made.save()
        if how == "deletes":
            made.delete()
        if how == "raises":
            raise RuntimeError(person.email)

    join(pool)
    visitor.set_up("ada")
    conf(settings, USER_UPDATER=update)
    refused = again(visitor)
    assert refused.answered == 403
    assert "quote reference " in visitor.text(refused)
    reason = "updater_failed" if how == "raises" else "inactive"
    assert MFAEvent.objects.filter(kind="SIGN_IN_REFUSED", reason=reason).exists()
    assert "ada@example.com" not in caplog.text
    assert get_user_model().objects.filter(last_name="Half done").exists() == (how == "deactivates")
    assert not visitor.is_in()
