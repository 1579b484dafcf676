"""The members of requests that the operations support: the table for checking every input.

Each name is in one of three lists. If a request uses a refused member, ``selection`` returns an error that
names it, before the operation runs. A test compares the lists with botocore's service model, and fails if
a member or a value of an enum is in none.

To support a member, move its name from ``refused`` to ``implemented``, and take it out of the lists
of docs/local-cognito-fidelity.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Names:
    """Lists of names of members, keys, or values, each separated by spaces."""

    implemented: str = ""
    """Something behaves by it."""
    described: str = ""
    """Accepted, and described again where Cognito does; nothing behaves by it, and nothing here
    would in a pool without what the local Cognito refuses: texts of messages, plans, analytics."""
    refused: str = ""
    """Refused by name, unless the value turns it off. ``Member=value`` refuses only the value."""


#: These mean the same in every operation. Without threat protection, Cognito ignores the data about the
#: browser, too.
EVERYWHERE = Names("ClientMetadata", described="AnalyticsMetadata ContextData UserContextData")

_POOL = "UserPoolId"
_USER = "UserPoolId Username"
_POOL_SETTINGS = Names(
    implemented="AccountRecoverySetting AdminCreateUserConfig AutoVerifiedAttributes "
    "DeletionProtection DeviceConfiguration EmailConfiguration EmailVerificationMessage "
    "LambdaConfig MfaConfiguration Policies PoolName SmsAuthenticationMessage SmsConfiguration "
    "SmsVerificationMessage UserAttributeUpdateSettings UserPoolAddOns UserPoolTags UserPoolTier VerificationMessageTemplate",
    described="EmailVerificationSubject KeyConfiguration",
    refused="AcrConfiguration DcrConfiguration IssuerConfiguration",
)
_CLIENT_SETTINGS = Names(
    implemented="AccessTokenValidity AllowedOAuthFlows AllowedOAuthFlowsUserPoolClient "
    "AllowedOAuthScopes AuthSessionValidity CallbackURLs ClientName DefaultRedirectURI "
    "EnableTokenRevocation ExplicitAuthFlows IdTokenValidity LogoutURLs "
    "PreventUserExistenceErrors ReadAttributes RefreshTokenRotation RefreshTokenValidity "
    "SupportedIdentityProviders TokenValidityUnits UserPoolId WriteAttributes",
    described="AnalyticsConfiguration EnablePropagateAdditionalUserContextData",
    refused="PublishSecretsInAWSSecretsManager",
)
_PREFERENCE = Names(
    implemented="EmailMfaSettings SMSMfaSettings SoftwareTokenMfaSettings WebAuthnMfaSettings"
)


def _with(names: Names, implemented: str) -> Names:
    return replace(names, implemented=f"{names.implemented} {implemented}")


#: The members of each operation's input.
OPERATIONS: Mapping[str, Names] = {
    # Sign-in
    "AdminInitiateAuth": Names("AuthFlow AuthParameters ClientId Session UserPoolId"),
    "AdminRespondToAuthChallenge": Names(
        "ChallengeName ChallengeResponses ClientId Session UserPoolId"
    ),
    "GetTokensFromRefreshToken": Names("ClientId ClientSecret DeviceKey RefreshToken"),
    "InitiateAuth": Names("AuthFlow AuthParameters ClientId Session"),
    "RespondToAuthChallenge": Names("ChallengeName ChallengeResponses ClientId Session"),
    # Sign-out
    "AdminUserGlobalSignOut": Names(_USER),
    "GlobalSignOut": Names("AccessToken"),
    "RevokeToken": Names("ClientId ClientSecret RevokeAssociatedSessions Token"),
    # User sessions
    "AdminListUserSessions": Names(f"{_USER} NextToken"),
    "AdminRevokeUserSession": Names(f"{_USER} RevokeAssociatedSessions SessionId"),
    "GetUserPoolClientSessionConfiguration": Names("ClientId UserPoolId"),
    "GetUserPoolSessionConfiguration": Names(_POOL),
    "ListUserSessions": Names("AccessToken NextToken"),
    "RevokeUserSession": Names("AccessToken RevokeAssociatedSessions SessionId"),
    "SetUserPoolClientSessionConfiguration": Names("ClientId UserPoolId", described="SSOSession"),
    "SetUserPoolSessionConfiguration": Names("TokenSession UserPoolId UserSessionTracking"),
    # Events
    "AdminListUserAuthEvents": Names(f"{_USER} MaxResults NextToken"),
    "AdminUpdateAuthEventFeedback": Names(f"{_USER} EventId FeedbackValue"),
    # Second factors
    "AdminDeleteSoftwareToken": Names(_USER),
    "AdminGetUserAuthFactors": Names(_USER),
    "AdminSetUserMFAPreference": _with(_PREFERENCE, _USER),
    "AdminSetUserSettings": Names(f"MFAOptions {_USER}"),
    "AssociateSoftwareToken": Names("AccessToken Session"),
    "GetUserAuthFactors": Names("AccessToken"),
    "SetUserMFAPreference": _with(_PREFERENCE, "AccessToken"),
    "SetUserSettings": Names("AccessToken MFAOptions"),
    "VerifySoftwareToken": Names("AccessToken FriendlyDeviceName Session UserCode"),
    # Passkeys
    "CompleteWebAuthnRegistration": Names("AccessToken Credential"),
    "DeleteWebAuthnCredential": Names("AccessToken CredentialId"),
    "ListWebAuthnCredentials": Names("AccessToken MaxResults NextToken"),
    "StartWebAuthnRegistration": Names("AccessToken"),
    # Sign-up and passwords
    "AdminConfirmSignUp": Names(_USER),
    "AdminResetUserPassword": Names(_USER),
    "AdminSetUserPassword": Names("Password Permanent UserPoolId Username"),
    "ChangePassword": Names("AccessToken PreviousPassword ProposedPassword"),
    "ConfirmForgotPassword": Names("ClientId ConfirmationCode Password SecretHash Username"),
    "ConfirmSignUp": Names(
        "ClientId ConfirmationCode ForceAliasCreation SecretHash Session Username"
    ),
    "ForgotPassword": Names("ClientId SecretHash Username"),
    "ResendConfirmationCode": Names("ClientId SecretHash Username"),
    "SignUp": Names("ClientId Password SecretHash UserAttributes Username ValidationData"),
    # Users
    "AdminCreateUser": Names(
        "DesiredDeliveryMediums ForceAliasCreation MessageAction TemporaryPassword UserAttributes "
        "UserPoolId Username ValidationData",
    ),
    "AdminDeleteUser": Names(_USER),
    "AdminDeleteUserAttributes": Names("UserAttributeNames UserPoolId Username"),
    "AdminDisableUser": Names(_USER),
    "AdminEnableUser": Names(_USER),
    "AdminGetUser": Names(_USER),
    "AdminUpdateUserAttributes": Names("UserAttributes UserPoolId Username"),
    "DeleteUser": Names("AccessToken"),
    "DeleteUserAttributes": Names("AccessToken UserAttributeNames"),
    "GetUser": Names("AccessToken"),
    "GetUserAttributeVerificationCode": Names("AccessToken AttributeName"),
    "ListUsers": Names("AttributesToGet Filter Limit PaginationToken UserPoolId"),
    "UpdateUserAttributes": Names("AccessToken UserAttributes"),
    "VerifyUserAttribute": Names("AccessToken AttributeName Code"),
    # Devices
    "AdminForgetDevice": Names("DeviceKey UserPoolId Username"),
    "AdminGetDevice": Names("DeviceKey UserPoolId Username"),
    "AdminListDevices": Names("Limit PaginationToken UserPoolId Username"),
    "AdminUpdateDeviceStatus": Names("DeviceKey DeviceRememberedStatus UserPoolId Username"),
    "ConfirmDevice": Names("AccessToken DeviceKey DeviceName DeviceSecretVerifierConfig"),
    "ForgetDevice": Names("AccessToken DeviceKey"),
    "GetDevice": Names("AccessToken DeviceKey"),
    "ListDevices": Names("AccessToken Limit PaginationToken"),
    "UpdateDeviceStatus": Names("AccessToken DeviceKey DeviceRememberedStatus"),
    # Groups
    "AdminAddUserToGroup": Names("GroupName UserPoolId Username"),
    "AdminListGroupsForUser": Names("Limit NextToken UserPoolId Username"),
    "AdminRemoveUserFromGroup": Names("GroupName UserPoolId Username"),
    "CreateGroup": Names("Description GroupName Precedence RoleArn UserPoolId"),
    "DeleteGroup": Names("GroupName UserPoolId"),
    "GetGroup": Names("GroupName UserPoolId"),
    "ListGroups": Names("Limit NextToken UserPoolId"),
    "ListUsersInGroup": Names("GroupName Limit NextToken UserPoolId"),
    "UpdateGroup": Names("Description GroupName Precedence RoleArn UserPoolId"),
    # Pools
    "AddCustomAttributes": Names("CustomAttributes UserPoolId"),
    "CreateUserPool": _with(
        _POOL_SETTINGS, "AliasAttributes Schema UsernameAttributes UsernameConfiguration"
    ),
    "DeleteUserPool": Names(_POOL),
    "DescribeUserPool": Names(_POOL),
    "GetUserPoolMfaConfig": Names(_POOL),
    "ListUserPools": Names("MaxResults NextToken"),
    "SetUserPoolMfaConfig": Names(
        "EmailMfaConfiguration MfaConfiguration SmsMfaConfiguration SoftwareTokenMfaConfiguration "
        "UserPoolId WebAuthnConfiguration"
    ),
    "UpdateUserPool": _with(_POOL_SETTINGS, _POOL),
    # What is around a pool
    "CreateUserPoolDomain": Names(
        "CustomDomainConfig Domain ManagedLoginVersion UserPoolId", refused="Routing"
    ),
    "CreateIdentityProvider": Names(
        "AcrMapping AttributeMapping IdpIdentifiers ProviderDetails ProviderName ProviderType "
        "UserPoolId"
    ),
    "CreateResourceServer": Names("Identifier Name Scopes UserPoolId"),
    "DeleteIdentityProvider": Names("ProviderName UserPoolId"),
    "DeleteResourceServer": Names("Identifier UserPoolId"),
    "DeleteUserPoolDomain": Names("Domain UserPoolId"),
    "DescribeIdentityProvider": Names("ProviderName UserPoolId"),
    "DescribeResourceServer": Names("Identifier UserPoolId"),
    "DescribeUserPoolDomain": Names("Domain"),
    "GetIdentityProviderByIdentifier": Names("IdpIdentifier UserPoolId"),
    "GetSigningCertificate": Names(_POOL),
    "ListIdentityProviders": Names("MaxResults NextToken UserPoolId"),
    "ListResourceServers": Names("MaxResults NextToken UserPoolId"),
    "ListTagsForResource": Names("ResourceArn"),
    "TagResource": Names("ResourceArn Tags"),
    "UntagResource": Names("ResourceArn TagKeys"),
    "UpdateIdentityProvider": Names(
        "AcrMapping AttributeMapping IdpIdentifiers ProviderDetails ProviderName UserPoolId"
    ),
    "UpdateResourceServer": Names("Identifier Name Scopes UserPoolId"),
    "UpdateUserPoolDomain": Names(
        "CustomDomainConfig Domain ManagedLoginVersion UserPoolId", refused="Routing"
    ),
    "AdminDisableProviderForUser": Names("User UserPoolId"),
    "AdminLinkProviderForUser": Names("DestinationUser SourceUser UserPoolId"),
    # Looks, logs, risks, and imports, which are only stored
    "CreateManagedLoginBranding": Names(
        "ClientId UseCognitoProvidedValues UserPoolId", described="Assets Settings"
    ),
    "DeleteManagedLoginBranding": Names("ManagedLoginBrandingId UserPoolId"),
    "DescribeManagedLoginBranding": Names(
        "ManagedLoginBrandingId UserPoolId", described="ReturnMergedResources"
    ),
    "DescribeManagedLoginBrandingByClient": Names(
        "ClientId UserPoolId", described="ReturnMergedResources"
    ),
    "UpdateManagedLoginBranding": Names(
        "ManagedLoginBrandingId UseCognitoProvidedValues UserPoolId", described="Assets Settings"
    ),
    "GetUICustomization": Names("ClientId UserPoolId"),
    "SetUICustomization": Names("ClientId UserPoolId", described="CSS ImageFile"),
    "GetLogDeliveryConfiguration": Names(_POOL),
    "SetLogDeliveryConfiguration": Names(_POOL, described="LogConfigurations"),
    "DescribeRiskConfiguration": Names("ClientId UserPoolId"),
    "SetRiskConfiguration": Names(
        "ClientId UserPoolId",
        described="AccountTakeoverRiskConfiguration CompromisedCredentialsRiskConfiguration "
        "RiskExceptionConfiguration",
    ),
    "CreateUserImportJob": Names(
        "JobName UserPoolId", described="CloudWatchLogsRoleArn PasswordHashingAlgorithm"
    ),
    "DescribeUserImportJob": Names("JobId UserPoolId"),
    "GetCSVHeader": Names(_POOL),
    "ListUserImportJobs": Names("MaxResults PaginationToken UserPoolId"),
    "StartUserImportJob": Names("JobId UserPoolId"),
    "StopUserImportJob": Names("JobId UserPoolId"),
    # App clients
    "AddUserPoolClientSecret": Names("ClientId ClientSecret UserPoolId"),
    "CreateUserPoolClient": _with(_CLIENT_SETTINGS, "ClientSecret GenerateSecret"),
    "DeleteUserPoolClient": Names("ClientId UserPoolId"),
    "DeleteUserPoolClientSecret": Names("ClientId ClientSecretId UserPoolId"),
    "DescribeUserPoolClient": Names("ClientId UserPoolId"),
    "ListUserPoolClientSecrets": Names("ClientId NextToken UserPoolId"),
    "ListUserPoolClients": Names("ClientType MaxResults NextToken UserPoolId"),
    "UpdateUserPoolClient": _with(_CLIENT_SETTINGS, "ClientId"),
}

#: The members of structures inside them, by shape. Structures inside refused and described members are
#: not checked.
STRUCTURES: Mapping[str, Names] = {
    "AccountRecoverySettingType": Names("RecoveryMechanisms"),
    "AdminCreateUserConfigType": Names(
        "AllowAdminCreateUserOnly UnusedAccountValidityDays", described="InviteMessageTemplate"
    ),
    "AdvancedSecurityAdditionalFlowsType": Names(refused="CustomAuthMode"),
    "AttributeType": Names("Name Value"),
    "CustomDomainConfigType": Names(described="CertificateArn SecurityPolicy"),
    "DeviceConfigurationType": Names(
        "ChallengeRequiredOnNewDevice DeviceOnlyRememberedOnUserPrompt"
    ),
    "DeviceSecretVerifierConfigType": Names("PasswordVerifier Salt"),
    "EmailConfigurationType": Names(
        "EmailSendingAccount From SourceArn", described="ConfigurationSet ReplyToEmailAddress"
    ),
    "EmailMfaConfigType": Names("Message", described="Subject"),
    "EmailMfaSettingsType": Names("Enabled PreferredMfa"),
    "LambdaConfigType": Names(
        "CreateAuthChallenge CustomMessage DefineAuthChallenge PostAuthentication PostConfirmation "
        "PreAuthentication PreSignUp PreTokenGeneration PreTokenGenerationConfig UserMigration "
        "VerifyAuthChallengeResponse",
        refused="CustomEmailSender CustomSMSSender InboundFederation KMSKeyID",
    ),
    "MFAOptionType": Names("AttributeName DeliveryMedium"),
    "NumberAttributeConstraintsType": Names("MaxValue MinValue"),
    "PasswordPolicyType": Names(
        "MinimumLength PasswordHistorySize RequireLowercase RequireNumbers RequireSymbols "
        "RequireUppercase TemporaryPasswordValidityDays"
    ),
    "PreTokenGenerationVersionConfigType": Names("LambdaArn LambdaVersion"),
    "ProviderUserIdentifierType": Names(
        "ProviderAttributeName ProviderAttributeValue ProviderName"
    ),
    "RecoveryOptionType": Names("Name Priority"),
    "RefreshTokenRotationType": Names("Feature RetryGracePeriodSeconds"),
    "ResourceServerScopeType": Names("ScopeName", described="ScopeDescription"),
    "SMSMfaSettingsType": Names("Enabled PreferredMfa"),
    "SchemaAttributeType": Names(
        "AttributeDataType DeveloperOnlyAttribute Mutable Name NumberAttributeConstraints Required "
        "StringAttributeConstraints"
    ),
    "SignInPolicyType": Names("AllowedFirstAuthFactors"),
    "SmsConfigurationType": Names("SnsCallerArn", described="EumsSms ExternalId SnsRegion"),
    "SmsMfaConfigType": Names("SmsAuthenticationMessage SmsConfiguration"),
    "SoftwareTokenMfaConfigType": Names("Enabled"),
    "SoftwareTokenMfaSettingsType": Names("Enabled PreferredMfa"),
    "StringAttributeConstraintsType": Names("MaxLength MinLength"),
    "TokenValidityUnitsType": Names("AccessToken IdToken RefreshToken"),
    "UserAttributeUpdateSettingsType": Names("AttributesRequireVerificationBeforeUpdate"),
    "UserPoolAddOnsType": Names("AdvancedSecurityAdditionalFlows AdvancedSecurityMode"),
    "UserPoolPolicyType": Names("PasswordPolicy SignInPolicy"),
    "UserPoolTokenSessionConfigType": Names("MaxPerUser"),
    "UsernameConfigurationType": Names("CaseSensitive"),
    "VerificationMessageTemplateType": Names(
        "DefaultEmailOption EmailMessage EmailMessageByLink SmsMessage",
        described="EmailSubject EmailSubjectByLink",
    ),
    "WebAuthnConfigurationType": Names("FactorConfiguration RelyingPartyId UserVerification"),
    "WebAuthnMfaSettingsType": Names("Enabled"),
}

#: The documented keys of maps whose keys callers choose. Other keys are ignored, as at Cognito.
MAPS: Mapping[str, Names] = {
    "AuthParametersType": Names(
        "CHALLENGE_NAME DEVICE_KEY PASSWORD PREFERRED_CHALLENGE REFRESH_TOKEN SECRET_HASH SRP_A "
        "USERNAME",
        refused="ACCESS_TOKEN MAX_AGE TARGET_ACR_VALUES",
    ),
    "ChallengeResponsesType": Names(
        "ANSWER CREDENTIAL DEVICE_KEY EMAIL_OTP_CODE NEW_PASSWORD PASSWORD PASSWORD_CLAIM_SECRET_BLOCK "
        "PASSWORD_CLAIM_SIGNATURE SECRET_HASH SMS_MFA_CODE SMS_OTP_CODE SOFTWARE_TOKEN_MFA_CODE "
        "SRP_A TIMESTAMP USERNAME",
    ),
}

#: The values of enums, by shape.
VALUES: Mapping[str, Names] = {
    "AdvancedSecurityModeType": Names("AUDIT OFF", refused="ENFORCED"),
    "AliasAttributeType": Names("email phone_number preferred_username"),
    "AttributeDataType": Names("Boolean DateTime Number String"),
    "AuthFactorType": Names("EMAIL_OTP PASSWORD SMS_OTP WEB_AUTHN", refused="SOFTWARE_TOKEN"),
    "AuthFlowType": Names(
        "ADMIN_NO_SRP_AUTH ADMIN_USER_PASSWORD_AUTH CUSTOM_AUTH REFRESH_TOKEN REFRESH_TOKEN_AUTH "
        "USER_AUTH USER_PASSWORD_AUTH USER_SRP_AUTH"
    ),
    "ChallengeNameType": Names(
        "CUSTOM_CHALLENGE DEVICE_PASSWORD_VERIFIER DEVICE_SRP_AUTH EMAIL_OTP MFA_SETUP NEW_PASSWORD_REQUIRED "
        "PASSWORD PASSWORD_VERIFIER SELECT_CHALLENGE SELECT_MFA_TYPE SMS_MFA SMS_OTP "
        "SOFTWARE_TOKEN_MFA WEB_AUTHN",
        refused="ADMIN_NO_SRP_AUTH PASSWORD_SRP",
    ),
    "ClientTypeType": Names("DCR REGULAR"),
    "DefaultEmailOptionType": Names("CONFIRM_WITH_CODE CONFIRM_WITH_LINK"),
    "DeletionProtectionType": Names("ACTIVE INACTIVE"),
    "DeliveryMediumType": Names("EMAIL SMS"),
    "DeviceRememberedStatusType": Names("not_remembered remembered"),
    "EmailSendingAccountType": Names("COGNITO_DEFAULT DEVELOPER"),
    "ExplicitAuthFlowsType": Names(
        "ADMIN_NO_SRP_AUTH ALLOW_ADMIN_USER_PASSWORD_AUTH ALLOW_CUSTOM_AUTH ALLOW_REFRESH_TOKEN_AUTH "
        "ALLOW_USER_AUTH ALLOW_USER_PASSWORD_AUTH ALLOW_USER_SRP_AUTH CUSTOM_AUTH_FLOW_ONLY "
        "USER_PASSWORD_AUTH",
        refused="ALLOW_TOKEN_EXCHANGE_DELEGATION ALLOW_TOKEN_EXCHANGE_IMPERSONATION",
    ),
    "FeedbackValueType": Names("Invalid Valid"),
    "FeatureType": Names("DISABLED ENABLED"),
    "IdentityProviderTypeType": Names("Facebook Google LoginWithAmazon OIDC SAML SignInWithApple"),
    "MessageActionType": Names("RESEND SUPPRESS"),
    # It does no harm to allow a flow that is refused when it is used. CDK allows "implicit" by default.
    "OAuthFlowType": Names("client_credentials code", described="implicit"),
    "PreTokenGenerationLambdaVersionType": Names("V1_0 V2_0 V3_0"),
    "PreventUserExistenceErrorTypes": Names("ENABLED LEGACY"),
    "RecoveryOptionNameType": Names("admin_only verified_email verified_phone_number"),
    "RevokeAssociatedSessionsType": Names("NONE", refused="LINKED"),
    "TimeUnitsType": Names("days hours minutes seconds"),
    "UserPoolTierType": Names("ESSENTIALS LITE PLUS"),
    "UserPoolMfaType": Names("OFF ON OPTIONAL"),
    "WebAuthnFactorConfigurationType": Names("MULTI_FACTOR_WITH_USER_VERIFICATION SINGLE_FACTOR"),
    "UserVerificationType": Names("preferred required"),
    "UsernameAttributeType": Names("email phone_number"),
    "VerifiedAttributeType": Names("email phone_number"),
    "UserSessionTrackingType": Names("DISABLED ENABLED"),
}

#: Values that turn a member off, besides false, empty texts, empty lists, and structures of only such
#: values. A refused member is accepted with them, because infrastructure tools always send them.
OFF_VALUES = frozenset({"Disabled", "INACTIVE", "NONE", "OFF", "ORIGINAL"})

#: These operations declare UnsupportedOperationException. All others only declare
#: InvalidParameterException.
DECLARE_UNSUPPORTED = frozenset({"AdminInitiateAuth", "InitiateAuth", "RevokeToken"})
