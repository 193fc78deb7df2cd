/** The tenant's jobs: search, sort, open, share, delete. How it is set is in the address, so Back finds it again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { remember, route } from "../core/router";
import { mayWrite } from "../core/session";
import type { Job } from "../core/types";
import { ShareDialog } from "../ui/lazy";
import { Confirm, Problems, Segments, Spinner, Tool } from "../ui/parts";
import { say } from "../ui/status";
import { EditDialog } from "./edit";
import { JobCards, JobList, STATES } from "./rows";
import { type Asked, type Column, type Found, search } from "./search";

const TYPING_MS = 250;
/** How far down the list was when it was left. */
let depth = 0;

interface Setting extends Asked {
  cards: boolean;
  /** Jobs that were loaded. */
  count: number;
}

function setting(query: Record<string, string>): Setting {
  const { q = "", state = "", sort = "", view = "", n = "" } = query;
  const column = sort.replace("-", "") as Column;
  const known = ["created", "state", "seconds"].includes(column);
  return { text: q, state, sort: known ? column : "created", up: known && !sort.startsWith("-"), cards: view === "cards", count: Number(n) || 50 };
}

function note({ text, state, sort, up, cards, count }: Setting): void {
  const order = `${up ? "" : "-"}${sort}`;
  remember("archive", { q: text, state, sort: order === "-created" ? "" : order, view: cards ? "cards" : "", n: count > 50 ? String(count) : "" });
}

export function Archive() {
  const [asked, setAsked] = useState(() => setting(route.peek().query));
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState<{ what: "share" | "delete"; id: string } | null>(null);
  const [edited, setEdited] = useState<Job | null>(null);
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
  }, [asked.text, asked.state, asked.sort, asked.up]);
  const ready = found !== null;
  useEffect(() => {
    if (ready) window.scrollTo(0, depth);
    const seen = (): void => void (depth = window.scrollY);
    window.addEventListener("scroll", seen);
    return () => window.removeEventListener("scroll", seen);
  }, [ready]);
  const erase = (id: string): void => {
    setOpen(null);
    api.erase(id).then(
      () => {
        setFound((before) => before && { ...before, jobs: before.jobs.filter((job) => job.id !== id) });
        say(t("Deleted"));
      },
      (error: unknown) => setProblem(sentence(error)),
    );
  };
  const saved = (changed: Job): void => {
    setEdited(null);
    setFound((before) => before && { ...before, jobs: before.jobs.map((job) => (job.id === changed.id ? changed : job)) });
    say(t("Saved"));
  };
  const sort = (column: Column): void => change({ sort: column, up: column === asked.sort ? !asked.up : column !== "created" });
  const acts = {
    writable: mayWrite(),
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
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <input type="search" aria-label={t("Search")} value={asked.text} placeholder={t("Search by name, tag, date or number")} onInput={(event) => change({ text: event.currentTarget.value })} />
        <select aria-label={t("State")} value={asked.state} onChange={(event) => change({ state: event.currentTarget.value })}>
          <option value="">{t("All states")}</option>
          {Object.entries(STATES).map(([value, title]) => (
            <option key={value} value={value}>
              {t(title)}
            </option>
          ))}
        </select>
        <Segments
          label={t("Show as")}
          value={asked.cards ? "cards" : "list"}
          onChange={(value) => change({ cards: value === "cards", count: asked.count })}
          items={[
            ["list", t("List")],
            ["cards", t("Cards")],
          ]}
        />
        <Tool icon="close" title={t("Clear")} disabled={!asked.text && !asked.state} onClick={() => change({ text: "", state: "" })} />
      </form>
      <Problems text={problem} />
      {found === null && !problem && <Spinner text={t("Loading")} />}
      {found && found.jobs.length === 0 && (
        <div class="empty-list">
          <p>{asked.text || asked.state ? t("No results") : t("There are no scans yet.")}</p>
          {!asked.text && !asked.state && <a href="#/learn">{t("Look at a computed body")}</a>}
        </div>
      )}
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
