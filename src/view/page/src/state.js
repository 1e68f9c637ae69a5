// Folds the frames of the data, each of which holds what one step changed, into the state after
// each step. Unchanged replicas are shared between steps.

import { cut, push } from "./log.js";

// The SHA-256 of the snapshot at commit index 0 (definition, section 5).
const EMPTY_HASH = "e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576";

// One state a step: null before the first cluster.
export function fold(frames) {
  const states = [];
  let state = null;
  for (const frame of frames) {
    state = next(state, frame, frame.cluster);
    states.push(state);
  }
  return states;
}

// The port's states. A frame is "same" if the port was as the reference is, and null if it was not
// seen. The reference's frames say when a cluster began.
export function foldPort(portFrames, frames, referenceStates) {
  const states = [];
  let state = null;
  portFrames.forEach((frame, at) => {
    if (frame === "same") state = referenceStates[at];
    else state = frame === null ? null : next(state, frame, frames[at].cluster);
    states.push(state);
  });
  return states;
}

function next(before, frame, size) {
  const start = size === undefined ? before : newCluster(size);
  if (start === null || (start === before && before.quiet && isEmpty(frame))) return start;
  const changes = changesById(frame.replicas ?? {});
  const replicas = start.replicas.map((replica) =>
    changedReplica(replica, changes.get(replica.id), frame.elected === replica.id),
  );
  return {
    leader: frame.leader === undefined ? start.leader : frame.leader,
    term: frame.term ?? start.term,
    isolated: frame.isolated === undefined ? start.isolated : new Set(frame.isolated),
    replicas,
    elected: frame.elected,
    isNew: size !== undefined,
    quiet: replicas.every((replica) => replica.step === null) && size === undefined,
  };
}

// A key names one replica or several, "0,1,2", that changed in the same way.
function changesById(changes) {
  const byId = new Map();
  for (const ids in changes) {
    for (const id of ids.split(",")) byId.set(Number(id), changes[ids]);
  }
  return byId;
}

function isEmpty(frame) {
  for (const _ in frame) return false;
  return true;
}

function newCluster(size) {
  const replicas = Array.from({ length: size }, (_, id) => ({
    id,
    role: id === 0 ? "leader" : "follower",
    term: 1,
    base: 0,
    commit: 0,
    last: 0,
    keys: 0,
    hash: EMPTY_HASH,
    logHash: undefined,
    log: null,
    step: null,
  }));
  return { leader: 0, term: 1, isolated: new Set(), replicas };
}

// `step` is what happened to the replica in this step, or null.
function changedReplica(replica, change, isElected) {
  if (change === undefined && !isElected) {
    return replica.step === null ? replica : { ...replica, step: null };
  }
  const step = { before: replica, elected: isElected, struck: [], appended: [], map: [], more: 0 };
  const changed = { ...replica, step };
  for (const event of change?.log ?? []) applyToLog(changed, step, event);
  for (const field of ["role", "term", "base", "commit", "last", "keys", "hash"]) {
    if (change?.[field] !== undefined) changed[field] = change[field];
  }
  if (change?.log_hash !== undefined) changed.logHash = change.log_hash;
  step.map = change?.map ?? [];
  step.more = change?.map_more ?? 0;
  return changed;
}

function applyToLog(replica, step, event) {
  if (event.cut !== undefined) {
    const { log, removed } = cut(replica.log, event.cut);
    replica.log = log;
    step.struck.push(...removed);
  } else if (event.install !== undefined) {
    step.installed = event.install;
    replica.log = null;
    replica.base = event.install;
  } else if (event.compact !== undefined) {
    step.compacted = event.compact;
    replica.base = event.compact;
  } else if (event.run !== undefined) {
    const [from, to, term] = event.run;
    replica.log = push(replica.log, from, to, term, undefined);
    step.appended.push([from, to]);
  } else {
    for (const [index, term, name, key, value] of event.entries ?? []) {
      replica.log = push(replica.log, index, index, term, { name, key, value });
      step.appended.push([index, index]);
    }
  }
}

const COMPARED = ["role", "term", "base", "commit", "last", "keys", "hash", "logHash"];

// The names of the fields in which two replicas differ. A field that one side does not show, or has
// not computed, is no difference.
export function differingFields(one, other) {
  if (one === undefined || other === undefined) return [];
  return COMPARED.filter(
    (field) =>
      (one[field] ?? null) !== null &&
      (other[field] ?? null) !== null &&
      one[field] !== other[field],
  );
}

// Reports whether the port's cluster differs from the reference's after a step.
export function clustersDiffer(one, other) {
  if (!one || !other) return false;
  return (
    one.leader !== other.leader ||
    one.term !== other.term ||
    !sameIds(one.isolated, other.isolated) ||
    one.replicas.length !== other.replicas.length ||
    one.replicas.some((replica, id) => differingFields(replica, other.replicas[id]).length > 0)
  );
}

function sameIds(one, other) {
  return one.size === other.size && [...one].every((id) => other.has(id));
}
