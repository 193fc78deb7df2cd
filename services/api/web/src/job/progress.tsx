/** A job on its way: its place in the queue, the stage at work and how much of it is done. */
import { lazy, Suspense } from "preact/compat";
import { useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { mayWrite } from "../core/session";
import type { EarlyPart, Job, Stage } from "../core/types";
import { percent, seconds } from "../core/words";
import { Bar, Problems } from "../ui/parts";

const EarlyView = lazy(() => import("../early/view").then((module) => module.EarlyView));

export const STAGES: Record<string, [string, string]> = {
  classifier: ["Find the organs' slices", "Which slices show an organ"],
  segmenter: ["Outline the organs", "On every slice that shows one"],
  mesher: ["Build the model", "From outlines to closed, smooth surfaces"],
};

function done(stage: Stage, slices: number): string {
  if (stage.state === "succeeded" || stage.progress >= 1) return "done";
  if (stage.state === "waiting" && stage.progress === 0) return "";
  if (slices > 0 && stage.name !== "mesher") return `${Math.floor(stage.progress * slices)} of ${slices} slices`;
  return percent(stage.progress);
}

function queueText(job: Job): string {
  if (job.state !== "queued" || job.position === null) return "";
  const wait = job.wait_seconds ? `, about ${seconds(job.wait_seconds)}` : "";
  return job.position <= 1 ? `Next in the queue${wait}` : `Number ${job.position} in the queue${wait}`;
}

interface Props {
  job: Job;
  early?: readonly EarlyPart[];
  onChange: (job: Job) => void;
}

export function Progress({ job, early = [], onChange }: Props) {
  const [problem, setProblem] = useState("");
  const slices = Number(sessionStorage.getItem(`slices:${job.id}`) ?? 0);
  const now = job.stage ? (STAGES[job.stage]?.[0] ?? job.stage) : "Waiting";
  const cancel = (): void => {
    api.cancel(job.id).then(onChange, (error: unknown) => setProblem(sentence(error)));
  };
  return (
    <section class="narrow card">
      <h1>On its way</h1>
      <p role="status" aria-live="polite" class="lead">
        {queueText(job) || now}
      </p>
      <Bar value={job.progress} label="Progress of the job" />
      <ol class="stages">
        {job.stages.map((stage) => (
          <li key={stage.name} data-state={stage.progress >= 1 ? "succeeded" : stage.state}>
            <span>
              <strong>{STAGES[stage.name]?.[0] ?? stage.name}</strong>
              <span class="muted">{STAGES[stage.name]?.[1]}</span>
            </span>
            <span class="muted">{done(stage, slices)}</span>
          </li>
        ))}
      </ol>
      {early.length > 0 && (
        <Suspense fallback={null}>
          <EarlyView id={job.id} parts={early} />
        </Suspense>
      )}
      <Problems text={problem} />
      <div class="row between">
        <span class="muted">You may leave this page: the job goes on and waits for you in the archive.</span>
        {mayWrite() && (
          <button type="button" class="danger" onClick={cancel}>
            Cancel the job
          </button>
        )}
      </div>
    </section>
  );
}
