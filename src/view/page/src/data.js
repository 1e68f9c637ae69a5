// The page's data (the program writes it into the element `data`), and what is derived from it once.

import { indexMarks } from "./marks.js";
import { clustersDiffer, fold, foldPort } from "./state.js";

export function readModel(document) {
  return modelOf(JSON.parse(document.getElementById("data").textContent));
}

export function modelOf(data) {
  const hasLanes = data.kind === "cluster";
  const states = hasLanes ? fold(data.frames) : [];
  const portStates =
    hasLanes && data.port_frames ? foldPort(data.port_frames, data.frames, states) : [];
  const size = Math.max(0, ...states.map((state) => state?.replicas.length ?? 0));
  return {
    title: data.title,
    hasLanes: hasLanes && size > 0,
    port: data.port,
    steps: data.steps,
    states,
    portStates,
    // Whether the port's cluster differs from the reference's after the step.
    portDiffers: states.map((state, at) => clustersDiffer(state, portStates[at])),
    // The greatest number of replicas: the lanes that the page has room for.
    size,
    observers: data.observers ?? [],
    divergence: data.divergence,
    notes: data.notes ?? [],
    // The ends of the port's answers, and of the looks at its state.
    ends: [
      ...(data.end ? [data.end] : []),
      ...(data.looks_end ? [{ ...data.looks_end, isOfLooks: true }] : []),
    ],
    marks: indexMarks(data.steps),
  };
}
