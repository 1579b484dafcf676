"""The test site with a copy for reading that nothing ever reaches."""

from __future__ import annotations

from tests.databases.settings import *  # noqa: F403
from tests.databases.settings import database

DATABASES = {alias: database(alias) for alias in ("default", "replica")}
DATABASE_ROUTERS = ["tests.databases.routers.LaggingReplicaRouter"]
AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
