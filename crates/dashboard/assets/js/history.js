// A job's events folded into what the page shows: attempts on the time axis, runs of maps, turns, open decisions.

import { kind } from "./store.js";

/** The phase of a run's name: `baskets[3]#2` is of `baskets`. */
export const phaseOf = (run) => run.replace(/[[#].*$/, "");

/** Which item of a map a run is for, and in which turn. */
const itemOf = (run) => Number(/\[(\d+)\]/.exec(run)?.[1] ?? 0);
const turnOf = (run) => Number(/#(\d+)$/.exec(run)?.[1] ?? 1);

const ENDS = {
  attemptSucceeded: "complete", attemptFailed: "failed", attemptCancelled: "cancelled", attemptPreempted: "paused",
  attemptDeferred: "queued",
};

export class History {
  constructor() {
    this.events = [];
    this.next = 0;
    this.position = undefined;
    this.attempts = new Map();
    /** Of a map: the state of each item in its latest turn. */
    this.maps = new Map();
    this.ready = new Map();
    this.loops = new Map();
    this.decisions = new Map();
    this.artifacts = 0;
    this.failing = false;
  }

  /** Takes one event; false where it is known already. */
  take({ seq, position, at, is }) {
    if (seq < this.next) return false;
    this.next = seq + 1;
    if (position !== undefined) this.position = position;
    const [name, data] = kind({ is });
    this.events.push({ seq, at, name, data });
    this.fold(name, data, at);
    return true;
  }

  fold(name, data, at) {
    const attempt = this.attempts.get(data.attempt);
    if (name in ENDS && attempt) {
      Object.assign(attempt, { to: at, state: ENDS[name], error: data.error });
      this.item(attempt.run, ENDS[name] === "complete" ? "complete" : "pending");
      return;
    }
    switch (name) {
      case "runReady":
        this.ready.set(data.run, at);
        this.item(data.run, "pending");
        break;
      case "mapExpanded":
        this.maps.set(data.phase, { turn: data.turn, items: data.items.map(() => "pending") });
        data.items.forEach((_, item) => this.ready.set(`${data.phase}[${item}]${data.turn > 1 ? `#${data.turn}` : ""}`, at));
        break;
      case "attemptStarted":
        this.attempts.set(data.attempt, {
          id: data.attempt, run: data.run, phase: phaseOf(data.run), number: data.number, from: at, to: undefined,
          state: "running", ready: this.ready.get(data.run), deadline: data.deadline, suspect: false,
        });
        this.item(data.run, "running");
        break;
      case "attemptSuspected": if (attempt) attempt.suspect = true; break;
      case "attemptHealed": if (attempt) attempt.suspect = false; break;
      case "retryScheduled": this.ready.set(data.run, data.until); break;
      case "runFailed": this.item(data.run, "failed"); break;
      case "runReused": this.item(data.run, "complete"); break;
      case "loopTurned": this.loops.set(data.id, { turn: data.turn, ended: undefined }); break;
      case "loopEnded": this.loops.set(data.id, { turn: this.loops.get(data.id)?.turn ?? 1, ended: data.end }); break;
      case "signalAwaited":
        this.decisions.set(data.run, { signal: data.signal, run: data.run, since: at, deadline: data.deadline });
        break;
      case "approvalRequested":
        this.decisions.set(data.phase, { signal: "approve", run: data.phase, since: at, deadline: data.deadline, approval: true });
        break;
      case "signalTaken": case "waitTimedOut": this.decisions.delete(data.run); break;
      case "approvalGiven": this.decisions.delete(data.phase); break;
      case "artifactStored": this.artifacts += 1; break;
      case "jobFailing": this.failing = true; break;
      case "jobRetried": case "jobRerun": this.failing = false; this.decisions.clear(); break;
      case "jobCancelled": case "jobFailed": case "jobCompleted":
        this.decisions.clear();
        break;
      default:
    }
  }

  item(run, state) {
    const map = this.maps.get(phaseOf(run));
    if (map && turnOf(run) === map.turn && itemOf(run) < map.items.length) map.items[itemOf(run)] = state;
  }

  /** The turn of a loop, from 1. */
  turn(id) {
    return this.loops.get(id)?.turn ?? 1;
  }
}

/** Kinds of events in words. */
export const EVENT_WORDS = {
  jobStarted: "started", runReady: "ready", mapExpanded: "one run for each item", attemptStarted: "attempt begins",
  attemptAccepted: "taken by the service", attemptSuspected: "silent", attemptHealed: "not lost after all", attemptSucceeded: "done",
  attemptFailed: "failed", attemptDeferred: "service is busy", pauseRequested: "asked to pause", pauseRefused: "does not pause",
  attemptPreempted: "gave its slot", attemptCancelled: "attempt cancelled", retryScheduled: "will be tried again", runFailed: "failed for good",
  runSuperseded: "a newer one went instead", runReused: "earlier result taken", phaseSkipped: "skipped", gateClosed: "gate is false",
  approvalRequested: "waits for approval", approvalGiven: "approved", phaseSucceeded: "phase is through", phaseFailed: "phase failed",
  signalAwaited: "waits for a decision", signalKept: "decision kept", signalTaken: "decided", waitTimedOut: "nobody decided in time",
  loopTurned: "next turn", loopEnded: "loop is over", artifactStored: "artifact stored", priorityChanged: "priority changed",
  jobPaused: "paused", jobResumed: "resumed", jobFailing: "will fail", jobFailed: "failed", jobCancelled: "cancelled",
  jobCompleted: "complete", jobRetried: "tried again", jobRerun: "run again",
};

/** Events that somebody who looks for trouble wants to see. */
export const TROUBLE = new Set(["attemptSuspected", "attemptFailed", "retryScheduled", "runFailed", "gateClosed", "phaseFailed",
  "waitTimedOut", "jobFailing", "jobFailed", "jobCancelled", "attemptCancelled", "pauseRefused", "attemptDeferred"]);

/** Events that say little to a reader who does not look for them. */
export const DETAILS = new Set(["artifactStored", "attemptAccepted", "runReady"]);
