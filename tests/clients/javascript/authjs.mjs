// Auth.js with its Cognito provider, which knows the issuer, the client, and its secret: its own
// sign-in, the person's on managed login, and its session. Run as `node authjs.mjs`, told by the
// environment: ISSUER, CLIENT_ID, CLIENT_SECRET, and SITE, whose callback the client has.

import assert from "node:assert/strict";
import { Auth } from "@auth/core";
import Cognito from "@auth/core/providers/cognito";
import { signIn } from "./sign_in.mjs";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SITE } = process.env;
const config = {
  basePath: "/api/auth",
  secret: "a secret of the site, for its cookies",
  trustHost: true,
  providers: [Cognito({ issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, checks: ["pkce", "state", "nonce"] })],
};
const cookies = new Map();

const { csrfToken } = await (await visit("csrf")).json();
const leaving = await visit("signin/cognito", { method: "POST", body: new URLSearchParams({ csrfToken }) });
const back = await signIn(leaving.headers.get("location"));
const done = await visit(`callback/cognito${back.search}`);
assert.equal(new URL(done.headers.get("location")).pathname, "/");
const { user } = await (await visit("session")).json();
console.log(JSON.stringify(user));

// A request of the person's browser to the site.
async function visit(path, options = {}) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const request = new Request(`${SITE}/api/auth/${path}`, { headers: { cookie }, ...options });
  const response = await Auth(request, config);
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    cookies.set(name, value);
  }
  return response;
}
