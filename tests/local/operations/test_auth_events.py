"""The history of a user: "Auth events" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, members, refused
from tests.local.conftest import populated

POOL = {"UserPoolId": POOL_ID}
WRONG = "Wrong-Horse-7"


@pytest.fixture(autouse=True)
def kept(cognito: LocalCognito) -> LocalPool:
    pool = populated(cognito, mfa="OPTIONAL")
    pool.state.settings["UserPoolAddOns"] = {"AdvancedSecurityMode": "AUDIT"}
    return pool


def events(boto: Any, username: str = "newcomer") -> Any:
    return boto.admin_list_user_auth_events(**POOL, Username=username)["AuthEvents"]


def told(boto: Any, username: str = "newcomer") -> list[tuple[str, str, list[str]]]:
    return [
        (
            event["EventType"],
            event["EventResponse"],
            [
                f"{c['ChallengeName']} {c['ChallengeResponse']}"
                for c in event.get("ChallengeResponses", [])
            ],
        )
        for event in events(boto, username)
    ]


def test_sign_ins_are_kept_with_the_newest_first(
    either_boto: Any, either: Caller, cognito: LocalCognito
) -> None:
    with refused("NotAuthorizedException"):
        either.password(password=WRONG)
    cognito.clock.advance(60)
    either.password()
    assert told(either_boto) == [
        ("SignIn", "Pass", ["Password Success"]),
        ("SignIn", "Fail", ["Password Failure"]),
    ]
    newest, oldest = events(either_boto)
    assert (newest["CreationDate"] - oldest["CreationDate"]).total_seconds() == 60
    assert newest["EventRisk"]["RiskDecision"] == "NoRisk"
    assert told(either_boto, "regular") == []


def test_events_live_through_the_state_file(
    boto: Any, caller: Caller, cognito: LocalCognito, tmp_path: Any
) -> None:
    caller.password()
    cognito.save(tmp_path / "pool.json")
    assert events(LocalCognito.load(tmp_path / "pool.json").client()) == events(boto)


def test_a_code_is_a_part_of_the_sign_in(boto: Any, caller: Caller, kept: LocalPool) -> None:
    session = caller.password("regular")["Session"]
    assert told(boto, "regular") == [("SignIn", "InProgress", ["Password Success"])]
    with refused("CodeMismatchException"):
        caller.enter_code(session, "000000")
    caller.enter_code(session, kept.code_for("regular"))
    assert told(boto, "regular") == [
        ("SignIn", "Pass", ["Password Success", "Mfa Failure", "Mfa Success"])
    ]


def test_passwords_and_sign_up_are_kept(boto: Any, caller: Caller, kept: LocalPool) -> None:
    kept.user("newcomer").attributes["email_verified"] = "true"
    boto.forgot_password(ClientId=CLIENT_ID, Username="newcomer")
    token = caller.password()["AuthenticationResult"]["AccessToken"]
    boto.change_password(
        AccessToken=token, PreviousPassword=PASSWORD, ProposedPassword="My-own-Horse-8"
    )
    assert [kind for kind, *_ in told(boto)] == ["PasswordChange", "SignIn", "ForgotPassword"]
    boto.sign_up(
        ClientId=CLIENT_ID,
        Username="fresh",
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": "fresh@example.com"}],
    )
    boto.resend_confirmation_code(ClientId=CLIENT_ID, Username="fresh")
    assert [kind for kind, *_ in told(boto, "fresh")] == ["ResendCode", "SignUp"]


def test_an_administrator_says_what_an_event_was(
    boto: Any, caller: Caller, cognito: LocalCognito
) -> None:
    caller.password()
    (event,) = events(boto)
    given = {**POOL, "Username": "newcomer", "FeedbackValue": "Invalid"}
    answer = boto.admin_update_auth_event_feedback(**given, EventId=event["EventId"])
    assert members(answer) == {}
    feedback = events(boto)[0]["EventFeedback"]
    assert (feedback["FeedbackValue"], feedback["Provider"]) == ("Invalid", "Admin")
    assert feedback["FeedbackDate"].timestamp() == cognito.clock.now()
    with refused("ResourceNotFoundException"):
        boto.admin_update_auth_event_feedback(**given, EventId="unknown")


def test_events_are_listed_in_pages_and_the_oldest_are_forgotten(
    boto: Any, kept: LocalPool
) -> None:
    from cognito_mfa.local.rules import auth_events

    for moment in range(103):
        auth_events.note(kept.state, kept.user("newcomer"), "SignIn", float(moment))
    asked = {**POOL, "Username": "newcomer", "MaxResults": 40}
    seen: list[float] = []
    token: dict[str, str] = {}
    while True:
        page = boto.admin_list_user_auth_events(**asked, **token)
        seen += [event["CreationDate"].timestamp() for event in page["AuthEvents"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == [float(moment) for moment in range(102, 2, -1)]


def test_a_pool_without_threat_protection_keeps_nothing(
    boto: Any, caller: Caller, kept: LocalPool
) -> None:
    kept.state.settings["UserPoolAddOns"] = {"AdvancedSecurityMode": "OFF"}
    caller.password()
    assert kept.user("newcomer").events == []
    with refused("UserPoolAddOnNotEnabledException"):
        events(boto)


def test_threat_protection_is_turned_on_like_any_setting(boto: Any) -> None:
    made = boto.create_user_pool(
        PoolName="watched",
        UserPoolTier="PLUS",
        UserPoolAddOns={"AdvancedSecurityMode": "AUDIT"},
    )["UserPool"]
    assert made["UserPoolAddOns"] == {"AdvancedSecurityMode": "AUDIT"}
    boto.admin_create_user(UserPoolId=made["Id"], Username="ada", MessageAction="SUPPRESS")
    asked = {"UserPoolId": made["Id"], "Username": "ada"}
    assert boto.admin_list_user_auth_events(**asked)["AuthEvents"] == []
