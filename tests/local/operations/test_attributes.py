"""Each operation that writes attributes keeps to the pool's schema and to the client's lists.

The facts are in "Written attributes" and "Attributes of an app client" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.wire.messages import WebRequest
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused

TEMPORARY, CHOSEN = "Temporary-1", "My-own-Horse-8"
UNAUTHORIZED = "A client attempted to write unauthorized attribute"
CREATING, CHANGING = "Attributes did not conform to the schema: ", "user."
#: A value that is left out.
NULL = "null"
FIRST = DELETING = "Invalid user attributes: "


class Site:
    """A pool with one user, and a program that writes attributes of users."""

    def __init__(self, cognito: LocalCognito, **settings: Any) -> None:
        self.cognito = cognito
        self.pool = cognito.create_pool(POOL_ID, **settings)
        self.client = self.pool.create_client(CLIENT_ID)
        self.boto: Any = cognito.client()
        self.caller = Caller(self.boto)

    def add_user(self, *, invited: bool = False, **attributes: str) -> None:
        status = "FORCE_CHANGE_PASSWORD" if invited else "CONFIRMED"
        password = TEMPORARY if invited else PASSWORD
        self.pool.create_user("ada", password=password, attributes=attributes, status=status)

    @property
    def kept(self) -> Mapping[str, str]:
        return dict(self.pool.user("ada").attributes)

    @property
    def token(self) -> str:
        return access_token(self.caller.password("ada"))


Write = Callable[[Site, dict[str, str]], Any]


def pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"Name": name} if value is NULL else {"Name": name, "Value": value}
        for name, value in attributes.items()
    ]


def admin_create_user(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.admin_create_user(
        UserPoolId=POOL_ID, Username="ada", UserAttributes=pairs(attributes)
    )


def sign_up(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.sign_up(
        ClientId=CLIENT_ID, Username="ada", Password=PASSWORD, UserAttributes=pairs(attributes)
    )


def update_user_attributes(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.update_user_attributes(
        AccessToken=site.token, UserAttributes=pairs(attributes)
    )


def admin_update_user_attributes(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.admin_update_user_attributes(
        UserPoolId=POOL_ID, Username="ada", UserAttributes=pairs(attributes)
    )


def delete_user_attributes(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.delete_user_attributes(
        AccessToken=site.token, UserAttributeNames=list(attributes)
    )


def admin_delete_user_attributes(site: Site, attributes: dict[str, str]) -> Any:
    return site.boto.admin_delete_user_attributes(
        UserPoolId=POOL_ID, Username="ada", UserAttributeNames=list(attributes)
    )


def first_password(site: Site, attributes: dict[str, str]) -> Any:
    session = site.caller.password("ada", TEMPORARY)["Session"]
    return site.caller.respond("NEW_PASSWORD_REQUIRED", session, "ada", **chosen(attributes))


def admin_first_password(site: Site, attributes: dict[str, str]) -> Any:
    session = site.caller.admin_password("ada", TEMPORARY)["Session"]
    return site.caller.admin_respond("NEW_PASSWORD_REQUIRED", session, "ada", **chosen(attributes))


def chosen(attributes: dict[str, str]) -> dict[str, str]:
    given = {f"userAttributes.{name}": value for name, value in attributes.items()}
    return {"NEW_PASSWORD": CHOSEN, **given}


NEW: dict[Write, str] = {admin_create_user: CREATING, sign_up: CREATING}
CHANGED: dict[Write, str] = {
    update_user_attributes: CHANGING,
    admin_update_user_attributes: CHANGING,
}
INVITED: dict[Write, str] = {first_password: FIRST, admin_first_password: FIRST}
WRITES = {**NEW, **CHANGED, **INVITED}
BY_CLIENT = (sign_up, update_user_attributes, first_password, admin_first_password)


def site_for(cognito: LocalCognito, write: Write, schema: Any, **attributes: str) -> Site:
    """Return a site in which nothing but the attributes can be in the way of a write."""
    site = Site(cognito, schema=schema)
    if write not in NEW:
        site.add_user(invited=write in INVITED, **attributes)
    return site


def declared(data_type: str, **more: Any) -> list[dict[str, Any]]:
    return [{"Name": "it", "AttributeDataType": data_type, "Mutable": True, **more}]


def string(**constraints: str) -> list[dict[str, Any]]:
    return declared("String", StringAttributeConstraints=constraints)


def number(**constraints: str) -> list[dict[str, Any]]:
    return declared("Number", NumberAttributeConstraints=constraints)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
@pytest.mark.parametrize(
    ("schema", "inside", "outside", "told"),
    [
        (string(MinLength="3"), "abc", "ab", "String must be no shorter than 3 characters"),
        (string(MaxLength="5"), "abcde", "abcdef", "String must be no longer than 5 characters"),
        (string(MaxLength="4"), "\U0001f600" * 2, "\U0001f600" * 3, "String must be no longer than 4 characters"),
        (number(MinValue="18"), "18", "17", "Value must be no less than 18"),
        (number(MinValue="-5"), "-5", "-6", "Value must be no less than -5"),
        (number(MaxValue="90"), "90", "91", "Value must be no more than 90"),
        (number(), "9" * 300, "abc", "Value must be a number"),
        (declared("Boolean"), "true", "yes", "Value must be true or false"),
        (declared("DateTime"), "2026-11-28T10:00:00Z", "28.11.2026", "Value must be a date and time in ISO 8601"),
    ],
    ids=["MinLength", "MaxLength", "UTF-16", "MinValue", "negative", "MaxValue", "Number", "Boolean", "DateTime"],
)  # fmt: skip
def test_a_value_just_inside_is_written_and_one_just_outside_is_not(
    cognito: LocalCognito, write: Write, schema: Any, inside: str, outside: str, told: str
) -> None:
    site = site_for(cognito, write, schema)
    with refused("InvalidParameterException", f"{WRITES[write]}custom:it: {told}\n"):
        write(site, {"custom:it": outside})
    write(site, {"custom:it": inside})
    assert site.kept["custom:it"] == inside


@pytest.mark.parametrize(
    ("data_type", "value", "kept"),
    [
        ("Number", "007", "007"),
        ("Number", "1.5", None),
        ("Number", "\u0661", None),
        ("Boolean", "True", "true"),
        ("Boolean", "1", None),
        ("DateTime", "2026-11-28", "2026-11-28"),
        ("DateTime", "2026-02-30", None),
    ],
)
def test_what_a_data_type_allows(
    cognito: LocalCognito, data_type: str, value: str, kept: str | None
) -> None:
    site = site_for(cognito, admin_create_user, declared(data_type))
    if kept is None:
        with refused("InvalidParameterException"):
            admin_create_user(site, {"custom:it": value})
        return
    admin_create_user(site, {"custom:it": value})
    assert site.kept["custom:it"] == kept


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("email", "nonsense", "Invalid email address format."),
        ("phone_number", "0171 123", "Invalid phone number format."),
        ("phone_number", "123", "Invalid phone number format."),
        ("birthdate", "31.12.1990", None),
        ("birthdate", "1990-02-30", None),
        ("birthdate", "1.1.1990", None),
        ("updated_at", "-1", None),
        ("custom:none", "x", None),
        ("nickname2", "x", None),
    ],
)
def test_a_refused_write_writes_nothing(
    cognito: LocalCognito, write: Write, name: str, value: str, text: str | None
) -> None:
    """Neither what was wrong, nor what came with it; and the user may try again."""
    site = site_for(cognito, write, [], given_name="Ada")
    before = dict(site.pool.state.users)
    known = dict(before["ada"].attributes) if before else {}
    with refused("InvalidParameterException", text):
        write(site, {"nickname": "Countess", name: value, "locale": "en"})
    assert site.pool.state.users == before
    assert (dict(before["ada"].attributes) if before else {}) == known
    write(site, {"nickname": "Countess"})
    assert site.kept["nickname"] == "Countess"


@pytest.mark.parametrize("write", NEW, ids=lambda write: write.__name__)
def test_every_refusal_of_a_write_is_told(cognito: LocalCognito, write: Write) -> None:
    site = site_for(cognito, write, string(MaxLength="2"))
    text = (
        "custom:it: String must be no longer than 2 characters\n"
        "custom:none: Attribute does not exist in the schema.\n"
    )
    with refused("InvalidParameterException", f"{CREATING}{text}"):
        write(site, {"custom:it": "abc", "given_name": "Ada", "custom:none": "x"})


TENANT = [{"Name": "tenant", "AttributeDataType": "String", "Mutable": False}]
FIXED = "user.custom:tenant: Attribute cannot be updated.\n"


class TestImmutable:
    @pytest.mark.parametrize("write", NEW, ids=lambda write: write.__name__)
    @pytest.mark.parametrize("given", [{"custom:tenant": "acme"}, {}])
    def test_an_immutable_attribute_is_written_once(
        self, cognito: LocalCognito, write: Write, given: dict[str, str]
    ) -> None:
        """Also where it was not given, and where it is given again as it is."""
        site = Site(cognito, schema=TENANT)
        write(site, given)
        site.boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="ada", Password=PASSWORD, Permanent=True
        )
        for value in ("evil", "acme", ""):
            for change in CHANGED:
                with refused("InvalidParameterException", FIXED):
                    change(site, {"custom:tenant": value})
        for delete in (delete_user_attributes, admin_delete_user_attributes):
            with refused("InvalidParameterException"):
                delete(site, {"custom:tenant": ""})
        assert {n: v for n, v in site.kept.items() if n == "custom:tenant"} == given

    @pytest.mark.parametrize("write", INVITED, ids=lambda write: write.__name__)
    def test_a_first_password_gives_what_is_missing_and_changes_nothing_fixed(
        self, cognito: LocalCognito, write: Write
    ) -> None:
        """An immutable attribute that the pool requires is asked for here, or nowhere."""
        nickname = {"Name": "nickname", "Required": True, "Mutable": False}
        site = site_for(cognito, write, [*TENANT, nickname])
        text = "Cannot modify the non-mutable attribute custom:tenant"
        with refused("InvalidParameterException", text):
            write(site, {"nickname": "Countess", "custom:tenant": "evil"})
        write(site, {"nickname": "Countess"})
        assert site.kept == {"nickname": "Countess"}

    @pytest.mark.parametrize("write", INVITED, ids=lambda write: write.__name__)
    def test_a_first_password_keeps_a_fixed_attribute_that_is_there(
        self, cognito: LocalCognito, write: Write
    ) -> None:
        nickname = {"Name": "nickname", "Required": True, "Mutable": False}
        site = site_for(cognito, write, [nickname], nickname="Countess")
        with refused("InvalidParameterException"):
            write(site, {"nickname": "Evil"})
        assert site.kept == {"nickname": "Countess"}


class TestRequired:
    NAME = [{"Name": "name", "Required": True}, {"Name": "locale", "Required": True}]

    def test_a_required_attribute_stays(self, cognito: LocalCognito) -> None:
        site = Site(cognito, schema=self.NAME)
        missing = "name: The attribute is required\nlocale: The attribute is required\n"
        with refused("InvalidParameterException", f"{CREATING}{missing}"):
            sign_up(site, {"name": ""})
        admin_create_user(site, {"name": "Ada"})  # the rest is asked for at the first sign-in
        site.boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="ada", Password=PASSWORD, Permanent=True
        )
        text = "Invalid user attributes: name: Required attribute cannot be deleted.\n"
        for write in (*CHANGED, delete_user_attributes, admin_delete_user_attributes):
            with refused("InvalidParameterException", text):
                write(site, {"name": ""})
        assert site.kept == {"name": "Ada"}

    def test_an_optional_one_is_deleted_whatever_its_length(self, cognito: LocalCognito) -> None:
        site = site_for(cognito, update_user_attributes, string(MinLength="36"))
        admin_update_user_attributes(site, {"custom:it": "x" * 36})
        update_user_attributes(site, {"custom:it": ""})
        assert site.kept == {}

    @pytest.mark.parametrize(
        "delete", [delete_user_attributes, admin_delete_user_attributes], ids=["user", "admin"]
    )
    def test_what_does_not_exist_is_not_deleted(self, cognito: LocalCognito, delete: Write) -> None:
        site = site_for(cognito, delete, [])
        text = f"{DELETING}custom:none: Attribute does not exist in the schema.\n"
        with refused("InvalidParameterException", text):
            delete(site, {"custom:none": ""})


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_what_only_cognito_writes(cognito: LocalCognito, write: Write) -> None:
    site = site_for(cognito, write, [])
    for name in ("sub", "identities"):
        text = f"Cannot modify the non-mutable attribute {name}"
        with refused("InvalidParameterException", text):
            write(site, {name: "x"})
    if write in INVITED:
        text = "Cannot modify the non-mutable attribute email_verified"
        with refused("InvalidParameterException", text):
            write(site, {"email": "a@example.com", "email_verified": "true"})
    elif write in BY_CLIENT:
        with refused("NotAuthorizedException", UNAUTHORIZED):
            write(site, {"email": "a@example.com", "email_verified": "true"})
    else:
        write(site, {"email": "a@example.com", "email_verified": "true"})
        assert site.kept["email_verified"] == "true"


@pytest.mark.parametrize("write", [admin_create_user, admin_update_user_attributes])
@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("email_verified", "Email is required to verify/un-verify an email"),
        ("phone_number_verified", "Phone Number is required to verify/un-verify a phone number"),
    ],
)
def test_an_address_is_verified_only_where_there_is_one(
    cognito: LocalCognito, write: Write, flag: str, text: str
) -> None:
    site = site_for(cognito, write, [])
    with refused("InvalidParameterException", text):
        write(site, {flag: "true"})


@pytest.mark.parametrize("write", [admin_create_user, sign_up, *CHANGED])
def test_a_value_is_not_null(cognito: LocalCognito, write: Write) -> None:
    """A text may be empty, which deletes it, and not left out."""
    site = site_for(cognito, write, [])
    with refused("InvalidParameterException", "Attribute value for picture must not be null"):
        write(site, {"picture": NULL})


class TestClients:
    """WriteAttributes and ReadAttributes."""

    @pytest.mark.parametrize("write", BY_CLIENT, ids=lambda write: write.__name__)
    def test_a_client_writes_what_it_may(self, cognito: LocalCognito, write: Write) -> None:
        site = site_for(cognito, write, declared("String"))
        site.client.settings["WriteAttributes"] = ["custom:it"]
        with refused("NotAuthorizedException", UNAUTHORIZED):
            write(site, {"custom:it": "x", "nickname": "Countess"})
        write(site, {"custom:it": "x"})
        assert site.kept == {"custom:it": "x"}

    def test_a_client_deletes_what_it_may(self, cognito: LocalCognito) -> None:
        site = site_for(cognito, delete_user_attributes, [], nickname="Countess", locale="en")
        site.client.settings["WriteAttributes"] = ["locale"]
        with refused("NotAuthorizedException", UNAUTHORIZED):
            delete_user_attributes(site, {"locale": "", "nickname": ""})
        delete_user_attributes(site, {"locale": ""})
        assert site.kept == {"nickname": "Countess"}

    @pytest.mark.parametrize("name", ["email", "phone_number"])
    def test_a_client_verifies_what_it_may_write(self, cognito: LocalCognito, name: str) -> None:
        both = {"email": "ada@example.com", "phone_number": "+15555550100"}
        site = site_for(cognito, update_user_attributes, [], **both)
        asked = {"AccessToken": site.token, "AttributeName": name}
        site.boto.get_user_attribute_verification_code(**asked)
        site.client.settings["WriteAttributes"] = ["nickname"]
        with refused("NotAuthorizedException", UNAUTHORIZED):
            site.boto.get_user_attribute_verification_code(**asked)
        with refused("NotAuthorizedException", UNAUTHORIZED):
            site.boto.verify_user_attribute(**asked, Code=cognito.outbox[-1].code)
        assert f"{name}_verified" not in site.kept

    def test_administrators_write_all(self, cognito: LocalCognito) -> None:
        site = site_for(cognito, admin_update_user_attributes, [])
        site.client.settings["WriteAttributes"] = ["locale"]
        admin_update_user_attributes(site, {"nickname": "Countess"})
        admin_delete_user_attributes(site, {"nickname": ""})
        assert site.kept == {}

    def test_a_client_reads_what_it_may(self, cognito: LocalCognito) -> None:
        known = {"nickname": "Countess", "locale": "en", "custom:it": "x"}
        site = site_for(cognito, update_user_attributes, declared("String"), **known)
        assert shown_to(site) == known
        site.client.settings["ReadAttributes"] = ["nickname", "custom:it"]
        assert shown_to(site) == {"nickname": "Countess", "custom:it": "x"}

    def test_without_lists_a_client_may_write_and_read_all(self, cognito: LocalCognito) -> None:
        site = site_for(cognito, update_user_attributes, declared("String"))
        update_user_attributes(site, {"custom:it": "x"})
        assert shown_to(site) == {"custom:it": "x"}

    def test_or_standard_attributes_only(self, cognito: LocalCognito) -> None:
        behavior = Behavior(clients_default_to_standard_attributes=True)
        site = Site(cognito, schema=declared("String"), behavior=behavior)
        known = {"nickname": "Countess", "custom:it": "x"}
        site.add_user(invited=False, **known)
        assert shown_to(site) == {"nickname": "Countess"}
        with refused("NotAuthorizedException", UNAUTHORIZED):
            update_user_attributes(site, {"custom:it": "y"})
        update_user_attributes(site, {"nickname": "Ada"})

    @pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
    def test_developer_only_attributes_belong_to_administrators(
        self, cognito: LocalCognito, write: Write
    ) -> None:
        site = site_for(cognito, write, declared("String", DeveloperOnlyAttribute=True))
        site.client.settings["WriteAttributes"] = ["dev:custom:it"]
        if write in BY_CLIENT:
            with refused("NotAuthorizedException", UNAUTHORIZED):
                write(site, {"dev:custom:it": "x"})
            return
        write(site, {"dev:custom:it": "x"})
        assert site.kept == {"dev:custom:it": "x"}


def shown_to(site: Site) -> dict[str, str]:
    """Return what GetUser, the ID token and userInfo show, which is the same."""
    token = site.token
    user = site.boto.get_user(AccessToken=token)["UserAttributes"]
    shown = {pair["Name"]: pair["Value"] for pair in user}
    assert shown.pop("sub") == site.pool.user("ada").sub
    known = {*site.kept}
    result = site.caller.password("ada")["AuthenticationResult"]
    claims = jwt.decode(result["IdToken"], options={"verify_signature": False})
    assert {name: claims[name] for name in known if name in claims} == shown
    assert user_info(site) == shown
    return shown


def user_info(site: Site) -> dict[str, str]:
    """Return what userInfo says with all scopes, besides who the user is."""
    issued = site.pool.issue_tokens("ada", CLIENT_ID, scopes=["openid", "profile"])
    authorization = f"Bearer {issued['AccessToken']}"
    answer = site.cognito.web(WebRequest("GET", "/oauth2/userInfo", {}, {}, authorization))
    assert answer is not None
    claims: dict[str, str] = json.loads(answer.body)
    return {name: value for name, value in claims.items() if name not in ("sub", "username")}
