"""How threat protection responds to risks, which is only stored: no risks are assessed here.

See "Risk configurations" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import UserPoolAddOnNotEnabledException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.empty import without_empty_lists
from cognito_mfa.local.rules.auth_events import keeps_events
from cognito_mfa.local.rules.state import RiskConfiguration, UserPool

COMPROMISED = "CompromisedCredentialsRiskConfiguration"
PARTS = (COMPROMISED, "AccountTakeoverRiskConfiguration", "RiskExceptionConfiguration")
EVERY_EVENT = ["SIGN_IN", "PASSWORD_CHANGE", "SIGN_UP"]


def set_risk_configuration(context: Context, parameters: Parameters) -> Payload:
    """Replace the configuration of a pool or an app client. Without any part, delete it."""
    pool, client_id = _whose(context, parameters)
    settings = without_empty_lists({name: parameters[name] for name in PARTS if name in parameters})
    if COMPROMISED in settings:
        settings[COMPROMISED] = {"EventFilter": EVERY_EVENT, **settings[COMPROMISED]}
    pool.risk_configurations.pop(client_id, None)
    if settings:
        now = context.clock.now()
        pool.risk_configurations[client_id] = RiskConfiguration(settings=settings, modified_at=now)
    return {"RiskConfiguration": _described(pool, client_id)}


def describe_risk_configuration(context: Context, parameters: Parameters) -> Payload:
    """Return the configuration of an app client, or the pool's if the client has none."""
    pool, client_id = _whose(context, parameters)
    return {"RiskConfiguration": _described(pool, client_id)}


def _whose(context: Context, parameters: Parameters) -> tuple[UserPool, str]:
    pool, client_id = context.pool(parameters), ""
    if "ClientId" in parameters:
        client_id = context.client_of_pool(parameters)[1].id
    if not keeps_events(pool):
        raise UserPoolAddOnNotEnabledException("Threat protection is not enabled.")
    return pool, client_id


def _described(pool: UserPool, client_id: str) -> dict[str, Any]:
    configurations = pool.risk_configurations
    configuration = configurations.get(client_id) or configurations.get("")
    described: dict[str, Any] = {"UserPoolId": pool.id}
    if client_id:
        described["ClientId"] = client_id
    if configuration is not None:
        described |= {**configuration.settings, "LastModifiedDate": configuration.modified_at}
    return described
