/** The tenant's jobs: search, sort, open, share, delete. How it is set is in the address, so Back finds it again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { go, route } from "../core/router";
import { mayWrite } from "../core/session";
import type { Job } from "../core/types";
import { ShareDialog } from "../ui/lazy";
import { Confirm, Problems, Spinner } from "../ui/parts";
import { say } from "../ui/status";
import { Chosen } from "./chosen";
import { EditDialog } from "./edit";
import { Filters } from "./filters";
import { JobCards, JobList } from "./rows";
import { type Column, type Found, search } from "./search";
import { choose, NOTHING, within } from "./selection";
import { isLimited, note, type Setting, setting } from "./setting";

const TYPING_MS = 250;
/** How far down the list was when it was left. */
let depth = 0;

export function Archive() {
  const [asked, setAsked] = useState(() => setting(route.peek().query));
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState<{ what: "share" | "delete"; id: string } | null>(null);
  const [edited, setEdited] = useState<Job | null>(null);
  const [selection, setSelection] = useState(NOTHING);
  const turn = useRef(0);
  const change = (part: Partial<Setting>): void => {
    const next = { ...asked, count: 50, ...part };
    setAsked(next);
    note(next);
  };
  const load = async (cursor: string | null): Promise<void> => {
    const mine = (turn.current += 1);
    try {
      const page = await search(asked, cursor, cursor ? undefined : asked.count);
      if (mine !== turn.current) return;
      const jobs = cursor ? [...(found?.jobs ?? []), ...page.jobs] : page.jobs;
      setFound({ ...page, jobs });
      setSelection((before) => within(before, jobs.map(({ id }) => id)));
      setProblem("");
      say(jobs.length === 1 ? t("1 job") : t("{n} jobs", { n: jobs.length }));
      if (cursor) {
        const next = { ...asked, count: jobs.length };
        setAsked(next);
        note(next);
      }
    } catch (error) {
      setProblem(sentence(error));
    }
  };
  useEffect(() => {
    const timer = window.setTimeout(() => void load(null), found ? TYPING_MS : 0);
    return () => window.clearTimeout(timer);
  }, [asked.text, asked.state, asked.review, asked.warning, asked.sort, asked.up]);
  const ready = found !== null;
  useEffect(() => {
    if (ready) window.scrollTo(0, depth);
    const seen = (): void => void (depth = window.scrollY);
    window.addEventListener("scroll", seen);
    return () => window.removeEventListener("scroll", seen);
  }, [ready]);
  /** The list may still be that of an earlier text. */
  const enter = async (): Promise<void> => {
    const [first] = (await search(asked, null, 1)).jobs;
    if (first) go(`jobs/${first.id}`);
  };
  const gone = (ids: readonly string[]): void => {
    setFound((before) => before && { ...before, jobs: before.jobs.filter((job) => !ids.includes(job.id)) });
    setSelection((before) => within(before, [...before.ids].filter((id) => !ids.includes(id))));
  };
  const changed = (jobs: readonly Job[]): void => {
    setFound((before) => before && { ...before, jobs: before.jobs.map((job) => jobs.find(({ id }) => id === job.id) ?? job) });
  };
  const erase = (id: string): void => {
    setOpen(null);
    api.erase(id).then(
      () => {
        gone([id]);
        say(t("Deleted"));
      },
      (error: unknown) => setProblem(sentence(error)),
    );
  };
  const saved = (job: Job): void => {
    setEdited(null);
    changed([job]);
    say(t("Saved"));
  };
  const shown = found?.jobs.map(({ id }) => id) ?? [];
  const sort = (column: Column): void => change({ sort: column, up: column === asked.sort ? !asked.up : column !== "created" });
  const acts = {
    writable: mayWrite(),
    chosen: selection.ids,
    onChoose: (id: string, on: boolean, range: boolean) => setSelection(choose(selection, shown, id, on, range)),
    onChooseAll: (on: boolean) => setSelection({ ids: new Set(on ? shown : []), anchor: null }),
    onEdit: setEdited,
    onShare: (id: string) => setOpen({ what: "share", id }),
    onDelete: (id: string) => setOpen({ what: "delete", id }),
  };
  return (
    <section class="archive">
      <header class="page-head">
        <h1>{t("Archive")}</h1>
        <a class="button primary" href="#/new">
          {t("New scan")}
        </a>
      </header>
      <Filters asked={asked} change={change} onEnter={() => void enter()} />
      <Problems text={problem} />
      {found === null && !problem && <Spinner text={t("Loading")} />}
      {found && found.jobs.length === 0 && (
        <div class="empty-list">
          <p>{isLimited(asked) ? t("No results") : t("There are no scans yet.")}</p>
          {!isLimited(asked) && <a href="#/learn">{t("Look at a computed body")}</a>}
        </div>
      )}
      {found && selection.ids.size > 0 && <Chosen jobs={found.jobs.filter(({ id }) => selection.ids.has(id))} onChanged={changed} onErased={gone} onClear={() => setSelection(NOTHING)} />}
      {found && found.jobs.length > 0 && (asked.cards ? <JobCards jobs={found.jobs} {...acts} /> : <JobList jobs={found.jobs} sort={asked.sort} up={asked.up} onSort={sort} {...acts} />)}
      {found?.cut && <p class="muted">{t("Only the newest 2000 jobs were searched.")}</p>}
      {found?.next && (
        <button type="button" onClick={() => void load(found.next)}>
          {t("Show older ones")}
        </button>
      )}
      {edited && <EditDialog job={edited} onSaved={saved} onClose={() => setEdited(null)} />}
      {open?.what === "share" && <ShareDialog id={open.id} onClose={() => setOpen(null)} />}
      {open?.what === "delete" && (
        <Confirm
          title={t("Delete this job?")}
          text={t("Its scan and everything made from it are erased for everybody. Only a line in the audit record stays.")}
          action={t("Delete")}
          onYes={() => erase(open.id)}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}
