"""The type that hides secrets, and the few places that open it."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import re
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.http import QueryDict
from django.template import Context, Template
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito import clients, transport
from cognito_mfa.cognito.types import ReadableTokens, Tokens
from cognito_mfa.conf import get_conf
from cognito_mfa.forms import NewPasswordForm, SignInForm
from cognito_mfa.local import LocalCognito, make_client
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.managed_login import ProvidedTokens
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.views.secret_rendering import Placeholders
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

CANARY = "canarycanarycanary"


# --------------------------------------------------------------------------------------- the type


@dataclass(frozen=True, slots=True)
class Holder:
    secret: SecretText


SHOWN: list[Callable[[SecretText], str]] = [
    repr,
    str,
    "{}".format,
    "{:>40}".format,
    lambda secret: f"{secret!r} {secret!s} {secret}",
    lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - as loggers do
    lambda secret: repr([secret, {"a": secret}, (secret,)]),
    lambda secret: repr(Holder(secret)),
    lambda secret: repr(asdict(Holder(secret))),
    lambda secret: Template("{{ it }}{{ it|safe }}{{ it|pprint }}").render(Context({"it": secret})),
    lambda secret: repr([getattr(secret, name) for name in secret.__slots__]),
    lambda secret: repr(ReadableTokens(Tokens(secret, secret, secret))),
    lambda secret: repr(ProvidedTokens(secret.reveal())),
    lambda secret: "".join(traceback.format_exception(ValueError(secret))),
]


@pytest.mark.parametrize("show", SHOWN, ids=range(len(SHOWN)))
def test_it_shows_itself_to_no_one(show: Callable[[SecretText], str]) -> None:
    """``SecretText.__repr__``, ``__str__``, ``__format__`` and ``__deepcopy__``."""
    assert CANARY not in show(SecretText(CANARY))


def test_every_secret_looks_the_same() -> None:
    """``MASK``: not even the length is told, except that there is none."""
    assert repr(SecretText("")) == repr(SecretText(CANARY)) == str(SecretText("x"))
    assert not SecretText("")
    assert SecretText("x")


@pytest.mark.parametrize(
    "keep",
    [
        pickle.dumps,
        lambda secret: pickle.dumps(Holder(secret)),
        json.dumps,
        lambda secret: json.dumps(asdict(Holder(secret)), cls=DjangoJSONEncoder),
        vars,
        "".join,
    ],
    ids=range(6),
)
def test_it_is_kept_nowhere_by_mistake(keep: Callable[[Any], object]) -> None:
    """``SecretText.__reduce_ex__`` and ``__slots__``."""
    with pytest.raises(TypeError) as caught:
        keep(SecretText(CANARY))
    assert CANARY not in str(caught.value)


def test_a_copy_is_the_same_secret() -> None:
    """``__copy__`` and ``__deepcopy__``: ``asdict`` copies what it finds."""
    secret = SecretText(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert asdict(Holder(secret)) == {"secret": secret}


def test_it_is_compared_by_its_text() -> None:
    """``SecretText.__eq__``."""
    assert SecretText(CANARY) == SecretText(CANARY) == CANARY
    assert SecretText(CANARY) != SecretText("other")
    assert SecretText(CANARY) != CANARY.encode()
    assert SecretText("é\ud800") == SecretText("é\ud800")
    assert hash(SecretText(CANARY)) == hash(SecretText(SecretText(CANARY)))


@pytest.mark.parametrize("given", [CANARY.encode(), [CANARY], {CANARY: 1}])
def test_what_is_no_text_is_refused_without_being_shown(given: Any) -> None:
    """``del given, text`` before it is raised."""
    with pytest.raises(TypeError) as caught:
        SecretText(given)
    last = list(traceback.walk_tb(caught.value.__traceback__))[-1][0]
    assert CANARY not in repr(last.f_locals) + str(caught.value)


def test_what_is_sealed_comes_back_closed() -> None:
    """``_close`` in ``encryption``."""
    payload = {"secret": SecretText(CANARY), "more": [{"again": SecretText("x")}], "plain": "y"}
    found = decrypt(encrypt(payload))
    assert found == payload
    assert CANARY not in repr(found)
    with pytest.raises(TypeError):
        encrypt({"secret": object()})


# ------------------------------------------------------------------------------------- the edges


def secret_members(shape: Any, above: tuple[str, ...] = ()) -> set[str]:
    """Return the names of members that the service model calls sensitive."""
    if shape is None or shape.name in above:
        return set()
    if shape.type_name == "list":
        return secret_members(shape.member, above)
    if shape.type_name != "structure":
        return set()
    members = shape.members.items()
    found = {name for name, member in members if member.metadata.get("sensitive")}
    return found.union(*(secret_members(member, (*above, shape.name)) for _name, member in members))


def test_every_secret_of_an_answer_is_closed(cognito_model: Any) -> None:
    """``SECRET_MEMBERS``, against the model; names and what people are called are no secrets."""
    people = {"Username", "Value", "ClientId"}
    operations = [
        *sorted(clients.CONSUMING),
        "GetUser",
        "AdminGetUser",
        "SetUserMFAPreference",
        "DescribeUserPoolClient",
    ]
    found = set[str]()
    for name in operations:
        if name in cognito_model.operation_names:
            found |= secret_members(cognito_model.operation_model(name).output_shape)
    assert {"AccessToken", "SecretCode", "Session"} <= found
    assert found - people <= transport.SECRET_MEMBERS


class Gone(BaseException):
    """What no ``except Exception`` catches."""


def goes_away(**kwargs: Any) -> Any:
    def go(request: Any, **_kwargs: object) -> None:
        raise Gone(request.body)

    client: Any = make_client(**kwargs)
    client.meta.events.register_first("before-send.cognito-identity-provider", go)
    return client


def test_nothing_is_raised_in_the_thread_of_a_call(
    pool: LocalPool, visitor: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``except BaseException`` in ``deadline._carry``: hooks for threads see all frames of theirs."""
    hooked: list[object] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": goes_away}
    assert visitor.sign_in().answered == 503
    assert hooked == []


@pytest.mark.parametrize(
    "secret", [CANARY, CANARY.encode(), [CANARY]], ids=["str", "bytes", "list"]
)
def test_a_wrong_setting_does_not_show_the_clients_secret(
    settings: Settings, secret: object
) -> None:
    """``_closed`` in ``given_settings``: the error is raised from frames with all settings in them."""
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_SECRET": secret,
        "ENFORCEMENT": "enforced",
    }
    with pytest.raises(ImproperlyConfigured) as caught:
        get_conf()
    ours = [
        frame
        for frame, _line in traceback.walk_tb(caught.value.__traceback__)
        if "cognito_mfa/" in frame.f_code.co_filename
    ]
    assert ours
    shown = repr([frame.f_locals for frame in ours if "/tests/" not in frame.f_code.co_filename])
    assert "ENFORCEMENT" in shown
    assert CANARY not in shown


def test_an_operators_command_shows_no_secret(
    pool: LocalPool, settings: Settings, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.state.clients[CLIENT_ID].secret = CANARY * 2
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": CANARY * 2}
    call_command("cognito_mfa_doctor")
    shown = "".join(capsys.readouterr())
    assert "The app client allows USER_PASSWORD_AUTH" in shown
    assert CANARY not in shown


# ------------------------------------------------------------------------------- arguments of functions

# What is called where a secret is made, opened or put into the finished page.
EDGES = frozenset(
    {
        "cognito.transport",
        "forms",
        "sign_in.encryption",
        "values.secret_text",
        "values.typed",  # what forms call with what was typed; nothing in it can fail
        "views.posted_secrets",
        "steps.qr",
        "views.secret_rendering",
    }
)


class Arguments:
    """Writes down with which arguments functions of this app are called, as a wrapper of each could."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def __call__(self, frame: FrameType, event: str, _arg: object) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        _app, _dot, name = module.partition(".")
        ours = module.startswith("cognito_mfa.") and not name.startswith("local")
        if event == "call" and ours and name not in EDGES:
            given = {key: value for key, value in frame.f_locals.items() if key != "self"}
            self.seen.setdefault(repr(given), f"{module}.{frame.f_code.co_name}")


@pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "USER_SRP_AUTH"])
def test_no_function_of_the_flow_is_given_a_secret_as_text(
    pool: LocalPool, visitor: Visitor, settings: Settings, flow: str
) -> None:
    """``SecretField.to_python`` and ``transport._closed``: in and out of the flow secrets are closed."""
    pool.state.clients[CLIENT_ID].secret = CANARY * 2
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_SECRET": CANARY * 2,
        "AUTH_FLOW": flow,
    }
    arguments, before = Arguments(), sys.getprofile()
    sys.setprofile(arguments)
    try:
        visitor.sign_in()
        secret = visitor.scan()
        first = visitor.code()
        visitor.confirm_setup(first)
        visitor.cognito.clock.advance(30)
        visitor.sign_out()
        visitor.sign_in()
        second = visitor.code()
        visitor.enter_code(second)
    finally:
        sys.setprofile(before)
    assert visitor.is_in()
    calls = "\n".join(f"{where} {given}" for given, where in arguments.seen.items())
    for function in (
        "start_sign_in",
        "answer_code",
        "associate_software_token",
        "complete_sign_in",
    ):
        assert f".{function} " in calls
    sessions = [str(call.parameters.get("Session") or "") for call in visitor.cognito.calls]
    for canary in (PASSWORD, secret, CANARY, ".eyJ", *filter(None, sessions)):
        assert canary not in calls
    for code in (first, second):
        assert not re.search(rf"(?<![\d.]){code}(?!\d)", calls)


def test_no_function_of_ours_asks_for_a_secret_by_a_name_and_as_text() -> None:
    """The annotations themselves, for what no journey passes."""
    from cognito_mfa.cognito import admin_api, claims, replies, srp, user_api
    from cognito_mfa.sign_in import enrollment, flows, lost_device, missing_challenge

    names = {"password", "code", "secret", "cognito_session", "access_token", "id_token", "token"}
    asked = [
        (module.__name__, function.__qualname__, name, kind)
        for module in (
            enrollment,
            flows,
            lost_device,
            missing_challenge,
            admin_api,
            claims,
            replies,
            srp,
            user_api,
        )
        for function in vars(module).values()
        if getattr(function, "__module__", "") == module.__name__ and hasattr(function, "__code__")
        for name, kind in function.__annotations__.items()
        if name in names
    ]
    assert len(asked) > 10
    assert [entry for entry in asked if entry[3] != "SecretText"] == []


# ---------------------------------------------------------------------------------------- forms


def test_a_form_keeps_what_was_typed_closed() -> None:
    """``run_validators``: an error of Django's keeps the value that it is about."""
    form = SignInForm({"username": "newcomer", "password": CANARY * 20})
    assert not form.is_valid()
    (error,) = form.errors.as_data()["password"]
    assert error.code == "max_length"
    assert "256" in str(error.messages)
    assert CANARY not in repr(error.params) + repr(vars(error)) + str(form)


def test_two_new_passwords_are_compared() -> None:
    """``SecretText.__eq__`` in ``TwiceNewPasswordForm.clean``."""
    data = QueryDict(mutable=True)
    data.update({"new_password1": "A-horse-7", "new_password2": "A-horse-8"})
    assert NewPasswordForm(data).errors.as_data()["new_password2"][0].code == "mismatch"
    data["new_password2"] = "A-horse-7"
    assert NewPasswordForm(data).is_valid()


# ------------------------------------------------------------------------------------------- pages


def test_a_page_that_cannot_be_filled_in_shows_nothing() -> None:
    """``fill`` raises another error when the first one is over: its frames had the secret."""

    def text() -> str:
        held = CANARY
        raise ValueError(held)

    page = Placeholders()
    response = SimpleTemplateResponse("cognito_mfa/partials/key.html")
    response.content = page.stand_for(text).encode()
    with pytest.raises(RuntimeError, match="ValueError") as caught:
        page.fill(response)
    assert caught.value.__context__ is None
    frames = [frame.f_locals for frame, _line in traceback.walk_tb(caught.value.__traceback__)]
    assert CANARY not in repr(frames[1:])
    assert CANARY not in str(caught.value)


def test_what_is_filled_in_is_escaped(pool: LocalPool, visitor: Visitor) -> None:
    """``conditional_escape`` in ``_filled``: the address has an ``&``, and a name may have a quote."""
    pool.create_user('"><script>', password=PASSWORD)
    visitor.sign_in('"><script>')
    page = visitor.text(visitor.get(reverse("cognito_mfa:setup")))
    link = re.search(r'href="(otpauth://[^"]+)"', page)
    assert link
    assert "&amp;issuer=" in link[1]
    assert "<script>" not in page.partition("<main")[2]
    assert page.count("<svg") == 1
    assert not re.search(r"\d{40}", page)


@pytest.mark.parametrize("mfa", ["ON", "OPTIONAL"])
def test_a_label_that_fits_into_no_qr_code_is_shortened(
    cognito: LocalCognito, visitor: Visitor, settings: Settings, mfa: str
) -> None:
    """``_shortened`` in ``otpauth_uri``: the site's name and the person's may be as long as they are."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ISSUER": "株式会社" * 15}
    pool = cognito.create_pool(POOL_ID, mfa=mfa)
    pool.create_client(CLIENT_ID)
    pool.create_user("😀" * 128, password=PASSWORD)
    visitor.sign_in("😀" * 128)
    response = visitor.get(reverse("cognito_mfa:setup"))
    assert response.status_code == 200
    page = visitor.text(response)
    link = re.search(r'href="(otpauth://[^"]+)"', page)
    assert link
    address = urlsplit(html.unescape(link[1]))
    query = parse_qs(address.query)
    issuer, _colon, account = unquote(address.path.removeprefix("/")).partition(":")
    assert query["issuer"] == [issuer]
    assert issuer.startswith("株式会社株式会社")
    assert account.startswith("😀😀😀😀")
    assert len(query["secret"][0]) == 52
    assert "<svg" in page
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()


HEADER = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
DEEP = base64.urlsafe_b64encode(b'{"a":' + b"[" * 100_000).decode().rstrip("=")


@pytest.mark.parametrize("payload", [DEEP, "\ud800"], ids=["deep", "half a pair"])
def test_a_token_that_breaks_the_library_is_no_token(
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    django_user_model: Any,
    payload: str,
) -> None:
    """``except Exception`` where a token is decoded: what is not foreseen there has it in its frames."""
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": lambda _request: f"{HEADER}.{payload}.c2ln",
        "TRUSTED_BACKENDS": {backend: "enrolled"},
    }
    visitor.client.force_login(django_user_model.objects.create_user("ada"), backend=backend)
    assert visitor.get(reverse("cognito_mfa:setup")).status_code == 200
