"""What is tried with the API alone: bodies that two parsers read differently, other origins, and no token."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.core.signals import got_request_exception
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.api import urls
from cognito_mfa.api.bodies import MAX_BYTES
from cognito_mfa.authenticator import reset
from cognito_mfa.enforcement.view_marks import unwrap_all_known
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.api.conftest import front_end, site_with_api
from tests.api.frontend import FrontEnd
from tests.security.confirmations import anna, bob, resolve_by
from tests.security.during_calls import while_cognito_answers
from tests.visitor import PASSWORD

__all__ = ["anna", "front_end", "site_with_api"]
pytestmark = pytest.mark.usefixtures("pool")
RIGHT = {"username": "newcomer", "password": PASSWORD}

MALFORMED = {
    "no JSON": "username=newcomer",
    "an array": "[]",
    "a text": '"text"',
    "a number": "1",
    "null": "null",
    "half of it": '{"username": "newcomer"',
    "two": "{}{}",
    "a comment": '{} // "x"',
    "the same key twice": '{"username": "newcomer", "username": "admin", "password": "x"}',
    "the same key twice, escaped": '{"username": "newcomer", "user\\u006eame": "admin"}',
    "the same key twice inside": '{"attributes": {"a": "1", "a": "2"}}',
    "not a number": '{"username": NaN}',
    "infinity": '{"username": -Infinity}',
    "a float": '{"username": 1e999}',
    "a long number": f'{{"username": {"9" * 5000}}}',
    "half a pair": '{"username": "\\ud800", "password": "x"}',
    "half a pair in a key": '{"\\ud800": "x"}',
    "deep": "[" * 8000,
    "deep and whole": "[" * 4000 + "]" * 4000,
    "deep objects": '{"a":' * 1500 + "1" + "}" * 1500,
    "not UTF-8": b'{"username": "\xff"}',
    "UTF-16": '{"username": "newcomer"}'.encode("utf-16"),
    "a mark of byte order": b"\xef\xbb\xbf{}",
}


def class_of(view: Any) -> Any:
    while not hasattr(view, "view_class"):
        view = unwrap_all_known(view)
    return view.view_class


def refused(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, answer.body["code"]


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_no_object_is_refused(front_end: FrontEnd, body: str | bytes) -> None:
    front_end.see()
    assert refused(front_end.call("POST", "sign_in", body)) == (400, "malformed_body")
    assert front_end.operations() == []


ODD = [None, True, 1, [], ["newcomer"], {}, {"$ne": ""}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", ["username", "password", "next"])
def test_a_text_is_a_text(front_end: FrontEnd, name: str, odd: Any) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", {**RIGHT, name: odd})
    assert refused(answer) == (400, "invalid")
    assert list(answer.body["fields"]) == [name]
    assert front_end.operations() == []


@pytest.mark.parametrize("odd", [*ODD, 123456], ids=repr)
def test_a_code_is_a_text(front_end: FrontEnd, odd: Any) -> None:
    front_end.sign_in()
    front_end.scan()
    front_end.operations()
    assert refused(front_end.tell("setup", code=odd)) == (400, "invalid")
    assert front_end.operations() == []


@pytest.mark.parametrize("odd", ["yes", "false", 1, 0, None, []], ids=repr)
def test_a_boolean_is_a_boolean(front_end: FrontEnd, odd: Any) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", {**RIGHT, "setup": odd})
    assert refused(answer) == (400, "invalid")


@pytest.mark.parametrize("odd", ["x", None, [], {"a": 1}, {"a": {"b": "c"}}, {"a": None}], ids=repr)
def test_attributes_are_an_object_of_texts(front_end: FrontEnd, odd: Any) -> None:
    front_end.see()
    body = {"password": PASSWORD, "attributes": odd}
    assert refused(front_end.call("POST", "new_password", body)) == (400, "invalid")


@pytest.mark.parametrize("name", ["is_staff", "new_password1", "csrfmiddlewaretoken", "x" * 999])
def test_an_unknown_member_is_refused(front_end: FrontEnd, name: str) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", {**RIGHT, name: "x"})
    assert refused(answer) == (400, "invalid")
    assert len(answer.content) < 1000
    assert front_end.operations() == []


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 3_000_000])
def test_a_large_body_is_refused(front_end: FrontEnd, size: int) -> None:
    front_end.see()
    body = json.dumps({**RIGHT, "next": "x" * size})
    assert refused(front_end.call("POST", "sign_in", body)) == (413, "body_too_large")


def test_a_large_body_that_lies_about_its_length_is_not_read(front_end: FrontEnd) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", json.dumps(RIGHT), CONTENT_LENGTH="99999999")
    assert refused(answer) == (413, "body_too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
    ],
)
def test_another_media_type_is_refused(front_end: FrontEnd, media_type: str) -> None:
    """A page of another site can send none but these without asking the browser first."""
    front_end.see()
    answer = front_end.call("POST", "sign_in", json.dumps(RIGHT), CONTENT_TYPE=media_type)
    assert refused(answer) == (415, "unsupported_media_type")
    assert front_end.operations() == []


POSTS = [
    ("device", "PATCH"),
    *(
        (str(one.name), "POST")
        for one in urls.urlpatterns
        if one.name not in ("openapi", "session", "activity", "device")
    ),
]


@pytest.mark.parametrize(("name", "method"), POSTS)
def test_nothing_changes_without_the_token(front_end: FrontEnd, name: str, method: str) -> None:
    front_end.come_with_app()
    before = CognitoIdentity.objects.values().get()
    answer = front_end.call(method, name, RIGHT, HTTP_X_CSRFTOKEN="x" * 32)
    assert refused(answer) == (403, "csrf_failed")
    assert front_end.operations() == []
    assert front_end.is_in()
    assert CognitoIdentity.objects.values().get() == before


def test_a_token_in_the_body_is_no_token(front_end: FrontEnd) -> None:
    front_end.see()
    token = front_end.client.cookies["csrftoken"].value
    body = {**RIGHT, "csrfmiddlewaretoken": token}
    answer = front_end.call("POST", "sign_in", body, HTTP_X_CSRFTOKEN="")
    assert refused(answer) == (403, "csrf_failed")


def test_a_token_of_another_browser_is_no_token(front_end: FrontEnd) -> None:
    """Nor is one of before the sign-in: what a page of then still has."""
    stranger = front_end.another_browser()
    theirs = stranger.see()["X-CSRFToken"]
    before = front_end.see()["X-CSRFToken"]
    for token in (theirs, theirs[::-1], "", before[:-1], f"{before} "):
        answer = front_end.call("POST", "sign_in", RIGHT, HTTP_X_CSRFTOKEN=token)
        assert refused(answer) == (403, "csrf_failed")
    front_end.come_with_app()
    old = front_end.call("POST", "device_remove", {"password": "x"}, HTTP_X_CSRFTOKEN=before)
    assert refused(old) == (403, "csrf_failed")
    assert front_end.operations() == []


@pytest.mark.parametrize(
    "page", ["", "https://evil.example/", "http://testserver/", "https://testserver.evil.example/"]
)
def test_over_https_a_post_must_say_which_page_it_is_from(front_end: FrontEnd, page: str) -> None:
    """Where no Origin says it: who can write a cookie, from a subdomain or over HTTP, can write a token as well."""
    front_end.see(secure=True)
    answer = front_end.call("POST", "sign_in", RIGHT, secure=True, HTTP_REFERER=page)
    assert refused(answer) == (403, "csrf_failed")
    good = {"secure": True, "HTTP_REFERER": "https://testserver/app/"}
    assert front_end.call("POST", "sign_in", RIGHT, **good).body["step"] == "setup"


MEMBERS = [
    (str(one.name), "PATCH" if one.name == "device" else "POST", member, kind)
    for one in urls.urlpatterns
    for member, kind in class_of(one.callback).members.items()
]
WRONG_KINDS: dict[Any, list[Any]] = {
    bool: ["true", 1, 0, None, [True], {"": True}],
    dict: ["{}", 1, True, None, [], [["a", "b"]], {"a": ["b"]}, {"a": {"b": "c"}}, {"a": 1}],
}
NO_TEXTS = [0, -1, 10**30, True, False, None, [], [""], ["a"] * 50, {}, {"__proto__": {"x": "y"}}]


@pytest.mark.parametrize(("name", "method", "member", "kind"), MEMBERS)
def test_each_member_of_each_body_is_of_its_kind(
    front_end: FrontEnd, settings: Settings, name: str, method: str, member: str, kind: Any
) -> None:
    user = get_user_model().objects.create_user("ada")
    front_end.client.force_login(user)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "RECOVERY_CODES": True}
    front_end.see()
    for odd in WRONG_KINDS.get(kind, NO_TEXTS):
        answer = front_end.call(method, name, {member: odd})
        assert refused(answer) == (400, "invalid"), odd
        assert list(answer.body["fields"]) == [member]
    assert front_end.operations() == []


NAMES = [
    "",
    "__proto__",
    "constructor",
    "Username",
    "username ",
    "\uff55sername",
    "username\0",
    "$where",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_another_reader_may_take_for_a_member_is_refused(
    front_end: FrontEnd, name: str
) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", {**RIGHT, name: "admin"})
    assert refused(answer) == (400, "invalid")
    assert list(answer.body["fields"]) == [name]
    assert front_end.operations() == []


TYPED = [
    "\0",
    "\u202e",
    "\ufffe",
    "\U0001f511",
    "²",
    "٣",
    "1e999",
    "-1",
    "%00",
    "x" * 5_000,
    "\n" * 500,
]


@pytest.mark.parametrize(
    "text",
    [TYPED[0], *(pytest.param(one, marks=pytest.mark.sweep) for one in TYPED[1:])],
    ids=lambda text: ascii(text)[:12],
)
def test_what_people_type_is_no_server_error(front_end: FrontEnd, text: str) -> None:
    """In every text of every body, all at once, at the step that takes it and elsewhere."""

    def send_all() -> None:
        for name, method in {(name, method) for name, method, *_more in MEMBERS}:
            kinds = {m: kind for n, _method, m, kind in MEMBERS if n == name}
            body = {
                m: {text[:50]: text} if kind is dict else text
                for m, kind in kinds.items()
                if kind is not bool
            }
            answer = front_end.call(method, name, body)
            assert answer.status_code < 500, name
            assert len(answer.content) < 20_000

    front_end.sign_in()
    send_all()
    front_end.wait(3600)
    front_end.come_with_app()
    send_all()
    for identity in CognitoIdentity.objects.all():
        names = [token.friendly_name for token in identity.software_tokens.all()]
        assert "\0" not in "".join([identity.username, *names])


BODIES = {
    "many members": json.dumps({f"m{number}": "x" for number in range(900)}),
    "a long name": json.dumps({"x" * 16_000: "x"}),
    "much space": '{"username": "newcomer"}' + " " * 16_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_as_large_as_it_may_be_costs_little(front_end: FrontEnd, body: str) -> None:
    front_end.see()
    assert len(body) <= MAX_BYTES
    answer = front_end.call("POST", "sign_in", body)
    assert refused(answer) == (400, "invalid")
    assert len(answer.content) < 200_000
    assert front_end.operations() == []


@pytest.mark.parametrize("length", ["-1", "x", "0x10", "", "1e3", "٣"])
def test_a_length_that_is_none_is_no_server_error(front_end: FrontEnd, length: str) -> None:
    front_end.see()
    answer = front_end.call("POST", "sign_in", json.dumps(RIGHT), CONTENT_LENGTH=length)
    assert answer.status_code in (400, 413)
    assert front_end.operations() == []


def test_a_compressed_body_is_not_unpacked(front_end: FrontEnd) -> None:
    front_end.see()
    body = gzip.compress(json.dumps({**RIGHT, "next": "x" * 10_000_000}).encode())
    assert len(body) < MAX_BYTES
    answer = front_end.call("POST", "sign_in", body, HTTP_CONTENT_ENCODING="gzip")
    assert refused(answer) == (400, "malformed_body")


@pytest.mark.parametrize("own_is_last", [True, False])
def test_two_session_cookies_are_one_session_to_all(
    front_end: FrontEnd, pool: LocalPool, own_is_last: bool
) -> None:
    """The gate, the session object, and each view see the same user, whichever cookie a server takes."""
    pool.create_user("victim", password=PASSWORD)
    victim = front_end.another_browser()
    victim.set_up("victim", friendly_name="Victim’s")
    front_end.set_up(friendly_name="Own")
    keys = [one.client.cookies["sessionid"].value for one in (victim, front_end)]
    first, last = keys if own_is_last else keys[::-1]
    with_both = Client(headers={"Cookie": f"sessionid={first}; sessionid={last}"})
    name = with_both.get(reverse("cognito_mfa_api:session")).json()["username"]
    device = with_both.get(reverse("cognito_mfa_api:device")).json()["friendly_name"]
    assert (name, device) in (("victim", "Victim’s"), ("newcomer", "Own"))
    CognitoIdentity.objects.get(username=name).invalidate_proofs(None)
    assert with_both.get(reverse("cognito_mfa_api:device")).status_code == 403


OTHERS = ["https://evil.example", "null", "http://testserver.evil.example", "https://testserver"]


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize("name", ["session", "setup", "sign_in"])
def test_another_origin_is_refused(
    front_end: FrontEnd, settings: Settings, origin: str, name: str
) -> None:
    """Also where the site trusts it with its forms."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://evil.example", "https://*.example"]
    front_end.sign_in()
    front_end.operations()
    method = "POST" if name == "sign_in" else "GET"
    answer = front_end.call(method, name, RIGHT, HTTP_ORIGIN=origin)
    assert refused(answer) == (403, "origin_not_allowed")
    assert "Origin" in answer["Vary"]
    assert front_end.operations() == []


def test_an_origin_of_the_setting_is_allowed(front_end: FrontEnd, settings: Settings) -> None:
    app = "https://app.example.com"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "API_ORIGINS": [app]}
    settings.CSRF_TRUSTED_ORIGINS = [app]
    assert front_end.see(HTTP_ORIGIN=app).status_code == 200
    assert front_end.call("POST", "sign_in", RIGHT, HTTP_ORIGIN=app).body["step"] == "setup"
    assert front_end.see(HTTP_ORIGIN="http://testserver").status_code == 200


def test_the_token_of_the_header_is_good_for_the_next_post(front_end: FrontEnd) -> None:
    """A front end at another site cannot read the cookie."""
    token = front_end.see()["X-CSRFToken"]
    begun = front_end.call("POST", "sign_in", RIGHT, HTTP_X_CSRFTOKEN=token)
    front_end.scan()
    body = {"code": front_end.code()}
    done = front_end.call("POST", "setup", body, HTTP_X_CSRFTOKEN=begun["X-CSRFToken"])
    assert done.body["step"] == "done"
    last = front_end.call("POST", "sign_out", HTTP_X_CSRFTOKEN=done["X-CSRFToken"])
    assert last.status_code == 200


def test_the_session_gets_a_new_key_at_each_sign_in(front_end: FrontEnd) -> None:
    front_end.sign_in()
    keys = [front_end.client.cookies["sessionid"].value]
    front_end.scan()
    front_end.confirm_setup()
    keys.append(front_end.client.cookies["sessionid"].value)
    front_end.sign_out()
    front_end.sign_in()
    keys.append(front_end.client.cookies["sessionid"].value)
    assert len(set(keys)) == 3


def test_the_secret_is_shown_to_no_one_once_it_is_confirmed(front_end: FrontEnd) -> None:
    front_end.sign_in()
    secret = front_end.scan()
    assert secret not in json.dumps(front_end.see().body)
    stranger = FrontEnd(front_end.cognito, Client(enforce_csrf_checks=True))
    assert refused(stranger.see("setup")) == (409, "wrong_step")
    front_end.confirm_setup()
    assert refused(front_end.see("setup")) == (409, "wrong_step")


def test_a_get_never_talks_to_cognito(front_end: FrontEnd) -> None:
    reads = [str(one.name) for one in urls.urlpatterns]
    for prepare in (front_end.see, front_end.sign_in, front_end.set_up):
        prepare()
        front_end.operations()
        for name in reads:
            assert front_end.see(name).status_code < 500
        assert front_end.operations() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET"])
def test_other_methods_are_refused(front_end: FrontEnd, method: str) -> None:
    front_end.see()
    answer = front_end.call(method, "sign_in", RIGHT)
    assert refused(answer) == (405, "method_not_allowed")
    assert set(answer["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_form_of_the_pages_does_not_reach_the_api(front_end: FrontEnd) -> None:
    front_end.see()
    token = front_end.client.cookies["csrftoken"].value
    answer = front_end.client.post(
        reverse("cognito_mfa_api:sign_in"), {**RIGHT, "csrfmiddlewaretoken": token}
    )
    assert answer.status_code == 415


def test_the_same_code_twice_at_once_goes_to_cognito_once(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    front_end.sign_in()
    second: list[Any] = []
    copied = front_end.same_browser()
    front_end.operations()
    while_cognito_answers(
        front_end, "RespondToAuthChallenge", lambda: second.append(copied.enter_code())
    )
    first = front_end.enter_code()
    assert first.body["step"] == "done"
    assert refused(second[0]) == (409, "in_progress")
    assert second[0]["Retry-After"] == "2"
    assert front_end.operations() == ["RespondToAuthChallenge"]
    assert front_end.is_in()


def test_texts_are_in_the_language_of_the_caller(front_end: FrontEnd, settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE]
    settings.MIDDLEWARE.insert(2, "django.middleware.locale.LocaleMiddleware")
    front_end.see()
    wrong = front_end.call("POST", "sign_in", {**RIGHT, "password": "x"}, HTTP_ACCEPT_LANGUAGE="de")
    assert "Passwort" in wrong.body["detail"]
    assert wrong["Content-Language"] == "de"
    assert "Accept-Language" in wrong["Vary"]


def test_the_same_steps_work_where_the_site_is_asynchronous(front_end: FrontEnd) -> None:
    async def tell(client: AsyncClient, name: str, method: str = "post", **body: str) -> Any:
        token = client.cookies["csrftoken"].value if "csrftoken" in client.cookies else ""
        send = getattr(client, method)
        more = {} if method == "get" else {"data": body, "content_type": "application/json"}
        path = reverse(f"cognito_mfa_api:{name}")
        answer = await send(path, headers={"X-CSRFToken": token, "Sec-Fetch-Mode": "cors"}, **more)
        return json.loads(answer.content)

    async def journey() -> Any:
        client = AsyncClient(enforce_csrf_checks=True)
        await tell(client, "session", "get")
        assert (await tell(client, "sign_in", **RIGHT))["step"] == "setup"
        front_end.secret = (await tell(client, "setup", "get"))["secret"]
        assert (await tell(client, "setup", code=front_end.wrong_code()))["code"] == "bad_code"
        await sync_to_async(front_end.wait)(30)
        done = await tell(client, "setup", code=front_end.code(), friendly_name="Phone")
        device = await tell(client, "device", "get")
        return done["step"], device["friendly_name"]

    assert async_to_sync(journey)() == ("done", "Phone")


def at_the_code(person: FrontEnd) -> Any:
    person.sign_out()
    person.sign_in()
    return person.enter_code


def at_the_replacement(person: FrontEnd) -> Any:
    person.tell("device_replace", password=PASSWORD)
    person.enter_code()
    person.scan()
    return person.confirm_setup


def at_the_new_password(person: FrontEnd) -> Any:
    person.tell("change_password", password=PASSWORD)
    person.enter_code()
    return lambda: person.tell("change_password", password=PASSWORD, new_password="Another-Horse-8")


@pytest.mark.parametrize("begin", [at_the_code, at_the_replacement, at_the_new_password])
def test_a_reset_in_between_ends_what_was_begun(begin: Any, front_end: FrontEnd) -> None:
    front_end.come_with_app()
    finish = begin(front_end)
    reset.run(reset.request(CognitoIdentity.objects.get(), actor=None, reason="lost"))
    front_end.cognito.clock.advance(31)
    front_end.operations()
    over = finish()
    assert over.status_code in (403, 409)
    assert over.body["code"] in ("start_again", "mfa_required", "wrong_step")
    assert front_end.operations() == []
    assert not front_end.is_in()


class TestLink:
    """Whether two accounts belong to the same user is asked of who is signed in."""

    @pytest.fixture
    def asked(self, pool: LocalPool, front_end: FrontEnd, settings: Settings, anna: Any) -> Any:
        bob(pool)
        resolve_by(settings, "by_signed_in_user")
        assert front_end.client.login(username="anna", password="Local-Horse-7")
        front_end.sign_in("bob")
        front_end.scan()
        return front_end.confirm_setup().body

    def test_both_accounts_are_named(self, front_end: FrontEnd, asked: Any) -> None:
        assert asked["step"] == "link"
        data = asked["step_data"]
        assert (data["here"], data["account"], data["email"]) == ("anna", "bob", "bob@example.com")
        assert front_end.see().body["step_data"] == data

    @pytest.mark.parametrize("answer", ["", "Yes", "true", "1", "no"])
    def test_nothing_but_a_plain_yes_links_them(
        self, front_end: FrontEnd, asked: Any, answer: str
    ) -> None:
        front_end.tell("link", answer=answer, question=asked["step_data"]["question"])
        assert not CognitoIdentity.objects.exists()

    def test_the_answer_is_about_the_accounts_that_were_named(
        self, front_end: FrontEnd, asked: Any
    ) -> None:
        again = front_end.tell("link", answer="yes", question="of another tab")
        assert again.body["step"] == "link"
        assert not CognitoIdentity.objects.exists()

    def test_a_yes_links_them(self, front_end: FrontEnd, asked: Any, anna: Any) -> None:
        done = front_end.tell("link", answer="yes", question=asked["step_data"]["question"])
        assert (done.body["step"], done.body["username"]) == ("done", "anna")
        assert CognitoIdentity.objects.get().user == anna

    def test_another_user_is_not_asked(
        self, front_end: FrontEnd, asked: Any, django_user_model: Any
    ) -> None:
        session = front_end.client.session
        session["_auth_user_id"] = str(django_user_model.objects.create_user("eve").pk)
        session.save()
        assert front_end.see().body["step"] == "sign_in"
        question = asked["step_data"]["question"]
        assert front_end.tell("link", answer="yes", question=question).status_code == 409
        assert not CognitoIdentity.objects.exists()


@pytest.mark.parametrize("collector", ["body", "form"])
def test_what_was_sent_is_in_no_report(front_end: FrontEnd, collector: str) -> None:
    """What a report finds in the request after the answer: neither the body nor its parts."""
    seen: list[Any] = []

    def note(request: Any, **_more: Any) -> None:
        seen.append(request)

    front_end.see()
    user_login_failed.connect(note)
    try:
        front_end.sign_in(password="Secret-Horse-99")
    finally:
        user_login_failed.disconnect(note)
    (request,) = seen
    found = request.body if collector == "body" else str(dict(request.POST)).encode()
    assert b"Secret-Horse-99" not in found
    assert b"Secret-Horse-99" not in repr(vars(request)).encode()


class Broken:
    """A middleware of the site that fails at each request for the API."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        if "sign-in" in request.path:
            raise RuntimeError("the site's own failure")


def test_a_failure_on_the_way_reports_no_body(front_end: FrontEnd, settings: Settings) -> None:
    """A collector reads the body itself, when no view has."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Broken"]
    seen: list[bytes] = []

    def collect(request: Any, **_more: Any) -> None:
        seen.append(request.body)

    front_end.client.raise_request_exception = False
    got_request_exception.connect(collect)
    try:
        token = front_end.see()["X-CSRFToken"]
        answer = front_end.client.post(
            reverse("cognito_mfa_api:sign_in"),
            {**RIGHT, "password": "Secret-Horse-99"},
            content_type="application/json",
            headers={"X-CSRFToken": token},
        )
    finally:
        got_request_exception.disconnect(collect)
    assert answer.status_code == 500
    assert seen == [b""]


@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_of_a_step_reports_no_secret(
    front_end: FrontEnd, settings: Settings, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug

    def fail(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("of a bug")

    front_end.see()
    monkeypatch.setattr("cognito_mfa.sign_in.flows.user_api.start_sign_in", fail)
    front_end.client.raise_request_exception = False
    token = front_end.client.cookies["csrftoken"].value
    answer = front_end.client.post(
        reverse("cognito_mfa_api:sign_in"),
        {**RIGHT, "password": "Secret-Horse-99"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 500
    assert ("of a bug" in answer.text) is debug
    assert "Secret-Horse-99" not in answer.text
