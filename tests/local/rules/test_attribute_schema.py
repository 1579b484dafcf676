"""Attributes as pools declare and describe them.

The facts are in "Declared attributes" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.errors import InvalidParameterException
from tests.local.caller import POOL_ID, refused

WIDE = {"MinLength": "0", "MaxLength": "2048"}
#: How Cognito describes a declaration that says only this.
AS_CUSTOM = {"DeveloperOnlyAttribute": False, "Mutable": False, "Required": False}
AS_STANDARD = {
    "AttributeDataType": "String",
    "DeveloperOnlyAttribute": False,
    "Mutable": True,
    "Required": False,
    "StringAttributeConstraints": WIDE,
}


def string(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "AttributeDataType": "String", **more}


def number(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "AttributeDataType": "Number", **more}


def created(boto: Any, *schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Create a pool and return its attributes as DescribeUserPool shows them."""
    pool = boto.create_user_pool(PoolName="mine", Schema=list(schema))["UserPool"]
    return described(boto, pool["Id"])


def described(boto: Any, pool_id: str) -> dict[str, dict[str, Any]]:
    shown = boto.describe_user_pool(UserPoolId=pool_id)["UserPool"]["SchemaAttributes"]
    return {attribute["Name"]: attribute for attribute in shown}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            string("tenant"),
            {**string("custom:tenant"), **AS_CUSTOM, "StringAttributeConstraints": {}},
        ),
        (
            string("shoe", Mutable=True, StringAttributeConstraints={"MinLength": "1"}),
            {
                **string("custom:shoe"),
                **AS_CUSTOM,
                "Mutable": True,
                "StringAttributeConstraints": {"MinLength": "1"},
            },
        ),
        (
            number("age", NumberAttributeConstraints={"MinValue": "18", "MaxValue": "90"}),
            {
                **number("custom:age"),
                **AS_CUSTOM,
                "NumberAttributeConstraints": {"MinValue": "18", "MaxValue": "90"},
            },
        ),
        (
            {"Name": "member", "AttributeDataType": "Boolean"},
            {"Name": "custom:member", "AttributeDataType": "Boolean", **AS_CUSTOM},
        ),
        (
            {"Name": "since", "AttributeDataType": "DateTime", "Mutable": True},
            {
                "Name": "custom:since",
                "AttributeDataType": "DateTime",
                **AS_CUSTOM,
                "Mutable": True,
            },
        ),
        (
            string("plan", DeveloperOnlyAttribute=True),
            {
                **string("dev:custom:plan"),
                **AS_CUSTOM,
                "DeveloperOnlyAttribute": True,
                "StringAttributeConstraints": {},
            },
        ),
        (
            string("custom:tenant"),
            {**string("custom:custom:tenant"), **AS_CUSTOM, "StringAttributeConstraints": {}},
        ),
        (
            {"Name": "email_verified", "AttributeDataType": "Boolean"},
            {"Name": "custom:email_verified", "AttributeDataType": "Boolean", **AS_CUSTOM},
        ),
        (
            {"Name": "email", "Required": True, "Mutable": False},
            {**AS_STANDARD, "Name": "email", "Required": True, "Mutable": False},
        ),
        (
            string("name", StringAttributeConstraints={"MaxLength": "255"}),
            {**AS_STANDARD, "Name": "name", "StringAttributeConstraints": {"MaxLength": "255"}},
        ),
        (
            string("sub", Mutable=True),
            {
                **AS_STANDARD,
                "Name": "sub",
                "Required": True,
                "Mutable": False,
                "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "2048"},
            },
        ),
    ],
    ids=lambda value: value["Name"],
)
def test_each_attribute_is_described_as_it_was_declared(
    boto: Any, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    attributes = created(boto, given)
    assert attributes.pop(shown["Name"]) == shown
    assert len(attributes) in (19, 20)
    undeclared = created(boto, string("other"))
    assert all(undeclared[name] == one for name, one in attributes.items())


def test_standard_attributes_have_defaults(boto: Any, cognito: LocalCognito) -> None:
    """As in answers of DescribeUserPool that people publish."""
    cognito.create_pool(POOL_ID)
    shown = described(boto, POOL_ID)
    assert len(shown) == 20
    assert shown["given_name"] == {"Name": "given_name", **AS_STANDARD}
    assert shown["birthdate"]["StringAttributeConstraints"] == {
        "MinLength": "10",
        "MaxLength": "10",
    }
    assert shown["updated_at"] == {
        **number("updated_at"),
        **AS_CUSTOM,
        "Mutable": True,
        "NumberAttributeConstraints": {"MinValue": "0"},
    }
    assert shown["phone_number_verified"] == {
        "Name": "phone_number_verified",
        "AttributeDataType": "Boolean",
        **AS_CUSTOM,
        "Mutable": True,
    }


def test_what_is_described_makes_the_same_pool_again(boto: Any) -> None:
    """Without the verified flags, of which one is longer than a declaration may be."""
    first = created(
        boto,
        string("tenant", StringAttributeConstraints={"MinLength": "1", "MaxLength": "30"}),
        string("plan", DeveloperOnlyAttribute=True, Mutable=True),
        number("age", Mutable=True, NumberAttributeConstraints={"MinValue": "-1"}),
        {"Name": "member", "AttributeDataType": "Boolean"},
        {"Name": "since", "AttributeDataType": "DateTime"},
        {"Name": "email", "Required": True, "Mutable": False},
        string("birthdate", StringAttributeConstraints={"MinLength": "4", "MaxLength": "10"}),
    )
    again = [
        {**shown, "Name": name.removeprefix("dev:").removeprefix("custom:")}
        for name, shown in first.items()
        if not name.endswith("_verified")
    ]
    assert created(boto, *again) == first


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            string("tenant", Required=True),
            "Required custom attributes are not supported currently.",
        ),
        (
            string("tenant", Required=True, DeveloperOnlyAttribute=True),
            "Required custom attributes are not supported currently.",
        ),
        (
            {"Name": "tenant"},
            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
        ),
        ({"AttributeDataType": "String"}, "Attribute name must not be null"),
        (
            string("tenant", StringAttributeConstraints={"MaxLength": "2049"}),
            "user.custom:tenant: String attributes cannot have a length of more than 2048",
        ),
        (
            string("tenant", StringAttributeConstraints={"MinLength": "2049"}),
            "user.custom:tenant: String attributes cannot have a length of more than 2048",
        ),
        (
            string("tenant", StringAttributeConstraints={"MinLength": "5", "MaxLength": "4"}),
            "user.custom:tenant: Max length cannot be less than min length.",
        ),
        (
            number("age", NumberAttributeConstraints={"MinValue": "5", "MaxValue": "4"}),
            "user.custom:age: Max value cannot be less than min value.",
        ),
        *(
            (
                string("tenant", StringAttributeConstraints={"MinLength": length}),
                "Invalid StringAttributeConstraints for schema attribute custom:tenant",
            )
            for length in ("-1", "a", "1.5", "9" * 400)
        ),
        *(
            (
                number("age", NumberAttributeConstraints={"MaxValue": value}),
                "Invalid NumberAttributeConstraints for schema attribute custom:age",
            )
            for value in ("a", str(2**1023 + 1), "9" * 5000)
        ),
        (
            string("tenant", NumberAttributeConstraints={"MinValue": "1"}),
            "Invalid NumberAttributeConstraints for schema attribute custom:tenant",
        ),
        (
            {
                "Name": "member",
                "AttributeDataType": "Boolean",
                "StringAttributeConstraints": {"MinLength": "1"},
            },
            "Invalid StringAttributeConstraints for schema attribute custom:member",
        ),
    ],
)
def test_a_declaration_that_no_pool_can_have(boto: Any, given: dict[str, Any], text: str) -> None:
    pool_id = boto.create_user_pool(PoolName="before")["UserPool"]["Id"]
    before = described(boto, pool_id)
    with refused("InvalidParameterException", text):
        boto.create_user_pool(PoolName="mine", Schema=[string("good"), given])
    with refused("InvalidParameterException", text):
        boto.add_custom_attributes(UserPoolId=pool_id, CustomAttributes=[string("good"), given])
    assert len(boto.list_user_pools(MaxResults=60)["UserPools"]) == 1
    assert described(boto, pool_id) == before


@pytest.mark.parametrize(
    "changes", [{"AttributeDataType": "Number"}, {"DeveloperOnlyAttribute": True}]
)
def test_a_standard_attribute_stays_what_it_is(boto: Any, changes: dict[str, Any]) -> None:
    text = (
        "You can not change AttributeDataType or set developerOnlyAttribute for standard "
        "schema attribute email"
    )
    with refused("InvalidParameterException", text):
        created(boto, {"Name": "email", **changes})


@pytest.mark.parametrize("name", ["phone_number_verified", "n" * 21, "tab\t"])
def test_a_name_that_no_attribute_can_have(boto: Any, name: str) -> None:
    with refused("InvalidParameterException"):
        created(boto, string(name))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (string("age"), "custom:age: Existing attribute already has name custom:age."),
        (
            string("age", DeveloperOnlyAttribute=True),
            "custom:age: Existing attribute already has name dev:custom:age.",
        ),
    ],
)
def test_a_name_is_taken_once(boto: Any, given: dict[str, Any], text: str) -> None:
    with refused("InvalidParameterException", text):
        created(boto, given, given)
    pool_id = boto.create_user_pool(PoolName="mine", Schema=[given])["UserPool"]["Id"]
    with refused("InvalidParameterException", text):
        boto.add_custom_attributes(UserPoolId=pool_id, CustomAttributes=[given])


def test_attributes_are_added_to_a_pool(boto: Any) -> None:
    """Also one that is called as a standard attribute, which then is another one."""
    pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
    with refused("InvalidParameterException"):
        boto.admin_create_user(
            UserPoolId=pool_id,
            Username="ada",
            UserAttributes=[{"Name": "custom:age", "Value": "42"}],
        )
    boto.add_custom_attributes(
        UserPoolId=pool_id, CustomAttributes=[number("age"), string("email")]
    )
    assert described(boto, pool_id)["custom:age"] == {
        **number("custom:age"),
        **AS_CUSTOM,
        "NumberAttributeConstraints": {},
    }
    assert "custom:email" in described(boto, pool_id)
    boto.admin_create_user(
        UserPoolId=pool_id, Username="ada", UserAttributes=[{"Name": "custom:age", "Value": "42"}]
    )


def test_a_pool_has_fifty_custom_attributes_at_most(boto: Any) -> None:
    pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
    for start in (0, 25):
        added = [string(f"n{number}") for number in range(start, start + 25)]
        boto.add_custom_attributes(UserPoolId=pool_id, CustomAttributes=added)
    with refused("InvalidParameterException"):
        boto.add_custom_attributes(UserPoolId=pool_id, CustomAttributes=[string("one-more")])
    assert len(described(boto, pool_id)) == 70


def test_a_pool_of_the_handle_has_a_schema_too(cognito: LocalCognito) -> None:
    pool = cognito.create_pool(POOL_ID, schema=[number("age")], custom_attributes=["custom:shoe"])
    assert list(pool.state.schema) == ["custom:shoe", "custom:age"]
    with pytest.raises(InvalidParameterException):
        cognito.create_pool("us-east-1_Another00", schema=[{"Name": "tenant"}])
    assert [one.id for one in cognito.pools()] == [POOL_ID]
