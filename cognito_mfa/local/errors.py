"""The errors of Cognito, one class for each AWS error code.

The name of a class is the code, and its message is Cognito's text. Only the protocol turns them
into responses. Bugs of this package stay ordinary exceptions.
"""

from __future__ import annotations


class CognitoError(Exception):
    """An answer other than success."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """Return the AWS error code."""
        return type(self).__name__


class AliasExistsException(CognitoError): ...


class CodeMismatchException(CognitoError): ...


class DeviceKeyExistsException(CognitoError): ...


class DuplicateProviderException(CognitoError): ...


class EnableSoftwareTokenMFAException(CognitoError): ...


class ExpiredCodeException(CognitoError): ...


class FeatureUnavailableInTierException(CognitoError): ...


class GroupExistsException(CognitoError): ...


class InvalidLambdaResponseException(CognitoError): ...


class InvalidOAuthFlowException(CognitoError): ...


class InvalidParameterException(CognitoError): ...


class InvalidPasswordException(CognitoError): ...


class InvalidUserPoolConfigurationException(CognitoError): ...


class LimitExceededException(CognitoError): ...


class MFAMethodNotFoundException(CognitoError): ...


class ManagedLoginBrandingExistsException(CognitoError): ...


class NotAuthorizedException(CognitoError): ...


class OperationNotEnabledException(CognitoError): ...


class PasswordHistoryPolicyViolationException(CognitoError): ...


class PasswordResetRequiredException(CognitoError): ...


class PreconditionNotMetException(CognitoError): ...


class RefreshTokenReuseException(CognitoError): ...


class ResourceNotFoundException(CognitoError): ...


class ScopeDoesNotExistException(CognitoError): ...


class SoftwareTokenMFANotFoundException(CognitoError): ...


class TooManyRequestsException(CognitoError): ...


class UnauthorizedException(CognitoError): ...


class UnexpectedLambdaException(CognitoError): ...


class UnsupportedOperationException(CognitoError): ...


class UnsupportedTokenTypeException(CognitoError): ...


class UnsupportedUserStateException(CognitoError): ...


class UserLambdaValidationException(CognitoError): ...


class UserNotConfirmedException(CognitoError): ...


class UserNotFoundException(CognitoError): ...


class UserPoolAddOnNotEnabledException(CognitoError): ...


class UserPoolTaggingException(CognitoError): ...


class UsernameExistsException(CognitoError): ...


class WebAuthnChallengeNotFoundException(CognitoError): ...


class WebAuthnClientMismatchException(CognitoError): ...


class WebAuthnConfigurationMissingException(CognitoError): ...


class WebAuthnCredentialNotSupportedException(CognitoError): ...


class WebAuthnNotEnabledException(CognitoError): ...


class WebAuthnOriginNotAllowedException(CognitoError): ...


class WebAuthnRelyingPartyMismatchException(CognitoError): ...


class MissingAuthenticationTokenException(CognitoError):
    """From the front of AWS, not from the service: no operation declares it."""


class SerializationException(CognitoError):
    """From the front of AWS: the body is not the JSON it should be."""


class UnknownOperationException(CognitoError):
    """From the front of AWS, or from us: an operation that is not supported here."""


def missing_parameter(name: str) -> InvalidParameterException:
    """Return Cognito's error for a value that a map of strings lacks."""
    return InvalidParameterException(f"Missing required parameter {name}")
