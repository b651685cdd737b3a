// The smallest honest phase service in Node 18 or later, no packages:  node hello.mjs  (PORT, default 8080)
import { createServer } from "node:http";

async function run({ jobId, attemptId, phase, input, callback }) {
  const output = { greeting: `hello ${input.name ?? "world"}` };
  await fetch(callback.url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${callback.token}` },
    body: JSON.stringify({ jobId, attemptId, phase, success: true, output }),
  });
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  response.writeHead(202).end();
  run(JSON.parse(body)).catch((error) => console.error(error));
});
server.listen(process.env.PORT ?? 8080, "127.0.0.1", () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`));
