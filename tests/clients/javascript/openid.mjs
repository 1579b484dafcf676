// openid-client, which knows nothing but the issuer: discovery, a sign-in on managed login with the
// setup of an authenticator app, tokens, user info, a refresh, the end of the tokens, and the way
// out. Run as `node openid.mjs`, told by the environment: ISSUER, CLIENT_ID, CALLBACK, and BYE.

import assert from "node:assert/strict";
import * as client from "openid-client";
import { signIn } from "./sign_in.mjs";

const { ISSUER, CLIENT_ID, CALLBACK, BYE } = process.env;

// Plain HTTP is for this machine only, and the library wants that said.
const insecure = { execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, client.None(), insecure);
assert.equal(config.serverMetadata().issuer, ISSUER);

const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: CALLBACK,
  scope: "openid email profile",
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  state: expectedState,
  nonce: expectedNonce,
});

const came = await signIn(address);
const tokens = await client.authorizationCodeGrant(config, came, {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  idTokenExpected: true,
});
const { sub } = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, sub);
assert.equal(info.email, "ada@example.com");

const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
assert.equal(fresh.claims().sub, sub);
assert.equal(fresh.claims().auth_time, tokens.claims().auth_time);

await client.tokenRevocation(config, tokens.refresh_token);
await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: "invalid_grant" });
await assert.rejects(client.fetchUserInfo(config, fresh.access_token, sub));

const away = await fetch(client.buildEndSessionUrl(config, { logout_uri: BYE }), { redirect: "manual" });
assert.equal(away.headers.get("location"), BYE);
console.log(JSON.stringify({ sub, username: info.username }));
