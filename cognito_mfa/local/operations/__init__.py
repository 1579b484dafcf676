"""The operations that the local Cognito plays, by the names they have on the wire. The list is
explicit: an operation that is not on it is refused with a text that says so, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cognito_mfa.local.operations.account_recovery import AccountRecovery
from cognito_mfa.local.operations.app_clients import AppClients
from cognito_mfa.local.operations.challenge_answers import ChallengeAnswers
from cognito_mfa.local.operations.context import Parameters, Payload
from cognito_mfa.local.operations.devices import Devices
from cognito_mfa.local.operations.groups import Groups
from cognito_mfa.local.operations.mfa_preference import MFAPreference
from cognito_mfa.local.operations.own_attributes import OwnAttributes
from cognito_mfa.local.operations.pool_mfa import PoolMFA
from cognito_mfa.local.operations.pools import Pools
from cognito_mfa.local.operations.profile import Profile
from cognito_mfa.local.operations.sign_in import SignIn
from cognito_mfa.local.operations.sign_out import SignOut
from cognito_mfa.local.operations.software_token import SoftwareTokenOperations
from cognito_mfa.local.operations.users import Users


class Operations(
    SignIn,
    ChallengeAnswers,
    SoftwareTokenOperations,
    MFAPreference,
    AccountRecovery,
    OwnAttributes,
    Groups,
    Devices,
    SignOut,
    Profile,
    Users,
    Pools,
    PoolMFA,
    AppClients,
):
    """Every operation, one method each, named as boto3 names it."""


Method = Callable[[Operations, Parameters], Payload]

#: Anyone may call these; their credential is in the body (facts section 1.1).
PUBLIC: Mapping[str, Method] = {
    "AssociateSoftwareToken": Operations.associate_software_token,
    "ChangePassword": Operations.change_password,
    "ConfirmDevice": Operations.confirm_device,
    "ConfirmForgotPassword": Operations.confirm_forgot_password,
    "ConfirmSignUp": Operations.confirm_sign_up,
    "DeleteUser": Operations.delete_user,
    "DeleteUserAttributes": Operations.delete_user_attributes,
    "ForgetDevice": Operations.forget_device,
    "ForgotPassword": Operations.forgot_password,
    "GetDevice": Operations.get_device,
    "GetTokensFromRefreshToken": Operations.get_tokens_from_refresh_token,
    "GetUser": Operations.get_user,
    "GetUserAttributeVerificationCode": Operations.get_user_attribute_verification_code,
    "GetUserAuthFactors": Operations.get_user_auth_factors,
    "GlobalSignOut": Operations.global_sign_out,
    "InitiateAuth": Operations.initiate_auth,
    "ListDevices": Operations.list_devices,
    "ResendConfirmationCode": Operations.resend_confirmation_code,
    "RespondToAuthChallenge": Operations.respond_to_auth_challenge,
    "RevokeToken": Operations.revoke_token,
    "SetUserMFAPreference": Operations.set_user_mfa_preference,
    "SignUp": Operations.sign_up,
    "UpdateDeviceStatus": Operations.update_device_status,
    "UpdateUserAttributes": Operations.update_user_attributes,
    "VerifySoftwareToken": Operations.verify_software_token,
    "VerifyUserAttribute": Operations.verify_user_attribute,
}

#: These need a signature.
IAM: Mapping[str, Method] = {
    "AdminAddUserToGroup": Operations.admin_add_user_to_group,
    "AdminConfirmSignUp": Operations.admin_confirm_sign_up,
    "AdminCreateUser": Operations.admin_create_user,
    "AdminDeleteSoftwareToken": Operations.admin_delete_software_token,
    "AdminDeleteUser": Operations.admin_delete_user,
    "AdminDeleteUserAttributes": Operations.admin_delete_user_attributes,
    "AdminDisableUser": Operations.admin_disable_user,
    "AdminEnableUser": Operations.admin_enable_user,
    "AdminForgetDevice": Operations.admin_forget_device,
    "AdminGetDevice": Operations.admin_get_device,
    "AdminGetUser": Operations.admin_get_user,
    "AdminGetUserAuthFactors": Operations.admin_get_user_auth_factors,
    "AdminInitiateAuth": Operations.admin_initiate_auth,
    "AdminListDevices": Operations.admin_list_devices,
    "AdminListGroupsForUser": Operations.admin_list_groups_for_user,
    "AdminRemoveUserFromGroup": Operations.admin_remove_user_from_group,
    "AdminResetUserPassword": Operations.admin_reset_user_password,
    "AdminRespondToAuthChallenge": Operations.admin_respond_to_auth_challenge,
    "AdminSetUserMFAPreference": Operations.admin_set_user_mfa_preference,
    "AdminSetUserPassword": Operations.admin_set_user_password,
    "AdminUpdateDeviceStatus": Operations.admin_update_device_status,
    "AdminUpdateUserAttributes": Operations.admin_update_user_attributes,
    "AdminUserGlobalSignOut": Operations.admin_user_global_sign_out,
    "CreateGroup": Operations.create_group,
    "CreateUserPool": Operations.create_user_pool,
    "CreateUserPoolClient": Operations.create_user_pool_client,
    "DeleteGroup": Operations.delete_group,
    "DeleteUserPool": Operations.delete_user_pool,
    "DeleteUserPoolClient": Operations.delete_user_pool_client,
    "DescribeUserPool": Operations.describe_user_pool,
    "DescribeUserPoolClient": Operations.describe_user_pool_client,
    "GetGroup": Operations.get_group,
    "GetUserPoolMfaConfig": Operations.get_user_pool_mfa_config,
    "ListGroups": Operations.list_groups,
    "ListUserPoolClients": Operations.list_user_pool_clients,
    "ListUserPools": Operations.list_user_pools,
    "ListUsers": Operations.list_users,
    "ListUsersInGroup": Operations.list_users_in_group,
    "SetUserPoolMfaConfig": Operations.set_user_pool_mfa_config,
    "UpdateGroup": Operations.update_group,
    "UpdateUserPool": Operations.update_user_pool,
    "UpdateUserPoolClient": Operations.update_user_pool_client,
}

ALL: Mapping[str, Method] = {**PUBLIC, **IAM}

#: After these there is nothing new to write to the state file.
READING = frozenset(
    {
        "AdminGetDevice",
        "AdminGetUser",
        "AdminGetUserAuthFactors",
        "AdminListDevices",
        "AdminListGroupsForUser",
        "DescribeUserPool",
        "DescribeUserPoolClient",
        "GetDevice",
        "GetGroup",
        "GetUser",
        "GetUserAuthFactors",
        "GetUserPoolMfaConfig",
        "ListDevices",
        "ListGroups",
        "ListUserPoolClients",
        "ListUserPools",
        "ListUsers",
        "ListUsersInGroup",
    }
)
