// A browser for scripts/axe and scripts/measure-page, by its driver's own protocol (W3C WebDriver): Node.js alone is enough.

import { spawn } from "node:child_process";

/** Runs at the beginning of every document: notes tasks that held the page up. */
const LONG_TASKS = `window.longTasks = [];
  new PerformanceObserver((list) => list.getEntries().forEach((one) => window.longTasks.push(Math.round(one.duration))))
    .observe({ type: "longtask", buffered: true });`;

/** Opens a browser of this width; `close()` ends it and its driver. */
export async function open({ width = 1400, height = 900, scheme = "light" } = {}) {
  const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
  const port = await new Promise((resolve, reject) => {
    let said = "";
    driver.on("error", () => reject(new Error("no chromedriver here: scripts/setup --browser installs it")));
    driver.on("exit", () => reject(new Error(`chromedriver ended: ${said}`)));
    driver.stdout.on("data", (data) => {
      said += data;
      const [, found] = /successfully on port (\d+)/.exec(said) ?? [];
      if (found) resolve(found);
    });
  });
  const base = `http://127.0.0.1:${port}/session`;
  const post = async (path, body) => {
    const answer = await (await fetch(path, { method: "POST", body: JSON.stringify(body) })).json();
    if (answer.value?.error) throw new Error(`${answer.value.error}: ${answer.value.message}`);
    return answer.value;
  };
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--window-size=${width},${height}`];
  const { sessionId } = await post(base, { capabilities: { alwaysMatch: {
    browserName: "chrome", timeouts: { script: 60_000 }, "goog:chromeOptions": { args },
    "goog:loggingPrefs": { browser: "ALL", performance: "ALL" },
  } } });
  const say = (what, body) => post(`${base}/${sessionId}/${what}`, body);
  const cdp = (cmd, params) => say("goog/cdp/execute", { cmd, params });
  const metrics = (wide, high) =>
    cdp("Emulation.setDeviceMetricsOverride", { width: wide, height: high, deviceScaleFactor: 1, mobile: wide < 500 });
  await metrics(width, height);
  await cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await cdp("Page.addScriptToEvaluateOnNewDocument", { source: LONG_TASKS });
  const hosts = new Set();
  return {
    cdp,
    size: metrics,
    scheme: (value) => cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] }),
    /** Loads an address anew, also where only what is behind its # differs. */
    async go(url) {
      await say("url", { url: "about:blank" });
      await say("url", { url });
    },
    /** The value of an async function's body in the page. */
    async run(body, ...args) {
      const script = `const done = arguments[arguments.length - 1];
        (async (...args) => { ${body} })(...arguments).then((value) => done({ value }), (error) => done({ error: String(error) }))`;
      const { value, error } = await say("execute/async", { script, args });
      if (error) throw new Error(error);
      return value;
    },
    /** What the page complained of since it was last asked, and every host that was asked until now. */
    async complaints() {
      for (const { message } of await say("se/log", { type: "performance" })) {
        const { method, params } = JSON.parse(message).message;
        const { protocol, host } = new URL(params.request?.url ?? "about:blank");
        if (method === "Network.requestWillBeSent" && protocol.startsWith("http")) hosts.add(host);
      }
      const lines = await say("se/log", { type: "browser" });
      return { errors: lines.filter(({ level }) => level === "SEVERE").map(({ message }) => message), hosts: [...hosts] };
    },
    async close() {
      await fetch(`${base}/${sessionId}`, { method: "DELETE" }).catch(() => undefined);
      driver.kill();
    },
  };
}
