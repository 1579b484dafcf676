"""The history of a user's sign-ins and passwords, and the feedback of administrators.

See "Auth events" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    ResourceNotFoundException,
    UserPoolAddOnNotEnabledException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules.auth_events import keeps_events
from cognito_mfa.local.rules.state import AuthEvent, User

LARGEST_PAGE = 60
ADMINISTRATOR = "Admin"


def admin_list_user_auth_events(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a user's events, the newest first."""
    user = _user(context, parameters)
    start = page_start(parameters.get("NextToken"), "AdminListUserAuthEvents", user.sub)
    end = start + (parameters.get("MaxResults") or LARGEST_PAGE)
    events = list(reversed(user.events))
    page: Payload = {"AuthEvents": [_described(event) for event in events[start:end]]}
    if len(events) > end:
        page["NextToken"] = page_token(end, "AdminListUserAuthEvents", user.sub)
    return page


def admin_update_auth_event_feedback(context: Context, parameters: Parameters) -> Payload:
    """Record whether an event was the user's own."""
    user = _user(context, parameters)
    for event in user.events:
        if event.id == parameters["EventId"]:
            event.feedback = parameters["FeedbackValue"]
            event.feedback_at = context.clock.now()
            return {}
    raise ResourceNotFoundException(f"Auth event {parameters['EventId']} does not exist.")


def _user(context: Context, parameters: Parameters) -> User:
    pool, user = context.user(parameters)
    if not keeps_events(pool):
        raise UserPoolAddOnNotEnabledException("Threat protection is not enabled.")
    return user


def _described(event: AuthEvent) -> dict[str, Any]:
    feedback = {
        "FeedbackValue": event.feedback,
        "Provider": ADMINISTRATOR,
        "FeedbackDate": event.feedback_at,
    }
    challenges = [
        {"ChallengeName": name, "ChallengeResponse": result} for name, result in event.challenges
    ]
    return {
        "EventId": event.id,
        "EventType": event.type,
        "CreationDate": event.created_at,
        "EventResponse": event.response,
        "EventRisk": {"RiskDecision": "NoRisk", "CompromisedCredentialsDetected": False},
        **({"ChallengeResponses": challenges} if challenges else {}),
        **({"EventFeedback": feedback} if event.feedback else {}),
    }
