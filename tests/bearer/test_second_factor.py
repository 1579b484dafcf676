"""Which access tokens stand for a sign-in that passed MFA, and for how long that is believed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import reset
from cognito_mfa.bearer import memory
from cognito_mfa.cognito import admin_api
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import BlockedRequest, CognitoIdentity, MFAEvent, MFAExemption
from tests.bearer.conftest import Caller
from tests.visitor import PASSWORD, POOL_ID

APIS = ["/drf/", "/ninja/sync", "/ninja/async", "/plain/"]
ASKED = ["GetUser", "GetUserPoolMfaConfig"]
DEVICE = "us-east-1_8c1b5b2e-0000-0000-0000-000000000000"
apis = pytest.mark.parametrize("path", APIS)
pytestmark = pytest.mark.django_db


def conf(settings: Settings, **changes: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}


@apis
def test_cognito_is_asked_once_and_the_token_is_let_in(caller: Caller, path: str) -> None:
    caller.signs_in()
    for _ in range(3):
        answer = caller.calls(path)
        assert answer.json() == {"user": "alice", "verified": True}, answer.content
    assert caller.cognito.operations() == ASKED


@apis
def test_a_user_without_an_app_is_refused_by_the_frozen_code(
    caller: Caller, pool: LocalPool, path: str
) -> None:
    user = pool.user("newcomer")
    user.software_token = user.preferred_factor = None
    user.enabled_factors.clear()
    caller.signs_in()
    for _ in range(3):
        answer = caller.calls(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "mfa_required")
    assert caller.cognito.operations() == ASKED  # the refusal is remembered, too


def test_an_ordinary_request_costs_one_query_and_no_network(caller: Caller) -> None:
    caller.signs_in().calls()
    asked = caller.cognito.operations()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert caller.is_let_in()
    assert len(queries) == 1
    assert caller.cognito.operations() == asked


def test_amr_decides_without_asking(caller: Caller) -> None:
    assert caller.signs_in(amr=["pwd", "otp", "mfa"]).is_let_in()
    for amr in ([], ["pwd"], ["pwd", "otp"], ["fed", "mfa"], "mfa", {"mfa": True}, True, [["mfa"]]):
        assert not caller.signs_in(amr=amr).is_let_in(), amr
    assert caller.cognito.operations() == []


def test_a_refreshed_token_is_judged_by_its_sign_in(caller: Caller) -> None:
    assert caller.signed_in_ago(3600).is_let_in()  # the app was known here before
    assert not caller.signed_in_ago(12 * 3600 + 1).is_let_in()  # PROOF_MAX_AGE
    assert not caller.signed_in_ago(12 * 3600 + 1, amr=["pwd", "otp", "mfa"]).is_let_in()


def test_an_older_sign_in_of_an_app_that_was_not_known_proves_nothing(
    caller: Caller, alice: CognitoIdentity
) -> None:
    alice.software_tokens.update(verified_at=timezone.now() - timedelta(minutes=30))
    assert not caller.signed_in_ago(3600).is_let_in()
    assert caller.signed_in_ago(600).is_let_in()


def test_what_was_judged_while_fresh_is_confirmed_after_five_minutes(
    caller: Caller, pool: LocalPool, alice: CognitoIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pool that requires MFA, an app that is set up elsewhere is not known here."""
    pool.state.mfa = "ON"
    alice.software_tokens.all().delete()
    caller.signed_in_ago(2)
    assert caller.is_let_in()
    monkeypatch.setattr(memory, "REMEMBERED", 0.0)  # five minutes are over
    monkeypatch.setattr("cognito_mfa.managed_login.evidence.FRESH", -100.0)  # and the minute
    assert caller.is_let_in()
    assert caller.cognito.operations() == [*ASKED, *ASKED]
    pool.user("newcomer").enabled_factors.clear()
    assert not caller.is_let_in()
    cache.clear()
    pool.user("newcomer").enabled_factors.append("SOFTWARE_TOKEN_MFA")
    assert not caller.is_let_in()  # it is not remembered that it was judged


@pytest.mark.parametrize("fresh", [True, False])
def test_a_remembered_device_may_not_have_been_asked(caller: Caller, fresh: bool) -> None:
    assert not caller.signed_in_ago(0 if fresh else 600, device_key=DEVICE).is_let_in()
    assert caller.cognito.operations() == []
    amr = ["pwd", "otp", "mfa"]
    assert caller.signs_in(device_key=DEVICE, amr=amr, origin_jti="another").is_let_in()


@pytest.mark.parametrize("mode", ["ON", "OPTIONAL"])
def test_a_linked_provider_may_have_signed_the_user_in(
    caller: Caller, pool: LocalPool, mode: Any
) -> None:
    pool.state.mfa = mode
    pool.link_identity("newcomer", "Google", "7")
    assert not caller.signs_in().is_let_in()


def test_a_pool_without_mfa_asks_no_one(caller: Caller, pool: LocalPool) -> None:
    pool.state.mfa = "OFF"
    assert not caller.signs_in().is_let_in()


def test_a_reset_a_sign_out_and_a_change_end_it_at_once(
    caller: Caller, alice: CognitoIdentity
) -> None:
    for kind in (None, MFAEvent.Kind.SIGNED_OUT_ELSEWHERE, MFAEvent.Kind.SOFTWARE_TOKEN_REMOVED):
        for claims in ({}, {"amr": ["pwd", "otp", "mfa"]}):
            CognitoIdentity.objects.update(proofs_ended_at=None)
            caller.signed_in_ago(5, **claims)
            assert caller.is_let_in()
            alice.refresh_from_db()
            alice.invalidate_proofs(kind)
            assert not caller.is_let_in()
            assert not caller.signed_in_ago(5, origin_jti="refreshed", **claims).is_let_in()


def test_an_administrators_reset_ends_it(caller: Caller, alice: CognitoIdentity) -> None:
    caller.signed_in_ago(5)
    assert caller.is_let_in()
    reset.run(reset.request(alice, actor=None, reason="Phone lost"))
    assert not caller.is_let_in()


def test_cognito_refuses_a_revoked_token_when_it_is_asked_again(
    caller: Caller, alice: CognitoIdentity
) -> None:
    caller.signs_in()
    assert caller.is_let_in()
    admin_api.sign_out_everywhere(alice.sub)
    assert caller.is_let_in()  # for five minutes at most
    cache.clear()
    assert not caller.is_let_in()


@pytest.mark.parametrize("claims", [{}, {"amr": ["pwd", "otp", "mfa"]}], ids=["asked", "amr"])
def test_a_token_of_the_second_of_a_reset_is_over(
    caller: Caller, alice: CognitoIdentity, claims: dict[str, Any]
) -> None:
    """Cognito's times are whole seconds: which came first is not known. And refreshing it makes it no younger."""
    alice.invalidate_proofs(None)
    alice.refresh_from_db()
    assert alice.proofs_ended_at
    at = int(alice.proofs_ended_at.timestamp())
    refreshed: list[dict[str, Any]] = [{}, {"iat": at + 5, "exp": at + 3600, "jti": "refreshed"}]
    for times in refreshed:
        for origin in ("a", "b"):
            token = caller.signs_in(auth_time=at, origin_jti=origin, **times, **claims)
            assert not token.is_let_in(), times


def test_a_refreshed_token_does_not_renew_what_was_found_out(
    caller: Caller, alice: CognitoIdentity, pool: LocalPool
) -> None:
    """The new token has the same ``origin_jti``, so it is the same sign-in: remembered, and forgotten with it."""
    caller.signed_in_ago(600, origin_jti="one", jti="first")
    assert caller.is_let_in()
    asked = caller.cognito.operations()
    assert caller.signed_in_ago(600, origin_jti="one", jti="second").is_let_in()
    assert caller.cognito.operations() == asked
    pool.user("newcomer").enabled_factors.clear()
    cache.clear()
    assert not caller.signed_in_ago(600, origin_jti="one", jti="third").is_let_in()


def test_no_answer_is_no_proof_and_is_not_remembered(caller: Caller, pool: LocalPool) -> None:
    caller.signs_in()
    caller.cognito.faults.on("GetUser", faults.Timeout(executed=False), times=3)
    assert not caller.is_let_in()
    assert caller.is_let_in()


def test_an_overdue_status_is_no_proof(
    caller: Caller, alice: CognitoIdentity, settings: Settings
) -> None:
    conf(settings, STATUS_MAX_AGE=3600)
    caller.signs_in()
    assert not caller.is_let_in()
    CognitoIdentity.objects.update(checked_at=timezone.now())
    assert caller.is_let_in()


# ------------------------------------------------------------------------------------------ the policy


@apis
def test_the_policy_decides_of_whom_it_is_required(
    caller: Caller, alice: CognitoIdentity, settings: Settings, path: str
) -> None:
    caller.signs_in(amr=["pwd"])
    assert not caller.is_let_in(path)
    conf(settings, REQUIRED="staff")
    assert caller.is_let_in(path)
    conf(settings, REQUIRED="everyone")
    until = timezone.now() + timedelta(days=1)
    MFAExemption.objects.create(user=alice.user, expires_at=until, reason="x")
    assert caller.is_let_in(path)
    assert caller.cognito.operations() == []


def test_observing_records_who_would_be_blocked(caller: Caller, settings: Settings) -> None:
    conf(settings, ENFORCEMENT="observe")
    caller.signs_in(amr=["pwd"])
    assert caller.is_let_in("/drf/")
    assert caller.is_let_in("/ninja/sync")
    assert BlockedRequest.objects.exists()
    conf(settings, ENFORCEMENT="off")
    BlockedRequest.objects.all().delete()
    assert caller.is_let_in()
    assert not BlockedRequest.objects.exists()


FED = [None, ["fed"], ["fed", "mfa"], ["pwd"]]


def link_as_operator(
    cognito: LocalCognito, pool: LocalPool, username: str, provider: str, subject: str
) -> None:
    """Link a user of a provider to a user of the pool, as a site does that lets its users do it."""
    pool.create_identity_provider(provider, provider_type=provider)
    cognito.client().admin_link_provider_for_user(
        UserPoolId=POOL_ID,
        DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": username},
        SourceUser={
            "ProviderName": provider,
            "ProviderAttributeName": "Cognito_Subject",
            "ProviderAttributeValue": subject,
        },
    )


def google(pool: LocalPool, name: str = "Google_7") -> None:
    """Add a user of an identity provider, who has a name such as Cognito gives them."""
    pool.create_user(name, password=PASSWORD)
    pool.link_identity(name, "Google", "7")


def claims(amr: list[str] | None) -> dict[str, Any]:
    return {} if amr is None else {"amr": amr, "origin_jti": str(amr)}


@apis
def test_federated_users_pass_where_the_site_exempts_them(
    caller: Caller, pool: LocalPool, settings: Settings, path: str
) -> None:
    """Whatever ``amr`` says, as on pages. Cognito is asked whose account it is, once for each sign-in."""
    conf(settings, FEDERATED="exempt")
    google(pool)
    for amr in FED:
        caller.signs_in("Google_7", **claims(amr))
        assert caller.is_let_in(path), amr
        caller.cognito.forget_calls()
        assert caller.is_let_in(path)
        assert caller.cognito.operations() == []
    conf(settings, FEDERATED="block")
    for amr in FED:
        assert not caller.signs_in("Google_7", **claims(amr)).is_let_in(path), amr


def test_an_exemption_is_no_proof_and_does_not_age(
    caller: Caller, pool: LocalPool, settings: Settings
) -> None:
    conf(settings, FEDERATED="exempt")
    google(pool)
    old = int(time.time()) - 13 * 3600
    caller.signs_in("Google_7", amr=["fed"], auth_time=old)
    assert caller.is_let_in()
    for path in ("/drf/anyone/", "/ninja/anyone"):
        assert caller.calls(path).json()["verified"] is False
    linked = CognitoIdentity.objects.get(username="Google_7")
    linked.invalidate_proofs(MFAEvent.Kind.SIGNED_OUT_ELSEWHERE)
    assert not caller.is_let_in()


@pytest.mark.parametrize("amr", FED, ids=str)
def test_a_linked_provider_exempts_no_user_of_the_pools_own(
    caller: Caller, pool: LocalPool, settings: Settings, amr: list[str] | None
) -> None:
    conf(settings, FEDERATED="exempt")
    pool.link_identity("newcomer", "Google", "7")
    assert not caller.signs_in(**claims(amr)).is_let_in()


@pytest.mark.parametrize("amr", [None, ["fed"], ["pwd"]], ids=str)
def test_a_name_like_a_providers_and_a_linked_provider_exempt_no_one(
    caller: Caller, pool: LocalPool, settings: Settings, amr: list[str] | None
) -> None:
    """``Provider.made_account``: the account is the pool's own, and a user with its password is asked for a code."""
    conf(settings, FEDERATED="exempt")
    pool.create_user("Google_mallory", password=PASSWORD)
    link_as_operator(caller.cognito, pool, "Google_mallory", "Google", "1138")
    assert not caller.signs_in("Google_mallory", **claims(amr)).is_let_in()


def test_a_name_like_a_providers_exempts_no_one(
    caller: Caller, pool: LocalPool, settings: Settings
) -> None:
    """A stranger may choose it. The provider must own the account, and Cognito must say so now."""
    conf(settings, FEDERATED="exempt")
    pool.create_user("Google_8", password=PASSWORD)
    google(pool, "Apple_7")
    for name in ("Google_8", "Apple_7"):
        for amr in FED:
            assert not caller.signs_in(name, **claims(amr)).is_let_in(), (name, amr)
    google(pool)
    caller.cognito.faults.on("GetUser", faults.Timeout(executed=False), times=9)
    caller.signs_in("Google_7", amr=["fed"])
    CognitoIdentity.objects.create(
        user=get_user_model().objects.create_user("google"),
        pool_id=POOL_ID,
        sub=pool.user("Google_7").sub,
        username="Google_7",
    )
    assert not caller.is_let_in()


def test_the_public_question_is_about_mfa_and_not_about_the_policy(
    caller: Caller, settings: Settings
) -> None:
    for path in ("/drf/anyone/", "/ninja/anyone"):
        assert caller.signs_in(origin_jti="a").calls(path).json()["verified"] is True
        caller.signs_in(amr=["pwd"], origin_jti="b")
        assert caller.calls(path).json() == {"user": "alice", "verified": False}
