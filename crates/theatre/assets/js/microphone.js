// Sound from the microphone to the recogniser: first what rate it has, then samples. What is understood comes back as states.

import { protocols, theatre } from "./api.js";
import { notice } from "./dom.js";

/**
 * Where a service is for a browser. Services call each other by names that only they know ("asr" in containers, 127.0.0.1 on
 * a server); a browser finds the recogniser's port on the host of this page. Where that is not so, `audio_url` says where.
 */
export function besideThisPage(address) {
  const url = new URL(address);
  if (!url.hostname.includes(".") || url.hostname.startsWith("127.")) url.hostname = location.hostname;
  return url.href;
}

/** Begins to listen; returns how to stop. `ended` is called when it ends by itself. */
export async function listen(asr, speaker, ended) {
  const media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true } });
  const sound = new AudioContext();
  await sound.audioWorklet.addModule(new URL("./tap.js", import.meta.url));
  const url = new URL("ws/audio", asr.endsWith("/") ? asr : `${asr}/`);
  url.protocol = url.protocol.replace("http", "ws");
  const link = new WebSocket(url, protocols());
  link.binaryType = "arraybuffer";
  const tap = new AudioWorkletNode(sound, "tap");
  const stop = () => {
    tap.port.onmessage = null;
    for (const track of media.getTracks()) track.stop();
    sound.close().catch(() => {});
    link.close();
    ended();
  };
  link.onopen = () => {
    link.send(JSON.stringify({ sampleRate: sound.sampleRate, theatre: theatre(), speaker }));
    tap.port.onmessage = ({ data }) => link.readyState === WebSocket.OPEN && link.send(data.buffer);
    sound.createMediaStreamSource(media).connect(tap);
  };
  link.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "problem") notice(message.problem.detail);
  };
  link.onerror = () => notice(`The recogniser at ${url.host} does not answer.`);
  link.onclose = () => sound.state !== "closed" && stop();
  return stop;
}
