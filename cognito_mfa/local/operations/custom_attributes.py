"""AddCustomAttributes, which adds attributes to an existing pool.

See "Declared attributes" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import attribute_schema


def add_custom_attributes(context: Context, parameters: Parameters) -> Payload:
    """Add custom attributes to a pool. They cannot be removed again."""
    pool = context.pool(parameters)
    attribute_schema.add_custom(pool, parameters["CustomAttributes"])
    pool.modified_at = context.clock.now()
    return {}
