"""Addresses and names that are another user's: what a person says of themselves until the pool has
verified it, and what a database takes for the same text.

The letters here are what PostgreSQL, MySQL or Python fold: run this on PostgreSQL too, where alone some
of them can show (``python tests/on_postgresql.py -m pytest tests/security/test_addresses.py``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import Client
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.cognito.claims import person_of
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values.comparison import certainly_differ, same
from tests.visitor import PASSWORD, POOL_ID, Visitor

# A database may fold, cut, or refuse any one of them.
pytestmark = pytest.mark.all_cases

TEMPLATES = Path(cognito_mfa.__file__).parent / "templates" / "cognito_mfa" / "email"
MAILS = sorted(TEMPLATES.iterdir())
VICTIM = "victim@example.com"
# What the owner of the address has, and what an attacker may have verified for a domain, or a mailbox, of her own.
ALIKE = [
    ("mike@github.example", "mike@g\u0131thub.example"),  # dotless i: PostgreSQL's UPPER says I
    ("mike@example.org", "m\u0131ke@example.org"),
    ("sam@example.org", "\u017fam@example.org"),  # long s: UPPER says S
    ("kim@example.org", "\u212aim@example.org"),  # Kelvin sign: Python's lower() says k
    ("mike@example.org", "m\u0130ke@example.org"),  # I with a dot: lower() says i and a dot
    ("mike@example.org", "\uff4dike@example.org"),  # full width: the same in NFKC
    ("mike@example.org", "mike@\uff45xample.org"),
    ("mike@example.org", "mi\u0301ke@example.org"),  # an accent: nothing to MySQL
    ("mike@example.org", "mike@exampl\u00e9.org"),
    ("strasse@example.org", "stra\u00dfe@example.org"),  # casefold() says ss
    ("mike@example.org", "mike@example.org "),  # blanks at the end are nothing to MySQL
    ("mike@example.org", "mi\u200bke@example.org"),
]


def resolve_by(settings: Settings, name: str) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": f"cognito_mfa.sign_in.linking.{name}",
    }


def join(pool: LocalPool, name: str, email: str, *, verified: str | None) -> None:
    flag = {} if verified is None else {"email_verified": verified}
    pool.create_user(name, password=PASSWORD)
    # Not by a call, which refuses some: this site must not rely on what the pool lets pass.
    pool.user(name).attributes |= {"email": email, **flag}


def another(visitor: Visitor) -> Visitor:
    return Visitor(Client(), visitor.cognito)


def html_of(sent: Any) -> str:
    return str(sent.alternatives[0][0])


def user_of(name: str) -> Any:
    return CognitoIdentity.objects.get(username=name).user


class TestUnverified:
    """``claims.person_of``: ``verified = ...``; without that line each of these fails."""

    @pytest.mark.parametrize("verified", ["false", None])
    @pytest.mark.parametrize(
        "resolver", ["by_pool_and_sub", "by_verified_email", "by_username", "by_signed_in_user"]
    )
    def test_an_unverified_address_is_written_nowhere(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        resolver: str,
        verified: str | None,
    ) -> None:
        resolve_by(settings, resolver)
        join(optional_pool, "mallory", VICTIM, verified=verified)
        visitor.set_up("mallory")
        identity = CognitoIdentity.objects.get()
        assert (identity.email, identity.previous_email) == ("", "")
        assert (identity.user.email, identity.user.get_username()) == ("", "mallory")

    @pytest.mark.over_api
    def test_a_stranger_who_came_first_keeps_the_owner_out_of_nothing(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        resolve_by(settings, "by_verified_email")
        old = get_user_model().objects.create_user("olduser", VICTIM)
        join(optional_pool, "mallory", VICTIM, verified="false")
        join(optional_pool, "owner", VICTIM, verified="true")
        visitor.set_up("mallory")
        owner = another(visitor)
        owner.set_up("owner")
        assert user_of("mallory") != old
        assert user_of("owner") == old

    def test_an_owner_whom_no_one_knows_yet_gets_in_behind_a_stranger(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        resolve_by(settings, "by_verified_email")
        join(optional_pool, "mallory", VICTIM, verified="false")
        join(optional_pool, "owner", VICTIM, verified="true")
        visitor.set_up("mallory")
        another(visitor).set_up("owner")
        assert user_of("owner").email == VICTIM

    @pytest.mark.over_api
    def test_a_name_of_the_pool_that_is_an_address_names_no_one_unless_it_is_verified(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        """``new_users.candidate_names``: the ``if`` about ``_is_address``."""
        join(optional_pool, VICTIM, "mallory@example.org", verified="true")
        visitor.set_up(VICTIM)
        identity = CognitoIdentity.objects.get()
        assert identity.user.get_username() == identity.sub

        join(optional_pool, "Owner@example.com", "owner@example.com", verified="true")
        another(visitor).set_up("Owner@example.com")
        assert user_of("Owner@example.com").get_username() == "Owner@example.com"

    @pytest.mark.parametrize(
        "flag",
        ["TRUE", "True", "1", 1, 1.0, "yes", ["true"], {"true": 1}, "true ", None, "", False],
        ids=repr,
    )
    def test_nothing_but_true_says_that_an_address_is_verified(self, flag: object) -> None:
        access = {"sub": "s", "username": "mallory"}
        person = person_of(access, {"email": VICTIM, "email_verified": flag}, trusts=False)
        assert (person.email, person.email_verified) == ("", False)
        assert person.unverified_email == VICTIM
        assert VICTIM not in repr(person)
        assert "email" not in person.claims

    @pytest.mark.parametrize("flag", [True, "true"])
    def test_true_says_so(self, flag: object) -> None:
        access = {"sub": "s", "username": "owner"}
        person = person_of(access, {"email": VICTIM, "email_verified": flag}, trusts=False)
        assert (person.email, person.unverified_email) == (VICTIM, "")

    @pytest.mark.parametrize("address", [7, ["a@b.example"], {"a": 1}, None, True], ids=repr)
    def test_an_address_that_is_no_text_is_none(self, address: object) -> None:
        access = {"sub": "s", "username": "odd"}
        person = person_of(access, {"email": address, "email_verified": True}, trusts=True)
        assert person.email == person.unverified_email == ""

    @pytest.mark.parametrize(
        "address",
        [
            "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".example",
            "a\ud800b@example.com",
            "a\x00b@example.com",
            "a@example.com\nBcc: b@example.com",
        ],
        ids=ascii,
    )
    def test_nor_is_one_that_cannot_be_stored(
        self, optional_pool: LocalPool, visitor: Visitor, address: str
    ) -> None:
        """``untrusted.address``; on PostgreSQL each of them was an error of the server."""
        join(optional_pool, "odd", VICTIM, verified="true")
        optional_pool.user("odd").attributes["email"] = address
        visitor.set_up("odd")
        identity = CognitoIdentity.objects.get()
        assert (identity.email, identity.user.email) == ("", "")

    def test_other_claims_are_no_identity(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        resolve_by(settings, "by_username")
        get_user_model().objects.create_user("victim", VICTIM)
        said = {"preferred_username": "victim", "name": "victim", "nickname": VICTIM}
        optional_pool.create_user("mallory", password=PASSWORD, attributes=said)
        visitor.set_up("mallory")
        assert user_of("mallory").get_username() == "mallory"


class TestTrustPoolEmail:
    """``COGNITO_MFA["TRUST_POOL_EMAIL"]``: only where administrators alone write addresses."""

    def test_addresses_count_as_verified(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        resolve_by(settings, "by_verified_email")
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUST_POOL_EMAIL": True}
        old = get_user_model().objects.create_user("olduser", VICTIM)
        join(optional_pool, "somebody", VICTIM, verified="false")
        visitor.set_up("somebody")
        identity = CognitoIdentity.objects.get()
        assert (identity.user, identity.email) == (old, VICTIM)

    def test_off_they_do_not(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        resolve_by(settings, "by_verified_email")
        old = get_user_model().objects.create_user("olduser", VICTIM)
        join(optional_pool, "somebody", VICTIM, verified="false")
        visitor.set_up("somebody")
        identity = CognitoIdentity.objects.get()
        assert (identity.user == old, identity.email) == (False, "")


class TestEquality:
    """``linking.by_verified_email``: ``same(...)``; ``linking.by_username``: ``==``."""

    @pytest.mark.parametrize(("theirs", "hers"), ALIKE, ids=ascii)
    def test_an_address_that_looks_like_another_links_no_one(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        theirs: str,
        hers: str,
    ) -> None:
        resolve_by(settings, "by_verified_email")
        victim = get_user_model().objects.create_user("victim", theirs)
        join(optional_pool, "mallory", hers, verified="true")
        visitor.set_up("mallory")
        assert user_of("mallory") != victim
        assert not hasattr(get_user_model().objects.get(pk=victim.pk), "cognito_identity")

    @pytest.mark.parametrize(("theirs", "hers"), ALIKE, ids=ascii)
    def test_an_owner_is_found_beside_a_user_whose_address_looks_the_same(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        theirs: str,
        hers: str,
    ) -> None:
        """Both stand in the site's table; the database may propose both, and exactly one is equal."""
        resolve_by(settings, "by_verified_email")
        get_user_model().objects.create(username="lookalike", email=hers)
        owner = get_user_model().objects.create_user("owner", theirs)
        join(optional_pool, "owners", theirs.upper(), verified="true")
        visitor.set_up("owners")
        assert user_of("owners") == owner

    @pytest.mark.postgresql
    @pytest.mark.skipif(
        connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite folds ASCII only"
    )
    @pytest.mark.parametrize(("theirs", "hers"), ALIKE[:3], ids=ascii)
    def test_the_database_does_take_them_for_the_same(
        self, db: None, theirs: str, hers: str
    ) -> None:
        """What the tests above are about, or they could not fail."""
        get_user_model().objects.create_user("victim", theirs)
        assert get_user_model().objects.filter(email__iexact=hers).exists()

    @pytest.mark.parametrize(
        ("theirs", "hers"),
        [
            ("mike", "Mike"),
            ("mike", "m\u0131ke"),
            ("mike", "\uff4dike"),
            ("mike", "mi\u0301ke"),
            ("kim", "\u212aim"),
        ],
        ids=ascii,
    )
    def test_a_name_that_looks_like_another_links_no_one(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        theirs: str,
        hers: str,
    ) -> None:
        resolve_by(settings, "by_username")
        victim = get_user_model().objects.create_user(theirs)
        optional_pool.create_user(hers, password=PASSWORD)
        visitor.set_up(hers)
        identity = CognitoIdentity.objects.get()
        assert identity.user != victim
        # Where the database, or Python, folds one into the other, the name is as good as taken.
        assert identity.user.get_username() in (identity.sub, "mi\u0301ke")

    @pytest.mark.parametrize(("one", "other"), ALIKE, ids=ascii)
    def test_one_comparison(self, one: str, other: str) -> None:
        assert same(one, one.upper())
        assert not same(one, other)
        assert not certainly_differ(one, other)
        assert certainly_differ(one, "x" + one)

    @pytest.mark.parametrize("address", ["", " ", "\u00e9@example.org"])
    def test_nothing_is_the_same_as_nothing(self, address: str) -> None:
        assert not same("", address)
        assert not certainly_differ("", address)


class TestNotices:
    """``emails.recipients_of`` and ``links._update_labels``."""

    def test_no_one_is_written_to_at_an_address_that_no_one_verified(
        self, optional_pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        join(optional_pool, "mallory", "stranger@elsewhere.example", verified="false")
        with django_capture_on_commit_callbacks(execute=True):
            visitor.set_up("mallory")
        assert MFAEvent.objects.filter(kind="SOFTWARE_TOKEN_VERIFIED").exists()
        assert mail.outbox == []

    @pytest.mark.parametrize("later", ["thief@evil.example", None])
    def test_the_last_verified_address_is_told_too(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        django_capture_on_commit_callbacks: Any,
        later: str | None,
    ) -> None:
        """Anyone who took over the account in the pool has changed, or removed, the address there."""
        join(optional_pool, "owner", "owner@example.com", verified="true")
        visitor.set_up("owner")
        get_user_model().objects.update(email="")
        attributes = optional_pool.user("owner").attributes
        attributes.pop("email")
        if later is not None:
            attributes["email"] = later
        with django_capture_on_commit_callbacks(execute=True):
            visitor.post("/account/device/replace/", {"password": PASSWORD})
            visitor.enter_code()
            visitor.scan()
            visitor.confirm_setup()
        identity = CognitoIdentity.objects.get()
        assert (identity.email, identity.previous_email) == (later or "", "owner@example.com")
        told = [[address] for address in sorted(filter(None, [later, "owner@example.com"]))]
        assert [message.to for message in mail.outbox] == told

    @pytest.mark.parametrize(
        "name",
        [
            "Account locked! Unlock: https://evil.example/unlock",
            "go to evil.example/0",
            "evil\u3002example",
            "evil\uff0eexample",
            "evil.\u200bexample",
            "help\uff20evil",
            "support@evil",
            "hxxp\uff1a\uff0f\uff0fx",
        ],
        ids=ascii,
    )
    def test_no_mail_carries_a_strangers_text(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        django_capture_on_commit_callbacks: Any,
        name: str,
    ) -> None:
        """``emails._without_links``."""
        join(optional_pool, "mallory", "mallory@example.org", verified="true")
        with django_capture_on_commit_callbacks(execute=True):
            visitor.set_up("mallory", friendly_name=name)
        (sent,) = mail.outbox
        for text in (sent.subject, sent.body, html_of(sent)):
            assert name not in text
            assert "evil" not in text
            assert "hxxp" not in text

    @pytest.mark.parametrize(
        "name", ["https://evil.example/unlock", "evil.example", "me@evil.example"]
    )
    def test_nor_by_a_name_of_the_pool(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        django_capture_on_commit_callbacks: Any,
        name: str,
    ) -> None:
        join(optional_pool, name, "mallory@example.org", verified="true")
        with django_capture_on_commit_callbacks(execute=True):
            visitor.set_up(name)
        (sent,) = mail.outbox
        assert "evil" not in sent.body + html_of(sent)
        assert "mallory@example.org" in sent.body  # known to who reads it

    @pytest.mark.parametrize("template", MAILS, ids=lambda path: path.name)
    def test_no_template_prints_a_name_as_it_stands(self, template: Path) -> None:
        """``{{ account }}`` and ``{{ device }}`` are for that; who writes a new mail learns it here."""
        text = template.read_text()
        for name in (
            "username",
            "friendly_name",
            "get_username",
            "email",
            "sub",
            "before",
            "detail",
            "reason",
        ):
            assert not re.search(rf"\b(identity|user|software_token|before|event)\.{name}\b", text)

    def test_plain_names_are_printed(
        self, optional_pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        join(optional_pool, "owner", "owner@example.com", verified="true")
        with django_capture_on_commit_callbacks(execute=True):
            visitor.set_up("owner", friendly_name="Ada's 2. phone, new!")
        (sent,) = mail.outbox
        assert "Ada's 2. phone, new!" in sent.body
        assert "account owner." in sent.body

    def test_mails_about_one_person_end_somewhere(
        self, optional_pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        """``emails.send``: the ``if`` about ``MAX_EMAILS_PER_DAY``."""
        join(optional_pool, "mallory", "mallory@example.org", verified="true")
        visitor.set_up("mallory")
        for _time in range(12):
            with django_capture_on_commit_callbacks(execute=True):
                visitor.post("/account/device/replace/", {"password": PASSWORD})
                visitor.enter_code()
                visitor.scan()
                visitor.confirm_setup()
            visitor.cognito.clock.advance(30)
        assert MFAEvent.objects.filter(kind="SOFTWARE_TOKEN_REPLACED").count() == 12
        assert len(mail.outbox) == 9  # the first setup was the tenth

        identity = CognitoIdentity.objects.get(pool_id=POOL_ID)
        identity.events.update(at="2020-01-01T00:00:00Z")
        with django_capture_on_commit_callbacks(execute=True):
            visitor.post("/account/device/replace/", {"password": PASSWORD})
            visitor.enter_code()
            visitor.scan()
            visitor.confirm_setup()
        assert len(mail.outbox) == 10
