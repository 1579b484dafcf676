// What a single-page application asks of its libraries. Bundled for Chromium, where a test calls it as
// `application.…`.

import { Amplify } from "aws-amplify";
import * as amplify from "aws-amplify/auth";
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from "amazon-cognito-identity-js";
import { UserManager, WebStorageStateStore } from "oidc-client-ts";

// --------------------------------------------------------------- amazon-cognito-identity-js

let user;
let session;

function signInWithIdentity({ url, pool, client, username, password, flow = "USER_SRP_AUTH" }) {
  const Pool = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint: url });
  user = new CognitoUser({ Username: username, Pool });
  user.setAuthenticationFlowType(flow);
  const details = new AuthenticationDetails({ Username: username, Password: password });
  return new Promise((resolve, reject) => {
    user.authenticateUser(details, {
      onSuccess: (tokens) => resolve(keep(tokens)),
      onFailure: reject,
      mfaSetup: () =>
        user.associateSoftwareToken({
          associateSecretCode: (secret) => resolve({ step: "mfaSetup", secret }),
          onFailure: reject,
        }),
      totpRequired: (name, parameters) => resolve({ step: "totpRequired", name, parameters }),
      customChallenge: (parameters) => resolve({ step: "customChallenge", parameters }),
    });
  });
}

const setUpWithIdentity = (code) =>
  new Promise((resolve, reject) => {
    user.verifySoftwareToken(code, "My phone", { onSuccess: (tokens) => resolve(keep(tokens)), onFailure: reject });
  });

const answerWithIdentity = (code) =>
  new Promise((resolve, reject) => {
    const callbacks = { onSuccess: (tokens) => resolve(keep(tokens)), onFailure: reject };
    user.sendMFACode(code, callbacks, "SOFTWARE_TOKEN_MFA");
  });

const answerChallengeWithIdentity = (answer) =>
  new Promise((resolve, reject) => {
    user.sendCustomChallengeAnswer(answer, {
      onSuccess: (tokens) => resolve(keep(tokens)),
      onFailure: reject,
      customChallenge: (parameters) => resolve({ step: "customChallenge", parameters }),
    });
  });

const refreshWithIdentity = () =>
  new Promise((resolve, reject) => {
    user.refreshSession(session.getRefreshToken(), (error, tokens) =>
      error ? reject(error) : resolve(keep(tokens)),
    );
  });

function keep(tokens) {
  session = tokens;
  return { step: "done", access: tokens.getAccessToken().getJwtToken() };
}

// --------------------------------------------------------------------------- aws-amplify

async function signInWithAmplify({ url, pool, client, username, password, flow, preferred }) {
  const Cognito = { userPoolId: pool, userPoolClientId: client, userPoolEndpoint: url };
  Amplify.configure({ Auth: { Cognito } });
  const options = flow ? { authFlowType: flow, preferredChallenge: preferred } : undefined;
  return step(await amplify.signIn({ username, password, options }));
}

const answerWithAmplify = async (code) => step(await amplify.confirmSignIn({ challengeResponse: code }));

const step = ({ nextStep }) => ({
  step: nextStep.signInStep,
  secret: nextStep.totpSetupDetails?.sharedSecret ?? null,
  parameters: nextStep.additionalInfo ?? null,
});

async function refreshWithAmplify() {
  const before = await amplify.fetchAuthSession();
  const after = await amplify.fetchAuthSession({ forceRefresh: true });
  const { username } = await amplify.getCurrentUser();
  return { username, tokens: [before, after].map(({ tokens }) => tokens.accessToken.toString()) };
}

async function registerWithAmplify() {
  await amplify.associateWebAuthnCredential();
  const { credentials } = await amplify.listWebAuthnCredentials();
  return credentials.map(({ credentialId }) => credentialId);
}

const signOutWithAmplify = () => amplify.signOut({ global: true });

// ------------------------------------------------------------------------- oidc-client-ts

const manager = ({ url, pool, client }) =>
  new UserManager({
    authority: `${url}/${pool}`,
    client_id: client,
    redirect_uri: `${location.origin}/callback`,
    scope: "openid email profile",
    loadUserInfo: true,
    // As in a real application, which must find it again after the way to Cognito and back.
    userStore: new WebStorageStateStore({ store: localStorage }),
  });

const signInWithOidc = (site) => manager(site).signinRedirect();

async function comeBackWithOidc(site) {
  const { profile, access_token, refresh_token } = await manager(site).signinCallback();
  return { profile, tokens: [access_token, refresh_token] };
}

async function refreshWithOidc(site) {
  const { profile, access_token } = await manager(site).signinSilent();
  return { profile, tokens: [access_token] };
}

async function signOutWithOidc(site) {
  await manager(site).revokeTokens(["refresh_token"]);
  // Cognito wants these two instead of the standard's.
  const extraQueryParams = { client_id: site.client, logout_uri: `${location.origin}/bye` };
  await manager(site).signoutRedirect({ extraQueryParams });
}

globalThis.application = {
  signInWithIdentity,
  setUpWithIdentity,
  answerWithIdentity,
  answerChallengeWithIdentity,
  refreshWithIdentity,
  signInWithAmplify,
  answerWithAmplify,
  refreshWithAmplify,
  registerWithAmplify,
  signOutWithAmplify,
  signInWithOidc,
  comeBackWithOidc,
  refreshWithOidc,
  signOutWithOidc,
};
