"""Cognito unreachable, slow, throttled, or answering rubbish: at every step a page that says so,
never a server error, never a sign-in, and what consumes something is sent once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor


def at_password(visitor: Visitor) -> Any:
    return visitor.sign_in()


def at_set_up(visitor: Visitor) -> Any:
    visitor.sign_in()
    visitor.scan()
    return visitor.confirm_setup(friendly_name="Blue phone")


def at_code(visitor: Visitor) -> Any:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    visitor.cognito.forget_calls()
    return visitor.enter_code()


def at_new_password(visitor: Visitor) -> Any:
    visitor.cognito.pools()[0].create_user(
        "invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD"
    )
    visitor.sign_in("invited", "Temporary-1")
    data = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    return visitor.post(reverse("cognito_mfa:new_password"), data)


# Where a person is, and which call fails there.
STEPS = [
    pytest.param(at_password, "InitiateAuth", id="password"),
    pytest.param(at_password, "AssociateSoftwareToken", id="associate"),
    pytest.param(at_set_up, "VerifySoftwareToken", id="verify"),
    pytest.param(at_set_up, "RespondToAuthChallenge", id="finish-set-up"),
    pytest.param(at_code, "RespondToAuthChallenge", id="code"),
    pytest.param(at_new_password, "RespondToAuthChallenge", id="new-password"),
]


def reply(payload: object) -> faults.Body:
    return faults.Body(json.dumps(payload).encode(), executed=True)


FAULTS: dict[str, faults.Fault] = {
    "unreachable": faults.Unreachable(),
    "timeout, not executed": faults.Timeout(executed=False),
    "timeout, executed": faults.Timeout(executed=True),
    "reset, not executed": faults.Reset(executed=False),
    "reset, executed": faults.Reset(executed=True),
    "truncated": faults.Truncated(),
    "internal error": faults.Error("InternalErrorException", "oh", 500),
    "503 page": faults.Body(b"<html>busy</html>", 503),
    "502 page": faults.Body(b"", 502),
    "firewall page": faults.Body(b"<html>blocked</html>", 403),
    "redirect": faults.Body(b"", 302, {"Location": "https://login.example/"}),
    "html": faults.Body(b"<html>please log in to the wifi</html>"),
    "empty": faults.Body(b""),
    "empty object": reply({}),
    "list": reply([1, 2]),
    "null": reply(None),
    "string": reply("hi"),
    "not utf-8": faults.Body(b'{"Status": "\xff\xfe"}'),
    "no length": faults.Body(b"{}", headers={"Content-Length": ""}),
    "foreign": faults.Body(b'{"Status":"SUCCESS"}', headers={"x-amzn-RequestId": ""}),
    "wrong types": reply(
        {
            "ChallengeName": 7,
            "Session": ["x"],
            "SecretCode": 12,
            "Status": True,
            "AuthenticationResult": [],
            "ChallengeParameters": "no",
        }
    ),
    "neither": reply({"ChallengeParameters": {}}),
    "both": reply(
        {
            "ChallengeName": "SOFTWARE_TOKEN_MFA",
            "Session": "s" * 30,
            "AuthenticationResult": {"AccessToken": "a.b.c", "IdToken": "a.b.c"},
        }
    ),
    "challenge without session": reply({"ChallengeName": "SOFTWARE_TOKEN_MFA"}),
    "tokens that are none": reply({"AuthenticationResult": {"AccessToken": "not a token"}}),
    "empty token": reply({"AuthenticationResult": {"AccessToken": ""}}),
    "token of the wrong type": reply({"AuthenticationResult": {"AccessToken": 1}}),
    "unknown error": faults.Error("BrandNewException", "who knows"),
    "nameless error": faults.Body(b"{}", 400),
    "pool gone": faults.Error("ResourceNotFoundException", "User pool client x does not exist."),
    "lambda": faults.Error("UnexpectedLambdaException", "arn:aws:lambda:secret"),
}


@pytest.mark.over_api
@pytest.mark.sweep
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize(("come_to", "operation"), STEPS)
def test_a_failing_cognito_is_a_page_never_an_error_never_a_sign_in(
    pool: LocalPool,
    visitor: Visitor,
    come_to: Callable[[Visitor], Any],
    operation: str,
    name: str,
) -> None:
    if come_to is at_code:
        visitor.come_with_app()
        visitor.sign_out()
        visitor.sign_in()
    visitor.cognito.forget_calls()
    visitor.cognito.faults.on(operation, FAULTS[name])

    response = visitor.enter_code() if come_to is at_code else come_to(visitor)

    assert response.answered == 503
    assert int(response.retry_after) > 0
    assert "no-store" in response["Cache-Control"]
    page = visitor.text(response)
    assert "Exception" not in page
    assert "arn:aws" not in page
    assert "wifi" not in page
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session
    sent = visitor.cognito.operations().count(operation)
    assert sent == (0 if name == "unreachable" else 1)


@pytest.mark.over_api
@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "ThrottlingException", "LimitExceededException"]
)
@pytest.mark.parametrize(("come_to", "operation"), STEPS)
def test_throttling_is_told_and_the_step_can_be_tried_again(
    pool: LocalPool,
    visitor: Visitor,
    come_to: Callable[[Visitor], Any],
    operation: str,
    code: str,
) -> None:
    if come_to is at_code:
        visitor.come_with_app()
        visitor.sign_out()
        visitor.sign_in()
    visitor.cognito.forget_calls()
    visitor.cognito.faults.on(operation, faults.Error(code, "Rate exceeded"), times=2)

    response = visitor.enter_code() if come_to is at_code else come_to(visitor)

    assert response.answered == 429
    assert int(response.retry_after) > 0
    assert "Rate exceeded" not in visitor.text(response)
    # What was throttled was not executed, and is sent again; a limit of the user's own is not.
    sent = visitor.cognito.operations().count(operation)
    assert sent == (1 if code == "LimitExceededException" else 2)
    assert not visitor.is_in()


@pytest.mark.parametrize(("come_to", "operation"), STEPS)
def test_one_throttled_call_is_no_ones_concern(
    pool: LocalPool, visitor: Visitor, come_to: Callable[[Visitor], Any], operation: str
) -> None:
    """boto/botocore#1756, aws-amplify/amplify-js#3554: told "too many attempts" at the very first one."""
    if come_to is at_code:
        visitor.come_with_app()
        visitor.sign_out()
        visitor.sign_in()
    throttled = faults.Error("TooManyRequestsException", "Rate exceeded")
    visitor.cognito.faults.on(operation, throttled, times=1)
    response = visitor.enter_code() if come_to is at_code else come_to(visitor)
    assert response.status_code == 302


@pytest.mark.over_api
def test_after_throttling_the_code_page_still_stands(pool: LocalPool, visitor: Visitor) -> None:
    throttled = faults.Error("TooManyRequestsException", "Rate exceeded")
    visitor.cognito.faults.on("RespondToAuthChallenge", throttled, skip=1, times=2)
    assert at_code(visitor).answered == 429
    visitor.enter_code()
    assert visitor.is_in()


def test_what_was_typed_stays_except_secrets(pool: LocalPool, visitor: Visitor) -> None:
    visitor.cognito.faults.on("InitiateAuth", faults.Unreachable(), times=2)
    page = visitor.text(visitor.sign_in(next_url="/private/"))
    assert 'value="newcomer"' in page
    assert 'value="/private/"' in page
    assert "Correct-Horse-7" not in page

    visitor.sign_in(next_url="/private/")
    visitor.scan()
    visitor.cognito.faults.on("VerifySoftwareToken", faults.Unreachable(), times=2)
    code = visitor.code()
    response = visitor.confirm_setup(code, friendly_name="Blue phone")
    assert response.answered == 503
    page = visitor.text(response)
    assert 'value="Blue phone"' in page
    assert f'value="{code}"' not in page
    assert visitor.confirm_setup(code).status_code == 302
    assert visitor.is_in()


@pytest.mark.over_api
def test_cognitos_lock_on_codes_is_told_and_the_challenge_stands(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    locked = faults.Error(
        "NotAuthorizedException",
        "Too many invalid credentials attempts. User temporarily locked. Please try again after few seconds.",
    )
    visitor.cognito.faults.on("RespondToAuthChallenge", locked, times=1)
    response = visitor.enter_code()
    assert response.answered == 429
    assert "Wait" in visitor.text(response)

    visitor.enter_code()
    assert visitor.is_in()


NOT_CODES = {
    "empty": "",
    "blank": " ",
    "five": "12345",
    "seven": "1234567",
    "letter": "12345a",
    "five full-width": "\uff11\uff12\uff13\uff14\uff15",
    "superscript": "12345\u00b2",
    "fraction": "12345\u00bd",
    "Roman": "12345\u2166",
    "circled": "\u2460\u2461\u2462\u2463\u2464\u2465",
    "point": "12.3456",
    "exponent": "1e5000",
    "NUL": "123456\x00",
    "long": "-23456" * 9,
}


@pytest.mark.parametrize("typed", NOT_CODES.values(), ids=NOT_CODES)
def test_what_is_no_code_is_told_without_asking(
    pool: LocalPool, visitor: Visitor, typed: str
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.cognito.forget_calls()
    response = visitor.confirm_setup(typed)

    assert response.status_code == 200
    assert 'id="id_code_error"' in visitor.text(response)
    assert visitor.cognito.operations() == []


WAYS_TO_TYPE: dict[str, Callable[[str], str]] = {
    "blank": lambda code: f"{code[:3]} {code[3:]}",
    "around": lambda code: f"  {code}\n",
    "no-break space": lambda code: f"{code[:3]}\u00a0{code[3:]}",
    "hyphen": lambda code: f"{code[:3]}-{code[3:]}",
    "full-width": lambda code: code.translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "narrow spaces": lambda code: f"\u3000{code[:2]}\u202f{code[2:4]}\u2009{code[4:]}",
    "Arabic": lambda code: code.translate({ord("0") + n: 0x0660 + n for n in range(10)}),
    "Persian": lambda code: code.translate({ord("0") + n: 0x06F0 + n for n in range(10)}),
    "Devanagari": lambda code: code.translate({ord("0") + n: 0x0966 + n for n in range(10)}),
    "keycaps": lambda code: "".join(f"{digit}\ufe0f\u20e3" for digit in code),
    "left-to-right mark": lambda code: f"\u200e{code}",
    "isolated": lambda code: f"\u2067{code[:3]}\u200b{code[3:]}\u2069\ufeff",
    "dashes": lambda code: f"{code[:2]}\u2013{code[2:4]}\u2212{code[4:]}",
    "point": lambda code: f"{code[:3]}.{code[3:]}",
    "two lines": lambda code: f"{code[:3]}\n{code[3:]}\t",
    "end of a sentence": lambda code: f"\u201c{code}\u201d.",
}


@pytest.mark.parametrize("type_it", WAYS_TO_TYPE.values(), ids=WAYS_TO_TYPE)
def test_codes_are_taken_as_people_type_them(
    pool: LocalPool, visitor: Visitor, type_it: Callable[[str], str]
) -> None:
    """firebase/FirebaseUI-iOS#790 and #430, privacyidea/privacyidea-authenticator#105, andOTP/andOTP#359."""
    visitor.sign_in()
    visitor.scan()
    code = visitor.code()
    visitor.confirm_setup(type_it(code))

    assert visitor.is_in()
    assert visitor.cognito.calls[2].parameters["UserCode"] == code


@pytest.mark.parametrize("pasted", ["\u200enewcomer", "newcomer\u200b\u00a0", "\tnew\ufeffcomer\n"])
def test_names_are_taken_as_people_paste_them(
    pool: LocalPool, visitor: Visitor, pasted: str
) -> None:
    visitor.sign_in(pasted)
    assert visitor.cognito.calls[0].parameters["AuthParameters"]["USERNAME"] == "newcomer"


def test_which_names_exist_is_for_cognito_to_say(pool: LocalPool, visitor: Visitor) -> None:
    response = visitor.sign_in("new comer")
    assert "Incorrect username or password" in visitor.text(response)
    assert visitor.cognito.operations() == ["InitiateAuth"]


@pytest.mark.parametrize(
    "name", ["x" * 65, "bell\x07", "right\u202eleft", "two\nlines", "nul\x00"], ids=ascii
)
def test_names_that_would_break_a_page_are_refused(
    pool: LocalPool, visitor: Visitor, name: str
) -> None:
    visitor.sign_in()
    visitor.scan()
    response = visitor.confirm_setup(friendly_name=name)
    assert response.status_code == 200
    assert "VerifySoftwareToken" not in visitor.cognito.operations()


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{7*7}}{% debug %}",
        "👩‍💻 Päivis Händy",
        "x" * 64,
    ],
    ids=ascii,
)
def test_names_are_inert_on_every_page(pool: LocalPool, visitor: Visitor, name: str) -> None:
    """Friendly names with markup, template syntax, emoji, and the greatest length."""
    user = get_user_model()
    user.objects.create_superuser("root", password="x")
    visitor.sign_in()
    visitor.scan()
    response = visitor.confirm_setup(friendly_name=name)
    pages = [visitor.text(visitor.get(response.url))]
    visitor.cognito.clock.advance(30)
    visitor.sign_out()
    visitor.sign_in()
    pages.append(visitor.text(visitor.get(reverse("cognito_mfa:challenge"))))

    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert any(name in page or "&lt;" in page or "7*7" in page for page in pages)


@pytest.mark.over_api
@pytest.mark.parametrize(
    "claims",
    [
        "another sub in one token",
        "another client",
        "another pool",
        "another user",
        "an id token twice",
    ],
)
def test_tokens_for_another_user_are_not_believed(
    pool: LocalPool, visitor: Visitor, claims: str
) -> None:
    """A hostile or confused Cognito."""
    other = visitor.cognito.create_pool("us-east-1_Another00")
    other.create_client("anotherclient")
    other.create_user("newcomer", password="x")
    pool.create_client("secondclient")
    pool.create_user("victim", password="x")
    admin = ["aws.cognito.signin.user.admin"]
    foreign: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "another sub in one token": lambda result: {
            **result,
            "IdToken": pool.issue_tokens("victim", "exampleclient0000000000000", scopes=admin)[
                "IdToken"
            ],
        },
        "another client": lambda _result: pool.issue_tokens(
            "newcomer", "secondclient", scopes=admin
        ),
        "another pool": lambda _result: other.issue_tokens(
            "newcomer", "anotherclient", scopes=admin
        ),
        "another user": lambda _result: pool.issue_tokens(
            "victim", "exampleclient0000000000000", scopes=admin
        ),
        "an id token twice": lambda result: {**result, "AccessToken": result["IdToken"]},
    }

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "AuthenticationResult": foreign[claims](answer["AuthenticationResult"])}

    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    visitor.cognito.faults.on("RespondToAuthChallenge", faults.Edit(change))

    assert visitor.enter_code().answered == 503
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session


@pytest.mark.parametrize(
    ("methods", "opens"),
    [(["pwd", "otp", "mfa"], True), (["pwd"], False), (None, True)],
)
def test_claims_about_the_factors_can_only_refuse(
    visitor: Visitor, methods: list[str] | None, opens: bool
) -> None:
    """The claim `amr` is absent, agrees, or contradicts."""
    import jwt

    from cognito_mfa.local import Behavior
    from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

    pool = visitor.cognito.create_pool(POOL_ID, mfa="ON", behavior=Behavior(acr_and_amr=True))
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)

    def rewrite(token: str) -> str:
        claims = jwt.decode(token, options={"verify_signature": False})
        claims.pop("amr", None)
        return jwt.encode(claims if methods is None else {**claims, "amr": methods}, "k" * 32)

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        result = answer["AuthenticationResult"]
        tokens = {name: rewrite(result[name]) for name in ("AccessToken", "IdToken")}
        return {**answer, "AuthenticationResult": {**result, **tokens}}

    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    visitor.cognito.faults.on("RespondToAuthChallenge", faults.Edit(change))
    visitor.enter_code()

    assert visitor.is_in() is opens


def test_a_receiver_that_fails_breaks_no_ones_sign_in(pool: LocalPool, visitor: Visitor) -> None:
    from cognito_mfa.signals import signed_in

    def fail(**_kwargs: object) -> None:
        raise RuntimeError

    signed_in.connect(fail)
    try:
        visitor.set_up()
    finally:
        signed_in.disconnect(fail)


def test_receivers_of_signed_in_get_the_tokens(pool: LocalPool, visitor: Visitor) -> None:
    from cognito_mfa.signals import signed_in

    received: list[dict[str, Any]] = []

    def keep(**kwargs: Any) -> None:
        received.append(kwargs)

    signed_in.connect(keep)
    try:
        visitor.set_up()
    finally:
        signed_in.disconnect(keep)

    (given,) = received
    assert given["user"].username == "newcomer"
    assert given["method"] == "SOFTWARE_TOKEN_MFA"
    tokens = given["tokens"]
    assert visitor.cognito.client().get_user(AccessToken=tokens.access)["Username"] == "newcomer"
    assert tokens.refresh
    assert tokens.access not in repr(tokens)
