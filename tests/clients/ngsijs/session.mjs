// ngsijs, as its users have it from the package index, against a running city.
// test_ngsijs.py starts it with what it needs to know in the environment.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import NGSI from "ngsijs";

const { CITY, TOKEN, MACHINE_ID, MACHINE_SECRET } = process.env;

/** The v2 API in a tenant of its own, with the header that ngsijs documents for tokens. */
function broker(token = TOKEN) {
    const service = `ngsijs${randomUUID().replaceAll("-", "")}`;
    return new NGSI.Connection(CITY, { headers: { "X-Auth-Token": token }, service }).v2;
}

function room(id, temperature = 21.5) {
    return { id, type: "Room", temperature: { type: "Number", value: temperature, metadata: {} } };
}

/** A receiver on a free port; `next()` resolves to the next notification. */
async function receiver(context) {
    const arrived = [];
    const waiting = [];
    const server = createServer(async (request, response) => {
        const chunks = await request.toArray();
        const notification = JSON.parse(Buffer.concat(chunks).toString());
        response.writeHead(204).end();
        const taker = waiting.shift();
        if (taker) taker(notification);
        else arrived.push(notification);
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    context.after(() => server.close().closeAllConnections());
    const next = () => (arrived.length ? arrived.shift() : new Promise((taker) => waiting.push(taker)));
    return { url: `http://127.0.0.1:${server.address().port}/`, next };
}

test("an invalid token is refused", async () => {
    await assert.rejects(broker("no.such.token").listEntities(), /Unexpected error code: 401/);
});

/** Send a form to an OAuth endpoint of the city, as the client that may do everything. */
async function oauth(endpoint, form) {
    const basic = Buffer.from(`${MACHINE_ID}:${MACHINE_SECRET}`).toString("base64");
    const headers = { Authorization: `Basic ${basic}` };
    const body = new URLSearchParams(form);
    const answer = await fetch(`${CITY}/oauth2/${endpoint}`, { method: "POST", headers, body });
    assert.equal(answer.status, 200);
    return answer.text();
}

test("access ends when the token is revoked", async () => {
    const granted = await oauth("token", { grant_type: "client_credentials", scope: "context/read" });
    const { access_token: token } = JSON.parse(granted);
    const city = broker(token);
    assert.deepEqual((await city.listEntities()).results, []);
    await oauth("revoke", { token });
    await assert.rejects(async () => {
        for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) await city.listEntities();
    }, /Unexpected error code: 401/);
});

test("an entity comes back as it was created", async () => {
    const city = broker();
    const created = await city.createEntity(room("Room1"));
    assert.equal(created.location, "/v2/entities/Room1?type=Room");
    assert.ok(created.correlator);
    assert.deepEqual((await city.getEntity("Room1")).entity, room("Room1"));
    await city.deleteEntity("Room1");
    await assert.rejects(city.getEntity("Room1"), NGSI.NotFoundError);
});

test("a second entity of one id is refused, and an upsert replaces it", async () => {
    const city = broker();
    await city.createEntity(room("Room1"));
    await assert.rejects(city.createEntity(room("Room1")), NGSI.AlreadyExistsError);
    await city.createEntity(room("Room1", 30), { upsert: true });
    assert.equal((await city.getEntity({ id: "Room1", keyValues: true })).entity.temperature, 30);
});

test("forbidden characters are refused with a reason", async () => {
    await assert.rejects(broker().createEntity({ id: "Room(1)", type: "Room" }), (error) => {
        assert.ok(error instanceof NGSI.BadRequestError);
        assert.match(error.message, /Invalid characters in entity id/);
        return true;
    });
});

test("two entities of one id and no type named are too many", async () => {
    const city = broker();
    await city.createEntity(room("Room1"));
    await city.createEntity({ id: "Room1", type: "Hall" });
    await assert.rejects(city.getEntity("Room1"), NGSI.TooManyResultsError);
    assert.equal((await city.getEntity({ id: "Room1", type: "Hall" })).entity.type, "Hall");
});

test("attributes are appended, updated, replaced and deleted", async () => {
    const city = broker();
    await city.createEntity(room("Room1"));
    await city.appendEntityAttributes({ id: "Room1", humidity: { value: 40 }, name: { value: "Hall" } });
    await city.updateEntityAttributes({ id: "Room1", humidity: { value: 41 } });
    const read = await city.getEntityAttribute({ id: "Room1", attribute: "humidity" });
    assert.deepEqual(read.attribute, { type: "Number", value: 41, metadata: {} });
    await city.replaceEntityAttribute({ id: "Room1", attribute: "humidity", value: 42 });
    await city.deleteEntityAttribute({ id: "Room1", attribute: "name" });
    const { entity } = await city.getEntity({ id: "Room1", keyValues: true });
    assert.deepEqual(entity, { id: "Room1", type: "Room", temperature: 21.5, humidity: 42 });
});

test("values of every JSON kind are read alone", async () => {
    const city = broker();
    const thing = { id: "Room1", attribute: "thing" };
    await city.createEntity({ id: "Room1", type: "Room", thing: { value: 1 } });
    for (const value of [7, "Salón 1", false, null, [1, "a"], { w: 2 }]) {
        await city.replaceEntityAttribute({ ...thing, value });
        assert.deepEqual((await city.getEntityAttributeValue(thing)).value, value);
    }
});

test("objects and lists are written alone", async () => {
    const city = broker();
    const thing = { id: "Room1", attribute: "thing" };
    await city.createEntity({ id: "Room1", type: "Room", thing: { value: 1 } });
    for (const value of [[1, "a"], { w: 2 }]) {
        await city.replaceEntityAttributeValue({ ...thing, value });
        assert.deepEqual((await city.getEntityAttributeValue(thing)).value, value);
    }
});

test("batches are written, then queried, counted, ordered and paged", async () => {
    const city = broker();
    const rooms = Array.from({ length: 60 }, (_, number) => room(`Room${number}`, number));
    await city.batchUpdate({ actionType: "append", entities: rooms });
    const page = await city.listEntities({
        type: "Room", q: "temperature>=10", orderBy: "!temperature", count: true, limit: 2, offset: 1, keyValues: true,
    });
    assert.equal(page.count, 50);
    assert.deepEqual(page.results.map(({ temperature }) => temperature), [58, 57]);
    const asked = await city.batchQuery(
        { entities: [{ idPattern: "^Room[0-2]$", type: "Room" }], expression: { q: "temperature>0" } },
        { count: true, keyValues: true },
    );
    assert.equal(asked.count, 2);
    const { results } = await city.listTypes();
    assert.deepEqual(results, [{ type: "Room", attrs: { temperature: { types: ["Number"] } }, count: 60 }]);
});

test("places are found around a point", async () => {
    const city = broker();
    const at = (id, coordinates) => ({
        id, type: "Place", location: { type: "geo:json", value: { type: "Point", coordinates } },
    });
    await city.batchUpdate({ actionType: "append", entities: [at("near", [-3.8, 43.46]), at("far", [-3.7, 40.4])] });
    const found = await city.listEntities({
        type: "Place", georel: "near;maxDistance:5000", geometry: "point", coords: "43.46,-3.81",
    });
    assert.deepEqual(found.results.map(({ id }) => id), ["near"]);
});

test("a subscription notifies, pauses and ends", { timeout: 30_000 }, async (context) => {
    const city = broker();
    const { url, next } = await receiver(context);
    await city.createEntity(room("Room1"));
    const { subscription } = await city.createSubscription({
        description: "warm rooms",
        subject: {
            entities: [{ idPattern: ".*", type: "Room" }],
            condition: { attrs: ["temperature"], expression: { q: "temperature>25" } },
        },
        notification: { http: { url }, attrs: ["temperature"], attrsFormat: "keyValues" },
    });
    const warm = (temperature) =>
        city.updateEntityAttributes({ id: "Room1", temperature: { type: "Number", value: temperature } });
    await warm(24);
    await warm(26);
    const notification = await next();
    assert.equal(notification.subscriptionId, subscription.id);
    assert.deepEqual(notification.data, [{ id: "Room1", type: "Room", temperature: 26 }]);
    await city.updateSubscription({ id: subscription.id, status: "inactive" });
    await warm(27);
    await city.updateSubscription({ id: subscription.id, status: "active" });
    await warm(28);
    assert.equal((await next()).data[0].temperature, 28);
    const listed = await city.listSubscriptions({ count: true });
    assert.equal(listed.count, 1);
    await city.deleteSubscription(subscription.id);
    await assert.rejects(city.getSubscription(subscription.id), NGSI.NotFoundError);
});
