"""Infrastructure code, as it calls Cognito: what it creates, reads back, changes, and deletes.

Each class is a kind of resource, with the calls that the Terraform AWS provider makes for it. After
every change, the provider reads the resource, and a plan compares what it read with what was
configured. A difference is drift, and the next apply would change or replace the resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError  # noqa: TID253

Members = Mapping[str, Any]
#: What is configured like this counts as not configured.
UNSET: tuple[Any, ...] = (None, "", False, 0, [], {})


def drift(given: Any, described: Any, path: str = "") -> Iterator[str]:
    """Where a description differs from what was configured. What was not configured may have any
    value, and lists have no order."""
    if isinstance(given, Mapping) and isinstance(described, Mapping):
        for name, value in given.items():
            yield from drift(value, described.get(name), f"{path}.{name}")
    elif isinstance(given, list) and isinstance(described, list):
        if len(given) != len(described) or not all(_among(one, described) for one in given):
            yield f"{path}: {given} became {described}"
    elif given != described and not (given in UNSET and described in UNSET):
        yield f"{path}: {given!r} became {described!r}"


def _among(item: Any, described: Sequence[Any]) -> bool:
    return any(not list(drift(item, one)) for one in described)


def is_unset(value: Any) -> bool:
    """Whether the provider reads a description as nothing."""
    if isinstance(value, Mapping):
        return all(is_unset(one) for one in value.values())
    return value in UNSET


class Resource:
    """One resource of a stack. ``given`` has its members as the API names them."""

    #: Where the provider takes no value of AWS's own: what is described without being configured is
    #: drift.
    NEVER_COMPUTED: tuple[str, ...] = ()

    def __init__(self, **given: Any) -> None:
        self.given = given

    def create(self, boto: Any, stack: Stack) -> None:
        raise NotImplementedError

    def read(self, boto: Any) -> Members:
        raise NotImplementedError

    def update(self, boto: Any) -> None:
        raise NotImplementedError

    def delete(self, boto: Any) -> None:
        raise NotImplementedError

    def expected(self) -> Members:
        """What of ``given`` is read again."""
        return self.given

    def drift(self, boto: Any) -> Iterator[str]:
        """What a plan finds."""
        described = self.read(boto)
        yield from drift(self.expected(), described)
        for name in self.NEVER_COMPUTED:
            if name not in self.given and not is_unset(described.get(name)):
                yield f".{name}: not configured, and {described[name]!r}"


class Stack:
    """Resources in the order of their dependencies."""

    def __init__(self, boto: Any, *resources: Resource) -> None:
        self.boto = boto
        self.resources = resources
        self.pool_id = ""

    def apply(self) -> None:
        for resource in self.resources:
            resource.create(self.boto, self)

    def plan(self) -> list[str]:
        """Everything that the next apply would change."""
        return [
            f"{type(resource).__name__}{found}"
            for resource in self.resources
            for found in resource.drift(self.boto)
        ]

    def change(self, resource: Resource, **given: Any) -> None:
        """Configure a resource anew, and apply. What is None is configured no more."""
        changed = {**resource.given, **given}
        resource.given = {name: value for name, value in changed.items() if value is not None}
        resource.update(self.boto)

    def destroy(self) -> None:
        for resource in reversed(self.resources):
            resource.delete(self.boto)
            assert self.is_gone(resource), resource

    def is_gone(self, resource: Resource) -> bool:
        """As the provider tells: the resource, or all of its description, is not there."""
        try:
            return not resource.read(self.boto)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return code in ("ResourceNotFoundException", "UserNotFoundException")


class Pool(Resource):
    """aws_cognito_user_pool. The MFA configuration has a call of its own; a schema only grows.

    An update is sent with all that is configured, and what was read of the rest: ``KEPT`` has no
    value in the configuration then, and keeps that of AWS. Tags have calls of their own.
    """

    MFA = (
        "MfaConfiguration",
        "SoftwareTokenMfaConfiguration",
        "EmailMfaConfiguration",
        "WebAuthnConfiguration",
    )
    FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration", "Schema")
    KEPT = (
        "AccountRecoverySetting",
        "AdminCreateUserConfig",
        "EmailConfiguration",
        "EmailVerificationMessage",
        "EmailVerificationSubject",
        "Policies",
        "SmsConfiguration",
        "SmsVerificationMessage",
        "UserPoolTier",
        "VerificationMessageTemplate",
    )
    NEVER_COMPUTED = (
        "AliasAttributes",
        "AutoVerifiedAttributes",
        "DeviceConfiguration",
        "EmailMfaConfiguration",
        "LambdaConfig",
        "SmsAuthenticationMessage",
        "SoftwareTokenMfaConfiguration",
        "UserAttributeUpdateSettings",
        "UserPoolAddOns",
        "UsernameAttributes",
        "UsernameConfiguration",
        "WebAuthnConfiguration",
    )
    DEFAULTS: Members = {"MfaConfiguration": "OFF", "DeletionProtection": "INACTIVE"}
    TEXTS: Mapping[str, str] = {
        "EmailVerificationMessage": "EmailMessage",
        "EmailVerificationSubject": "EmailSubject",
        "SmsVerificationMessage": "SmsMessage",
    }
    id = ""
    declared: Sequence[Any] = ()
    applied: Members = {}

    def create(self, boto: Any, stack: Stack) -> None:
        given = {name: value for name, value in self.given.items() if name not in self.MFA}
        stack.pool_id = self.id = boto.create_user_pool(**given)["UserPool"]["Id"]
        self.declared = self.given.get("Schema", ())
        if self._mfa != "OFF" or "WebAuthnConfiguration" in self.given:
            self._set_mfa(boto)
        self.applied = self.given

    def read(self, boto: Any) -> Members:
        pool = boto.describe_user_pool(UserPoolId=self.id)["UserPool"]
        mfa = boto.get_user_pool_mfa_config(UserPoolId=self.id)
        schema = [one for one in pool["SchemaAttributes"] if self._is_declared(one["Name"])]
        for attribute in schema:
            attribute["Name"] = attribute["Name"].removeprefix("dev:").removeprefix("custom:")
        return {**pool, "PoolName": pool["Name"], "Schema": schema, **mfa}

    def expected(self) -> Members:
        return {**self.DEFAULTS, **self.given}

    def update(self, boto: Any) -> None:
        if self._is_changed(*self.MFA, "SmsConfiguration", "SmsAuthenticationMessage"):
            self._set_mfa(boto)
        others = {*self.given, *self.applied}.difference(self.FIXED, ["UserPoolTags"])
        if self._is_changed(*others):
            boto.update_user_pool(UserPoolId=self.id, **self._sent(boto))
        added = [one for one in self.given.get("Schema", ()) if one not in self.declared]
        if added:
            boto.add_custom_attributes(UserPoolId=self.id, CustomAttributes=added)
            self.declared = self.given["Schema"]
        self._set_tags(boto)
        self.applied = self.given

    def delete(self, boto: Any) -> None:
        boto.delete_user_pool(UserPoolId=self.id)

    @property
    def _mfa(self) -> Any:
        return self.given.get("MfaConfiguration", "OFF")

    def _is_changed(self, *names: str) -> bool:
        return any(self.given.get(name) != self.applied.get(name) for name in names)

    def _set_mfa(self, boto: Any) -> None:
        given = {name: self.given[name] for name in self.MFA if name in self.given}
        sms = self.given.get("SmsConfiguration") or self.read(boto).get("SmsConfiguration")
        if self._mfa != "OFF" and sms:
            text = {k: v for k, v in self.given.items() if k == "SmsAuthenticationMessage"}
            given["SmsMfaConfiguration"] = {"SmsConfiguration": sms, **text}
        boto.set_user_pool_mfa_config(UserPoolId=self.id, **given)

    def _sent(self, boto: Any) -> Members:
        described = self.read(boto)
        kept = {name: described[name] for name in self.KEPT if described.get(name)}
        sent = {**self.DEFAULTS, **kept, **self.given}
        template = dict(sent["VerificationMessageTemplate"])
        for older, newer in self.TEXTS.items():
            if older in self.given and self._is_changed(older):
                template[newer] = self.given[older]
        settled = {"VerificationMessageTemplate": template}
        if (
            "UserAttributeUpdateSettings" in self.applied
        ):  # without it, Cognito would change nothing
            none: list[str] = []
            settled["UserAttributeUpdateSettings"] = self.given.get(
                "UserAttributeUpdateSettings", {"AttributesRequireVerificationBeforeUpdate": none}
            )
        sent |= settled
        unsent = (*self.FIXED, *self.MFA[1:], "UserPoolTags")
        return {k: v for k, v in sent.items() if k not in unsent}

    def _set_tags(self, boto: Any) -> None:
        described = self.read(boto)
        arn, old, new = (
            described["Arn"],
            described["UserPoolTags"],
            self.given.get("UserPoolTags", {}),
        )
        gone = [key for key in old if key not in new]
        if gone:
            boto.untag_resource(ResourceArn=arn, TagKeys=gone)
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        if changed:
            boto.tag_resource(ResourceArn=arn, Tags=changed)

    def _is_declared(self, name: str) -> bool:
        return name.startswith(("custom:", "dev:")) or any(
            one["Name"] == name for one in self.given.get("Schema", ())
        )


class InPool(Resource):
    """A resource that belongs to the pool of its stack."""

    pool: Mapping[str, str] = {}

    def create(self, boto: Any, stack: Stack) -> None:
        self.pool = {"UserPoolId": stack.pool_id}
        self.made(boto)

    def made(self, boto: Any) -> None:
        raise NotImplementedError


class AppClient(InPool):
    """aws_cognito_user_pool_client. An update sends all that was read before, besides what changed.
    What was not described is sent as an empty list."""

    ONCE = ("GenerateSecret",)
    NEVER_COMPUTED = ("AnalyticsConfiguration", "RefreshTokenRotation", "TokenValidityUnits")
    id = ""

    def made(self, boto: Any) -> None:
        answer = boto.create_user_pool_client(**self.pool, **self.given)
        self.id = answer["UserPoolClient"]["ClientId"]

    def read(self, boto: Any) -> Members:
        answer = boto.describe_user_pool_client(**self.pool, ClientId=self.id)
        described: Members = answer["UserPoolClient"]
        return described

    def update(self, boto: Any) -> None:
        shape = boto.meta.service_model.operation_model("UpdateUserPoolClient").input_shape
        known = {
            name: value
            for name, value in self.read(boto).items()
            if name in shape.members and name not in self.NEVER_COMPUTED
        }
        empty: dict[str, Any] = {
            name: [] for name, one in shape.members.items() if one.type_name == "list"
        }
        changed = {k: v for k, v in self.given.items() if k not in self.ONCE}
        boto.update_user_pool_client(**{**empty, **known, **changed})

    def delete(self, boto: Any) -> None:
        boto.delete_user_pool_client(**self.pool, ClientId=self.id)

    def expected(self) -> Members:
        return {k: v for k, v in self.given.items() if k not in self.ONCE}


class ManagedAppClient(AppClient):
    """aws_cognito_managed_user_pool_client: another service made it, and deletes it. It is found by
    its name, and changed where it differs."""

    def made(self, boto: Any) -> None:
        pages = boto.get_paginator("list_user_pool_clients").paginate(**self.pool)
        clients = [client for page in pages for client in page["UserPoolClients"]]
        (self.id,) = [
            one["ClientId"] for one in clients if one["ClientName"] == self.given["ClientName"]
        ]
        if list(self.drift(boto)):
            self.update(boto)

    def delete(self, boto: Any) -> None:
        pass


class Domain(InPool):
    """aws_cognito_user_pool_domain. It is read until it is active, and until it is gone."""

    def made(self, boto: Any) -> None:
        boto.create_user_pool_domain(**self.pool, **self.given)
        assert self.read(boto)["Status"] == "ACTIVE"

    def read(self, boto: Any) -> Members:
        answer = boto.describe_user_pool_domain(Domain=self.given["Domain"])
        described: Members = answer["DomainDescription"]
        return described

    def update(self, boto: Any) -> None:
        boto.update_user_pool_domain(**self.pool, **self.given)

    def delete(self, boto: Any) -> None:
        boto.delete_user_pool_domain(**self.pool, Domain=self.given["Domain"])


class ResourceServer(InPool):
    """aws_cognito_resource_server."""

    def made(self, boto: Any) -> None:
        boto.create_resource_server(**self.pool, **self.given)

    def read(self, boto: Any) -> Members:
        answer = boto.describe_resource_server(**self.pool, Identifier=self.given["Identifier"])
        described: Members = answer["ResourceServer"]
        return described

    def update(self, boto: Any) -> None:
        boto.update_resource_server(**self.pool, **self.given)

    def delete(self, boto: Any) -> None:
        boto.delete_resource_server(**self.pool, Identifier=self.given["Identifier"])


class IdentityProvider(InPool):
    """aws_cognito_identity_provider. An update sends only what changed."""

    sent: Members = {}

    def made(self, boto: Any) -> None:
        boto.create_identity_provider(**self.pool, **self.given)
        self.sent = self.given

    def read(self, boto: Any) -> Members:
        named = {"ProviderName": self.given["ProviderName"]}
        answer = boto.describe_identity_provider(**self.pool, **named)
        described: Members = answer["IdentityProvider"]
        return described

    def update(self, boto: Any) -> None:
        changed = {k: v for k, v in self.given.items() if v != self.sent.get(k)}
        named = {"ProviderName": self.given["ProviderName"]}
        boto.update_identity_provider(**self.pool, **named, **changed)
        self.sent = self.given

    def delete(self, boto: Any) -> None:
        boto.delete_identity_provider(**self.pool, ProviderName=self.given["ProviderName"])


class Group(InPool):
    """aws_cognito_user_group."""

    NEVER_COMPUTED = ("Description", "Precedence", "RoleArn")

    def made(self, boto: Any) -> None:
        boto.create_group(**self.pool, **self.given)

    def read(self, boto: Any) -> Members:
        described: Members = boto.get_group(**self.pool, GroupName=self.given["GroupName"])["Group"]
        return described

    def update(self, boto: Any) -> None:
        boto.update_group(**self.pool, **self.given)

    def delete(self, boto: Any) -> None:
        boto.delete_group(**self.pool, GroupName=self.given["GroupName"])


class User(InPool):
    """aws_cognito_user. ``Attributes`` are pairs by name, and ``Password`` is permanent, unless there
    is a ``TemporaryPassword``."""

    SECRETS = ("Password", "TemporaryPassword")

    @property
    def named(self) -> Mapping[str, str]:
        return {**self.pool, "Username": self.given["Username"]}

    def made(self, boto: Any) -> None:
        more = {k: v for k, v in self.given.items() if k == "TemporaryPassword"}
        boto.admin_create_user(
            **self.named, MessageAction="SUPPRESS", UserAttributes=self._pairs(), **more
        )
        if not self.given.get("Enabled", True):
            boto.admin_disable_user(**self.named)
        if "Password" in self.given:
            self._set_password(boto, self.given["Password"], permanent=True)

    def read(self, boto: Any) -> Members:
        user = boto.admin_get_user(**self.named)
        attributes = {one["Name"]: one["Value"] for one in user["UserAttributes"]}
        return {**user, "Attributes": attributes}

    def drift(self, boto: Any) -> Iterator[str]:
        yield from super().drift(boto)
        more = self.read(boto)["Attributes"].keys() - self.given["Attributes"].keys() - {"sub"}
        yield from (f".Attributes.{name}: not configured" for name in sorted(more))

    def update(self, boto: Any) -> None:
        before = self.read(boto)["Attributes"]
        gone = [name for name in before if name not in (*self.given["Attributes"], "sub")]
        boto.admin_update_user_attributes(**self.named, UserAttributes=self._pairs())
        if gone:
            boto.admin_delete_user_attributes(**self.named, UserAttributeNames=gone)
        enabled = self.given.get("Enabled", True)
        (boto.admin_enable_user if enabled else boto.admin_disable_user)(**self.named)

    def delete(self, boto: Any) -> None:
        boto.admin_delete_user(**self.named)

        if "TemporaryPassword" in self.given:
            self._set_password(boto, self.given["TemporaryPassword"], permanent=False)

    def _set_password(self, boto: Any, password: str, *, permanent: bool) -> None:
        boto.admin_set_user_password(**self.named, Password=password, Permanent=permanent)

    def expected(self) -> Members:
        return {k: v for k, v in self.given.items() if k not in self.SECRETS}

    def _pairs(self) -> list[Members]:
        return [{"Name": k, "Value": v} for k, v in self.given["Attributes"].items()]


class UserInGroup(InPool):
    """aws_cognito_user_in_group, which is read page by page."""

    def made(self, boto: Any) -> None:
        boto.admin_add_user_to_group(**self.pool, **self.given)

    def read(self, boto: Any) -> Members:
        pages = boto.get_paginator("admin_list_groups_for_user").paginate(
            **self.pool, Username=self.given["Username"]
        )
        names = [group["GroupName"] for page in pages for group in page["Groups"]]
        return self.given if self.given["GroupName"] in names else {}

    def delete(self, boto: Any) -> None:
        boto.admin_remove_user_from_group(**self.pool, **self.given)


class UiCustomization(InPool):
    """aws_cognito_user_pool_ui_customization, which is deleted by one without CSS and image. An image
    is not read again."""

    NEVER_COMPUTED = ("CSS",)

    def __init__(self, client: AppClient | None = None, **given: Any) -> None:
        super().__init__(**given)
        self.client = client

    @property
    def named(self) -> Mapping[str, str]:
        return {**self.pool, "ClientId": self.client.id if self.client else "ALL"}

    def made(self, boto: Any) -> None:
        boto.set_ui_customization(**self.named, **self.given)

    update = made

    def read(self, boto: Any) -> Members:
        described: Members = boto.get_ui_customization(**self.named)["UICustomization"]
        is_own = described.get("ClientId") == self.named["ClientId"]
        return described if is_own else {}

    def expected(self) -> Members:
        return {k: v for k, v in self.given.items() if k != "ImageFile"}

    def delete(self, boto: Any) -> None:
        boto.set_ui_customization(**self.named)


class RiskConfiguration(InPool):
    """aws_cognito_risk_configuration of a pool, which is deleted by an empty one."""

    NEVER_COMPUTED = (
        "AccountTakeoverRiskConfiguration",
        "CompromisedCredentialsRiskConfiguration",
        "RiskExceptionConfiguration",
    )

    def made(self, boto: Any) -> None:
        boto.set_risk_configuration(**self.pool, **self.given)

    update = made

    def read(self, boto: Any) -> Members:
        described = boto.describe_risk_configuration(**self.pool)["RiskConfiguration"]
        return {k: v for k, v in described.items() if k.endswith("Configuration")}

    def delete(self, boto: Any) -> None:
        boto.set_risk_configuration(**self.pool)


class LogDelivery(InPool):
    """aws_cognito_log_delivery_configuration, which is deleted by an empty list."""

    def made(self, boto: Any) -> None:
        boto.set_log_delivery_configuration(**self.pool, **self.given)

    update = made

    def read(self, boto: Any) -> Members:
        answer = boto.get_log_delivery_configuration(**self.pool)["LogDeliveryConfiguration"]
        logs = answer["LogConfigurations"]
        return {"LogConfigurations": logs} if logs else {}

    def delete(self, boto: Any) -> None:
        boto.set_log_delivery_configuration(**self.pool, LogConfigurations=[])


class Branding(InPool):
    """aws_cognito_managed_login_branding, which is replaced when its images change."""

    NEVER_COMPUTED = ("Assets", "Settings")
    named: Members = {}

    def __init__(self, client: AppClient, **given: Any) -> None:
        super().__init__(**given)
        self.client = client

    def made(self, boto: Any) -> None:
        answer = boto.create_managed_login_branding(
            **self.pool, ClientId=self.client.id, **self.given
        )
        made = answer["ManagedLoginBranding"]["ManagedLoginBrandingId"]
        self.named = {**self.pool, "ManagedLoginBrandingId": made}

    def read(self, boto: Any) -> Members:
        boto.describe_managed_login_branding(**self.named, ReturnMergedResources=True)
        answer = boto.describe_managed_login_branding(**self.named)
        described: Members = answer["ManagedLoginBranding"]
        by_client = boto.describe_managed_login_branding_by_client(
            UserPoolId=self.pool["UserPoolId"], ClientId=self.client.id
        )
        assert by_client["ManagedLoginBranding"] == described
        return described

    def update(self, boto: Any) -> None:
        boto.update_managed_login_branding(**self.named, **self.given)

    def delete(self, boto: Any) -> None:
        boto.delete_managed_login_branding(**self.named)
