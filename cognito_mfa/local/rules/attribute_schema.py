"""Declares and describes the attributes of a user pool.

A pool stores what was declared. Other standard attributes are as in ``STANDARD``. ``attribute_values``
checks values.

See "Declared attributes" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.rules.state import SchemaAttribute, UserPool

LONGEST_STRING = 2048
LARGEST_NUMBER = 2**1023
MOST_CUSTOM = 50
CUSTOM, DEVELOPER_ONLY = "custom:", "dev:"
#: For each data type, the member with its constraints, and the names of the two constraints.
CONSTRAINTS = {
    "String": ("StringAttributeConstraints", "MinLength", "MaxLength"),
    "Number": ("NumberAttributeConstraints", "MinValue", "MaxValue"),
}
#: DescribeUserPool lists them as standard attributes, but declaring one adds a custom one.
VERIFIED_FLAGS = ("email_verified", "phone_number_verified")
SUB, IDENTITIES = "sub", "identities"
#: Only Cognito itself writes these.
COGNITOS_OWN = (SUB, IDENTITIES)
#: No longer than ``LARGEST_NUMBER``, which has 309 digits.
NUMBER = re.compile(r"-?[0-9]{1,309}")
_WIDE = {"MinLength": "0", "MaxLength": str(LONGEST_STRING)}


def _strings(*names: str) -> list[SchemaAttribute]:
    return [SchemaAttribute(name=name, constraints=dict(_WIDE)) for name in names]


def _flag(name: str) -> SchemaAttribute:
    return SchemaAttribute(name=name, data_type="Boolean")


#: As DescribeUserPool shows them in a pool that declares nothing.
STANDARD: Mapping[str, SchemaAttribute] = {
    attribute.name: attribute
    for attribute in (
        SchemaAttribute(
            name=SUB, mutable=False, required=True, constraints={**_WIDE, "MinLength": "1"}
        ),
        *_strings("name", "given_name", "family_name", "middle_name", "nickname"),
        *_strings("preferred_username", "profile", "picture", "website", "email"),
        _flag("email_verified"),
        *_strings("gender"),
        SchemaAttribute(name="birthdate", constraints={"MinLength": "10", "MaxLength": "10"}),
        *_strings("zoneinfo", "locale", "phone_number"),
        _flag("phone_number_verified"),
        *_strings("address"),
        SchemaAttribute(name="updated_at", data_type="Number", constraints={"MinValue": "0"}),
    )
}


def attribute_named(pool: UserPool, name: str) -> SchemaAttribute | None:
    """Return an attribute of a pool.

    Args:
        pool: The user pool.
        name: The name, with ``custom:`` if it is a custom attribute.

    Returns:
        The attribute, or None if the pool's schema does not have it.
    """
    return pool.schema.get(name) or STANDARD.get(name)


def attributes(pool: UserPool) -> Mapping[str, SchemaAttribute]:
    """Return all attributes of a pool by name, the standard ones first."""
    return {**STANDARD, **pool.schema}


def described(pool: UserPool) -> list[dict[str, Any]]:
    """Return the SchemaAttributes of a pool, the standard ones first."""
    return [_members(attribute) for attribute in attributes(pool).values()]


def declare(pool: UserPool, items: Iterable[Mapping[str, Any]]) -> None:
    """Give a new pool its schema.

    Args:
        pool: The user pool.
        items: A SchemaAttributeType each. One with the name of a standard attribute changes that
            attribute, any other adds a custom one.

    Raises:
        InvalidParameterException: Cognito does not allow a declaration; the pool is unchanged.
    """
    _add(pool, [_standard(item) or _custom(item) for item in items])


def declarations(required: Iterable[str], custom: Iterable[str]) -> list[dict[str, Any]]:
    """Return the declarations of required and custom attributes, as most pools have them.

    Args:
        required: The names of standard attributes that every user must have.
        custom: The names of custom attributes, with ``custom:``. They are strings, and mutable.

    Returns:
        A SchemaAttributeType for each.
    """
    return [
        *({"Name": name, "Required": True} for name in required),
        *(
            {"Name": name.removeprefix(CUSTOM), "AttributeDataType": "String", "Mutable": True}
            for name in custom
        ),
    ]


def add_custom(pool: UserPool, items: Iterable[Mapping[str, Any]]) -> None:
    """Add custom attributes to a pool.

    Args:
        pool: The user pool.
        items: SchemaAttributeType each.

    Raises:
        InvalidParameterException: Cognito does not allow a declaration; the pool is unchanged.
    """
    _add(pool, [_custom(item) for item in items])


def add_identities(pool: UserPool) -> None:
    """Add the attribute that Cognito adds with the first identity provider of a pool."""
    pool.schema.setdefault(IDENTITIES, SchemaAttribute(name=IDENTITIES))


def _add(pool: UserPool, attributes: Iterable[SchemaAttribute]) -> None:
    schema = dict(pool.schema)
    for attribute in attributes:
        if attribute.name in schema:
            named = attribute.name.removeprefix(DEVELOPER_ONLY)
            raise InvalidParameterException(
                f"{named}: Existing attribute already has name {attribute.name}."
            )
        schema[attribute.name] = attribute
    custom = [name for name in schema if name.startswith((CUSTOM, DEVELOPER_ONLY))]
    if len(custom) > MOST_CUSTOM:
        raise InvalidParameterException(
            f"A user pool cannot have more than {MOST_CUSTOM} custom attributes."
        )
    schema.pop(SUB, None)  # it can be declared, which changes nothing
    pool.schema = schema


def _standard(item: Mapping[str, Any]) -> SchemaAttribute | None:
    """Return a standard attribute as it is declared; None for a custom one."""
    default = STANDARD.get(_name(item))
    if default is None or default.name in VERIFIED_FLAGS:
        return None
    same_type = item.get("AttributeDataType", default.data_type) == default.data_type
    if not same_type or item.get("DeveloperOnlyAttribute"):
        raise InvalidParameterException(
            "You can not change AttributeDataType or set developerOnlyAttribute for standard "
            f"schema attribute {default.name}"
        )
    return SchemaAttribute(
        name=default.name,
        data_type=default.data_type,
        mutable=item.get("Mutable", default.mutable),
        required=item.get("Required", default.required),
        constraints=_constraints(item, default.name, default.data_type) or default.constraints,
    )


def _custom(item: Mapping[str, Any]) -> SchemaAttribute:
    developer_only = item.get("DeveloperOnlyAttribute", False)
    name = f"{DEVELOPER_ONLY if developer_only else ''}{CUSTOM}{_name(item)}"
    if "AttributeDataType" not in item:
        raise InvalidParameterException(
            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."
        )
    if item.get("Required"):
        raise InvalidParameterException("Required custom attributes are not supported currently.")
    return SchemaAttribute(
        name=name,
        data_type=item["AttributeDataType"],
        developer_only=developer_only,
        mutable=item.get("Mutable", False),
        constraints=_constraints(item, name, item["AttributeDataType"]),
    )


def _name(item: Mapping[str, Any]) -> str:
    name: str | None = item.get("Name")
    if name is None:
        raise InvalidParameterException("Attribute name must not be null")
    return name


def _constraints(item: Mapping[str, Any], name: str, data_type: str) -> dict[str, str]:
    """Return the constraints of a data type, as they were given."""
    own, *bounds = CONSTRAINTS.get(data_type, ("",))
    for member, *_ in CONSTRAINTS.values():
        if member != own and item.get(member):
            raise InvalidParameterException(f"Invalid {member} for schema attribute {name}")
    given: Mapping[str, str] = item.get(own, {})
    lowest, highest = (_limit(given.get(bound, ""), own, name) for bound in bounds or ("", ""))
    if data_type == "String":
        _check_lengths(name, lowest, highest)
    if lowest is not None and highest is not None and lowest > highest:
        noun = "length" if data_type == "String" else "value"
        raise InvalidParameterException(f"user.{name}: Max {noun} cannot be less than min {noun}.")
    return {bound: given[bound] for bound in bounds if given.get(bound)}


def _limit(text: str, member: str, name: str) -> int | None:
    """Return a constraint as a number; None if it is absent or empty."""
    if not text:
        return None
    if not NUMBER.fullmatch(text) or int(text) > LARGEST_NUMBER:
        raise InvalidParameterException(f"Invalid {member} for schema attribute {name}")
    return int(text)


def _check_lengths(name: str, *lengths: int | None) -> None:
    known = [length for length in lengths if length is not None]
    if any(length < 0 for length in known):
        raise InvalidParameterException(
            f"Invalid StringAttributeConstraints for schema attribute {name}"
        )
    if any(length > LONGEST_STRING for length in known):
        raise InvalidParameterException(
            f"user.{name}: String attributes cannot have a length of more than {LONGEST_STRING}"
        )


def _members(attribute: SchemaAttribute) -> dict[str, Any]:
    member, *_ = CONSTRAINTS.get(attribute.data_type, ("",))
    return {
        "Name": attribute.name,
        "AttributeDataType": attribute.data_type,
        "DeveloperOnlyAttribute": attribute.developer_only,
        "Mutable": attribute.mutable,
        "Required": attribute.required,
        **({member: dict(attribute.constraints)} if member else {}),
    }
