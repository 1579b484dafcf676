"""What the doctor sees in a pool, an app client, permissions and a clock; and that it changes nothing."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import DeviceTracking
from cognito_mfa.local.wire.client import make_client
from cognito_mfa.sign_in.linking import by_verified_email
from tests.factories import reading
from tests.management.command_line import run
from tests.visitor import CLIENT_ID, POOL_ID

DENIED = faults.Error(
    "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform this"
)
removing = (
    "AdminDeleteSoftwareToken"
    if has_operation("AdminDeleteSoftwareToken")
    else "AdminSetUserMFAPreference"
)


@pytest.fixture(autouse=True)
def healthy(pool: LocalPool, settings: Settings) -> LocalPool:
    """A pool with which nothing is wrong; each test makes one thing worse."""
    pool.state.clients[CLIENT_ID].auth_session_validity = 15
    return pool


def examine(*arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit code and what was found, by what it is about."""
    code, text = run("doctor", "--format", "json", *arguments)
    found: list[dict[str, str]] = json.loads(text[: text.rindex("]") + 1])
    return code, {one["about"]: one for one in found}


def level(about: str, *arguments: str) -> tuple[int, str]:
    code, found = examine(*arguments)
    return code, found[about]["level"]


def set_conf(settings: Settings, **changes: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}


def test_nothing_is_wrong(cognito: LocalCognito) -> None:
    code, text = run("doctor")
    assert code == 0, text
    marks = {line.split()[0] for line in text.splitlines()}
    assert marks <= {"OK", "WARNING", "->"}
    old = not has_operation("AdminDeleteSoftwareToken")
    assert ("WARNING" in marks) == old, "an old boto3 is the one thing to say"
    assert "sign-in: The app client allows USER_PASSWORD_AUTH." in text
    assert (
        "MFA: MFA is required in the pool: Cognito asks all users who sign in with a password."
        in text
    )
    assert "clock: This machine's clock agrees with Cognito's." in text
    assert text.count("permission: The AWS credentials can be used for") == 4


def test_it_changes_nothing_and_names_no_one_who_exists(
    cognito: LocalCognito, healthy: LocalPool
) -> None:
    healthy.register_software_token("newcomer")
    before = repr(healthy.state)
    run("doctor")
    assert repr(healthy.state) == before
    names = [str(call.parameters) for call in cognito.calls]
    assert not [name for name in names if "newcomer" in name]


@pytest.mark.parametrize(
    "flow", ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"]
)
def test_each_flow(flow: str, healthy: LocalPool, settings: Settings) -> None:
    set_conf(settings, AUTH_FLOW=flow)
    assert level("sign-in") == (0, "OK")
    flows = healthy.state.clients[CLIENT_ID].explicit_auth_flows
    flows.remove(f"ALLOW_{flow}")
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == (1, "ERROR")
    assert "ExplicitAuthFlows" in found["sign-in"]["hint"]


@pytest.mark.parametrize(
    ("theirs", "ours"), [("a" * 51, None), ("a" * 51, "b" * 51), (None, "b" * 51)]
)
def test_the_secret_does_not_fit(
    theirs: str | None, ours: str | None, healthy: LocalPool, settings: Settings
) -> None:
    healthy.state.clients[CLIENT_ID].secret = theirs
    set_conf(settings, CLIENT_SECRET=ours)
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == (1, "ERROR")
    assert "CLIENT_SECRET" in found["sign-in"]["hint"]
    _code, text = run("doctor")
    assert "a" * 51 not in text
    assert "b" * 51 not in text


@pytest.mark.parametrize(
    "wrong", [{"CLIENT_ID": "another0000000000000000000"}, {"USER_POOL_ID": "us-east-1_Another00"}]
)
def test_no_such_pool_or_client(wrong: dict[str, str], settings: Settings) -> None:
    set_conf(settings, **wrong)
    code, text = run("doctor")
    assert code == 1
    assert "ERROR" in text
    assert "Check USER_POOL_ID, CLIENT_ID, and REGION." in text


def test_mfa_is_off(healthy: LocalPool) -> None:
    healthy.state.mfa = "OFF"
    assert level("MFA") == (1, "ERROR")


def test_mfa_is_optional(healthy: LocalPool) -> None:
    healthy.state.mfa = "OPTIONAL"
    code, found = examine()
    assert code == 0
    assert "users who have set it up" in found["MFA"]["text"]


@pytest.mark.parametrize("factor", ["SINGLE_FACTOR", "MULTI_FACTOR_WITH_USER_VERIFICATION"])
def test_passkeys_that_count_as_mfa_are_told(healthy: LocalPool, factor: str) -> None:
    """Users who have one are asked for no code at managed login, and still are here."""
    healthy.state.settings["WebAuthnConfiguration"] = {"FactorConfiguration": factor}
    code, found = examine()
    assert code == 0
    assert ("passkeys" in found) == (factor != "SINGLE_FACTOR")
    if "passkeys" in found:
        assert found["passkeys"]["level"] == "NOTE"
        assert "Passkeys count as MFA" in found["passkeys"]["text"]


def test_authenticator_apps_are_off(healthy: LocalPool) -> None:
    healthy.state.software_token, healthy.state.email = False, True
    code, found = examine()
    assert (code, found["authenticator apps"]["level"]) == (1, "ERROR")
    assert "EMAIL_OTP" in found["other factors"]["text"]


def test_pages_for_forgotten_passwords_of_a_pool_that_sends_no_codes(
    healthy: LocalPool, settings: Settings
) -> None:
    assert "forgotten passwords" not in examine()[1]
    healthy.state.account_recovery = ["admin_only"]
    assert level("forgotten passwords") == (0, "WARNING")
    set_conf(settings, PASSWORD_PAGES=False)
    assert "forgotten passwords" not in examine()[1]


def test_password_rules_that_are_not_the_pools(healthy: LocalPool, settings: Settings) -> None:
    set_conf(settings, PASSWORD_RULES={"length": 20})
    assert level("password rules") == (0, "WARNING")
    rules = {"uppercase": True, "lowercase": True, "number": True, "symbol": True}
    set_conf(settings, PASSWORD_RULES={"length": 8, **rules})
    assert "password rules" not in examine()[1]


def test_remembered_devices(healthy: LocalPool) -> None:
    assert level("remembered devices") == (0, "OK")
    healthy.state.device_tracking = DeviceTracking(replaces_mfa=True)
    assert level("remembered devices") == (0, "WARNING")
    assert level("remembered devices", "--fail-level", "warning") == (1, "WARNING")


def test_little_time(healthy: LocalPool) -> None:
    healthy.state.clients[CLIENT_ID].auth_session_validity = 3
    code, found = examine()
    assert (code, found["session validity"]["level"]) == (0, "WARNING")
    assert "3 minutes" in found["session validity"]["text"]


@pytest.mark.parametrize(
    ("writable", "conf", "wanted"),
    [
        (None, {}, "OK"),
        (["email", "name"], {}, "OK"),
        (["name"], {}, "OK"),
        (None, {"USER_RESOLVER": "cognito_mfa.sign_in.linking.by_verified_email"}, "WARNING"),
        (["email"], {"USER_RESOLVER": by_verified_email}, "WARNING"),
        (["name"], {"USER_RESOLVER": by_verified_email}, "OK"),
        (None, {"USER_RESOLVER": "cognito_mfa.sign_in.linking.by_username"}, "OK"),
        (None, {"TRUST_POOL_EMAIL": True}, "ERROR"),
        (["email"], {"TRUST_POOL_EMAIL": True}, "ERROR"),
        (["name"], {"TRUST_POOL_EMAIL": True}, "OK"),
        (["name", "email_verified"], {}, "ERROR"),
    ],
)
def test_who_writes_addresses(
    writable: list[str] | None,
    conf: dict[str, Any],
    wanted: str,
    healthy: LocalPool,
    settings: Settings,
) -> None:
    set_conf(settings, **conf)
    if writable is not None:
        healthy.state.clients[CLIENT_ID].settings["WriteAttributes"] = writable
    assert level("email addresses") == (1 if wanted == "ERROR" else 0, wanted)


@pytest.mark.parametrize(
    ("writable", "claim", "wanted"),
    [
        (None, "given_name", "NOTE"),
        (None, "custom:role", "OK"),
        (["given_name"], "given_name", "NOTE"),
        (["name"], "given_name", "OK"),
        (["custom:role"], "custom:role", "NOTE"),
        (["email"], "email", "OK"),
    ],
)
def test_who_writes_what_is_copied_to_users(
    writable: list[str] | None, claim: str, wanted: str, healthy: LocalPool, settings: Settings
) -> None:
    assert "user fields" not in examine()[1]
    set_conf(settings, USER_FIELDS={claim: "first_name"})
    if writable is not None:
        healthy.state.clients[CLIENT_ID].settings["WriteAttributes"] = writable
    assert level("user fields") == (0, wanted)


@pytest.mark.parametrize("may_look", [True, False])
def test_names_are_told(may_look: bool, cognito: LocalCognito, healthy: LocalPool) -> None:
    healthy.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
    if not may_look:
        cognito.faults.on("DescribeUserPoolClient", DENIED)
    code, found = examine()
    assert (code, found["usernames"]["level"]) == (0, "WARNING")
    assert run("doctor")[1].count(found["usernames"]["text"]) == 1, "told once"


def test_that_administrators_are_told_names_says_nothing_of_strangers(
    cognito: LocalCognito, healthy: LocalPool, settings: Settings
) -> None:
    healthy.state.behavior = replace(
        healthy.state.behavior, existence_errors_cover_admin_sign_in=False
    )
    cognito.faults.on("DescribeUserPoolClient", DENIED)
    set_conf(settings, AUTH_FLOW="ADMIN_USER_PASSWORD_AUTH")
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == (0, "OK")
    assert "usernames" not in found


def test_the_scope_of_sign_ins_elsewhere(healthy: LocalPool, settings: Settings) -> None:
    set_conf(settings, TOKEN_PROVIDER="tests.management.test_doctor.no_token")
    client = healthy.state.clients[CLIENT_ID]
    client.settings["AllowedOAuthFlowsUserPoolClient"] = True
    assert level("scope") == (1, "ERROR")
    client.settings["AllowedOAuthScopes"] = ["openid", "aws.cognito.signin.user.admin"]
    assert level("scope") == (0, "OK")
    client.settings["AllowedOAuthFlowsUserPoolClient"] = False
    assert level("scope") == (0, "NOTE"), "a provider of one's own may have its tokens elsewhere"
    client.explicit_auth_flows[:] = ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert level("sign-in") == (0, "NOTE")
    set_conf(settings, CLIENT_ID="another0000000000000000000")
    assert level("sign-in") == (1, "ERROR")


def no_token(request: object) -> None:
    """Give no token; no one asks here."""


@pytest.mark.parametrize(
    ("operation", "purpose"),
    [
        (reading(), "reading a user's status"),
        (removing, "resetting an authenticator app"),
        ("AdminUserGlobalSignOut", "signing a user out everywhere"),
        ("ListUsers", "reading whether a user is disabled"),
    ],
)
def test_a_permission_is_missing(operation: str, purpose: str, cognito: LocalCognito) -> None:
    cognito.faults.on(operation, DENIED)
    code, text = run("doctor", "--fail-level", "warning")
    assert code == 1
    assert f"The AWS credentials cannot be used for {purpose}" in text
    assert "arn:aws:iam" not in text


def test_the_site_itself_must_look_at_the_pools_mfa(cognito: LocalCognito) -> None:
    cognito.faults.on("GetUserPoolMfaConfig", DENIED)
    code, found = examine("--fail-level", "warning")
    assert (code, found["MFA"]["level"]) == (1, "WARNING")
    assert "permission" in found, "it goes on"


@pytest.mark.parametrize("operation", ["DescribeUserPool", "DescribeUserPoolClient"])
def test_what_it_may_not_look_at(operation: str, cognito: LocalCognito) -> None:
    cognito.faults.on(operation, DENIED)
    code, found = examine()
    assert (code, found[operation]["level"]) == (0, "NOTE")
    assert "permission" in found, "it goes on"


def test_no_aws_credentials(cognito: LocalCognito, settings: Settings) -> None:
    set_conf(settings, CLIENT_FACTORY="tests.management.test_doctor.without_credentials")
    code, found = examine()
    assert code == 0
    assert found["sign-in"]["level"] == "OK"
    assert found["AWS credentials"]["level"] == "WARNING"
    assert "permission" not in found


@pytest.mark.parametrize("operation", [reading(), "AdminUserGlobalSignOut", removing])
def test_recovery_codes_that_could_not_be_used(
    operation: str, cognito: LocalCognito, settings: Settings
) -> None:
    set_conf(settings, RECOVERY_CODES=True)
    expected = "OK" if has_operation("AdminDeleteSoftwareToken") else "ERROR"
    assert level("recovery codes")[1] == expected
    cognito.faults.on(operation, DENIED)
    assert level("recovery codes") == (1, "ERROR")


def test_recovery_codes_without_aws_credentials(cognito: LocalCognito, settings: Settings) -> None:
    factory = "tests.management.test_doctor.without_credentials"
    set_conf(settings, RECOVERY_CODES=True, CLIENT_FACTORY=factory)
    assert level("AWS credentials") == (1, "ERROR")


def without_credentials(**given: Any) -> Any:
    """Make a client as on a machine that has no AWS credentials whatever."""
    client: Any = make_client(**given)
    client._request_signer._credentials = None
    return client


def answered(date: str | None) -> faults.Body:
    """Answer a sign-in as Cognito does where no one has that name, with another clock."""
    error = {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
    return faults.Body(json.dumps(error).encode(), status=400, headers={"Date": date})


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(40, ("WARNING", "behind")), (-40, ("WARNING", "ahead")), (400, ("ERROR", "behind"))],
)
def test_the_clock_is_wrong(seconds: float, told: tuple[str, str], cognito: LocalCognito) -> None:
    date = formatdate(time.time() + seconds, usegmt=True)
    cognito.faults.on("InitiateAuth", answered(date))
    code, found = examine()
    assert (found["clock"]["level"], told[1] in found["clock"]["text"]) == (told[0], True)
    assert code == (1 if told[0] == "ERROR" else 0)


def test_so_wrong_that_aws_refuses_what_is_signed(cognito: LocalCognito) -> None:
    cognito.faults.on("InitiateAuth", answered(formatdate(time.time() - 4000, usegmt=True)))
    cognito.faults.on("GetUserPoolMfaConfig", faults.Error("InvalidSignatureException"))
    code, found = examine()
    assert code == 1
    assert found["clock"]["level"] == "ERROR"
    assert found["AWS credentials"]["level"] == "ERROR"
    assert "permission" not in found, "nothing is said of what was not seen"


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_the_clock_is_not_told(date: str | None, cognito: LocalCognito) -> None:
    cognito.faults.on("InitiateAuth", answered(date))
    code, found = examine()
    assert code == 0
    assert "clock" not in found


@pytest.mark.parametrize(
    "error", ["ExpiredTokenException", "UnrecognizedClientException", "IncompleteSignature"]
)
def test_credentials_that_do_not_work(error: str, cognito: LocalCognito) -> None:
    for operation in ("GetUserPoolMfaConfig", "DescribeUserPool", "DescribeUserPoolClient"):
        cognito.faults.on(operation, faults.Error(error))
    code, found = examine()
    assert (code, found["AWS credentials"]["level"]) == (1, "ERROR")
    assert found["AWS credentials"]["hint"]
    assert not {"permission", "usernames"} & set(found)


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"AWS_PROFILE": "nosuch"}, "ProfileNotFound"),
        ({"AWS_ACCESS_KEY_ID": "half"}, "PartialCredentialsError"),
    ],
)
@pytest.mark.parametrize("argument", [(), ("--iam-policy",), ("--format", "json")])
def test_boto3_cannot_be_set_up(
    variables: dict[str, str],
    error: str,
    argument: tuple[str, ...],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    set_conf(
        settings,
        CLIENT_FACTORY="cognito_mfa.cognito.make_client",
        ENDPOINT_URL="http://127.0.0.1:9",
    )
    code, text = run("doctor", *argument)
    assert code == 1
    assert error in text


def test_an_administrator_may_begin_and_not_answer(
    cognito: LocalCognito, settings: Settings
) -> None:
    set_conf(settings, AUTH_FLOW="ADMIN_USER_PASSWORD_AUTH")
    assert level("challenges") == (0, "OK")
    cognito.faults.on("AdminRespondToAuthChallenge", DENIED)
    assert level("challenges") == (1, "ERROR")


def test_an_administrator_without_credentials_signs_no_one_in(
    cognito: LocalCognito, settings: Settings
) -> None:
    set_conf(
        settings,
        AUTH_FLOW="ADMIN_USER_PASSWORD_AUTH",
        CLIENT_FACTORY="tests.management.test_doctor.without_credentials",
    )
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == (1, "ERROR")
    assert found["AWS credentials"]["level"] == "WARNING"


def test_something_else_than_a_permission_is_not_called_one(cognito: LocalCognito) -> None:
    cognito.faults.on("AdminUserGlobalSignOut", faults.Error("OperationNotEnabledException"))
    _code, text = run("doctor")
    assert "Signing a user out everywhere does not work" in text
    assert "replica pool" in text


@pytest.mark.parametrize(
    "operation",
    ["InitiateAuth", "GetUserPoolMfaConfig", "DescribeUserPool", "DescribeUserPoolClient"],
)
def test_cognito_does_not_answer(operation: str, cognito: LocalCognito) -> None:
    cognito.faults.on(operation, faults.Unreachable())
    code, text = run("doctor")
    assert code == 3
    assert (
        "Cannot reach Cognito at https://cognito-idp.us-east-1.amazonaws.com (connection failed)."
        in text
    )
    assert "Check the network, the proxy, REGION, and ENDPOINT_URL." in text


@pytest.mark.parametrize(
    "operation", ["GetUserPoolMfaConfig", "DescribeUserPool", "DescribeUserPoolClient"]
)
def test_an_answer_without_content_is_not_believed(operation: str, cognito: LocalCognito) -> None:
    cognito.faults.on(operation, faults.Body(b"{}"))
    code, text = run("doctor")
    assert code == 3
    assert "bad_reply" in text


def test_an_answer_about_a_user_whom_no_one_has_is_not_believed(cognito: LocalCognito) -> None:
    cognito.faults.on("AdminUserGlobalSignOut", faults.Body(b"{}"))
    assert run("doctor")[0] == 3


@pytest.mark.parametrize(
    ("fault", "wanted", "about"),
    [
        (faults.Error("UserLambdaValidationException", "x"), (0, "NOTE"), "Lambda"),
        # A firewall that blocks this machine blocks every user who signs in here.
        (faults.Error("ForbiddenException", "x"), (1, "ERROR"), "AWS WAF"),
    ],
)
def test_a_firewall_or_a_trigger_says_no_first(
    fault: faults.Error, wanted: tuple[int, str], about: str, cognito: LocalCognito
) -> None:
    cognito.faults.on("InitiateAuth", fault)
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == wanted
    assert about in found["sign-in"]["hint"]


def test_a_trigger_that_makes_users_is_noticed(cognito: LocalCognito) -> None:
    reply = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 30, "ChallengeParameters": {}}
    cognito.faults.on("InitiateAuth", faults.Reply(reply, executed=False))
    code, found = examine()
    assert (code, found["sign-in"]["level"]) == (0, "NOTE")


class TestIamPolicy:
    def policy(self) -> dict[str, Any]:
        code, text = run("doctor", "--iam-policy")
        assert code == 0
        policy: dict[str, Any] = json.loads(text)
        return policy

    def actions(self) -> set[str]:
        site, _doctor = self.policy()["Statement"]
        return {action.removeprefix("cognito-idp:") for action in site["Action"]}

    def test_no_one_is_asked(self, cognito: LocalCognito) -> None:
        assert self.actions() == {
            reading(),
            removing,
            "AdminGetUser",
            "AdminUserGlobalSignOut",
            "GetUserPoolMfaConfig",
            "ListUsers",
        }
        assert not cognito.operations()

    def test_signing_in_as_an_administrator(self, settings: Settings) -> None:
        set_conf(settings, AUTH_FLOW="ADMIN_USER_PASSWORD_AUTH")
        assert {"AdminInitiateAuth", "AdminRespondToAuthChallenge"} <= self.actions()

    @pytest.mark.parametrize(
        ("region", "partition"),
        [
            ("eu-west-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-isob-east-1", "aws-iso-b"),
        ],
    )
    def test_the_pool_alone(self, region: str, partition: str, settings: Settings) -> None:
        pool = f"{region}_AbCdEfGhI"
        set_conf(settings, USER_POOL_ID=pool, REGION=region)
        arn = f"arn:{partition}:cognito-idp:{region}:*:userpool/{pool}"
        assert {one["Resource"] for one in self.policy()["Statement"]} == {arn}

    @pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"])
    def test_it_allows_all_that_the_doctor_and_staff_do(
        self, flow: str, cognito: LocalCognito, settings: Settings
    ) -> None:
        set_conf(settings, AUTH_FLOW=flow)
        allowed = {
            action.removeprefix("cognito-idp:")
            for statement in self.policy()["Statement"]
            for action in statement["Action"]
        }
        run("doctor")
        assert set(cognito.operations()) - {"InitiateAuth", "RespondToAuthChallenge"} <= allowed


def test_it_is_the_pool_of_the_settings() -> None:
    assert POOL_ID in run("doctor", "--iam-policy")[1]
