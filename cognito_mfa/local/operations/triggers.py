"""The Lambda triggers of a pool: the event of each function, and what its response may change.

The operations call one function for each trigger, when Cognito would. The lock is released while a
function runs, so everything that was read before must be read again after it.

See "Lambda triggers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cognito_mfa.local.errors import (
    InvalidLambdaResponseException,
    UnexpectedLambdaException,
    UserLambdaValidationException,
)
from cognito_mfa.local.functions import FunctionFailed, FunctionUnavailable, NoJson
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.rules import claims
from cognito_mfa.local.rules.claims import ClaimChanges, GroupChange, TokenChanges
from cognito_mfa.local.rules.lambda_config import arn_of, token_event_version
from cognito_mfa.local.rules.state import AppClient, ChallengeResult, User, UserPool

UNRECOGNIZABLE = "Unrecognizable lambda output"
NO_JSON = "Invalid lambda function output : Invalid JSON"
UNKNOWN_SDK = "aws-sdk-unknown-unknown"
NO_CHALLENGES = "null failed with error Generate callenges lambda cannot be called."
NO_CLIENT = "CLIENT_ID_NOT_APPLICABLE"
#: Cognito refuses a response without one of these (reported).
COMMON = ("version", "region", "userPoolId", "userName", "callerContext")
CODE_PLACE = "{####}"
USERNAME_PLACE = "{username}"
INVITATION = "CustomMessage_AdminCreateUser"
MIGRATED = (
    "userAttributes", "forceAliasCreation", "enableSMSMFA", "finalUserStatus", "messageAction",
    "desiredDeliveryMediums",
)  # fmt: skip
LINK_PLACE = "{##Click Here##}"

Response = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """The pool, client, and user of an event.

    ``user`` is None if there is none and the client must not learn it. ``client`` is None for an
    administrator.
    """

    pool: UserPool
    client: AppClient | None
    user: User | None
    typed: str = ""

    @property
    def name(self) -> str:
        """Return the userName of the event."""
        return self.user.username if self.user is not None else self.typed


def pre_sign_up(
    context: Context, about: About, source: str, validation_data: Mapping[str, str]
) -> Response:
    """Ask whether a user may sign up.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the new user, who is not in the pool yet.
        source: The triggerSource.
        validation_data: The ValidationData of the request.

    Returns:
        The response, empty without the trigger.
    """
    attributes = about.user.attributes if about.user is not None else {}
    request = {"userAttributes": dict(attributes), "validationData": validation_data or None}
    response = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
    return _call(context, about, "PreSignUp", source, request=request, response=response)


def post_confirmation(context: Context, about: About, source: str) -> None:
    """Report that a user was confirmed. An error does not undo that.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        source: The triggerSource.
    """
    request = {"userAttributes": attributes_of(about.user)}
    _call(context, about, "PostConfirmation", source, request=request, response={})


def pre_authentication(context: Context, about: About) -> None:
    """Ask whether a user may try to sign in, before the password is checked.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
    """
    request = {
        "userAttributes": attributes_of(about.user),
        "validationData": context.validation_data,
        **_not_found(about),
    }
    source = "PreAuthentication_Authentication"
    _call(context, about, "PreAuthentication", source, request=request, response={})


def post_authentication(context: Context, about: About, *, new_device: bool) -> None:
    """Report that a user signed in. After an error, the user gets no tokens.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        new_device: Whether the pool tracks devices and this one is new.
    """
    request = {"userAttributes": attributes_of(about.user), "newDeviceUsed": new_device}
    source = "PostAuthentication_Authentication"
    _call(context, about, "PostAuthentication", source, request=request, response={})


def pre_token_generation(
    context: Context, about: About, source: str, scopes: Sequence[str]
) -> TokenChanges:
    """Ask for changes of the claims in the tokens.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        source: The triggerSource.
        scopes: The scopes of the access token.

    Returns:
        The changes of the claims, none without the trigger.
    """
    if arn_of(about.pool, "PreTokenGeneration") is None:
        return claims.NO_CHANGES
    version = token_event_version(about.pool)
    member = "claimsOverrideDetails" if version == "1" else "claimsAndScopeOverrideDetails"
    request: dict[str, Any] = {
        "userAttributes": attributes_of(about.user),
        "groupConfiguration": _group_configuration(about) if about.user is not None else None,
    }
    if version != "1":
        request["scopes"] = list(scopes)
    response = _call(
        context,
        about,
        "PreTokenGeneration",
        source,
        request=request,
        response={member: None},
        version=version,
    )
    changes = _mapping(response, member)
    return _first_version(changes) if version == "1" else _later_version(changes)


def pre_client_token_generation(
    context: Context, about: About, scopes: Sequence[str]
) -> TokenChanges:
    """Ask for changes of the claims in a client's own token. Only version 3 of the trigger does that.

    Args:
        context: The account, and the request.
        about: The pool and the client.
        scopes: The scopes of the access token.

    Returns:
        The changes of the claims.
    """
    if token_event_version(about.pool) != "3":
        return TokenChanges()
    return pre_token_generation(context, about, "TokenGeneration_ClientCredentials", scopes)


def migrate_user(context: Context, about: About, source: str, password: str | None) -> Response:
    """Ask for a user whom the pool does not have.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the name that was typed.
        source: The triggerSource.
        password: The password that was typed; None if it was forgotten.

    Returns:
        The response, empty without the trigger.
    """
    response = dict.fromkeys(MIGRATED)
    request = {"password": password, "validationData": context.validation_data}
    return _call(context, about, "UserMigration", source, request=request, response=response)


def custom_message(context: Context, about: About, source: str) -> Response:
    """Ask for the text of a message.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        source: The triggerSource.

    Returns:
        The response, empty without the trigger.
    """
    request = {
        "userAttributes": attributes_of(about.user),
        "codeParameter": CODE_PLACE,
        "linkParameter": LINK_PLACE,
        "usernameParameter": USERNAME_PLACE if source == INVITATION else None,
    }
    response = dict.fromkeys(("smsMessage", "emailMessage", "emailSubject"))
    return _call(context, about, "CustomMessage", source, request=request, response=response)


def define_auth_challenge(
    context: Context, about: About, history: Sequence[ChallengeResult]
) -> Response:
    """Ask what comes next in a custom sign-in.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        history: The challenges so far, with their results.

    Returns:
        The response.
    """
    members = ("challengeName", "issueTokens", "failAuthentication")
    request = {"session": _session(history)}
    return _call_challenge(context, about, "DefineAuthChallenge", request, members)


def create_auth_challenge(
    context: Context, about: About, history: Sequence[ChallengeResult]
) -> Response:
    """Ask for a custom challenge and its answer.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        history: The challenges so far, with their results.

    Returns:
        The response.
    """
    members = ("publicChallengeParameters", "privateChallengeParameters", "challengeMetadata")
    request = {"challengeName": "CUSTOM_CHALLENGE", "session": _session(history)}
    return _call_challenge(context, about, "CreateAuthChallenge", request, members)


def verify_auth_challenge(
    context: Context, about: About, private: Mapping[str, str], answer: str
) -> bool:
    """Ask whether an answer is correct.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        private: The privateChallengeParameters of CreateAuthChallenge.
        answer: What was typed.

    Returns:
        True if it is.
    """
    request = {"privateChallengeParameters": dict(private), "challengeAnswer": answer}
    response = _call_challenge(
        context, about, "VerifyAuthChallengeResponse", request, ("answerCorrect",)
    )
    return flag(response, "answerCorrect")


def attributes_of(user: User | None) -> dict[str, str]:
    """Return the attributes of a user as functions get them; empty without a user."""
    if user is None:
        return {}
    return {"sub": user.sub, "cognito:user_status": user.status, **user.attributes}


def flag(response: Response, name: str) -> bool:
    """Return a Boolean member of a response.

    Args:
        response: The response of a function.
        name: The member.

    Returns:
        Its value; False if there is none.

    Raises:
        InvalidLambdaResponseException: It is something else.
    """
    value = response.get(name)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidLambdaResponseException(UNRECOGNIZABLE)


def text(response: Response, name: str) -> str | None:
    """Return a member of a response that is text.

    Args:
        response: The response of a function.
        name: The member.

    Returns:
        Its value, or None.

    Raises:
        InvalidLambdaResponseException: It is something else.
    """
    value = response.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidLambdaResponseException(UNRECOGNIZABLE)


def texts(response: Response, name: str) -> dict[str, str]:
    """Return a member of a response that is a map of strings.

    Args:
        response: The response of a function.
        name: The member.

    Returns:
        Its value, with numbers and Booleans as text; empty if there is none.

    Raises:
        InvalidLambdaResponseException: It is something else.
    """
    values = _mapping(response, name)
    if any(isinstance(value, dict | list) for value in values.values()):
        raise InvalidLambdaResponseException(UNRECOGNIZABLE)
    return {key: _as_text(value) for key, value in values.items() if value is not None}


def _call_challenge(
    context: Context,
    about: About,
    trigger: str,
    request: Mapping[str, Any],
    members: Iterable[str],
) -> Response:
    """Call one of the three triggers of a custom sign-in, all of which it needs.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        trigger: The name of the trigger.
        request: The members of the event that only this trigger gets.
        members: Names that its response may have.
    """
    if arn_of(about.pool, trigger) is None:
        raise UserLambdaValidationException(NO_CHALLENGES)
    common = {"userAttributes": attributes_of(about.user), **_not_found(about)}
    source = f"{trigger}_Authentication"
    return _call(
        context,
        about,
        trigger,
        source,
        request={**common, **request},
        response=dict.fromkeys(members),
    )


def _call(
    context: Context,
    about: About,
    trigger: str,
    source: str,
    *,
    request: Mapping[str, Any],
    response: Response,
    version: str = "1",
) -> Response:
    """Return the response of the pool's function for a trigger; empty if the pool has none."""
    arn = arn_of(about.pool, trigger)
    if arn is None:
        return {}
    event = {**_event(context, about, source, request, response), "version": version}
    try:
        with context.unlocked():
            seconds = about.pool.behavior.trigger_seconds
            result = context.functions.call(arn, event, seconds=seconds)
    except FunctionFailed as error:
        raise UserLambdaValidationException(f"{trigger} failed with error {error}.") from None
    except FunctionUnavailable as error:
        raise UnexpectedLambdaException(
            f"{trigger} invocation failed due to error {error}."
        ) from None
    except NoJson:
        raise InvalidLambdaResponseException(NO_JSON) from None
    return _checked(result)


def _event(
    context: Context, about: About, source: str, request: Mapping[str, Any], response: Response
) -> dict[str, Any]:
    metadata = context.client_metadata
    return {
        "version": "1",
        "region": about.pool.region,
        "userPoolId": about.pool.id,
        "userName": about.name,
        "callerContext": {
            "awsSdkVersion": UNKNOWN_SDK,
            "clientId": about.client.id if about.client is not None else NO_CLIENT,
        },
        "triggerSource": source,
        "request": {**request, **({"clientMetadata": dict(metadata)} if metadata else {})},
        "response": dict(response),
    }


def _checked(result: Any) -> Response:
    if not isinstance(result, dict) or any(result.get(name) is None for name in COMMON):
        raise InvalidLambdaResponseException(UNRECOGNIZABLE)
    return _mapping(result, "response")


def _mapping(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidLambdaResponseException(UNRECOGNIZABLE)
    return value


def _names(values: Mapping[str, Any], name: str) -> list[str]:
    value = values.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidLambdaResponseException(UNRECOGNIZABLE)
    return value


def _scopes(values: Mapping[str, Any], name: str) -> list[str]:
    scopes = _names(values, name)
    if any(scope.split() != [scope] for scope in scopes):
        raise InvalidLambdaResponseException(UNRECOGNIZABLE)
    return scopes


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _not_found(about: About) -> dict[str, bool]:
    """Return the member that tells functions whether the user exists, if the client must not learn it."""
    if about.client is None or about.client.prevent_user_existence_errors != "ENABLED":
        return {}
    return {"userNotFound": about.user is None}


def _group_configuration(about: About) -> dict[str, Any]:
    groups = claims.groups_of(about.pool, about.user) if about.user is not None else []
    roles = [group.role_arn for group in groups if group.role_arn is not None]
    return {
        "groupsToOverride": [group.name for group in groups],
        "iamRolesToOverride": roles,
        "preferredRole": roles[0] if roles else None,
    }


def _session(history: Sequence[ChallengeResult]) -> list[dict[str, Any]]:
    return [
        {
            "challengeName": one.name,
            "challengeResult": one.result,
            "challengeMetadata": one.metadata or None,
        }
        for one in history
    ]


def _first_version(details: Mapping[str, Any]) -> TokenChanges:
    """Return the changes of version 1: text claims in the ID token, and groups in both tokens."""
    changes = ClaimChanges(
        texts(details, "claimsToAddOrOverride"), _names(details, "claimsToSuppress")
    )
    return TokenChanges(identity=changes, groups=_groups(details))


def _later_version(details: Mapping[str, Any]) -> TokenChanges:
    access = _mapping(details, "accessTokenGeneration")
    return TokenChanges(
        identity=_claim_changes(_mapping(details, "idTokenGeneration")),
        access=_claim_changes(access),
        scopes_added=_scopes(access, "scopesToAdd"),
        scopes_suppressed=_names(access, "scopesToSuppress"),
        groups=_groups(details),
    )


def _claim_changes(details: Mapping[str, Any]) -> ClaimChanges:
    added = _mapping(details, "claimsToAddOrOverride")
    return ClaimChanges(added, _names(details, "claimsToSuppress"))


def _groups(details: Mapping[str, Any]) -> GroupChange | None:
    """Return the change of groups; None keeps them. An empty object or null removes them (documented)."""
    if "groupOverrideDetails" not in details:
        return None
    groups = _mapping(details, "groupOverrideDetails")
    return GroupChange(
        _names(groups, "groupsToOverride"),
        _names(groups, "iamRolesToOverride"),
        text(groups, "preferredRole"),
    )
