"""What loading the app adds to Django, compared with django-allauth (account and mfa) in one run.

python benchmarks/startup.py [--rounds 40]

Each start is a new process: ``django.setup()`` with the admin, the whole URLconf, and the WSGI handler. The variants take
turns in random order, and the figures are medians of the differences of all rounds. The environment is created in
``.bench/startup``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench" / "startup"
PYTHON = HOME / "bin" / "python"
BARE, ALLAUTH, OURS = "bare Django", "django-allauth", "django-cognito-mfa"
FIGURES = ("cpu_ms", "wall_ms", "rss_mb")
GOAL = 1.0  # times what django-allauth adds, in time and in memory

CHILD = """
import json, resource, sys, time
import django
from django.conf import settings
began = time.perf_counter(), time.process_time()
variant, root = sys.argv[1:]
admin, apps, middleware, backends, own = "django.contrib.admin", [], [], [], {}
if variant == "django-allauth":
    apps = ["allauth", "allauth.account", "allauth.mfa"]
    middleware = ["allauth.account.middleware.AccountMiddleware"]
    backends = ["allauth.account.auth_backends.AuthenticationBackend"]
if variant == "django-cognito-mfa":
    sys.path.insert(0, root)
    admin, apps = "cognito_mfa.apps.MFAAdminConfig", ["cognito_mfa"]
    middleware = ["cognito_mfa.middleware.RequireMFAMiddleware"]
    backends = ["cognito_mfa.backends.CognitoBackend"]
    own = {"COGNITO_MFA": {"USER_POOL_ID": "us-east-1_Example00", "CLIENT_ID": "client"}}
site = type(sys)("site_urls")
sys.modules["site_urls"] = site
settings.configure(
    SECRET_KEY="x" * 50, ROOT_URLCONF="site_urls", USE_TZ=True, STATIC_URL="/static/",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[admin, "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "django.contrib.staticfiles", *apps],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                *middleware, "django.contrib.messages.middleware.MessageMiddleware"],
    AUTHENTICATION_BACKENDS=backends or ["django.contrib.auth.backends.ModelBackend"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}], **own)
django.setup()
from django.contrib import admin
from django.urls import get_resolver, include, path
site.urlpatterns = [path("admin/", admin.site.urls)]
if own:
    site.urlpatterns.append(path("account/", include("cognito_mfa.urls")))
if variant == "django-allauth":
    site.urlpatterns.append(path("account/", include("allauth.urls")))
def walk(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            walk(pattern)
walk(get_resolver())
from django.core.handlers.wsgi import WSGIHandler
WSGIHandler()
memory = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(json.dumps({"wall_ms": (time.perf_counter() - began[0]) * 1e3, "cpu_ms": (time.process_time() - began[1]) * 1e3,
                  "rss_mb": memory / 1024, "aws": sorted({"boto3", "botocore", "qrcode", "cryptography", "jwt", "cognito_mfa.local"} & set(sys.modules))}))
"""


def prepare() -> None:
    """Make the environment: both packages and what they need, and nothing else."""
    if not PYTHON.exists():
        venv.create(HOME, with_pip=True)
    wanted = ["Django", "django-allauth[mfa]", "qrcode", "boto3", "PyJWT[crypto]"]
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", *wanted], check=True)


def start(variant: str) -> dict[str, float]:
    """Start one process and return its figures."""
    command: list[str | Path] = [PYTHON, "-I", "-c", CHILD, variant, str(ROOT)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(answer)
    late = figures.pop("aws")
    assert variant != OURS or not late, answer
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    prepare()
    variants = [BARE, ALLAUTH, OURS]
    seen: dict[str, list[dict[str, float]]] = {variant: [] for variant in variants}
    for number in range(rounds + 1):
        random.shuffle(variants)
        for variant in variants:
            figures = start(variant)
            if number:  # the first round writes bytecode and warms the page cache
                seen[variant].append(figures)
    print(
        f"Python {sys.version.split()[0]}, {rounds} rounds; bare Django: "
        + ", ".join(
            f"{statistics.median(row[name] for row in seen[BARE]):.1f} {name}" for name in FIGURES
        )
    )
    worst = 0.0
    for name in FIGURES:
        added = {
            variant: statistics.median(
                row[name] - bare[name] for row, bare in zip(seen[variant], seen[BARE], strict=True)
            )
            for variant in (ALLAUTH, OURS)
        }
        ratio = added[OURS] / added[ALLAUTH]
        worst = max(worst, ratio if name != "wall_ms" else 0.0)  # others use this machine as well
        print(
            f"{name:8} added by django-allauth {added[ALLAUTH]:6.2f}, by us {added[OURS]:6.2f}: {ratio:.2f} times"
        )
    print(f"goal: at most {GOAL} times; {'reached' if worst <= GOAL else 'missed'}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
