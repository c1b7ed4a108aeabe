import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { encode, Failure, openDoor, type Door } from "../src/api";
import notFound from "./examples/not_found.json";
import stepUp from "./examples/step_up.json";

interface Seen {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** Run with a real server that answers as told, and a door to it; give what it was asked. */
async function withServer(status: number, answer: string, use: (door: Door) => Promise<void>): Promise<Seen[]> {
  const seen: Seen[] = [];
  const server = createServer((request, reply) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      if (!status) return; // never answers
      reply.writeHead(status, { "Content-Type": "application/json" });
      reply.end(answer);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const door = openDoor(
    `http://127.0.0.1:${server.address().port}`,
    "lt",
    () => "abc",
    () => "away",
  );
  try {
    await use(door);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return seen;
}

const isFailure = (code: string, message: string) => (error: Error) =>
  error instanceof Failure && error.code === code && error.message === message;

test("the token travels in a header and the language in the address", async () => {
  const [get, post] = await withServer(200, "{}", async (door) => {
    await door.call("returns/options?order=7");
    await door.call("code", {});
  });
  assert.deepEqual([get!.method, get!.url], ["GET", "/returns/options?order=7&lang=lt"]);
  assert.deepEqual([post!.method, post!.url, post!.body], ["POST", "/code?lang=lt", "{}"]);
  assert.equal(post!.headers.authorization, "Bearer abc");
  assert.equal(post!.headers["content-type"], "application/json");
});

test("a picture is sent as it is", async () => {
  const picture = new Blob(["bytes"], { type: "image/png" });
  const [seen] = await withServer(201, "{}", (door) => door.call("photos?order=7", picture));
  assert.deepEqual([seen!.body, seen!.headers["content-type"]], ["bytes", "image/png"]);
});

test("the server's refusals keep their code and their sentence", async () => {
  await withServer(404, JSON.stringify(notFound), async (door) => {
    await assert.rejects(door.call("find", {}), isFailure("order_not_found", notFound.error.message));
  });
  await withServer(403, JSON.stringify(stepUp), async (door) => {
    await assert.rejects(door.call("returns", {}), isFailure("step_up", stepUp.error.message));
  });
});

test("a proxy's error page and a dead server are one sentence", async () => {
  await withServer(502, "<h1>Bad gateway</h1>", (door) =>
    assert.rejects(door.call("orders"), isFailure("away", "away")),
  );
  const dead = openDoor(
    "http://127.0.0.1:1",
    "en",
    () => "",
    () => "away",
  );
  await assert.rejects(dead.call("orders"), isFailure("away", "away"));
});

test("what is dropped says nothing to anybody", async () => {
  await withServer(0, "", async (door) => {
    const asked = door.call("orders");
    setTimeout(door.drop, 20);
    await assert.rejects(asked, isFailure("dropped", ""));
  });
});

test("a page's toJSON does not reach what we send", () => {
  const arrays = Array.prototype as unknown as { toJSON?: () => string };
  arrays.toJSON = () => "broken";
  try {
    assert.equal(encode({ lines: [{ ref: "1", note: null }], n: 2 }), '{"lines":[{"ref":"1","note":null}],"n":2}');
  } finally {
    delete arrays.toJSON;
  }
});
