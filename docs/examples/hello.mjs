// The smallest honest phase service in Node 18 or later, no packages:  node hello.mjs  (PORT, default 8080)
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

async function run({ jobId, attemptId, phase, input, callback }) {
  const output = { greeting: `hello ${input.name ?? "world"}` };
  const request = {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${callback.token}` },
    body: JSON.stringify({ jobId, attemptId, phase, success: true, output }),
  };
  for (const wait of [1, 2, 4, 8, 16, 32]) {
    const answer = await fetch(callback.url, request).catch(console.error);
    if (answer?.status < 500) return; // it is taken, or nobody wants it
    await sleep(wait * 1000);
  }
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  if (request.method !== "POST" || request.url !== "/start") return response.writeHead(404).end();
  try {
    body = JSON.parse(body);
  } catch (error) {
    return response.writeHead(400).end(String(error));
  }
  response.writeHead(202).end();
  run(body).catch((error) => console.error(error));
});
server.listen(process.env.PORT ?? 8080, "127.0.0.1", () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`));
