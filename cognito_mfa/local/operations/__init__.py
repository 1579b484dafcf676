"""The operations of the local Cognito, in tables by their names.

Each is a function, named as in boto3, and the tables say in which module. What several operations
share is in ``context``, ``next_step``, ``password_attempts``, ``paging``, and ``secret_hash``. An
operation in no table is refused with a text that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cognito_mfa.local.operations import (
    account_recovery,
    app_clients,
    client_secrets,
    custom_attributes,
    domains,
    groups,
    identity_providers,
    linking,
    mfa_preference,
    own_attributes,
    pool_mfa,
    pools,
    profile,
    refreshing,
    resource_servers,
    respond_to_challenge,
    sign_in,
    sign_out,
    sign_up,
    software_token,
    tags,
    tracked_devices,
    users,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload

#: Takes the account as ``Context`` and the members of a request, and returns the members of the answer.
#: Raises a CognitoError for any other.
Operation = Callable[[Context, Parameters], Payload]

#: Anyone may call these; their credential is in the body.
PUBLIC: Mapping[str, Operation] = {
    "AssociateSoftwareToken": software_token.associate_software_token,
    "ChangePassword": account_recovery.change_password,
    "ConfirmDevice": tracked_devices.confirm_device,
    "ConfirmForgotPassword": account_recovery.confirm_forgot_password,
    "ConfirmSignUp": sign_up.confirm_sign_up,
    "DeleteUser": own_attributes.delete_user,
    "DeleteUserAttributes": own_attributes.delete_user_attributes,
    "ForgetDevice": tracked_devices.forget_device,
    "ForgotPassword": account_recovery.forgot_password,
    "GetDevice": tracked_devices.get_device,
    "GetTokensFromRefreshToken": refreshing.get_tokens_from_refresh_token,
    "GetUser": profile.get_user,
    "GetUserAttributeVerificationCode": own_attributes.get_user_attribute_verification_code,
    "GetUserAuthFactors": profile.get_user_auth_factors,
    "GlobalSignOut": sign_out.global_sign_out,
    "InitiateAuth": sign_in.initiate_auth,
    "ListDevices": tracked_devices.list_devices,
    "ResendConfirmationCode": sign_up.resend_confirmation_code,
    "RespondToAuthChallenge": respond_to_challenge.respond_to_auth_challenge,
    "RevokeToken": refreshing.revoke_token,
    "SetUserMFAPreference": mfa_preference.set_user_mfa_preference,
    "SignUp": sign_up.sign_up,
    "UpdateDeviceStatus": tracked_devices.update_device_status,
    "UpdateUserAttributes": own_attributes.update_user_attributes,
    "VerifySoftwareToken": software_token.verify_software_token,
    "VerifyUserAttribute": own_attributes.verify_user_attribute,
}

#: These need a signature.
IAM: Mapping[str, Operation] = {
    "AddUserPoolClientSecret": client_secrets.add_user_pool_client_secret,
    "AddCustomAttributes": custom_attributes.add_custom_attributes,
    "AdminAddUserToGroup": groups.admin_add_user_to_group,
    "AdminConfirmSignUp": sign_up.admin_confirm_sign_up,
    "AdminCreateUser": users.admin_create_user,
    "AdminDeleteSoftwareToken": software_token.admin_delete_software_token,
    "AdminDeleteUser": users.admin_delete_user,
    "AdminDeleteUserAttributes": own_attributes.admin_delete_user_attributes,
    "AdminDisableProviderForUser": linking.admin_disable_provider_for_user,
    "AdminDisableUser": users.admin_disable_user,
    "AdminEnableUser": users.admin_enable_user,
    "AdminForgetDevice": tracked_devices.admin_forget_device,
    "AdminGetDevice": tracked_devices.admin_get_device,
    "AdminGetUser": profile.admin_get_user,
    "AdminGetUserAuthFactors": profile.admin_get_user_auth_factors,
    "AdminInitiateAuth": sign_in.admin_initiate_auth,
    "AdminLinkProviderForUser": linking.admin_link_provider_for_user,
    "AdminListDevices": tracked_devices.admin_list_devices,
    "AdminListGroupsForUser": groups.admin_list_groups_for_user,
    "AdminRemoveUserFromGroup": groups.admin_remove_user_from_group,
    "AdminResetUserPassword": account_recovery.admin_reset_user_password,
    "AdminRespondToAuthChallenge": respond_to_challenge.admin_respond_to_auth_challenge,
    "AdminSetUserMFAPreference": mfa_preference.admin_set_user_mfa_preference,
    "AdminSetUserPassword": users.admin_set_user_password,
    "AdminUpdateDeviceStatus": tracked_devices.admin_update_device_status,
    "AdminUpdateUserAttributes": users.admin_update_user_attributes,
    "AdminUserGlobalSignOut": sign_out.admin_user_global_sign_out,
    "CreateGroup": groups.create_group,
    "CreateIdentityProvider": identity_providers.create_identity_provider,
    "CreateResourceServer": resource_servers.create_resource_server,
    "CreateUserPool": pools.create_user_pool,
    "CreateUserPoolClient": app_clients.create_user_pool_client,
    "CreateUserPoolDomain": domains.create_user_pool_domain,
    "DeleteGroup": groups.delete_group,
    "DeleteIdentityProvider": identity_providers.delete_identity_provider,
    "DeleteResourceServer": resource_servers.delete_resource_server,
    "DeleteUserPool": pools.delete_user_pool,
    "DeleteUserPoolClient": app_clients.delete_user_pool_client,
    "DeleteUserPoolDomain": domains.delete_user_pool_domain,
    "DeleteUserPoolClientSecret": client_secrets.delete_user_pool_client_secret,
    "DescribeIdentityProvider": identity_providers.describe_identity_provider,
    "DescribeResourceServer": resource_servers.describe_resource_server,
    "DescribeUserPool": pools.describe_user_pool,
    "DescribeUserPoolClient": app_clients.describe_user_pool_client,
    "DescribeUserPoolDomain": domains.describe_user_pool_domain,
    "GetGroup": groups.get_group,
    "GetIdentityProviderByIdentifier": identity_providers.get_identity_provider_by_identifier,
    "GetUserPoolMfaConfig": pool_mfa.get_user_pool_mfa_config,
    "ListGroups": groups.list_groups,
    "ListIdentityProviders": identity_providers.list_identity_providers,
    "ListResourceServers": resource_servers.list_resource_servers,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListUserPoolClientSecrets": client_secrets.list_user_pool_client_secrets,
    "ListUserPoolClients": app_clients.list_user_pool_clients,
    "ListUserPools": pools.list_user_pools,
    "ListUsers": users.list_users,
    "ListUsersInGroup": groups.list_users_in_group,
    "SetUserPoolMfaConfig": pool_mfa.set_user_pool_mfa_config,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateGroup": groups.update_group,
    "UpdateIdentityProvider": identity_providers.update_identity_provider,
    "UpdateResourceServer": resource_servers.update_resource_server,
    "UpdateUserPool": pools.update_user_pool,
    "UpdateUserPoolClient": app_clients.update_user_pool_client,
    "UpdateUserPoolDomain": domains.update_user_pool_domain,
}

ALL: Mapping[str, Operation] = {**PUBLIC, **IAM}
