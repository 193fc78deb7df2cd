/** The jobs of the archive as a dense list or as cards. */
import { useState } from "preact/hooks";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { REVIEWS } from "../core/review";
import type { Job, JobState } from "../core/types";
import { percent, scanName, seconds, when } from "../core/words";
import { Icon } from "../ui/icon";
import { Tool } from "../ui/parts";
import { type Column, duration } from "./search";

export const STATES: Record<JobState, Text> = {
  succeeded: "Finished",
  running: "Running",
  queued: "Waiting",
  failed: "Failed",
  cancelled: "Cancelled",
};

interface Acts {
  writable: boolean;
  chosen: ReadonlySet<string>;
  onChoose: (id: string, on: boolean, range: boolean) => void;
  onChooseAll: (on: boolean) => void;
  onEdit: (job: Job) => void;
  onShare: (id: string) => void;
  onDelete: (id: string) => void;
}

interface ListProps extends Acts {
  jobs: readonly Job[];
  sort: Column;
  up: boolean;
  onSort: (column: Column) => void;
}

const COLUMNS: [Column, Text, string][] = [
  ["created", "Sent at", ""],
  ["state", "State", ""],
  ["seconds", "Time taken", "wide-only number"],
];

export function JobList({ jobs, sort, up, onSort, ...acts }: ListProps) {
  const heading = ([column, title, name]: (typeof COLUMNS)[number]) => (
    <th key={column} scope="col" class={name} aria-sort={sort === column ? (up ? "ascending" : "descending") : undefined}>
      <button type="button" class="quiet small" onClick={() => onSort(column)}>
        {t(title)}
        <span aria-hidden="true">{sort === column ? (up ? "↑" : "↓") : ""}</span>
      </button>
    </th>
  );
  return (
    <table class="jobs">
      <thead>
        <tr>
          <td class="job-choice">
            <input type="checkbox" aria-label={t("Choose all that are shown")} checked={jobs.every(({ id }) => acts.chosen.has(id))} onChange={(event) => acts.onChooseAll(event.currentTarget.checked)} />
          </td>
          {COLUMNS.slice(0, 1).map(heading)}
          <th scope="col" class="job-name">
            {t("Name")}
          </th>
          {COLUMNS.slice(1).map(heading)}
          <th scope="col" class="wide-only job-number">
            {t("Number")}
          </th>
          <td />
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id} class={acts.chosen.has(job.id) ? "job chosen-job" : "job"} data-job={job.id}>
            <td class="job-choice">
              <Choice job={job} {...acts} />
            </td>
            <th scope="row">
              <a href={`#/jobs/${job.id}`}>{when(job.created)}</a>
            </th>
            <td class="job-name">
              <Described job={job} />
            </td>
            <td>
              <State job={job} />
            </td>
            <td class="wide-only number muted">{taken(job)}</td>
            <td class="wide-only job-number muted id">{job.id}</td>
            <td class="job-acts">
              <Buttons job={job} {...acts} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function JobCards({ jobs, ...acts }: { jobs: readonly Job[] } & Acts) {
  return (
    <ul class="cards">
      {jobs.map((job) => (
        <li key={job.id} class={`job job-card${acts.chosen.has(job.id) ? " chosen-job" : ""}`} data-job={job.id}>
          <Choice job={job} {...acts} />
          <a href={`#/jobs/${job.id}`} class="job-open">
            <span class="job-picture">{job.links["thumbnail.png"] ? <Picture source={job.links["thumbnail.png"]} /> : <Icon name="cube" size={32} />}</span>
            <span>{job.name || when(job.created)}</span>
          </a>
          <Described job={job} named={false} />
          <div class="row between">
            <State job={job} />
            <span class="job-acts">
              <Buttons job={job} {...acts} />
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** With Shift, a click also chooses the jobs since the last one. */
function Choice({ job, chosen, onChoose }: { job: Job } & Acts) {
  return <input type="checkbox" aria-label={t("Choose {scan}", { scan: job.name || scanName(null, job.created) })} checked={chosen.has(job.id)} onClick={(event) => onChoose(job.id, event.currentTarget.checked, event.shiftKey)} />;
}

/** Name, modality, tags and review of a job, as far as there are any. */
function Described({ job, named = true }: { job: Job; named?: boolean }) {
  const review = job.review && job.review !== "unread" ? t(REVIEWS[job.review]) : "";
  const parts = [job.modality, ...(job.tags ?? []).map((tag) => `#${tag}`), review].filter(Boolean);
  return (
    <span class="described">
      {named && job.name && <span>{job.name}</span>}
      {parts.length > 0 && <span class="muted">{parts.join(" · ")}</span>}
    </span>
  );
}

function taken(job: Job): string {
  const time = duration(job);
  return time === null ? "" : seconds(time);
}

function State({ job }: { job: Job }) {
  return (
    <span class="job-state">
      <span class={`badge ${job.state}`}>
        {t(STATES[job.state])}
        {job.state === "running" && ` ${percent(job.progress)}`}
      </span>
      {job.error && <span class="muted reason">{job.error.detail}</span>}
    </span>
  );
}

function Buttons({ job, writable, onEdit, onShare, onDelete }: { job: Job } & Acts) {
  const scan = scanName(null, job.created);
  if (!writable) return null;
  return (
    <>
      <Tool icon="edit" title={t("Describe {scan}", { scan })} onClick={() => onEdit(job)} />
      {job.state === "succeeded" && <Tool icon="share" title={t("Share {scan}", { scan })} onClick={() => onShare(job.id)} />}
      <Tool icon="trash" title={t("Delete {scan}", { scan })} danger onClick={() => onDelete(job.id)} />
    </>
  );
}

const TRIES = 10;
const PAUSE = 3000;

/** The picture of a result. The server draws it at its first request; while that takes long, it is requested again. */
function Picture({ source }: { source: string }) {
  const [attempt, setAttempt] = useState(0);
  const [there, setThere] = useState(false);
  const again = () => {
    if (attempt < TRIES) setTimeout(() => setAttempt(attempt + 1), PAUSE);
  };
  return (
    <>
      {!there && <Icon name="cube" size={32} />}
      <img key={attempt} src={source} alt="" loading="lazy" width={256} height={256} onError={again} onLoad={() => setThere(true)} hidden={!there && attempt > 0} />
    </>
  );
}
