"""The order of tests in runs that a test starts: repeatable if its own is."""

from __future__ import annotations

import os

SEED = f"--randomly-seed={os.environ.get('COGNITO_MFA_TEST_SEED', 'default')}"
