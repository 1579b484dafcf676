"""Which access tokens are accepted, whose they are, and what a caller without a good one is told."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.cognito import token_verification
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import keys
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.bearer.conftest import SCOPES, Caller
from tests.enforcement.people import linked, proven, signed_in
from tests.security import forging
from tests.security.test_token_origin import FOREIGN, FORGERIES, Forge, Keys
from tests.visitor import CLIENT_ID, POOL_ID

MFA = ["pwd", "otp", "mfa"]
pytestmark = pytest.mark.django_db
apis = pytest.mark.parametrize("path", ["/drf/", "/ninja/sync", "/ninja/async", "/plain/"])


def conf(settings: Settings, **changes: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}


def assert_invalid(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


# ------------------------------------------------------------------------------------- what is accepted


@apis
def test_a_good_token_is_accepted(caller: Caller, path: str) -> None:
    assert caller.signs_in(amr=MFA).is_let_in(path)


@apis
def test_a_request_without_a_token_is_anonymous(caller: Caller, path: str) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Token x"}):
        assert Client().get(path, headers=headers).status_code == 401


@pytest.mark.parametrize("issuer", FOREIGN, ids=str)
def test_another_issuers_token_is_refused(caller: Caller, issuer: object) -> None:
    assert_invalid(caller.signs_in(iss=issuer, amr=MFA).calls())


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "id"}, {"token_use": None}, {"token_use": ["access"]},
        {"client_id": "otherclient"}, {"client_id": None}, {"client_id": [CLIENT_ID]},
        {"client_id": None, "aud": CLIENT_ID},
        {"exp": None}, {"exp": 1_600_000_000}, {"exp": "9999999999"}, {"exp": 9e9}, {"exp": True},
        {"nbf": 9_999_999_999}, {"nbf": "0"}, {"iat": 9_999_999_999}, {"iat": "0"}, {"iat": False},
        {"auth_time": None}, {"auth_time": "now"}, {"auth_time": 10**400}, {"auth_time": 9_999_999_999},
        {"sub": None}, {"sub": ["x"]}, {"sub": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_for_another_purpose_client_or_time_is_refused(
    caller: Caller, claims: dict[str, Any]
) -> None:
    assert_invalid(caller.signs_in(**{"amr": MFA, **claims}).calls())


MORE_ISSUERS = [
    f"https://issuer-cognito-idp.us-east-1.amazonaws.com/{POOL_ID[:-1]}",
    f"https://COGNITO-IDP.us-east-1.amazonaws.com/{POOL_ID}",
    f"https://cognito-idp.us-east-1.amazonaws.com/x/../{POOL_ID}",
    f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}\0",
    {"https://cognito-idp.us-east-1.amazonaws.com/": POOL_ID},
]
MORE_CLIENTS = [
    CLIENT_ID.upper(),
    f" {CLIENT_ID}",
    f"{CLIENT_ID}\0",
    f"{CLIENT_ID},mobile",
    CLIENT_ID[:-1],
    "",
]


@pytest.mark.parametrize(
    "claims",
    [*({"iss": issuer} for issuer in MORE_ISSUERS), *({"client_id": one} for one in MORE_CLIENTS)],
    ids=str,
)
def test_what_is_nearly_the_issuer_or_the_client_is_another(
    caller: Caller, claims: dict[str, Any]
) -> None:
    assert_invalid(caller.signs_in(amr=MFA, **claims).calls())


HEADS: list[dict[str, Any]] = [
    {"kid": "https://evil.example/jwks.json"},
    {"kid": "x" * 50_000},
    {"kid": ["x"]},
    {"kid": ""},
    {"kid": "' OR 1=1 --"},
    {"kid": "\0"},
    {"alg": "PS256"},
    {"alg": "rs256"},
    {"alg": ["RS256"]},
    {"alg": ""},
    {"alg": None},
    {"alg": "dir", "enc": "A256GCM"},
]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: str(head)[:40])
def test_a_head_that_names_another_key_or_algorithm_is_refused(
    caller: Caller, pool: LocalPool, head: dict[str, Any]
) -> None:
    """The claims and the key that signed them are right; only the head says something else."""
    good = caller.signs_in(amr=MFA).token
    text = forging.unsigned(
        {"alg": "RS256", "kid": forging.key_of(pool, good).kid, **head}, forging.claims_of(good)
    ).rstrip(".")
    assert_invalid(caller.has(f"{text}.{good.split('.')[2]}").calls())
    assert caller.has(good).is_let_in()


def test_a_token_in_another_form_of_the_standard_is_refused(caller: Caller) -> None:
    """Encrypted, as JSON, with the signature alone, and twice."""
    good = caller.signs_in(amr=MFA).token
    head, claims, signature = good.split(".")
    as_json = json.dumps({"payload": claims, "protected": head, "signature": signature})
    for other in (
        f"{good}.x.y",
        as_json,
        f"..{signature}",
        f"{head}..{signature}",
        f"{good}, {good}",
    ):
        answer = caller.has(other).calls()
        assert answer.status_code == 401, other


@pytest.mark.parametrize("forge", FORGERIES)
def test_what_the_pool_did_not_sign_is_refused(
    caller: Caller, pool: LocalPool, forge: Forge
) -> None:
    good = caller.signs_in(amr=MFA).token
    assert_invalid(caller.has(forge(pool, good)).calls())
    assert caller.has(good).is_let_in()


def test_what_is_no_token_is_refused(caller: Caller) -> None:
    good = caller.signs_in(amr=MFA).token
    for bad in (good[:-8], f"{good}=", f"{good}.{good}", "x.y.z", "", "é.é.é", "a" * 100_000):
        assert_invalid(caller.has(bad).calls())


def test_an_id_token_is_refused(caller: Caller, pool: LocalPool) -> None:
    token = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid", *SCOPES])["IdToken"]
    assert_invalid(caller.has(token).calls())


def test_a_token_elsewhere_in_the_request_is_not_read(caller: Caller) -> None:
    token = caller.signs_in(amr=MFA).token
    assert Client().get("/drf/", {"access_token": token}).status_code == 401
    assert Client().post("/drf/", {"access_token": token}).status_code == 401


def test_other_app_clients_are_accepted_where_the_site_names_them(
    caller: Caller, settings: Settings
) -> None:
    caller.signs_in(amr=MFA, client_id="mobile")
    assert_invalid(caller.calls())
    conf(settings, API_CLIENT_IDS=["mobile", "web"])
    assert caller.is_let_in()
    assert_invalid(caller.signs_in(amr=MFA).calls())  # CLIENT_ID is not in the list


@pytest.mark.parametrize("path", ["/drf/scoped/", "/ninja/scoped"])
def test_all_scopes_are_required(caller: Caller, path: str) -> None:
    answer = caller.signs_in(amr=MFA).calls(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    wanted = "orders/read aws.cognito.signin.user.admin"
    assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{wanted}"'
    assert caller.signs_in(amr=MFA, scope=f"openid {wanted}").is_let_in(path)
    assert caller.signs_in(amr=MFA, scope=["orders/read"]).calls(path).status_code == 403


# ------------------------------------------------------------------------------------------- the keys


@pytest.fixture
def published(caller: Caller, pool: LocalPool, settings: Settings) -> Keys:
    """Where the keys are fetched; ``status`` 500 makes that fail."""
    factory = Keys()
    factory.body = json.dumps(keys.jwks(pool.state)).encode()
    conf(settings, CLIENT_FACTORY=factory)
    return factory


def test_keys_are_fetched_once_and_for_unknown_names_once_a_minute(
    caller: Caller, published: Keys
) -> None:
    token = caller.signs_in(amr=MFA).token
    for _ in range(3):
        assert caller.is_let_in()
    for number in range(3):
        key = forging.somebody_elses_key(f"unknown-{number}")
        assert_invalid(caller.has(forging.signed(forging.claims_of(token), key)).calls())
    assert len(published.asked) == 1


@apis
def test_without_keys_the_service_is_unavailable(
    caller: Caller, published: Keys, path: str
) -> None:
    caller.signs_in(amr=MFA)
    published.status = 500
    answer = caller.calls(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable")
    assert answer["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer
    published.status = 200
    assert caller.is_let_in(path)


def test_old_keys_serve_while_new_ones_cannot_be_fetched(
    caller: Caller, published: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert caller.signs_in(amr=MFA).is_let_in()
    for pool_id, known in token_verification._known.items():  # an hour later
        aged = known._replace(good_until=time.monotonic() - 1)
        monkeypatch.setitem(token_verification._known, pool_id, aged)
    published.status = 500
    for _ in range(3):
        assert caller.is_let_in()
    assert len(published.asked) == 2  # the next attempt waits for a minute
    key = forging.somebody_elses_key("unknown")
    forged = forging.signed(forging.claims_of(caller.token), key)
    assert caller.has(forged).calls().status_code == 503


POOR = [
    b"", b"<html>503</html>", b"[]", b"null", b'{"keys": null}', b'{"keys": {}}', b'{"keys": []}', b'{"keys": [7, null, []]}',
    b'{"keys": [{"kid": "x", "kty": "RSA", "e": "AQAB"}]}', b'{"keys": [{"kid": "x", "kty": "oct", "k": "AAAA"}]}', b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("body", POOR, ids=lambda body: str(body[:48]))
def test_poor_keys_are_none_and_take_no_good_ones_away(
    caller: Caller, published: Keys, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """What a proxy on the way may answer with 200."""
    good, published.body = published.body, body
    caller.signs_in(amr=MFA)
    assert caller.calls().status_code == 503
    token_verification.forget_keys()
    published.body = good
    assert caller.is_let_in()
    for pool_id, known in token_verification._known.items():  # an hour later
        aged = known._replace(good_until=time.monotonic() - 1)
        monkeypatch.setitem(token_verification._known, pool_id, aged)
    published.body = body
    assert caller.is_let_in()


def test_keys_may_be_pinned_in_a_file(
    caller: Caller, published: Keys, pool: LocalPool, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "jwks.json"
    conf(settings, JWKS_FILE=file)
    caller.signs_in(amr=MFA)
    for content in (None, b"{}", b"\xff", b'{"keys": [{"kid": "x", "kty": "EC"}]}'):
        if content is not None:
            file.write_bytes(content)
        assert caller.calls().status_code == 503
    file.write_text(json.dumps(keys.jwks(pool.state)))
    assert caller.is_let_in()
    assert published.asked == []


# --------------------------------------------------------------------------------------------- users


def test_an_unlinked_user_is_linked_as_at_a_sign_in(caller: Caller, pool: LocalPool) -> None:
    pool.user("stranger").attributes.update(email="s@example.com", email_verified="true")
    caller.signs_in("stranger", amr=MFA)
    assert caller.calls().json() == {"user": "stranger", "verified": True}
    identity = CognitoIdentity.objects.get(username="stranger")
    assert (identity.sub, identity.email) == (pool.user("stranger").sub, "s@example.com")
    assert caller.cognito.operations() == ["GetUser"]


def test_a_user_who_must_not_be_linked_is_refused_and_recorded_once(
    caller: Caller, settings: Settings
) -> None:
    conf(settings, CREATE_USERS=False)
    caller.signs_in("stranger", amr=MFA)
    for _ in range(3):
        answer = caller.calls()
        assert (answer.status_code, answer.json()["code"]) == (401, "user_refused")
    assert MFAEvent.objects.filter(kind="LINK_REFUSED").count() == 1
    assert not get_user_model().objects.filter(username="stranger").exists()


def test_a_token_without_the_scope_links_no_one(caller: Caller, pool: LocalPool) -> None:
    token = pool.issue_tokens("stranger", CLIENT_ID, scopes=["openid"])["AccessToken"]
    answer = caller.has(forging.saying(pool, token, amr=MFA)).calls()
    assert answer.json()["code"] == "user_refused"
    assert MFAEvent.objects.get(kind="LINK_REFUSED").reason == "attributes_unknown"


def test_an_older_token_does_not_undo_an_unlinking(caller: Caller, alice: CognitoIdentity) -> None:
    MFAEvent.objects.record(MFAEvent.Kind.UNLINKED, alice)
    user = alice.user
    alice.delete()
    assert caller.signed_in_ago(600, amr=MFA).calls().json()["code"] == "user_refused"
    assert not CognitoIdentity.objects.filter(user=user).exists()


def test_who_may_not_sign_in_may_not_call(caller: Caller, alice: CognitoIdentity) -> None:
    caller.signs_in(amr=MFA)
    for change in ({"status": "GONE"}, {"disabled_at": "2026-01-01T00:00:00Z"}):
        before = CognitoIdentity.objects.values(*change).get()
        CognitoIdentity.objects.update(**change)
        assert caller.calls().json()["code"] == "user_refused"
        CognitoIdentity.objects.update(**before)
    assert caller.is_let_in()
    get_user_model().objects.update(is_active=False)
    assert caller.calls().json()["code"] == "user_refused"


def test_rights_follow_the_groups_of_each_new_token(
    caller: Caller, alice: CognitoIdentity, settings: Settings
) -> None:
    Group.objects.create(name="Editors")
    conf(settings, GROUPS={"editors": "Editors"}, STAFF_GROUPS=["staff"])
    user = alice.user

    def rights() -> tuple[bool, bool]:
        user.refresh_from_db()
        return user.is_staff, user.groups.exists()

    claims: dict[str, Any] = {"amr": MFA, "cognito:groups": ["editors", "staff"]}
    caller.signs_in(**claims).calls()
    assert rights() == (True, True)
    caller.signs_in(amr=MFA, jti="another").calls()
    assert rights() == (False, False)


# --------------------------------------------------------------------------------- sessions, and others


def test_a_session_beside_the_token_does_not_count(
    caller: Caller, alice: CognitoIdentity, db: None
) -> None:
    browser = proven(alice.user)
    assert browser.get("/drf/").json()["verified"] is True
    caller.signs_in(amr=["pwd"])
    answer = browser.get("/drf/", headers={"Authorization": f"Bearer {caller.token}"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "mfa_required"


@pytest.mark.parametrize("path", ["/drf/anyone/", "/ninja/anyone"])
def test_another_users_session_beside_the_token_proves_nothing(
    caller: Caller, path: str, db: None
) -> None:
    """Nor does the token prove anything of the session's user."""
    browser = proven(linked("bob"))
    headers = {"Authorization": f"Bearer {caller.signs_in(amr=['pwd']).token}"}
    assert browser.get(path, headers=headers).json() == {"user": "alice", "verified": False}
    other = signed_in(linked("carol"))
    headers["Accept"] = "application/json"
    headers["Authorization"] = f"Bearer {caller.signs_in(amr=MFA).token}"
    assert other.get(path, headers=headers).status_code == 403  # the gate judges the session first


def test_the_public_question_of_a_session(
    alice: CognitoIdentity, settings: Settings, rf: Any
) -> None:
    browser = proven(alice.user)
    assert browser.get("/drf/anyone/").json() == {"user": "alice", "verified": True}
    other = Client()
    other.force_login(alice.user)
    conf(settings, REQUIRED=False)
    assert other.get("/drf/anyone/").json() == {"user": "alice", "verified": False}
    assert cognito_mfa.is_verified(rf.get("/")) is False  # no user at all


def test_a_cache_that_fails_costs_questions_and_no_proof(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError("redis is down")

    for name in ("get", "set", "add"):
        monkeypatch.setattr(cache, name, fail)
    assert caller.signs_in().is_let_in()
    assert not caller.signs_in(device_key="x").is_let_in()


def test_no_token_is_in_the_log(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for claims in ({"amr": MFA}, {"iss": "x"}, {"device_key": "x"}, {}):
        token = caller.signs_in(**claims).token
        caller.calls()
        for record in caplog.records:
            if record.name.startswith(("cognito_mfa", "django")):
                assert token not in record.getMessage()
                assert token.split(".")[2] not in f"{record.args!r}"
