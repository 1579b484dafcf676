"""What the gate adds to a request, compared with the floor and with other packages.

python benchmarks/gate.py [--seconds 40]
python benchmarks/gate.py --alone             (only the floor and our gate, without other packages)
python benchmarks/gate.py --instructions      (counts them, with valgrind's callgrind)

The floor is the least that a careful gate must do. Environments are created in ``.bench``, for the Python that runs this
(django-mfa2 and django-mfa3 are both the package ``mfa``, so each has a separate one). Within an environment, all variants
take turns in random order, in blocks of the same time. Times are processor time. A variant's time is that of its fastest
twentieth of rounds, which nothing else disturbed, and what it adds is the difference from the fastest twentieth without a
gate. Medians of differences cannot distinguish one microsecond from three if the same request takes 22 or 40, as on shared
machines.

Django leaves each request in a reference cycle, which the garbage collector frees. Our middleware ends the cycle, so that
each request is freed at once. So each block ends with a collection, which is part of its time, and there is none within.
Otherwise, the fastest rounds would be those without one, and only ours would pay for freeing its requests.

Instructions do not depend on what else the machine does: the same commit counts the same, to a few percent. They are counted
for the gate alone, and for the floor.

Figures are the microseconds that a variant adds, and its queries under both servers. For an exempt page, they are the added
queries, and whether the response varies by cookie.

alone: only the middleware, with session and user loaded. chain: session, authentication, and the variant, with the database.
Ours has its own backend, so that the figure includes loading the identity.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import os
import random
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / ".bench"
SETS = {
    "main": [
        "django",
        "django-otp",
        "django-two-factor-auth",
        "django-allauth[mfa]",
        "-e",
        str(ROOT),
    ],
    "mfa2": ["django", "django-mfa2"],
    "mfa3": ["django", "django-mfa3"],
}
NOTHING, FLOOR, OURS = "no gate", "careful floor", "django-cognito-mfa"
# Alone, as a share of the request: 5 and 8 microseconds on a machine where the request itself takes 21 and 25.
GOALS = {"sync": 5 / 21, "async": 8 / 25}
BLOCK = 0.01  # seconds of processor time
FEWEST_ROUNDS = 20
# What of the time an environment and a scene get. Only the queries of the exempt page are of interest.
SHARES = {"main": 0.7, "mfa2": 0.15, "mfa3": 0.15}
SCENES = {"alone": 0.5, "chain": 0.5, "exempt": 0.0}
POOL = "us-east-1_Example00"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
OUR_BACKEND = "cognito_mfa.backends.CognitoBackend"

# name: the middleware, and the view that asks where a peer leaves that to views
VARIANTS: dict[str, dict[str, tuple[list[str], str]]] = {
    "main": {
        NOTHING: ([], "plain"),
        FLOOR: (["__main__.careful_floor"], "plain"),
        OURS: (["cognito_mfa.middleware.RequireMFAMiddleware"], "plain"),
        "django-otp, is_verified()": (["django_otp.middleware.OTPMiddleware"], "otp"),
        "django-two-factor-auth, OTPRequiredMixin": (
            ["django_otp.middleware.OTPMiddleware"],
            "two-factor",
        ),
        "django-allauth, the session's records": (["__main__.AllauthRecords"], "plain"),
        "django-allauth, is_mfa_enabled(user)": (["__main__.AllauthEnabled"], "plain"),
    },
    "mfa2": {
        NOTHING: ([], "plain"),
        "django-mfa2, is_mfa() and recheck": (["__main__.Mfa2"], "plain"),
    },
    "mfa3": {
        NOTHING: ([], "plain"),
        "django-mfa3, MFAEnforceMiddleware": (["mfa.middleware.MFAEnforceMiddleware"], "plain"),
    },
}
APPS = {
    "main": [
        "django_otp",
        "django_otp.plugins.otp_totp",
        "django_otp.plugins.otp_static",
        "two_factor",
        "allauth",
        "allauth.account",
        "allauth.mfa",
        "cognito_mfa",
    ],
    "mfa2": ["mfa"],
    "mfa3": ["mfa"],
    "counted": ["cognito_mfa"],
}
BEFORE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


# ------------------------------------------------------------------------------------- the variants


def careful_floor(get_response: Callable[..., Any]) -> Any:
    """Do the least that a careful gate must: is the view open, whose is the mark, is it too old."""
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.http import HttpResponseRedirect

    def answer(mark: Any, user: Any) -> Any:
        good = mark and mark["user"] == user and time.time() < mark["until"]
        return None if good else HttpResponseRedirect("/set-up/")

    def process_view(request: Any, view: Any, _args: Any, _kwargs: Any) -> Any:
        if getattr(view, "floor_exempt", False):
            return None
        session = request.session
        return answer(session.get("floor"), session.get("_auth_user_id"))

    async def aprocess_view(request: Any, view: Any, _args: Any, _kwargs: Any) -> Any:
        if getattr(view, "floor_exempt", False):
            return None
        session = request.session
        return answer(await session.aget("floor"), await session.aget("_auth_user_id"))

    class Floor:
        def __call__(self, request: Any) -> Any:
            return get_response(request)

    floor: Any = Floor()
    floor.process_view = process_view
    if iscoroutinefunction(get_response):
        markcoroutinefunction(floor)
        floor.process_view = aprocess_view
    return floor


careful_floor.sync_capable = careful_floor.async_capable = True  # type: ignore[attr-defined]


class Peer:
    """What projects write around a peer's own check, which only works with a thread to wait in."""

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, _args: Any, _kwargs: Any) -> Any:
        from django.http import HttpResponseRedirect

        if getattr(view, "floor_exempt", False) or self.passes(request):
            return None
        return HttpResponseRedirect("/set-up/")

    def passes(self, request: Any) -> bool:
        raise NotImplementedError


class AllauthRecords(Peer):
    def passes(self, request: Any) -> bool:
        from allauth.account.internal.flows.login import get_authentication_records

        records = get_authentication_records(request, request.user)
        return any(record.get("method") == "mfa" for record in records)


class AllauthEnabled(Peer):
    def passes(self, request: Any) -> bool:
        from allauth.mfa.utils import is_mfa_enabled

        return bool(is_mfa_enabled(request.user))


class Mfa2(Peer):
    def passes(self, request: Any) -> bool:
        from mfa.helpers import is_mfa
        from mfa.middleware import process

        return bool(is_mfa(request)) and process(request) is None


# -------------------------------------------------------------------------------- one environment


def child(which: str, seconds: float, names: list[str]) -> None:
    """Measure the variants of one environment, and print what came of it as JSON."""
    site = _configure(which)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user, marks = _person(which)
    site.urlpatterns = _urls(which)
    loop = asyncio.new_event_loop()
    rows = []
    for scene, share in SCENES.items():
        for mode in ("sync", "async"):
            runners, queries, vary = {}, {}, {}
            for name in names:
                run = _runner(which, name, scene, mode, user, marks, loop)
                response, queries[name] = _counted(run)
                assert response.status_code == 200, (name, scene, mode, response)
                vary[name] = "Cookie" in response.headers.get("Vary", "")
                runners[name] = run
            times = _in_turns(runners, seconds * share / 2) if share else {}
            rows += [
                {
                    "scene": scene,
                    "mode": mode,
                    "variant": name,
                    "takes": _undisturbed(times[name]) * 1e6 if times else 0.0,
                    "queries": queries[name] - queries[NOTHING],
                    "vary": vary[name],
                }
                for name in runners
            ]
    print(json.dumps(rows))


def _undisturbed(times: list[float]) -> float:
    """Return how long the fastest twentieth of ``times`` took at most."""
    return sorted(times)[len(times) // 20]


def counted_child(name: str, mode: str, number: int) -> None:
    """Handle so many requests with the gate alone, for somebody who counts instructions.

    The person is nowhere saved, and no peer is loaded: each second of the start is a minute of counting.
    """
    site = _configure("counted")
    from django.contrib.auth import get_user_model

    user = get_user_model()(pk=1, username="alice")
    marks = {"_auth_user_id": "1", "floor": {"user": "1", "until": 4e9}, **_our_marks(user)}
    site.urlpatterns = _urls("counted")
    run = _runner("main", name, "alone", mode, user, marks, asyncio.new_event_loop())
    run(50)
    gc.collect()
    gc.freeze()
    assert run(number).status_code == 200


def _configure(which: str) -> Any:
    import django
    from django.conf import settings

    file = BENCH / f"gate-{which}.sqlite3"
    file.unlink(missing_ok=True)
    site = type(sys)("site_urls")
    sys.modules["site_urls"] = site
    allauth = ["allauth.account.middleware.AccountMiddleware"] if which == "main" else []
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        ROOT_URLCONF="site_urls",
        STATIC_URL="/static/",
        LOGIN_URL="/login/",
        SILENCED_SYSTEM_CHECKS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *APPS[which],
        ],
        MIDDLEWARE=[*BEFORE, *allauth],
        AUTHENTICATION_BACKENDS=[MODEL_BACKEND, *([OUR_BACKEND] if which == "main" else [])],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        COGNITO_MFA={"USER_POOL_ID": POOL, "CLIENT_ID": "client", "ISSUER": "Example Ltd"},
        MFA_DOMAIN="localhost",
        MFA_SITE_TITLE="Example Ltd",
        MFA_UNALLOWED_METHODS=(),
        TOKEN_ISSUER_NAME="Example Ltd",
    )
    django.setup()
    return site


def _person(which: str) -> tuple[Any, dict[str, Any]]:
    """Return somebody whom every variant lets pass, and what the session must hold for that."""
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.create_user("alice", "alice@example.com", "x")
    marks: dict[str, Any] = {
        "_auth_user_id": str(user.pk),
        "_auth_user_hash": user.get_session_auth_hash(),
        "floor": {"user": str(user.pk), "until": 4e9},
    }
    if which == "main":
        marks |= _main_marks(user)
    if which == "mfa2":
        marks["mfa"] = {"verified": True, "method": "TOTP", "id": 1, "next_check": 4_000_000_000}
    if which == "mfa3":
        from mfa.models import MFAKey

        MFAKey.objects.create(user=user, method="TOTP", name="phone", secret="x")
    return user, marks


def _main_marks(user: Any) -> dict[str, Any]:
    from allauth.account.internal.flows import login
    from allauth.mfa.models import Authenticator
    from django_otp.plugins.otp_totp.models import TOTPDevice

    device = TOTPDevice.objects.create(user=user, name="default")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    ours = _our_marks(user)
    records = [{"method": "password", "at": 1.0}, {"method": "mfa", "type": "totp", "at": 2.0}]
    return {
        **ours,
        "otp_device_id": device.persistent_id,
        login._AUTHENTICATION_METHODS_USER_SESSION_KEY: str(user.pk),  # noqa: SLF001
        login.AUTHENTICATION_METHODS_SESSION_KEY: records,
    }


def _our_marks(user: Any) -> dict[str, Any]:
    from cognito_mfa.enforcement import proof
    from cognito_mfa.models import CognitoIdentity

    identity = CognitoIdentity(
        user=user, pool_id=POOL, sub="a1b2c3", username="alice", status="ENABLED"
    )
    if not user._state.adding:  # noqa: SLF001 - a saved user
        identity.save()
    marks: dict[str, Any] = {}
    proof.write(marks, identity, method="SOFTWARE_TOKEN_MFA")  # type: ignore[arg-type]
    return marks


def _urls(which: str) -> list[Any]:  # noqa: C901 - a list of small views
    from django.contrib.auth.decorators import login_not_required
    from django.http import HttpResponse
    from django.urls import include, path
    from django.views import View

    def plain(request: Any) -> Any:
        return HttpResponse(str(request.user.pk))

    async def aplain(request: Any) -> Any:
        user = await request.auser()
        return HttpResponse(str(user.pk))

    def otp(request: Any) -> Any:
        return HttpResponse(str(request.user.pk), status=200 if request.user.is_verified() else 403)

    async def aotp(request: Any) -> Any:
        user = await request.auser()
        return HttpResponse(str(user.pk), status=200 if user.is_verified() else 403)

    def public(_request: Any) -> Any:
        return HttpResponse("hello")

    async def apublic(_request: Any) -> Any:
        return HttpResponse("hello")

    for view in (public, apublic):
        for mark in ("floor_exempt", "mfa_public"):  # the floor's, and django-mfa3's
            setattr(view, mark, True)
    views: dict[str, tuple[Any, Any]] = {
        "plain": (plain, aplain),
        "otp": (otp, aotp),
        "exempt": (public, apublic),
    }
    more: list[Any] = []
    if which == "counted":
        more = [path("account/", include("cognito_mfa.urls"))]
    if which == "main":
        from two_factor.urls import urlpatterns as two_factor
        from two_factor.views import OTPRequiredMixin

        from cognito_mfa.decorators import mfa_exempt

        class TwoFactor(OTPRequiredMixin, View):  # type: ignore[misc]
            def get(self, request: Any) -> Any:
                return HttpResponse(str(request.user.pk))

        # It has no async form: Django gives it a thread.
        views["two-factor"] = (TwoFactor.as_view(), TwoFactor.as_view())
        views["exempt"] = (mfa_exempt(public), mfa_exempt(apublic))
        more = [
            path("two/", include(two_factor)),
            path("account/", include("cognito_mfa.urls")),
            path("allauth/", include("allauth.urls")),
        ]
    if which == "mfa3":
        more = [path("mfa/", include("mfa.urls", namespace="mfa"))]
    if which == "mfa2":
        more = [path("mfa/", include("mfa.urls"))]
    return [
        *(path(f"{name}/", login_not_required(view)) for name, (view, _) in views.items()),
        *(path(f"a{name}/", login_not_required(view)) for name, (_, view) in views.items()),
        *more,
    ]


def _runner(  # noqa: PLR0917 - one call
    which: str, name: str, scene: str, mode: str, user: Any, marks: dict[str, Any], loop: Any
) -> Callable[[int], Any]:
    """Return what handles so many requests and returns the last response."""
    from django.core.handlers.asgi import ASGIRequest
    from django.core.handlers.base import BaseHandler
    from django.core.handlers.wsgi import WSGIRequest
    from django.test import AsyncRequestFactory, RequestFactory, override_settings

    middleware, view = VARIANTS[which][name]
    view = "exempt" if scene == "exempt" else view
    handler, is_async = BaseHandler(), mode == "async"
    with override_settings(MIDDLEWARE=[*([] if scene == "alone" else BEFORE), *middleware]):
        handler.load_middleware(is_async=is_async)
    backend = OUR_BACKEND if name == OURS else MODEL_BACKEND
    data = {**marks, "_auth_user_backend": backend}
    key = "" if scene == "alone" else _stored(data)
    prepare = _loaded(user, data) if scene == "alone" else _as_it_is
    address = f"/{'a' if is_async else ''}{view}/"
    # Not as a header: of two with cookies, Django 5.2 joins what no one can read.
    factory: Any = AsyncRequestFactory() if is_async else RequestFactory()
    factory.cookies["sessionid"] = key
    if is_async:
        scope = factory.get(address).scope

        async def asend(number: int) -> Any:
            for _ in range(number):
                response = await handler.get_response_async(
                    prepare(ASGIRequest(scope, io.BytesIO()))
                )
            return response

        return lambda number: loop.run_until_complete(asend(number))
    environ = factory.get(address).environ

    def send(number: int) -> Any:
        for _ in range(number):
            response = handler.get_response(prepare(WSGIRequest(environ.copy())))
        return response

    return send


def _as_it_is(request: Any) -> Any:
    return request


def _loaded(user: Any, data: dict[str, Any]) -> Callable[[Any], Any]:
    """Return what gives a request its session and user as if another middleware had loaded them."""
    from django.contrib.auth.middleware import auser
    from django.contrib.sessions.backends.base import SessionBase

    if hasattr(user, "cognito_identity"):
        user = _as_our_backend_loads(user)

    def prepare(request: Any) -> Any:
        request.session = SessionBase("k" * 32)
        request.session._session_cache = data  # noqa: SLF001
        request.user = request._acached_user = user  # noqa: SLF001
        request.auser = partial(auser, request)  # as Django's middleware leaves it
        return request

    return prepare


def _as_our_backend_loads(user: Any) -> Any:
    from cognito_mfa.backends import CognitoBackend
    from cognito_mfa.enforcement import identity_state

    if not user._state.adding:  # noqa: SLF001 - a saved user
        return CognitoBackend().get_user(user.pk)
    row = user.cognito_identity
    state = {name: getattr(row, name) for name in identity_state.IdentityState.__slots__}
    loaded = type(user)(pk=user.pk, username=user.username)
    setattr(loaded, identity_state.ATTRIBUTE, identity_state.IdentityState(**state))
    return loaded


def _stored(data: dict[str, Any]) -> str:
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session.update(data)
    session.save()
    return str(session.session_key)


def _counted(run: Callable[[int], Any]) -> tuple[Any, int]:
    """Return a response, and how many queries it took, in whatever thread they ran."""
    from django.db.backends.utils import CursorWrapper

    run(2)
    number, execute = 0, CursorWrapper.execute

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal number
        number += 1
        return execute(self, *args, **kwargs)

    CursorWrapper.execute = counting  # type: ignore[method-assign]
    try:
        return run(1), number
    finally:
        CursorWrapper.execute = execute  # type: ignore[method-assign]


def _in_turns(runners: dict[str, Callable[[int], Any]], seconds: float) -> dict[str, list[float]]:
    """Return seconds of one request for each variant, a figure for each round."""
    turns, names = random.Random(1), list(runners)
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        runners[name](20)
    gc.collect()
    gc.freeze()
    gc.disable()
    sizes = {name: max(5, int(BLOCK / _timed(runners[name], 20))) for name in names}
    end = time.process_time() + seconds
    while time.process_time() < end or len(times[NOTHING]) < FEWEST_ROUNDS:
        turns.shuffle(names)
        for name in names:
            times[name].append(_timed(runners[name], sizes[name]))
    gc.enable()
    return times


def _timed(run: Callable[[int], Any], number: int) -> float:
    """Return seconds of one of so many requests, what it leaves to the garbage collector included."""
    began = time.process_time()
    run(number)
    gc.collect()
    return (time.process_time() - began) / number


# -------------------------------------------------------------------------------------- the table


def environment(which: str) -> Path:
    """Return the Python of the environment, which is made when it is not there."""
    home = BENCH / f"gate-{which}-{sys.version_info[0]}.{sys.version_info[1]}"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *SETS[which]], check=True)
    return python


def instructions(name: str, mode: str) -> int:
    """Return how many instructions one request takes, which are those of a thousand, less the start."""
    few, many = 200, 1200
    counts = []
    for number in (few, many):
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        command = [
            *valgrind,
            str(environment("main")),
            __file__,
            "--counted",
            name,
            mode,
            str(number),
        ]
        surroundings = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=surroundings)
        (line,) = (line for line in done.stderr.splitlines() if "refs:" in line)
        counts.append(int(line.rpartition(":")[2].replace(",", "")))
    return (counts[1] - counts[0]) // (many - few)


def count() -> None:
    """Print what the gate alone adds in instructions, and its ratio to the floor."""
    for mode in ("sync", "async"):
        nothing = instructions(NOTHING, mode)
        floor, ours = (instructions(name, mode) - nothing for name in (FLOOR, OURS))
        print(
            f"{mode}: no gate {nothing:,}; careful floor +{floor:,}; "
            f"ours +{ours:,}, {ours / floor:.2f} times the floor"
        )


def report(rows: list[dict[str, Any]]) -> str:
    """Return the table, and whether the goals are reached."""
    names = list(dict.fromkeys(row["variant"] for row in rows if row["variant"] != NOTHING))
    figures = {(row["scene"], row["mode"], row["variant"]): row for row in rows}
    lines = [
        "| added by | alone, sync | alone, async | chain, sync | chain, async | queries | exempt page |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        cells = [
            f"{figures[scene, mode, name]['added']:.2f}"
            for scene in ("alone", "chain")
            for mode in ("sync", "async")
        ]
        queries = " / ".join(
            str(figures["chain", mode, name]["queries"]) for mode in ("sync", "async")
        )
        exempt = figures["exempt", "sync", name]
        open_page = f"{exempt['queries']}, {'yes' if exempt['vary'] else 'no'}"
        lines.append(f"| {name} | {' | '.join(cells)} | {queries} | {open_page} |")
    for mode in ("sync", "async"):
        ours, floor = (figures["alone", mode, name]["added"] for name in (OURS, FLOOR))
        bare = figures["alone", mode, NOTHING]["takes"]
        reached = "reached" if ours <= GOALS[mode] * bare else "missed"
        lines.append(
            f"\nalone, {mode}: {ours:.2f} µs, {ours / floor:.1f} times the careful floor, and {ours / bare:.2f} of the "
            f"request itself, which takes {bare:.0f} µs; the goal of {GOALS[mode]:.2f} is {reached}"
        )
    return "\n".join(lines)


def measured(which: str, seconds: float, names: list[str]) -> list[dict[str, Any]]:
    """Return the figures of an environment, with what each variant adds to a request."""
    command = [str(environment(which)), __file__, "--child", which, "--seconds", str(seconds)]
    done = subprocess.run([*command, *names], check=True, stdout=subprocess.PIPE, text=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    bare = {(row["scene"], row["mode"]): row["takes"] for row in rows if row["variant"] == NOTHING}
    return [{**row, "added": row["takes"] - bare[row["scene"], row["mode"]]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of processor time, in all")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--child", choices=SETS, help=argparse.SUPPRESS)
    parser.add_argument("--counted", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("variants", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.counted:
        name, mode, number = options.counted
        counted_child(name, mode, int(number))
    elif options.instructions:
        count()
    elif options.child:
        child(options.child, options.seconds, options.variants)
    elif options.alone:
        print(report(measured("main", options.seconds, [NOTHING, FLOOR, OURS])))
    else:
        rows: list[dict[str, Any]] = []
        for which, share in SHARES.items():
            own = measured(which, options.seconds * share, list(VARIANTS[which]))
            known = {row["variant"] for row in rows}
            rows += [row for row in own if row["variant"] not in known]
        print(report(rows))


if __name__ == "__main__":
    main()
