/** The tenant's jobs: search, filter, open, share, delete. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { mayWrite } from "../core/session";
import type { Job, Report } from "../core/types";
import { when } from "../core/words";
import { ShareDialog } from "../share/dialog";
import { Confirm, Problems, Spinner } from "../ui/parts";
import { say } from "../ui/status";
import { Card } from "./card";

const STATES: [string, string][] = [
  ["", "All"],
  ["succeeded", "Finished"],
  ["running", "Running"],
  ["queued", "Waiting"],
  ["failed", "Failed"],
  ["cancelled", "Cancelled"],
];

/** Whether every word asked for is somewhere in what is shown of the job. */
export function matches(job: Job, report: Report | undefined, asked: string): boolean {
  const organs = report?.organs.filter((organ) => organ.present).map((organ) => organ.title) ?? [];
  const text = [job.id, job.state, when(job.created), job.error?.detail, report?.modality, report?.quality, ...organs]
    .join(" ")
    .toLowerCase();
  return asked.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function Archive() {
  const [state, setState] = useState("");
  const [asked, setAsked] = useState("");
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [reports, setReports] = useState<Record<string, Report>>({});
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState<{ what: "share" | "delete"; id: string } | null>(null);
  const turn = useRef(0);

  const load = async (cursor: string | null): Promise<void> => {
    const mine = (turn.current += 1);
    try {
      const page = await api.jobs(state, cursor, 24);
      if (mine !== turn.current) return;
      setJobs((before) => (cursor ? [...(before ?? []), ...page.items] : page.items));
      setNext(page.next);
      setProblem("");
    } catch (error) {
      setProblem(sentence(error));
    }
  };
  useEffect(() => void load(null), [state]);
  useEffect(() => {
    for (const job of jobs ?? []) {
      if (job.state !== "succeeded" || reports[job.id]) continue;
      api.report(job.id).then(
        (report) => setReports((before) => ({ ...before, [job.id]: report })),
        () => undefined,
      );
    }
  }, [jobs]);
  const erase = (id: string): void => {
    setOpen(null);
    api.erase(id).then(
      () => {
        setJobs((before) => before?.filter((job) => job.id !== id) ?? null);
        say("Deleted");
      },
      (error: unknown) => setProblem(sentence(error)),
    );
  };
  const shown = jobs?.filter((job) => matches(job, reports[job.id], asked)) ?? [];
  return (
    <section>
      <h1>Archive</h1>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search
          <input type="search" value={asked} placeholder="date, organ, MR or CT, number" onInput={(event) => setAsked(event.currentTarget.value)} />
        </label>
        <fieldset>
          <legend class="sr-only">State</legend>
          {STATES.map(([value, title]) => (
            <label key={value} class="pill">
              <input type="radio" name="state" checked={state === value} onChange={() => setState(value)} />
              <span>{title}</span>
            </label>
          ))}
        </fieldset>
      </form>
      <Problems text={problem} />
      {jobs === null && !problem && <Spinner text="Looking" />}
      {jobs !== null && shown.length === 0 && (
        <p class="empty-list">
          {jobs.length === 0 && !state ? "Nothing is here yet." : "Nothing fits."} <a href="#/new">Send a scan</a>
        </p>
      )}
      <ul class="cards">
        {shown.map((job) => (
          <Card
            key={job.id}
            job={job}
            report={reports[job.id]}
            writable={mayWrite()}
            onShare={() => setOpen({ what: "share", id: job.id })}
            onDelete={() => setOpen({ what: "delete", id: job.id })}
          />
        ))}
      </ul>
      {next && (
        <button type="button" onClick={() => void load(next)}>
          Show older ones
        </button>
      )}
      {open?.what === "share" && <ShareDialog id={open.id} onClose={() => setOpen(null)} />}
      {open?.what === "delete" && (
        <Confirm
          title="Delete this job?"
          text="Its scan and everything made from it are erased for everybody. Only a line in the audit record stays."
          action="Delete"
          onYes={() => erase(open.id)}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}
