"""A request with a bearer token, compared with django-cognito-jwt and simplejwt in the same process and run.

python benchmarks/bearer.py [--rounds 40] [--python PATH]

Each variant answers the same view of Django REST framework with a valid token of the same size and algorithm, and reads its
user from the same SQLite database. The keys are loaded: ours are in a file, and those of django-cognito-jwt in Django's
cache, as its documentation recommends. Ours also decides whether the sign-in passed MFA, and remembers that. The others do
not. The variants take turns in random order. Times are processor time. The environment is created in ``.bench/bearer``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench" / "bearer"
FLOOR, OURS = "no authentication", "django-cognito-mfa"
PEERS = ("django-cognito-jwt", "simplejwt")
POOL, APP_CLIENT = "us-east-1_Example00", "exampleclient0000000000000"
REQUESTS = 50  # in a round
WARM_UP = 3  # rounds
MOST_QUERIES = 1


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--python", type=Path, help="of an environment that exists")
    arguments.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.measure:
        return measure(given.rounds)
    python = given.python or make_environment()
    command = [str(python), __file__, "--measure", "--rounds", str(given.rounds)]
    return subprocess.run(command, check=False).returncode


def make_environment() -> Path:
    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
        packages = [
            "Django", "djangorestframework", "djangorestframework-simplejwt", "django-cognito-jwt", str(ROOT)
        ]  # fmt: skip
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return python


# --------------------------------------------------------------------------------------- one process


def measure(rounds: int) -> int:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        cognito, token, key = issue(Path(folder))
        configure(Path(folder), key)
        asks = variants(cognito, token)
        times, queries = run(asks, rounds)
    return report(times, queries)


def issue(folder: Path) -> tuple[Any, str, Any]:
    """Return a local Cognito, a token of a sign-in with a code, and the key that signed it."""
    from cognito_mfa.local import Behavior, LocalCognito
    from cognito_mfa.local.rules import keys

    cognito = LocalCognito()
    pool = cognito.create_pool(POOL, mfa="OPTIONAL")
    pool.create_client(APP_CLIENT)
    pool.create_user("ada", password="Correct-Horse-7")
    pool.state.behavior = Behavior(acr_and_amr=True)
    scopes = ["aws.cognito.signin.user.admin"]
    issued = pool.issue_tokens("ada", APP_CLIENT, scopes=scopes)["AccessToken"]
    key = keys.keys_of(pool.state).access
    claims = {**decoded(issued), "amr": ["pwd", "otp", "mfa"]}
    (folder / "jwks.json").write_text(json.dumps(keys.jwks(pool.state)))
    return pool, keys.signed(key, claims), key


def decoded(token: str) -> dict[str, Any]:
    import jwt

    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def configure(folder: Path, key: Any) -> None:
    import django
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )
    from django.conf import settings
    from django.core.management import call_command

    public = load_pem_private_key(key.pem.encode(), None).public_key()
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    settings.configure(
        SECRET_KEY="x" * 50,
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "db"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cognito_mfa"],
        AUTHENTICATION_BACKENDS=["cognito_mfa.backends.CognitoBackend"],
        COGNITO_MFA={
            "USER_POOL_ID": POOL,
            "CLIENT_ID": APP_CLIENT,
            "JWKS_FILE": folder / "jwks.json",
        },
        COGNITO_AWS_REGION="us-east-1",
        COGNITO_USER_POOL=POOL,
        COGNITO_AUDIENCE=None,
        COGNITO_PUBLIC_KEYS_CACHING_ENABLED=True,
        COGNITO_PUBLIC_KEYS_CACHING_TIMEOUT=86400,
        SIMPLE_JWT={
            "ALGORITHM": "RS256",
            "SIGNING_KEY": key.pem,
            "VERIFYING_KEY": public_pem.decode(),
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)


urlpatterns: list[Any] = []


def variants(pool: Any, token: str) -> dict[str, Callable[[], int]]:
    """Return what sends one request to each variant's view, and returns the number of queries."""
    from django.contrib.auth import get_user_model
    from django.core.cache import cache
    from django_cognito_jwt import JSONWebTokenAuthentication
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.tokens import AccessToken

    from cognito_mfa.contrib.rest_framework import CognitoAccessTokenAuthentication, IsMFAVerified
    from cognito_mfa.local.rules import keys
    from cognito_mfa.models import CognitoIdentity

    model: Any = get_user_model()
    sub = pool.user("ada").sub
    user = model.objects.create_user(sub)
    CognitoIdentity.objects.create(user=user, pool_id=POOL, sub=sub, username="ada")
    # What its documentation asks of the site: a manager that finds the user.
    model.objects.get_or_create_for_cognito = lambda claims: model.objects.get(
        username=claims["sub"]
    )
    for entry in keys.jwks(pool.state)["keys"]:
        cache.set(f"django_cognito_jwt:{entry['kid']}", json.dumps(entry), 86400)
    theirs = AccessToken.for_user(user)
    for name, value in decoded(token).items():
        theirs.payload.setdefault(name, value)  # of the same size
    return {
        FLOOR: asking(None, None, token),
        OURS: asking(CognitoAccessTokenAuthentication, IsMFAVerified, token),
        PEERS[0]: asking(JSONWebTokenAuthentication, None, token),
        PEERS[1]: asking(JWTAuthentication, None, str(theirs)),
    }


def asking(authentication: Any, permission: Any, token: str) -> Callable[[], int]:
    from django.db import connection, reset_queries
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.test import APIRequestFactory
    from rest_framework.views import APIView

    class View(APIView):
        authentication_classes = [authentication] if authentication else []
        permission_classes = [permission or IsAuthenticated] if authentication else []

        def get(self, request: Any) -> Response:
            return Response({"user": str(request.user)})

    view, factory = View.as_view(), APIRequestFactory()

    def ask() -> int:
        reset_queries()
        connection.force_debug_cursor = counting["on"]
        answer = view(factory.get("/", headers={"Authorization": f"Bearer {token}"}))
        assert answer.status_code == 200, answer.data
        return len(connection.queries)

    return ask


counting = {"on": False}


def run(
    asks: dict[str, Callable[[], int]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    times: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(rounds + WARM_UP):
        for name in random.sample(list(asks), len(asks)):
            began = time.process_time()
            for _ in range(REQUESTS):
                asks[name]()
            if number >= WARM_UP:
                times[name].append((time.process_time() - began) / REQUESTS * 1e6)
    counting["on"] = True
    return times, {name: ask() for name, ask in asks.items()}


def report(times: dict[str, list[float]], queries: dict[str, int]) -> int:
    """Print the table; return 1 where a goal is missed."""
    adds = {
        name: statistics.median(a - b for a, b in zip(given, times[FLOOR], strict=True))
        for name, given in times.items()
    }
    print(f"{'variant':<22}{'µs a request':>14}{'µs added':>10}{'queries':>9}{'ours, times':>13}")
    for name, given in times.items():
        ratio = f"{adds[OURS] / adds[name]:.2f}" if name in PEERS else ""
        row = f"{name:<22}{statistics.median(given):>14.0f}{adds[name]:>10.0f}{queries[name]:>9}"
        print(f"{row}{ratio:>13}")
    met = queries[OURS] <= MOST_QUERIES
    print(f"At most {MOST_QUERIES} query: {'yes' if met else 'no'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
