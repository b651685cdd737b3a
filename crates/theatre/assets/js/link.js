// The connection over which states come: it comes back by itself, after 1, 2, 4, 8, 16 seconds, and goes on after the last
// state that was seen.

import { socket } from "./api.js";

const FIRST = 1000;
const MOST = 16000;

/** `on.state(state)`, `on.partial(partial)`, `on.link(live, text)`. */
export function connect(on) {
  let wait = FIRST;
  let seen;
  const open = () => {
    on.link(false, "connecting");
    const link = socket(`/ws/state?partials=1${seen === undefined ? "" : `&since=${seen}`}`);
    link.onopen = () => {
      wait = FIRST;
      on.link(true, "live");
    };
    link.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "partial") return on.partial(message);
      seen = message.metadata.seq;
      on.state(message);
    };
    link.onclose = () => {
      on.link(false, `offline, again in ${wait / 1000} s`);
      setTimeout(open, wait);
      wait = Math.min(wait * 2, MOST);
    };
  };
  open();
}
