/** A job that runs: its place in the queue, the stage at work and how much of it is done. */
import { lazy, Suspense } from "preact/compat";
import { useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { mayWrite } from "../core/session";
import type { EarlyPart, Job, Stage } from "../core/types";
import { percent, seconds } from "../core/words";
import { Bar, Problems } from "../ui/parts";

const EarlyView = lazy(() => import("../early/view").then((module) => module.EarlyView));

export const STAGES: Record<string, [Text, Text]> = {
  classifier: ["Find the organs' slices", "Which slices show an organ"],
  segmenter: ["Outline the organs", "On every slice that shows one"],
  mesher: ["Build the model", "From outlines to closed, smooth surfaces"],
};

function done(stage: Stage, slices: number): string {
  if (stage.state === "succeeded" || stage.progress >= 1) return t("done");
  if (stage.state === "waiting" && stage.progress === 0) return "";
  if (slices > 0 && stage.name !== "mesher") return t("{done} of {count} slices", { done: Math.floor(stage.progress * slices), count: slices });
  return percent(stage.progress);
}

function queueText(job: Job): string {
  if (job.state !== "queued" || job.position === null) return "";
  const wait = job.wait_seconds ? `, ${t("about {time}", { time: seconds(job.wait_seconds) })}` : "";
  return `${job.position <= 1 ? t("Next in the queue") : t("Number {n} in the queue", { n: job.position })}${wait}`;
}

function stageText(name: string, part: 0 | 1): string {
  const texts = STAGES[name];
  return texts ? t(texts[part]) : part === 0 ? name : "";
}

interface Props {
  job: Job;
  early?: readonly EarlyPart[];
  onChange: (job: Job) => void;
}

export function Progress({ job, early = [], onChange }: Props) {
  const [problem, setProblem] = useState("");
  const slices = Number(sessionStorage.getItem(`slices:${job.id}`) ?? 0);
  const now = job.stage ? stageText(job.stage, 0) : t("Waiting");
  const cancel = (): void => {
    api.cancel(job.id).then(onChange, (error: unknown) => setProblem(sentence(error)));
  };
  return (
    <section class="narrow card">
      <h1>{t("Processing")}</h1>
      <p role="status" aria-live="polite" class="lead">
        {queueText(job) || now}
      </p>
      <Bar value={job.progress} label={t("Progress of the job")} />
      <ol class="stages">
        {job.stages.map((stage) => (
          <li key={stage.name} data-state={stage.progress >= 1 ? "succeeded" : stage.state}>
            <span>
              <strong>{stageText(stage.name, 0)}</strong>
              <span class="muted">{stageText(stage.name, 1)}</span>
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
        <span class="muted">{t("You may leave this page: the job goes on, and its result will be in the archive.")}</span>
        {mayWrite() && (
          <button type="button" class="danger" onClick={cancel}>
            {t("Cancel the job")}
          </button>
        )}
      </div>
    </section>
  );
}
