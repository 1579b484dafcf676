"""A site with django-unfold, django-axes, django-hijack, and django-simple-history."""

from __future__ import annotations

from tests.settings import AUTHENTICATION_BACKENDS as BACKENDS
from tests.settings import INSTALLED_APPS as SITE
from tests.settings import MIDDLEWARE as PLAIN_MIDDLEWARE
from tests.sites.plain import *  # noqa: F403

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.simple_history",
    "tests.sites.apps.UnfoldConfig",
    "axes",
    "hijack",
    "simple_history",
    "tests.sites.shop.apps.ShopConfig",
    *[app for app in SITE if app != "cognito_mfa.apps.MFAAdminConfig"],
]
MIDDLEWARE = [
    *PLAIN_MIDDLEWARE,
    "hijack.middleware.HijackUserMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", *BACKENDS]
AXES_FAILURE_LIMIT = 3
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
ROOT_URLCONF = "tests.sites.admin_theme_urls"
