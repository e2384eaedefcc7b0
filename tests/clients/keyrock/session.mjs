// FIWARE's Passport strategy for Keyrock, which the Business API Ecosystem signs people in with, as its
// users have it from the package index, against a running city. test_keyrock.py starts it with what it
// needs to know in the environment. Everything is done as with Keyrock but for PKCE, which is switched on.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import fiware from "passport-fiware-oauth";

const { CITY, AWS, USERNAME, PASSWORD } = process.env;
const CALLBACK = "http://localhost:8400/auth/fiware/callback";

/** What Keyrock calls a token of a subject: it comes in a header of the answer. */
async function subjectToken() {
    const answer = await fetch(`${CITY}/v1/auth/tokens`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name: USERNAME, password: PASSWORD }),
    });
    assert.equal(answer.status, 201, await answer.text());
    return answer.headers.get("X-Subject-Token");
}

async function registeredApplication(token) {
    const application = {
        name: "Portal",
        description: "Where citizens see their city",
        redirect_uri: CALLBACK,
        url: "http://localhost:8400",
        grant_type: ["authorization_code", "refresh_token"],
    };
    const answer = await fetch(`${CITY}/v1/applications`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Auth-Token": token },
        body: JSON.stringify({ application }),
    });
    assert.equal(answer.status, 201, await answer.clone().text());
    return (await answer.json()).application;
}

/** One request to the application, as Passport handles it: where it redirects, or who signed in. */
function handled(strategy, request) {
    return new Promise((resolve, reject) => {
        const run = Object.create(strategy);
        run.redirect = (url) => resolve({ url });
        run.success = (user) => resolve({ user });
        run.fail = (challenge) => reject(new Error(JSON.stringify(challenge)));
        run.error = reject;
        run.authenticate(request, {});
    });
}

/** The login page, filled in and sent; the address that the browser is sent back to. */
async function signedIn(url) {
    const page = await (await fetch(url)).text();
    const form = new URLSearchParams();
    const unescaped = (text) => text.replaceAll("&#x27;", "'").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
    for (const [, name, value] of page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)) {
        form.set(name, unescaped(value));
    }
    form.set("username", USERNAME);
    form.set("password", PASSWORD);
    const answer = await fetch(`${AWS}/login`, { method: "POST", body: form, redirect: "manual" });
    assert.equal(answer.status, 302);
    return new URL(answer.headers.get("Location"));
}

async function status(token) {
    return (await fetch(`${CITY}/v2/entities`, { headers: { "X-Auth-Token": token } })).status;
}

let application;
before(async () => {
    application = await registeredApplication(await subjectToken());
});

test("a person signs in to an application and has access until the session is revoked", async () => {
    const strategy = new fiware.OAuth2Strategy(
        {
            serverURL: CITY,
            clientID: application.id,
            clientSecret: application.secret,
            callbackURL: CALLBACK,
            scope: ["openid", "email", "context/read"],
            state: true,
            pkce: true,
        },
        (accessToken, refreshToken, profile, done) => done(null, { accessToken, refreshToken, profile }),
    );
    const session = {};
    const { url } = await handled(strategy, { query: {}, session });
    const back = await signedIn(url);
    assert.equal(back.origin + back.pathname, CALLBACK);
    const query = Object.fromEntries(back.searchParams);
    const { user } = await handled(strategy, { query, session });
    assert.equal(user.profile.email, USERNAME);
    assert.equal(user.profile.appId, application.id);
    assert.equal(await status(user.accessToken), 200);

    const basic = Buffer.from(`${application.id}:${application.secret}`).toString("base64");
    const revoked = await fetch(`${CITY}/oauth2/revoke`, {
        method: "POST",
        headers: { Authorization: `Basic ${basic}` },
        body: new URLSearchParams({ token: user.refreshToken }),
    });
    assert.equal(revoked.status, 200);
    const deadline = Date.now() + 30_000;
    while ((await status(user.accessToken)) === 200) assert.ok(Date.now() < deadline, "still accepted");
    assert.equal(await status(user.accessToken), 401);
});

test("without PKCE the strategy never reaches the login page", async () => {
    const strategy = new fiware.OAuth2Strategy(
        { serverURL: CITY, clientID: application.id, clientSecret: application.secret, callbackURL: CALLBACK },
        () => assert.fail("nobody can sign in like this"),
    );
    const { url } = await handled(strategy, { query: {}, session: {} });
    const answer = await fetch(url, { redirect: "manual" });
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).error_description, /PKCE/);
});
