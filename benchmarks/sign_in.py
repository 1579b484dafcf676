"""A later sign-in with a code through the pages, compared with django-allauth in the same run.

python benchmarks/sign_in.py [--rounds 40] [--python PATH] [--show]

A sign-in is five requests: GET and POST of the password page, GET and POST of the code page, and the page after it. Both
sites have the same middleware, an SQLite file, sessions in the database, and a user who has set up an authenticator app.
Ours calls a local Cognito in a separate process over HTTP, with boto3. django-allauth (account and mfa) hashes passwords
with MD5, so that its figure shows its own code. The sites take turns.

Queries are all statements that Django sends to the database, including those of the session. ``BEGIN``, ``SAVEPOINT``, and
``RELEASE`` are counted separately. Times are processor time of the site's process. The environment is created in
``.bench/sign_in``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench" / "sign_in"
OURS, ALLAUTH = "django-cognito-mfa", "django-allauth"
POOL, APP_CLIENT = "us-east-1_Example00", "exampleclient0000000000000"
USERNAME, PASSWORD = "ada", "Correct-Horse-7"
MOST_QUERIES = 16
MOST_TIMES = 1.0
WARM_UP = 5  # rounds
OF_DJANGO = re.compile(r'(FROM|INTO|UPDATE) "(django_session|auth_user)"')
TRANSACTIONS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]


# -------------------------------------------------------------------------------------- processes


class Child:
    """One process that answers each line with a line of JSON."""

    def __init__(self, python: Path, role: str, *arguments: str) -> None:
        command = [str(python), str(Path(__file__)), "--role", role, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.greeting = self._read()

    def ask(self, **question: Any) -> Any:
        """Return the answer to ``question``."""
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(question)}\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """Close its input, at which it ends."""
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process of the benchmark failed")
        return json.loads(line)


def say(answer: Any) -> None:
    """Write one line to the parent."""
    print(json.dumps(answer), flush=True)


def play_cognito() -> None:
    """Serve a pool with one user; each line moves its clock, so that the next code is a new one."""
    sys.path.insert(0, str(ROOT))
    from cognito_mfa.local import Clock, LocalCognito

    cognito = LocalCognito(Clock(time.time(), ticking=False), calls_kept=0)
    pool = cognito.create_pool(POOL, mfa="ON")
    pool.create_client(APP_CLIENT)
    pool.create_user(USERNAME, password=PASSWORD)
    sub = pool.user(USERNAME).sub
    pool.register_software_token(USERNAME, friendly_name="Phone")
    with cognito.serve(0) as server:
        say({"url": server.url, "sub": sub})
        for _line in sys.stdin:
            cognito.clock.advance(30)
            say(pool.code_for(USERNAME))


# -------------------------------------------------------------------------------------- the sites


def configure(database: str, **own: Any) -> None:
    """Set Django up with what both sites have, and with what is ``own``."""
    from django.conf import settings

    site = ModuleType("site_urls")
    site.urlpatterns = []  # type: ignore[attr-defined]
    sys.modules["site_urls"] = site
    apps, middleware = own.pop("INSTALLED_APPS"), own.pop("MIDDLEWARE")
    settings.configure(
        SECRET_KEY="x" * 50,
        ROOT_URLCONF="site_urls",
        USE_TZ=True,
        STATIC_URL="/static/",
        ALLOWED_HOSTS=["testserver"],
        LOGIN_REDIRECT_URL="/target/",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=[*MIDDLEWARE, middleware],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS},
            }
        ],
        **own,
    )
    import django

    django.setup()


def serve_pages(prefix: str, include: str) -> None:
    """Give the site its pages and its tables."""
    from django.contrib.auth.decorators import login_required
    from django.core.management import call_command
    from django.http import HttpRequest, HttpResponse
    from django.urls import include as including
    from django.urls import path

    def target(request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")

    patterns = [path(prefix, including(include)), path("target/", login_required(target))]
    sys.modules["site_urls"].urlpatterns += patterns  # type: ignore[attr-defined]
    call_command("migrate", verbosity=0)


def play_ours(database: str, url: str, sub: str) -> None:
    """Sign in on a site of ours, as often as asked."""
    sys.path.insert(0, str(ROOT))
    configure(
        database,
        INSTALLED_APPS=["cognito_mfa"],
        MIDDLEWARE="cognito_mfa.middleware.RequireMFAMiddleware",
        LOGIN_URL="cognito_mfa:sign_in",
        AUTHENTICATION_BACKENDS=["cognito_mfa.backends.CognitoBackend"],
        COGNITO_MFA={"USER_POOL_ID": POOL, "CLIENT_ID": APP_CLIENT, "ENDPOINT_URL": url},
    )
    serve_pages("account/", "cognito_mfa.urls")
    from django.contrib.auth.models import User

    from cognito_mfa.models import CognitoIdentity, SoftwareToken

    identity = CognitoIdentity.objects.create(
        user=User.objects.create_user(USERNAME),
        pool_id=POOL,
        sub=sub,
        username=USERNAME,
        status=CognitoIdentity.Status.ENABLED,
    )
    SoftwareToken.activate(identity, friendly_name="Phone")
    fields = {"username": USERNAME, "password": PASSWORD}
    answer_lines("/account/sign-in/", "/account/challenge/", fields)


def play_allauth(database: str) -> None:
    """Sign in on a site with django-allauth, as often as asked."""
    configure(
        database,
        INSTALLED_APPS=["allauth", "allauth.account", "allauth.mfa"],
        MIDDLEWARE="allauth.account.middleware.AccountMiddleware",
        LOGIN_URL="account_login",
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        ACCOUNT_EMAIL_VERIFICATION="none",
    )
    serve_pages("accounts/", "allauth.urls")
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal import auth
    from django.contrib.auth.models import User
    from django.core.cache import cache

    user, secret = (
        User.objects.create_user(USERNAME, password=PASSWORD),
        auth.generate_totp_secret(),
    )
    auth.TOTP.activate(user, secret)
    RecoveryCodes.activate(user)

    def code() -> str:
        cache.clear()  # where a code that was used is remembered
        if (left := 30 - time.time() % 30) < 5:  # the code must still be right when it arrives
            time.sleep(left)
        counter = int(time.time()) // 30
        return str(auth.format_hotp_value(auth.hotp_value(secret, counter)))

    fields = {"login": USERNAME, "password": PASSWORD}
    answer_lines("/accounts/login/", "/accounts/2fa/authenticate/", fields, code)


def answer_lines(first: str, second: str, fields: dict[str, str], code: Any = None) -> None:
    """Sign in for each line of input, and answer with what it took.

    Args:
        first: path of the page that asks for the password.
        second: path of the page that asks for the code.
        fields: what the first page is given.
        code: makes the code; by default the line has it.
    """
    say("ready")
    for line in sys.stdin:
        say(sign_in(first, second, fields, code() if code else json.loads(line)["code"]))


def sign_in(first: str, second: str, fields: dict[str, str], code: str) -> dict[str, Any]:
    """Sign in in a browser without cookies, and return what it took."""
    from django.db import connection
    from django.test import Client

    client, statements = Client(), []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        began = time.process_time()
        page = client.get(first)
        assert page.status_code == 200, page
        answer = client.post(first, fields)
        assert answer.get("Location", "").startswith(second), answer.content
        page = client.get(second)
        assert page.status_code == 200, page
        answer = client.post(second, {"code": code})
        assert answer.get("Location") == "/target/", answer.content
        assert client.get("/target/").content == b"in"
        took = time.process_time() - began
    marks = [sql for sql in statements if sql.startswith(TRANSACTIONS)]
    return {
        "cpu_ms": 1000 * took,
        "queries": len(statements) - len(marks),
        "marks": len(marks),
        "django": sum(bool(OF_DJANGO.search(sql)) for sql in statements),
        "statements": statements,
    }


# ------------------------------------------------------------------------------------------- the run


def prepare() -> Path:
    """Make the environment: both packages and what they need, and nothing else."""
    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
    wanted = ["Django", "django-allauth[mfa]", "qrcode", "boto3", "PyJWT[crypto]", "pyotp"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", *wanted], check=True)
    return python


def measure(python: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return what each sign-in took, by site, in the order of the rounds."""
    seen: dict[str, list[dict[str, Any]]] = {OURS: [], ALLAUTH: []}
    with tempfile.TemporaryDirectory() as folder:
        cognito = Child(python, "cognito")
        pool = cognito.greeting
        ours = Child(python, "ours", f"{folder}/ours.sqlite3", pool["url"], pool["sub"])
        allauth = Child(python, "allauth", f"{folder}/allauth.sqlite3")
        for number in range(WARM_UP + rounds):
            for site in random.sample([OURS, ALLAUTH], 2):
                figures = ours.ask(code=cognito.ask()) if site == OURS else allauth.ask()
                if number >= WARM_UP:
                    seen[site].append(figures)
        for child in (ours, allauth, cognito):
            child.stop()
    return seen


def report(seen: dict[str, list[dict[str, Any]]]) -> bool:
    """Print the figures, and tell whether the goals are reached."""
    for site, figures in seen.items():
        queries = sorted({row["queries"] for row in figures})
        marks = sorted({row["marks"] for row in figures})
        cpu = statistics.median(row["cpu_ms"] for row in figures)
        django = sorted({row["django"] for row in figures})
        print(
            f"{site:20} {queries} queries, {django} of them of sessions and users, "
            f"{marks} marks of transactions, {cpu:5.1f} ms"
        )
    ratios = [
        ours["cpu_ms"] / theirs["cpu_ms"]
        for ours, theirs in zip(seen[OURS], seen[ALLAUTH], strict=True)
    ]
    ratio = statistics.median(ratios)
    most = max(row["queries"] for row in seen[OURS])
    reached = bool(most <= MOST_QUERIES and ratio <= MOST_TIMES)
    goal = f"goals: at most {MOST_QUERIES} queries and {MOST_TIMES:.2f} times"
    print(
        f"processor time, ours / theirs: {ratio:.2f}; {goal}: {'reached' if reached else 'missed'}"
    )
    return reached


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rounds", type=int, default=40)
    made.add_argument("--python", type=Path, help="of an environment that has all that is needed")
    made.add_argument("--show", action="store_true", help="print the statements of one sign-in")
    made.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    return made


def main() -> int:
    options = parser().parse_args()
    if options.role:
        role, *arguments = options.role
        roles: dict[str, Callable[..., None]] = {
            "cognito": play_cognito,
            "ours": play_ours,
            "allauth": play_allauth,
        }
        roles[role](*arguments)
        return 0
    seen = measure(options.python or prepare(), options.rounds)
    if options.show:
        for site, figures in seen.items():
            print(site, *figures[-1]["statements"], sep="\n  ")
    return int(not report(seen))


if __name__ == "__main__":
    sys.exit(main())
