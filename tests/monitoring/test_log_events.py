"""Each outcome is one event in the log, with fields for machines, documented, and without names or secrets."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from pythonjsonlogger.json import JsonFormatter

from cognito_mfa.monitoring import log_events
from tests.monitoring.outcomes import (
    NEW,
    OUTCOMES,
    Site,
    blocked,
    later_sign_in,
    reset_by_staff,
    throttled_by_cognito,
    token_refused,
    unavailable,
    wrong_code,
    wrong_password,
)
from tests.visitor import PASSWORD

TESTS = Path(__file__).parent.parent
# Events of Celery's workers, whose tests have settings of their own.
ELSEWHERE = {"celery/test_refresh.py": {"refresh_finished", "refresh_interrupted"}}
DOCS = Path(__file__).parent.parent.parent / "docs" / "monitoring.md"


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.__name__)
def test_an_outcome_is_one_event(outcome: Callable[[Site], None], site: Site) -> None:
    outcome(site)
    assert site.heard.names == OUTCOMES[outcome]
    for record in site.heard.records:
        line = record.getMessage()
        told = f"{line} {vars(record)}"
        for name in ("newcomer", "example.com", "Secret phone", PASSWORD, NEW):
            assert name not in told
        assert not re.search(r"\b(?:ada|eve|root)\b", told)


# ----------------------------------------------------------------------------------- names and fields


def test_each_event_is_an_outcome_above() -> None:
    seen = {name for names in OUTCOMES.values() for name in names}
    for path, names in ELSEWHERE.items():
        text = (TESTS / path).read_text()
        assert all(f"{name}: " in text for name in names)
        seen |= names
    assert seen == set(log_events.EVENTS)


def test_each_event_is_documented_with_its_owasp_name_and_level() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", DOCS.read_text(), re.MULTILINE)
    level = logging.getLevelName
    in_code = [
        (name, event.vocabulary, level(event.level)) for name, event in log_events.EVENTS.items()
    ]
    assert sorted(rows) == sorted(in_code)


def test_our_extensions_of_the_vocabulary_are_documented() -> None:
    named = {event.vocabulary for event in log_events.EVENTS.values()}
    named |= set(log_events.BY_ERROR.values())
    assert set(log_events.EXTENSIONS) == named - OWASP
    text = DOCS.read_text()
    for name, meaning in log_events.EXTENSIONS.items():
        assert f"| `{name}` | {meaning} |" in text


# The names of the OWASP Logging Vocabulary Cheat Sheet that may be used here.
OWASP = {
    *("authn_login_success", "authn_login_fail", "authn_login_lock", "authn_password_change"),
    *("authn_password_change_fail", "authn_token_revoked", "authz_fail", "authz_change"),
    *("authz_admin", "excess_rate_limit_exceeded", "privilege_permissions_changed"),
    *("sensitive_delete", "sensitive_read", "sequence_fail", "session_expired"),
    *("user_archived", "user_created", "user_deleted", "user_updated"),
}


def test_a_failed_password_names_cognitos_request(site: Site) -> None:
    wrong_password(site)
    told = site.heard.fields("password_refused")
    request_id = told.pop("request_id")
    assert request_id
    assert request_id in site.heard.records[0].getMessage()
    assert told == {
        "event": "password_refused",
        "owasp": "authn_login_fail",
        "operation": "InitiateAuth",
        "cognito_error": "NotAuthorizedException",
        "error": "bad_credentials",
    }


def test_a_sign_in_names_the_request_that_let_it_in(site: Site) -> None:
    later_sign_in(site)
    told = site.heard.fields("signed_in")
    assert told.pop("request_id")
    assert told == {
        "event": "signed_in",
        "owasp": "authn_login_success",
        "user": str(site.identity.user_id),
        "method": "SOFTWARE_TOKEN_MFA",
    }


def test_no_request_of_an_earlier_page_is_named(site: Site) -> None:
    wrong_code(site)
    assert site.heard.fields("code_rejected")["request_id"]
    site.visitor.get(reverse("cognito_mfa:device"))
    site.start()
    log_events.write("signed_in", user=1)
    assert "request_id" not in site.heard.fields("signed_in")


def test_throttling_is_named_as_such(site: Site) -> None:
    throttled_by_cognito(site)
    told = site.heard.fields("cognito_refused")
    assert (told["owasp"], told["error"]) == ("excess_rate_limit_exceeded", "slow_down")
    assert told["reason"] == "throttled"


def test_an_administrator_is_named_by_key(site: Site) -> None:
    reset_by_staff(site)
    told = site.heard.fields("mfa_reset")
    root = User.objects.get(username="root")
    assert (told["user"], told["by"]) == (str(site.identity.user_id), str(root.pk))
    assert told["request_id"]
    line = site.heard.records[-1].getMessage()
    assert line == f"mfa_reset: user {site.identity.user_id} by {root.pk}"


def test_a_blocked_request_is_logged_once_and_without_its_path(site: Site) -> None:
    blocked(site)
    told = site.heard.fields("request_blocked")
    assert told["view"] == "tests.urls.private"
    assert told["reason"] == "mfa_required"


def test_the_reference_of_the_page_is_a_field(site: Site) -> None:
    unavailable(site)
    told = site.heard.fields("cognito_failed")
    assert f"[{told['reference']}]" in site.heard.records[0].getMessage()
    assert told["cognito_error"] == "EndpointConnectionError"
    assert site.heard.records[0].levelno == logging.WARNING


def test_a_stranger_with_a_made_up_token_raises_no_alarm(site: Site) -> None:
    """Anyone can send one, as often as they like, so the line has the level that the manual names."""
    token_refused(site)
    (record,) = site.heard.records
    assert (site.heard.fields("token_refused")["reason"], record.levelno) == (
        "not_signed",
        logging.INFO,
    )


def test_a_json_formatter_writes_the_fields(site: Site) -> None:
    later_sign_in(site)
    line = JsonFormatter("%(levelname)s %(name)s %(message)s").format(site.heard.records[0])
    told = json.loads(line)
    assert told["name"] == log_events.LOGGER
    assert told["cognito_mfa_event"] == "signed_in"
    assert told["message"].startswith("signed_in: user ")
