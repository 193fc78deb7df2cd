/** What can be done with the jobs that are chosen in the archive. */
import { useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { REVIEWS } from "../core/review";
import { maySend, mayWrite } from "../core/session";
import type { Job, Review } from "../core/types";
import { SendDialog } from "../ui/lazy";
import { Confirm, Menu, MenuItem, Problems, Tool } from "../ui/parts";
import { save } from "../ui/save";
import { say } from "../ui/status";
import { each, type Outcome, volumes, withTag } from "./bulk";

interface Props {
  jobs: readonly Job[];
  onChanged: (jobs: readonly Job[]) => void;
  onErased: (ids: readonly string[]) => void;
  onClear: () => void;
}

export function Chosen({ jobs, onChanged, onErased, onClear }: Props) {
  const [open, setOpen] = useState<"" | "delete" | "send">("");
  const [problem, setProblem] = useState("");
  const ids = jobs.map(({ id }) => id);
  const finished = jobs.filter(({ state }) => state === "succeeded");
  const sendable = finished.filter(({ links }) => links.deliveries);
  const act = async <T,>(on: readonly Job[], change: (job: Job) => Promise<T>): Promise<Outcome<T>> => {
    const outcome = await each(on.map(({ id }) => id), (id) => change(on.find((job) => job.id === id) as Job));
    setProblem(outcome.failed ? t("{n} jobs failed: {reason}", { n: outcome.failed, reason: outcome.problem }) : "");
    return outcome;
  };
  const describe = async (change: (job: Job) => Parameters<typeof api.describe>[1]): Promise<void> => {
    const { done } = await act(jobs, (job) => api.describe(job.id, change(job)));
    onChanged(done);
    say(t("{n} jobs changed", { n: done.length }));
  };
  const erase = async (): Promise<void> => {
    setOpen("");
    const { done } = await act(jobs, (job) => api.erase(job.id).then(() => job.id));
    onErased(done);
    say(t("{n} jobs deleted", { n: done.length }));
  };
  const table = async (): Promise<void> => {
    const { done } = await act(finished, async (job) => ({ job, report: await api.report(job.id) }));
    const table = volumes(done.sort((a, b) => ids.indexOf(a.job.id) - ids.indexOf(b.job.id)));
    save(new Blob([table], { type: "text/csv" }), "volumes.csv");
  };
  return (
    <div class="chosen" role="region" aria-label={t("Chosen jobs")}>
      <span>{ids.length === 1 ? t("1 chosen") : t("{n} chosen", { n: ids.length })}</span>
      {mayWrite() && (
        <>
          <Menu icon="check" title={t("Set the review")}>
            {(close) => Object.entries(REVIEWS).map(([value, title]) => <MenuItem key={value} title={t(title)} onClick={() => (close(), void describe(() => ({ review: value as Review })))} />)}
          </Menu>
          <Tags jobs={jobs} onTag={(tag, on) => void describe(({ tags }) => ({ tags: withTag(tags ?? [], tag, on) }))} />
        </>
      )}
      {maySend() && <Tool icon="send" title={t("Send to a PACS")} disabled={sendable.length === 0} onClick={() => setOpen("send")} />}
      <Tool icon="download" title={t("Volumes as CSV")} disabled={finished.length === 0} onClick={() => void table()} />
      {finished.length === 2 && jobs.length === 2 && (
        <a class="button small" href={`#/compare/${ids.join("/")}`}>
          {t("Compare")}
        </a>
      )}
      {mayWrite() && <Tool icon="trash" title={t("Delete")} danger onClick={() => setOpen("delete")} />}
      <Tool icon="close" title={t("Choose none")} onClick={onClear} />
      <Problems text={problem} />
      {open === "send" && <SendDialog ids={sendable.map(({ id }) => id)} onClose={() => setOpen("")} />}
      {open === "delete" && (
        <Confirm
          title={ids.length === 1 ? t("Delete this job?") : t("Delete {n} jobs?", { n: ids.length })}
          text={t("Their scans and everything made from them are erased for everybody. Only lines in the audit record stay.")}
          action={ids.length === 1 ? t("Delete") : t("Delete {n} jobs", { n: ids.length })}
          onYes={() => void erase()}
          onClose={() => setOpen("")}
        />
      )}
    </div>
  );
}

function Tags({ jobs, onTag }: { jobs: readonly Job[]; onTag: (tag: string, on: boolean) => void }) {
  const [tag, setTag] = useState("");
  const known = [...new Set(jobs.flatMap(({ tags }) => tags ?? []))].sort();
  return (
    <Menu icon="tag" title={t("Tags")}>
      {(close) => (
        <form
          class="tag-form"
          onSubmit={(event) => {
            event.preventDefault();
            const word = tag.trim();
            if (!word) return;
            close();
            setTag("");
            onTag(word, true);
          }}
        >
          <input type="text" aria-label={t("New tag, one word")} placeholder={t("New tag, one word")} pattern="[^\s,]+" maxLength={50} value={tag} onInput={(event) => setTag(event.currentTarget.value)} />
          <button type="submit" class="small">
            {t("Add")}
          </button>
          {known.map((each) => (
            <MenuItem key={each} title={t("Remove #{tag}", { tag: each })} onClick={() => (close(), onTag(each, false))} />
          ))}
        </form>
      )}
    </Menu>
  );
}
