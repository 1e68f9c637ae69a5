// What a step did to the cluster, in sentences.

import { entries, replicas, sentence } from "./words.js";

// Returns [{ kind, text }], in the order in which things happen within a step.
export function eventsOf(state, before) {
  if (state === null) return [];
  const found = [
    ...ofCluster(state),
    ...ofReachability(state, state.isNew ? null : before),
    ...ofElection(state),
    ...ofRoles(state),
    ...ofLogs(state),
    ...ofGrowth(state),
  ];
  return found.map(({ kind, text }) => ({ kind, text: sentence(text) }));
}

function ofCluster(state) {
  if (!state.isNew) return [];
  const count = state.replicas.length;
  const quorum = Math.floor(count / 2) + 1;
  const size = count === 1 ? "a cluster of one replica" : `a cluster of ${count} replicas`;
  return [{ text: `${size} starts in term 1; its quorum is ${quorum}, and replica 0 leads` }];
}

function ofReachability(state, before) {
  if (!before || before.isolated === state.isolated) return [];
  const gone = [...state.isolated].filter((id) => !before.isolated.has(id));
  const back = [...before.isolated].filter((id) => !state.isolated.has(id));
  const be = (ids) => (ids.length === 1 ? "is" : "are");
  const found = [];
  if (gone.length > 0) {
    found.push({ kind: "partition", text: `${replicas(gone)} ${be(gone)} isolated` });
  }
  if (back.length > 0) {
    found.push({ kind: "heal", text: `${replicas(back)} ${be(back)} reachable again` });
  }
  if (state.leader === null && before.leader !== null) {
    found.push({ text: "no leader is reachable, and too few replicas to elect one" });
  }
  return found;
}

function ofElection(state) {
  const winner = state.replicas[state.elected];
  if (winner === undefined) return [];
  const text = `replica ${winner.id} wins the election of term ${state.term}, and appends its NoOp`;
  return [{ kind: "election", text }];
}

function ofRoles(state) {
  const demoted = state.replicas.filter(
    ({ role, step }) => step !== null && step.before.role === "leader" && role === "follower",
  );
  return grouped(demoted, () => "").map(({ ids }) => ({
    text: `${replicas(ids)} ${ids.length === 1 ? "becomes a follower" : "become followers"}`,
  }));
}

function ofLogs(state) {
  const changed = state.replicas.filter(({ step }) => step !== null);
  const verb = (ids, word) => `${replicas(ids)} ${word}${ids.length === 1 ? "s" : ""}`;
  const struck = ({ step }) =>
    step.struck.length > 0 ? [step.struck[0].from, step.struck.at(-1).to] : null;
  return [
    ...grouped(changed, struck).map(({ ids, value: [from, to] }) => ({
      kind: "truncation",
      text: `${verb(ids, "drop")} ${entries(from, to)}, which never took effect`,
    })),
    ...grouped(changed, ({ step }) => step.installed ?? null).map(({ ids, value }) => ({
      kind: "snapshot",
      text: `${verb(ids, "install")} the leader's snapshot at index ${value}`,
    })),
    ...grouped(changed, ({ step }) => step.compacted ?? null).map(({ ids, value }) => ({
      kind: "compaction",
      text: `${verb(ids, "compact")} the log up to index ${value}`,
    })),
  ];
}

// Appended and committed entries; in one sentence if they are the same.
function ofGrowth(state) {
  const changed = state.replicas.filter(({ step }) => step !== null);
  const groups = grouped(changed, (replica) => {
    const [added, committed] = [appended(replica), newlyCommitted(replica)];
    return added === null && committed === null ? null : [added, committed];
  });
  return groups.flatMap(({ ids, value: [added, committed] }) => {
    const s = ids.length === 1 ? "s" : "";
    if (`${added}` === `${committed}`) {
      return [{ text: `${replicas(ids)} append${s} and commit${s} ${entries(...added)}` }];
    }
    return [
      added && { text: `${replicas(ids)} append${s} ${entries(...added)}` },
      committed && { text: `${replicas(ids)} commit${s} ${entries(...committed)}` },
    ].filter(Boolean);
  });
}

function appended({ step }) {
  return step.appended.length > 0 ? [step.appended[0][0], step.appended.at(-1)[1]] : null;
}

function newlyCommitted({ step, commit }) {
  const before = step.installed ?? step.before.commit;
  return commit > before ? [before + 1, commit] : null;
}

// The ids of the replicas with the same value, in the order of their first one; null is no value.
function grouped(list, valueIn) {
  const groups = new Map();
  for (const replica of list) {
    const value = valueIn(replica);
    if (value === null) continue;
    const key = JSON.stringify(value);
    if (!groups.has(key)) groups.set(key, { value, ids: [] });
    groups.get(key).ids.push(replica.id);
  }
  return [...groups.values()];
}
