// The data of a long run: 10,000 steps on 7 replicas, with partitions, elections and compactions.

const SIZE = 7;
const ALL = "0,1,2,3,4,5,6";
const hashOf = (number) => number.toString(16).padStart(64, "0");

export function longRun(count) {
  const run = { format: 1, title: "long.trace", kind: "cluster", steps: [], frames: [] };
  const add = (line, answer, frame, marks) => {
    run.steps.push(marks === undefined ? { line, answer } : { line, answer, marks });
    run.frames.push(frame);
  };
  add(`new ${SIZE}`, "ok", { cluster: SIZE, replicas: { [ALL]: { hash: hashOf(0) } } });
  const cluster = { last: 0, term: 1, leader: 0 };
  while (run.steps.length < count) {
    const at = run.steps.length;
    if (at % 100 === 50) failover(cluster, add);
    else if (at % 100 === 70) add("heal", "ok", heal(cluster), ["heal"]);
    else if (at % 500 === 99) add("compact", "ok", compact(cluster), ["compaction"]);
    else add(`put key-${at % 50} ${at}`, "ok", put(cluster, at));
  }
  return run;
}

const reachable = ({ away }) =>
  away === undefined ? ALL : ALL.replace(`${away}`, "").replace(",,", ",").replace(/^,|,$/g, "");

function put(cluster, at) {
  cluster.last += 1;
  const { last, term } = cluster;
  const key = Buffer.from(`key-${at % 50}`).toString("hex");
  const value = Buffer.from(`${at}`).toString("hex");
  const log = [{ entries: [[last, term, "put", key, value]] }];
  const change = {
    commit: last,
    last,
    keys: 50,
    hash: hashOf(last),
    log,
    map: [[key, null, value]],
  };
  return { replicas: { [reachable(cluster)]: change } };
}

function failover(cluster, add) {
  const { leader } = cluster;
  cluster.leader = (leader + 1) % SIZE;
  cluster.away = leader;
  cluster.term += 1;
  cluster.last += 1;
  const { last, term } = cluster;
  const change = {
    role: "follower",
    term,
    commit: last,
    last,
    log: [{ entries: [[last, term, "noop"]] }],
  };
  const rest = reachable(cluster)
    .split(",")
    .filter((id) => id !== `${cluster.leader}`)
    .join(",");
  const replicas = { [rest]: change, [cluster.leader]: { ...change, role: "leader" } };
  const frame = {
    leader: cluster.leader,
    term,
    isolated: [leader],
    elected: cluster.leader,
    replicas,
  };
  add(`partition ${leader}`, `ok leader=${cluster.leader} term=${term}`, frame, [
    "election",
    "partition",
  ]);
}

function heal(cluster) {
  const { away, last, term } = cluster;
  cluster.away = undefined;
  const log = [{ run: [last - 19, last, term] }];
  const change = { role: "follower", term, commit: last, last, hash: hashOf(last), log };
  return { isolated: [], replicas: { [away]: change } };
}

function compact({ last }) {
  return { replicas: { [ALL]: { base: last, log: [{ compact: last }] } } };
}
