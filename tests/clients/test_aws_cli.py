"""The AWS CLI, as AWS's reference pages write its commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import Site
from tests.local.caller import CLIENT_ID, PASSWORD


@pytest.fixture
def answer(site: Site) -> Callable[..., Any]:
    """What a command that succeeds prints."""

    def ask(*arguments: str) -> Any:
        done = site.ask_aws(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


@pytest.mark.parametrize("mfa", ["OPTIONAL"])
@pytest.mark.parametrize("name", [[], ["--friendly-device-name", "My personal mobile device"]])
def test_verify_software_token_as_its_reference_page_shows_it(
    site: Site, answer: Callable[..., Any], name: list[str]
) -> None:
    """The example of AWS's page: an access token and a code, and the answer in so many words."""
    site.pool.create_user("ada", password=PASSWORD)
    token = site.pool.issue_tokens("ada", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])
    access_token = token["AccessToken"]
    assert "SecretCode" in answer("associate-software-token", "--access-token", access_token)
    code = site.pool.pending_code_for("ada")
    done = site.ask_aws(
        "verify-software-token", "--access-token", access_token, "--user-code", code, *name
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == '{\n    "Status": "SUCCESS"\n}\n'


@pytest.mark.parametrize("mfa", ["OPTIONAL"])
def test_a_wrong_code_is_the_error_that_its_users_know(site: Site) -> None:
    site.pool.create_user("ada", password=PASSWORD)
    token = site.pool.issue_tokens("ada", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])
    access_token = token["AccessToken"]
    site.ask_aws("associate-software-token", "--access-token", access_token)
    near = {site.pool.pending_code_for("ada", offset=steps) for steps in range(-2, 4)}
    wrong = next(code for code in (str(digit) * 6 for digit in range(10)) if code not in near)
    done = site.ask_aws(
        "verify-software-token", "--access-token", access_token, "--user-code", wrong
    )
    assert done.returncode != 0
    assert done.stderr.strip().endswith(
        "An error occurred (EnableSoftwareTokenMFAException) when calling the "
        "VerifySoftwareToken operation: Code mismatch"
    )
