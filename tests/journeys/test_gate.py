"""Journey 7: people who are signed in without a second factor, by every method and kind of client."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db.models import F
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import POOL_ID, Visitor

OUR_BACKEND = "cognito_mfa.backends.CognitoBackend"
OTHER_BACKEND = "django.contrib.auth.backends.ModelBackend"
METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"]


def person(pool: LocalPool, username: str = "newcomer") -> Any:
    """A Django user who was linked before, as after an earlier sign-in."""
    user = get_user_model().objects.create_user(username)
    sub = pool.user(username).sub
    CognitoIdentity.objects.create(user=user, pool_id=POOL_ID, sub=sub, username=username)
    return user


@pytest.mark.parametrize("backend", [OTHER_BACKEND, OUR_BACKEND])
def test_the_gate_leads_through_the_set_up_and_back(
    pool: LocalPool, visitor: Visitor, backend: str
) -> None:
    visitor.client.force_login(person(pool), backend=backend)

    stopped = visitor.get("/private/?page=2")
    assert stopped.url == reverse("cognito_mfa:setup") + "?next=%2Fprivate%2F%3Fpage%3D2"
    asked = visitor.get(stopped.url, follow=True)
    assert "Confirm it’s you" in visitor.text(asked)
    assert 'value="newcomer"' in visitor.text(asked)

    visitor.sign_in(next_url="/private/?page=2")
    visitor.scan()
    done = visitor.confirm_setup()

    assert "%2Fprivate%2F%3Fpage%3D2" in done.url
    assert "private page of newcomer" in visitor.text(visitor.get("/private/"))
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_stopped(pool: LocalPool, visitor: Visitor, method: str) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)

    response = getattr(visitor.client, method)("/private/")

    assert response.status_code == 302
    assert response.url.startswith(reverse("cognito_mfa:setup"))
    assert b"private" not in response.content


def test_what_was_posted_is_neither_kept_nor_replayed_and_the_person_is_told(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)

    stopped = visitor.post("/private/", {"text": "long letter"})

    assert stopped.url == reverse("cognito_mfa:setup")
    assert "weren’t saved" in visitor.text(visitor.get(stopped.url, follow=True))


@pytest.mark.parametrize(
    ("referer", "leads_back"),
    [
        ("http://testserver/private/?draft=1", "/private/?draft=1"),
        ("https://elsewhere.example/private/", ""),
        ("http://testserver@elsewhere.example/", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_a_stopped_form_leads_back_to_the_page_that_it_is_on(
    pool: LocalPool, visitor: Visitor, referer: str, leads_back: str
) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)
    stopped = visitor.post("/private/", {"text": "long letter"}, headers={"Referer": referer})
    assert parse_qs(urlsplit(stopped.url).query).get("next", [""]) == [leads_back]
    visitor.sign_in(next_url=leads_back)
    visitor.scan()
    done = visitor.confirm_setup()
    assert parse_qs(urlsplit(done.url).query).get("next", [""]) == [leads_back]


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/json"},
        {"Accept": "*/*"},
        {"X-Requested-With": "XMLHttpRequest"},
        {"Accept": "text/html", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_scripts_get_a_problem_document(
    pool: LocalPool, visitor: Visitor, headers: dict[str, str]
) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)

    response = visitor.get("/private/", headers=headers)

    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    problem = json.loads(response.content)
    assert problem["code"] == "mfa_required"
    assert problem["setup_url"] == "http://testserver" + reverse("cognito_mfa:setup")
    assert "no-store" in response["Cache-Control"]


def test_htmx_is_told_to_load_the_page(pool: LocalPool, visitor: Visitor) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/private/?page=2"}

    response = visitor.get("/private/", headers=headers)

    assert response.status_code == 403
    assert response["HX-Redirect"].endswith("?next=%2Fprivate%2F%3Fpage%3D2")
    assert response.content == b""

    hostile = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/private/"}
    assert visitor.get("/private/", headers=hostile)["HX-Redirect"] == reverse("cognito_mfa:setup")


def test_a_session_from_before_enforcement_meets_the_gate(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """A session without a proof is not verified."""
    enforcing = settings.COGNITO_MFA
    settings.COGNITO_MFA = {**enforcing, "ENFORCEMENT": "off"}
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)
    assert visitor.is_in()

    settings.COGNITO_MFA = enforcing
    assert not visitor.is_in()


def test_exempt_views_stay_open_and_touch_no_session(
    pool: LocalPool, visitor: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)

    with django_assert_num_queries(0):
        response = visitor.get("/imprint/")

    assert response.content == b"imprint"
    assert "Vary" not in response


def test_the_gate_makes_the_same_decision_under_asgi(pool: LocalPool, visitor: Visitor) -> None:
    visitor.client.force_login(person(pool), backend=OTHER_BACKEND)
    stopped, open_view = over_asgi(visitor, "/async-private/", "/imprint/")

    assert stopped.status_code == 302
    assert stopped["Location"].startswith(reverse("cognito_mfa:setup"))
    assert open_view.content == b"imprint"


def test_a_proof_from_a_sign_in_counts_under_asgi_too(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    (response,) = over_asgi(visitor, "/async-private/")

    assert response.content == b"async page of newcomer"


def over_asgi(visitor: Visitor, *paths: str) -> list[Any]:
    """Get the pages with the visitor's cookie, through Django's ASGI handler."""
    client = AsyncClient()
    client.cookies = visitor.client.cookies

    async def get_all() -> list[Any]:
        return [await client.get(path) for path in paths]

    return async_to_sync(get_all)()


def test_anonymous_visitors_are_none_of_the_gates_business(
    pool: LocalPool, visitor: Visitor
) -> None:
    assert visitor.get("/").content == b"home"
    assert visitor.get("/private/").url.startswith(reverse("cognito_mfa:sign_in"))


def test_a_trusted_backend_has_done_its_own(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUSTED_BACKENDS": [OTHER_BACKEND]}
    user = person(pool)

    visitor.client.force_login(user, backend=OTHER_BACKEND)
    assert visitor.is_in()
    visitor.client.force_login(user, backend=OUR_BACKEND)
    assert not visitor.is_in()


def test_a_proof_dies_with_the_generation_the_age_and_the_user(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """The proof is bound to the user and to the identity's generation, and it ages."""
    visitor.set_up()
    CognitoIdentity.objects.update(generation=F("generation") + 1)
    assert not visitor.is_in()
    CognitoIdentity.objects.update(generation=F("generation") - 1)
    assert visitor.is_in()

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PROOF_MAX_AGE": 1}
    session = visitor.client.session
    record = session["_cognito_mfa_proof"]
    numbers = (record["at"] - 2, record["at"] + 3600, float("nan"), float("inf"), -float("inf"))
    for at in (*numbers, None, "now", True, [record["at"]], 10**400):
        session["_cognito_mfa_proof"] = {**record, "at": at}
        session.save()
        assert not visitor.is_in(), at
    for position in range(len(record["owner"])):
        owner = list(record["owner"])
        owner[position] = "other"
        session["_cognito_mfa_proof"] = {**record, "owner": owner}
        session.save()
        assert not visitor.is_in(), owner

    other = get_user_model().objects.create_user("other")
    session["_cognito_mfa_proof"] = record
    session["_auth_user_id"] = str(other.pk)
    session["_auth_user_hash"] = other.get_session_auth_hash()
    session.save()
    assert not visitor.is_in()


@pytest.mark.parametrize("planted", [True, "yes", 1, {}, {"owner": None}, ["x"]])
def test_a_planted_proof_opens_nothing(pool: LocalPool, visitor: Visitor, planted: object) -> None:
    """Session puzzling: the key was in the session without a sign-in."""
    visitor.client.force_login(person(pool), backend=OUR_BACKEND)
    session = visitor.client.session
    session["_cognito_mfa_proof"] = planted
    session.save()

    assert not visitor.is_in()


def test_a_second_sign_in_without_code_drops_the_proof(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """The same user signs in again, with only the password."""
    visitor.set_up()
    with_policy = settings.COGNITO_MFA
    settings.COGNITO_MFA = {**with_policy, "REQUIRED": False}
    optional_pool.user("newcomer").enabled_factors.clear()
    key = visitor.client.session.session_key
    visitor.sign_in()
    assert visitor.client.session.session_key != key

    settings.COGNITO_MFA = with_policy
    assert not visitor.is_in()


def test_a_fixed_session_is_worthless_to_who_planted_it(pool: LocalPool, visitor: Visitor) -> None:
    """The session key changes with the password and with the code."""
    visitor.get(reverse("cognito_mfa:sign_in"))
    session = visitor.client.session
    session["basket"] = ["book"]
    session.save()
    visitor.client.cookies["sessionid"] = str(session.session_key)
    planted = Client()
    planted.cookies["sessionid"] = str(session.session_key)

    visitor.set_up()

    assert visitor.client.session["basket"] == ["book"]
    assert planted.get("/private/").status_code == 302
    assert "_auth_user_id" not in planted.session


def test_a_user_deactivated_here_is_out_at_once(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    get_user_model().objects.update(is_active=False)
    assert not visitor.is_in()

    visitor.sign_in()
    response = visitor.enter_code()
    assert response.answered == 403
    assert not visitor.is_in()
