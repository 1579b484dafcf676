"""What Cognito and its tokens say, fed with what our own forms refuse and what a database may refuse, and
followed through every step, page, mail, list and command. Never a 500; no one becomes another user; and
nothing of it reaches a page, a mail or a log as it came.

Run on PostgreSQL too, which refuses more."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import CharField, Model
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator.status import refresh_status
from cognito_mfa.cognito.types import MAX_FRIENDLY_NAME
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.local import LocalCognito, faults, tampering
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    FRIENDLY_NAME_LENGTH,
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    SoftwareToken,
)
from cognito_mfa.values import untrusted
from cognito_mfa.values.setting_readers import USER_POOL_ID_LENGTH
from tests.visitor import Visitor

NUL, HALF, ESCAPE, TURNED, LINE, LONG = (
    "x\0y",
    "x\ud800y",
    "x\x1b[2J\ry",
    "x\u202egnp.exe\u2066y",
    "x\ny\u2028z\u0085w",
    "Ŵ😀" * 1024,
)
TEXTS = [NUL, HALF, ESCAPE, TURNED, LINE, LONG, "\0", "\ud800", "\u202e", "\n", " "]
LONG_ADDRESS = "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".example"
ADDRESSES = [
    LONG_ADDRESS,
    *TEXTS,
    *(f"{text}@example.com" for text in TEXTS),
    '"\x01"@example.com',
    "new@exa\u202emple.com",
    "new@example.com\nBcc: all@example.com",
    "new@example.com, all@example.com",
    "nobody",
]


def is_clean(text: str) -> bool:
    return not any(map(untrusted.is_odd, text))


def name_of(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


each_text = pytest.mark.parametrize("text", TEXTS, ids=name_of)
each_address = pytest.mark.parametrize("address", ADDRESSES, ids=name_of)


def rows_are_clean() -> bool:
    """Every text in every row of ours is one that our own forms would take."""
    for model in (CognitoIdentity, SoftwareToken, MFAEvent, CodeFailures):
        for row in model.objects.all():
            for field in model._meta.concrete_fields:
                value = getattr(row, field.attname)
                if isinstance(value, str):
                    assert is_clean(value), (model, field.attname, value)
                    assert len(value) <= (field.max_length or 10**6)
    return True


def look_around(visitor: Visitor) -> str:
    """See every page that tells of the person, and run every command that does."""
    seen = ""
    for name in ("device", "device_rename", "device_replace", "device_remove", "history"):
        page = visitor.get(reverse(f"cognito_mfa:{name}"), follow=True)
        assert page.status_code == 200
        seen += page.content.decode()
    User.objects.update(is_staff=True, is_superuser=True)
    for name in ("cognitoidentity", "mfaevent", "mfaexemption", "overviewsnapshot"):
        page = visitor.get(reverse(f"admin:cognito_mfa_{name}_changelist"))
        assert page.status_code == 200
        seen += page.content.decode()
    for identity in CognitoIdentity.objects.all():
        page = visitor.get(reverse("admin:cognito_mfa_cognitoidentity_change", args=[identity.pk]))
        assert page.status_code == 200
        seen += page.content.decode()
    for file_format in ("csv", "jsonl"):
        export = visitor.post(reverse("admin:cognito_mfa_mfaevent_export"), {"format": file_format})
        assert export.status_code == 200
        seen += b"".join(export).decode()
    for command in (["cognito_mfa_report"], ["cognito_mfa_report", "--format", "csv"]):
        out = io.StringIO()
        call_command(*command, stdout=out)
        seen += out.getvalue()
    User.objects.update(is_staff=False, is_superuser=False)
    return seen


def mails() -> str:
    """Every text of every mail, whole as it would be sent."""
    return "".join(message.message().as_string() for message in mail.outbox) + "".join(
        f"{message.subject}{message.body}{getattr(message, 'alternatives', '')}"
        for message in mail.outbox
    )


class TestAddresses:
    """Kept by ``untrusted.address`` in ``claims.person_of``: what is none is treated as absent."""

    @each_address
    def test_an_odd_address_is_none(
        self,
        pool: LocalPool,
        visitor: Visitor,
        address: str,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        pool.user("newcomer").attributes |= {"email": address, "email_verified": "true"}
        with django_capture_on_commit_callbacks(execute=True):
            visitor.set_up()
        identity = CognitoIdentity.objects.get()
        assert (identity.email, identity.user.email) == ("", "")
        assert identity.user.get_username() == "newcomer"
        assert mail.outbox == []
        visitor.sign_out()
        visitor.sign_in()
        visitor.enter_code()
        assert visitor.is_in()
        assert rows_are_clean()  # so that no page, list or command can show it

    @each_address
    def test_it_finds_no_one(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, address: str
    ) -> None:
        settings.COGNITO_MFA = {
            **settings.COGNITO_MFA,
            "USER_RESOLVER": "cognito_mfa.sign_in.linking.by_verified_email",
        }
        User.objects.create(username="victim", email="new@example.com")
        optional_pool.user("newcomer").attributes |= {"email": address, "email_verified": "true"}
        visitor.set_up()
        assert CognitoIdentity.objects.get().user.get_username() == "newcomer"

    def test_one_that_grows_odd_later_leaves_the_person_in(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        attributes = pool.user("newcomer").attributes
        attributes |= {"email": "new@example.com", "email_verified": "true"}
        visitor.set_up()
        assert CognitoIdentity.objects.get().email == "new@example.com"
        visitor.sign_out()
        attributes["email"] = LONG_ADDRESS
        visitor.sign_in()
        visitor.enter_code()
        assert visitor.is_in()
        assert CognitoIdentity.objects.get().email == ""


class TestNamesOfDevices:
    """Kept by ``untrusted.shown`` in ``types.Challenge.friendly_name``."""

    @each_text
    def test_a_name_that_was_set_elsewhere_is_shown_harmless(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        text: str,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        optional_pool.user("newcomer").attributes |= {
            "email": "new@example.com",
            "email_verified": "true",
        }
        optional_pool.register_software_token("newcomer", friendly_name=text)
        with django_capture_on_commit_callbacks(execute=True):
            assert visitor.sign_in().status_code == 302
            page = visitor.get(reverse("cognito_mfa:challenge"))
            assert page.status_code == 200
            code = optional_pool.code_for("newcomer")
            assert visitor.enter_code(code).status_code == 302
        assert visitor.is_in()
        seen = page.content.decode() + look_around(visitor) + mails()
        for char in set(text) - set(" \n\r"):
            if untrusted.is_odd(char):
                assert char not in seen
        name = SoftwareToken.objects.get().friendly_name
        assert name == untrusted.shown(text, 64)
        assert len(name) <= 64
        assert unicodedata.is_normalized("NFC", name)
        assert rows_are_clean()


class TestWhoSomebodyIs:
    """Kept by ``untrusted.is_sub`` and ``is_username`` in ``claims.person_of``: refused, never mended."""

    @pytest.mark.parametrize("text", [text for text in TEXTS if text != " "], ids=name_of)
    @pytest.mark.parametrize("claim", ["sub", "username"])
    def test_an_odd_one_is_no_one(
        self,
        cognito: LocalCognito,
        optional_pool: LocalPool,
        visitor: Visitor,
        claim: str,
        text: str,
    ) -> None:
        changes = {claim: text, **({"cognito:username": text} if claim == "username" else {})}
        lie = tampering.claims_changed(optional_pool, changes)
        cognito.faults.on("InitiateAuth", lie)
        cognito.faults.on("RespondToAuthChallenge", lie)
        response = visitor.sign_in()
        assert response.answered == 503
        assert not visitor.is_in()
        assert not CognitoIdentity.objects.exists()
        assert not User.objects.exists()

    @pytest.mark.parametrize(("claim", "longest"), [("sub", 64), ("username", 128)])
    def test_what_is_longer_than_its_column_is_no_one(
        self,
        cognito: LocalCognito,
        optional_pool: LocalPool,
        visitor: Visitor,
        claim: str,
        longest: int,
    ) -> None:
        cognito.faults.on(
            "InitiateAuth", tampering.claims_changed(optional_pool, {claim: "x" * (longest + 1)})
        )
        assert visitor.sign_in().answered == 503
        assert not CognitoIdentity.objects.exists()

    def test_two_people_are_never_made_one(
        self, cognito: LocalCognito, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        """What is left of "abc\\u202e" without the odd character is another user."""
        visitor.set_up()
        sub = CognitoIdentity.objects.get().sub
        visitor.sign_out()
        optional_pool.create_user("mallory", password="Correct-Horse-7")
        cognito.faults.on(
            "InitiateAuth", tampering.claims_changed(optional_pool, {"sub": sub + "\u202e"})
        )
        assert visitor.sign_in("mallory").answered == 503
        assert not visitor.is_in()
        assert CognitoIdentity.objects.count() == 1


def leaves(answer: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the texts of an answer stand."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from leaves(value, (*path, key))
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from leaves(value, (*path, index))
    elif isinstance(answer, str):
        yield path


def poisoned(answer: Any, path: tuple[Any, ...], text: Any) -> Any:
    if not path:
        return text
    copy = dict(answer) if isinstance(answer, dict) else list(answer)
    copy[path[0]] = poisoned(copy[path[0]], path[1:], text)
    return copy


ALWAYS_ASKED = (
    "InitiateAuth",
    "AssociateSoftwareToken",
    "VerifySoftwareToken",
    "RespondToAuthChallenge",
)
ODD_VALUES: list[Any] = [NUL, HALF, LONG, "[" * 50_000, 7]
OPERATIONS = (
    "InitiateAuth",
    "AssociateSoftwareToken",
    "VerifySoftwareToken",
    "RespondToAuthChallenge",
    "SetUserMFAPreference",
    "GetUser",
    "AdminGetUserAuthFactors",
    "AdminGetUser",
    "GetUserAuthFactors",
)


@pytest.mark.sweep
class TestEveryTextOfEveryAnswer:
    """In turn, over a setup and what follows. An exception of ours is raised by the test client."""

    @pytest.fixture(params=["ON", "OPTIONAL"])
    def any_pool(self, request: pytest.FixtureRequest) -> LocalPool:
        name = {"ON": "pool", "OPTIONAL": "optional_pool"}[request.param]
        pool: LocalPool = request.getfixturevalue(name)
        return pool

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_it_is_no_server_error(
        self, any_pool: LocalPool, visitor: Visitor, operation: str
    ) -> None:
        """Of the steps before the first that asks for ``operation``, none is taken again."""
        steps = [self.set_up, self.sign_in, self.refresh]
        found, first = self.look(steps, any_pool, visitor, operation)
        assert found or operation not in ALWAYS_ASKED
        for path in found:
            for value in ODD_VALUES:
                visitor.cognito.faults.clear()
                edit = faults.Edit(partial(_poison, path, value))
                visitor.cognito.faults.on(operation, edit, times=None)
                for step in steps[first:]:
                    step(any_pool, visitor)
        assert rows_are_clean()

    def look(
        self, steps: list[Any], pool: LocalPool, visitor: Visitor, operation: str
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Return where texts stand in the answers to ``operation``, and which step asks for it first."""
        found: dict[tuple[Any, ...], int] = {}

        def look(answer: dict[str, Any]) -> dict[str, Any]:
            for path in leaves(answer):
                found.setdefault(path, taken)
            return answer

        visitor.cognito.faults.on(operation, faults.Edit(look), times=None)
        for taken, step in enumerate(steps):  # noqa: B007 - used in look
            step(pool, visitor)
        return list(found), min(found.values(), default=0)

    def set_up(self, pool: LocalPool, visitor: Visitor) -> None:
        pool.user("newcomer").software_token = None
        CodeFailures.objects.all().delete()
        visitor.client.logout()
        self.see(visitor.sign_in())
        page = self.see(visitor.get(reverse("cognito_mfa:setup")))
        if b"otpauth://" in page.content:
            visitor.scan()
            self.see(visitor.confirm_setup(friendly_name="Phone"))
            self.see(visitor.get(reverse("cognito_mfa:setup_done")))

    def sign_in(self, pool: LocalPool, visitor: Visitor) -> None:
        CodeFailures.objects.all().delete()
        visitor.client.logout()
        visitor.cognito.clock.advance(30)
        self.see(visitor.sign_in())
        self.see(visitor.get(reverse("cognito_mfa:challenge")))
        if pool.user("newcomer").software_token is not None:
            self.see(visitor.enter_code(pool.code_for("newcomer")))
        self.see(visitor.get(reverse("cognito_mfa:device"), follow=True))

    def refresh(self, _pool: LocalPool, visitor: Visitor) -> None:
        for identity in CognitoIdentity.objects.all():
            with suppress(CognitoMFAError):
                refresh_status(identity)
        self.see(visitor.get(reverse("cognito_mfa:device"), follow=True))

    @staticmethod
    def see(response: Any) -> Any:
        assert response.answered < 500 or response.answered == 503
        return response


def _poison(path: tuple[Any, ...], value: Any, answer: dict[str, Any]) -> dict[str, Any]:
    try:
        poison: dict[str, Any] = poisoned(answer, path, value)
    except (KeyError, IndexError, TypeError):
        return answer
    return poison


CLAIMS = (
    "sub",
    "username",
    "cognito:username",
    "email",
    "email_verified",
    "identities",
    "amr",
    "auth_time",
    "iat",
    "exp",
    "name",
    "custom:x",
)


@pytest.mark.sweep
@pytest.mark.parametrize("claim", CLAIMS)
def test_whatever_a_token_claims_is_no_server_error(
    cognito: LocalCognito, optional_pool: LocalPool, visitor: Visitor, claim: str
) -> None:
    for value in (*ODD_VALUES, True, -(10**30), 10**40, 1e300, [["x"]], {"x": HALF}, [{HALF: 1}]):
        visitor.client.logout()
        cognito.faults.clear()
        cognito.faults.on("InitiateAuth", tampering.claims_changed(optional_pool, {claim: value}))
        response = visitor.sign_in()
        assert response.answered < 500 or response.answered == 503
        page = visitor.get(reverse("cognito_mfa:setup"))
        assert page.answered < 500 or page.answered == 503
    assert rows_are_clean()


class TestChallenges:
    def edit(self, cognito: LocalCognito, **parameters: Any) -> None:
        """Cognito's next challenge says this."""
        cognito.faults.on(
            "InitiateAuth",
            faults.Edit(
                lambda answer: {
                    **answer,
                    "ChallengeParameters": {**answer["ChallengeParameters"], **parameters},
                }
            ),
        )

    @each_text
    def test_where_a_code_was_sent_is_shown_harmless(
        self, cognito: LocalCognito, optional_pool: LocalPool, visitor: Visitor, text: str
    ) -> None:
        """Kept by ``types.Challenge.destination``."""
        optional_pool.register_software_token("newcomer")
        cognito.faults.on(
            "InitiateAuth",
            faults.Edit(
                lambda answer: {
                    **answer,
                    "ChallengeName": "SMS_MFA",
                    "ChallengeParameters": {"CODE_DELIVERY_DESTINATION": text},
                }
            ),
        )
        visitor.sign_in()
        page = visitor.get(reverse("cognito_mfa:challenge"))
        assert page.status_code == 200
        for char in set(text) - set(" \n\r"):
            assert not (untrusted.is_odd(char) and char in page.content.decode())

    @each_text
    def test_attributes_that_no_one_can_be_asked_for_are_not_asked_for(
        self, cognito: LocalCognito, pool: LocalPool, visitor: Visitor, text: str
    ) -> None:
        """Kept by ``types.Challenge.required_attributes``."""
        pool.create_user("invited", password="Invited-Horse-7", status="FORCE_CHANGE_PASSWORD")
        wanted = json.dumps([f"userAttributes.{text}", "userAttributes.name", text])
        self.edit(cognito, requiredAttributes=wanted)
        assert visitor.sign_in("invited", "Invited-Horse-7").status_code == 302
        page = visitor.get(reverse("cognito_mfa:new_password"))
        assert page.status_code == 200
        seen = page.content.decode()
        assert "Full name" in seen
        for char in set(text) - set(" \n\r"):
            assert not (untrusted.is_odd(char) and char in seen)

    @each_text
    def test_a_challenge_of_an_odd_name_is_none_that_we_answer(
        self,
        cognito: LocalCognito,
        optional_pool: LocalPool,
        visitor: Visitor,
        caplog: pytest.LogCaptureFixture,
        text: str,
    ) -> None:
        """Kept by ``untrusted.word`` in ``replies._challenge``."""
        optional_pool.register_software_token("newcomer")
        cognito.faults.on(
            "InitiateAuth", faults.Edit(lambda answer: {**answer, "ChallengeName": text})
        )
        with caplog.at_level(logging.DEBUG):
            response = visitor.sign_in()
        assert response.answered in {403, 503}
        assert all(is_clean(line) for line in caplog.messages)


class TestLogs:
    """Kept by ``untrusted.word`` in ``failures._from_cognito``."""

    @each_text
    def test_an_error_of_an_odd_name_reaches_no_log_as_it_came(
        self,
        cognito: LocalCognito,
        optional_pool: LocalPool,
        visitor: Visitor,
        caplog: pytest.LogCaptureFixture,
        text: str,
    ) -> None:
        cognito.faults.on("InitiateAuth", faults.Error(f"Odd{text}Exception", text))
        with caplog.at_level(logging.INFO, logger="cognito_mfa"):
            response = visitor.sign_in()
        assert response.answered < 500 or response.answered == 503
        lines = [record.getMessage() for record in caplog.records if "cognito_mfa" in record.name]
        assert lines
        for line in lines:
            assert is_clean(line)
            assert len(line) < 500

    def test_a_mended_name_is_not_another_error(
        self, cognito: LocalCognito, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        error = faults.Error("NotAuthorized\u202eException", "Incorrect username or password.")
        cognito.faults.on("InitiateAuth", error)
        assert visitor.sign_in().answered == 503


class TestFactors:
    @pytest.mark.sweep
    @each_text
    def test_a_preferred_factor_of_an_odd_name_is_stored_as_none_of_ours(
        self, cognito: LocalCognito, optional_pool: LocalPool, visitor: Visitor, text: str
    ) -> None:
        """Kept by ``untrusted.word`` in ``admin_api.read_factors``; the column has 32 characters."""
        visitor.set_up()
        cognito.faults.on(
            "AdminGetUserAuthFactors",
            faults.Edit(lambda answer: {**answer, "PreferredMfaSetting": text}),
        )
        identity = CognitoIdentity.objects.get()
        refresh_status(identity)
        identity.refresh_from_db()
        assert identity.preferred_factor in {"Unknown", ""}
        look_around(visitor)


def test_what_we_cut_to_is_what_the_columns_hold() -> None:
    """A column that grows shorter than what is put into it fails on PostgreSQL alone."""
    lengths = {
        "sub": untrusted.SUB_LENGTH,
        "username": untrusted.USERNAME_LENGTH,
        "email": untrusted.EMAIL_LENGTH,
        "previous_email": untrusted.EMAIL_LENGTH,
        "preferred_factor": untrusted.FACTOR_LENGTH,
        "pool_id": USER_POOL_ID_LENGTH,
    }
    for name, length in lengths.items():
        assert width(CognitoIdentity, name) == length
    for model in (CodeFailures, MFAEvent):
        for name in ("sub", "username"):
            assert width(model, name) >= lengths[name]
    for name in ("friendly_name", "cognito_name"):
        assert width(SoftwareToken, name) == MAX_FRIENDLY_NAME == FRIENDLY_NAME_LENGTH


def width(model: type[Model], name: str) -> int:
    """How many characters a column holds."""
    field = model._meta.get_field(name)
    assert isinstance(field, CharField)
    assert field.max_length is not None
    return field.max_length


TYPED = [*TEXTS, "%00", "x" * 5_000, "1e999", "-1", "²", "٣"]


class TestWhatPeopleType:
    """A kind of the same: never a 500 of ours."""

    FIELDS = {
        "sign_in": ("username", "password", "next"),
        "setup": ("code", "friendly_name"),
        "challenge": ("code", "factor", "answer"),
        "new_password": ("new_password1", "new_password2"),
        "device_rename": ("friendly_name",),
    }
    MORE_FIELDS = ("code", "friendly_name", "password", "page", "next")

    @pytest.mark.parametrize("text", TYPED, ids=name_of)
    def test_on_the_pages(self, optional_pool: LocalPool, visitor: Visitor, text: str) -> None:
        """Each field alone, then all at once. As browsers encode it: the test client's own encoding would
        send the bytes as so many numbers.
        """
        sent = text.encode("utf-8", "surrogatepass")
        good: dict[str, str | bytes] = {"username": "newcomer", "password": "Wrong-Horse-7"}
        for name, fields in self.FIELDS.items():
            for odd in (*({field: sent} for field in fields), dict.fromkeys(fields, sent)):
                assert self.post(visitor, name, {**good, **odd}).status_code < 500
        visitor.wait(3600)
        visitor.come_with_app()
        odd = dict.fromkeys(self.MORE_FIELDS, sent)
        for name in ("device", "device_rename", "device_replace", "history", "setup_done"):
            path = reverse(f"cognito_mfa:{name}")
            assert visitor.client.get(path, odd).status_code < 500
            assert self.post(visitor, name, odd).status_code < 500
        assert rows_are_clean()

    @staticmethod
    def post(visitor: Visitor, name: str, data: Mapping[str, str | bytes]) -> Any:
        return visitor.client.post(
            reverse(f"cognito_mfa:{name}"),
            urlencode(data),
            content_type="application/x-www-form-urlencoded",
        )

    @pytest.mark.parametrize("text", [*TEXTS[:6], *TYPED[-6:]], ids=name_of)
    def test_in_the_administration(
        self, optional_pool: LocalPool, visitor: Visitor, text: str
    ) -> None:
        visitor.come_with_app()
        User.objects.update(is_staff=True, is_superuser=True)
        sent = text.encode("utf-8", "surrogatepass")[:4000]
        for name in ("cognitoidentity", "mfaevent", "mfaexemption", "overviewsnapshot"):
            path = reverse(f"admin:cognito_mfa_{name}_changelist")
            # The first four hide nothing from each other; a filter that is refused hides the rest.
            for fields in (("q", "o", "e", "all"), ("p",), *((one,) for one in FILTERS[name])):
                response = visitor.get(path, data=dict.fromkeys(fields, sent))
                assert response.status_code < 500, (path, fields)

    @pytest.mark.parametrize("text", [NUL, HALF, "\udcff", "\0"], ids=name_of)
    @pytest.mark.parametrize(
        "command", ["cognito_mfa_reset", "cognito_mfa_exempt", "cognito_mfa_sync"]
    )
    def test_on_the_command_line(
        self, optional_pool: LocalPool, visitor: Visitor, command: str, text: str
    ) -> None:
        """Bytes that are no text come as halves of pairs. Kept in ``find_user``, management/lookup.py."""
        visitor.set_up()
        more = {
            "cognito_mfa_reset": [["--by", text, "--reason", "x"], ["--reason", text]],
            "cognito_mfa_exempt": [["--until", "2030-01-01", "--reason", text]],
        }.get(command, [[]])
        for arguments in ([text, *more[0]], *(["newcomer", *rest] for rest in more)):
            out = io.StringIO()
            with suppress(CommandError):
                call_command(command, *arguments, stdout=out, stderr=out)
            assert is_clean(out.getvalue().replace("\n", ""))
        assert rows_are_clean()


FILTERS = {
    "cognitoidentity": ["status__exact", "status", "set_up", "id__in", "username", "pool_id"],
    "mfaevent": ["kind__exact", "at__gte", "at__lt", "identity__id__exact"],
    "mfaexemption": ["valid", "expires_at__gte", "user__id__exact"],
    "overviewsnapshot": ["taken_at"],
}
