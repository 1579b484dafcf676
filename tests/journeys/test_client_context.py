"""What threat protection and Lambda triggers are told of the browser.

aws-quickstart/saas-identity-cognito#10, qwigo/warrant#152: all users shared the address of the server.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

AGENT = "Mozilla/5.0 (X11)"
BROWSER: dict[str, Any] = {
    "REMOTE_ADDR": "203.0.113.7",
    "HTTP_X_FORWARDED_FOR": "198.51.100.1",
    "headers": {"User-Agent": AGENT, "Accept-Language": "de", "Authorization": "Basic x"},
}  # fmt: skip


def behind_proxy(request: HttpRequest) -> str:
    return request.headers["X-Forwarded-For"].split(",")[-1]


def for_triggers(request: HttpRequest, operation: str) -> dict[str, str]:
    return {"operation": operation, "language": request.headers.get("Accept-Language", "")}


def fails(*_given: object) -> str:
    raise RuntimeError("the site's own function")


def conf(settings: Settings, **values: object) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **values}


def parameters(visitor: Visitor, index: int = 0) -> Any:
    return visitor.cognito.calls[index].parameters


@pytest.mark.over_api
def test_public_calls_carry_the_address(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(**BROWSER)
    visitor.post(reverse("cognito_mfa:challenge"), {"code": visitor.code()}, **BROWSER)
    assert visitor.cognito.operations() == ["InitiateAuth", "RespondToAuthChallenge"]
    for call in visitor.cognito.calls:
        assert call.parameters["UserContextData"] == {"IpAddress": "203.0.113.7"}
        assert "ClientMetadata" not in call.parameters


def test_signed_calls_carry_the_whole_context(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    conf(settings, AUTH_FLOW="ADMIN_USER_PASSWORD_AUTH")
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(**BROWSER)
    visitor.post(reverse("cognito_mfa:challenge"), {"code": visitor.code()}, **BROWSER)
    paths = []
    for call in visitor.cognito.calls:
        context = call.parameters["ContextData"]
        assert (context["IpAddress"], context["ServerName"]) == ("203.0.113.7", "testserver")
        headers = {each["headerName"]: each["headerValue"] for each in context["HttpHeaders"]}
        assert headers == {"User-Agent": AGENT, "Accept-Language": "de"}
        paths.append(context["ServerPath"])
    assert paths == [reverse("cognito_mfa:sign_in"), reverse("cognito_mfa:challenge")]


@pytest.mark.over_api
def test_every_call_that_can_carry_it_does(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """Also the new password, the end of a setup, and a forgotten password."""
    conf(settings, CLIENT_METADATA=for_triggers)
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    new = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    visitor.post(reverse("cognito_mfa:new_password"), new)
    visitor.scan()
    visitor.confirm_setup()
    visitor.sign_out()
    visitor.post(reverse("cognito_mfa:password_reset"), {"username": "newcomer"})
    carrying = {"InitiateAuth", "RespondToAuthChallenge", "ForgotPassword"}
    calls = [call for call in visitor.cognito.calls if call.operation in carrying]
    assert [call.operation for call in calls] == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "RespondToAuthChallenge",
        "ForgotPassword",
    ]
    for call in calls:
        assert call.parameters["UserContextData"]["IpAddress"] == "127.0.0.1"
        assert call.parameters["ClientMetadata"]["operation"] == call.operation


def test_a_site_behind_a_proxy_says_where_the_address_is(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    conf(settings, CLIENT_ADDRESS="tests.journeys.test_client_context.behind_proxy")
    visitor.sign_in(**BROWSER)
    assert parameters(visitor)["UserContextData"] == {"IpAddress": "198.51.100.1"}


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
        ("203.0.113.7, 10.0.0.1", None),
        ("x" * 200_000, None),
    ],
)
@pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"])
def test_an_odd_address_never_stops_a_sign_in(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    flow: str,
    address: str,
    sent: str | None,
) -> None:
    conf(settings, AUTH_FLOW=flow)
    assert visitor.sign_in(REMOTE_ADDR=address).status_code == 302
    given = parameters(visitor)
    context = given.get("UserContextData") or given.get("ContextData") or {}
    assert context.get("IpAddress") == sent


@pytest.mark.parametrize("name", ["CLIENT_ADDRESS", "CLIENT_METADATA", "CLIENT_ENCODED_DATA"])
@pytest.mark.parametrize(
    "hook", [fails, lambda *_given: 7, "no.such.module"], ids=["fails", "7", "missing"]
)
def test_a_hook_that_fails_never_stops_a_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings, name: str, hook: object
) -> None:  # fmt: skip
    conf(settings, **{name: hook})
    assert visitor.sign_in().status_code == 302


def test_metadata_is_cut_to_what_cognito_takes(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    told = {"long": "x" * 200_000, "number": 7, **{f"key{n}": "v" for n in range(100)}}
    conf(settings, CLIENT_METADATA=lambda _request, _operation: told)
    assert visitor.sign_in().status_code == 302
    sent = parameters(visitor)["ClientMetadata"]
    assert len(sent["long"]) == 131_072
    assert "number" not in sent
    assert len(sent) == 64


def test_encoded_data_of_the_browsers_script(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    conf(settings, CLIENT_ENCODED_DATA=lambda request: request.POST.get("asf"))
    data = {"username": "newcomer", "password": "Correct-Horse-7", "asf": "eyJ"}
    visitor.post(reverse("cognito_mfa:sign_in"), data)
    assert parameters(visitor)["UserContextData"]["EncodedData"] == "eyJ"


def test_a_client_that_takes_no_context_gets_none(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    refused = faults.Error("InvalidParameterException", "UserContextData is not allowed")
    visitor.cognito.faults.on("InitiateAuth", refused, times=1)
    assert visitor.sign_in().status_code == 302
    assert "UserContextData" not in parameters(visitor, 1)
    assert "client_context_refused" in caplog.text
