/** Finds what is compared: the results, and the other results that they may be compared with. */
import { api } from "../core/api";
import { t } from "../core/language";
import { session } from "../core/session";
import type { Job } from "../core/types";
import { scanName } from "../core/words";
import { type Study, studyTime } from "./volumes";

/** Studies of one comparison. */
export const MOST = 6;

/** When the patient of a job was scanned, by the jobs of that patient; empty where the server does not know it. */
async function datesOf(id: string): Promise<Map<string, string | null>> {
  if (!session.peek()?.scopes.includes("dicom:read")) return new Map();
  const found = await api.samePatient(id);
  return new Map(found.map(({ job, study_date: date }) => [job, date]));
}

/** The studies of a comparison, oldest first. */
export async function studiesOf(ids: readonly string[]): Promise<Study[]> {
  const wanted = [...new Set(ids.filter(Boolean))].slice(0, MOST);
  const studies = await Promise.all(wanted.map(studyOf));
  return studies.sort((a, b) => a.time - b.time);
}

async function studyOf(id: string): Promise<Study> {
  const [job, report, dates] = await Promise.all([api.job(id), api.report(id), datesOf(id)]);
  const time = studyTime(dates.get(id)) ?? Date.parse(job.created);
  return { id, title: job.name || report.modality || t("Scan"), time, report };
}

export interface Choice {
  job: Job;
  title: string;
}

/** Results to compare with: of the same patient first, then others, found by words. */
export async function choicesFor(id: string, without: readonly string[], text: string): Promise<{ same: Choice[]; others: Choice[] }> {
  const [dates, page] = await Promise.all([datesOf(id), api.jobs({ state: "succeeded", q: text }, null)]);
  const left = page.items.filter((job) => !without.includes(job.id));
  const listed = new Set(left.map((job) => job.id));
  const missing = text ? [] : [...dates.keys()].filter((job) => !listed.has(job) && !without.includes(job)).slice(0, 20);
  const more = (await Promise.all(missing.map((job) => api.job(job)))).filter(({ state }) => state === "succeeded");
  const choice = (job: Job): Choice => ({ job, title: job.name || scanName(job.modality, timeOf(job, dates)) });
  const [same, others] = [true, false].map((wanted) => [...more, ...left].filter((job) => dates.has(job.id) === wanted).map(choice));
  return { same: same ?? [], others: others ?? [] };
}

function timeOf(job: Job, dates: Map<string, string | null>): string {
  const time = studyTime(dates.get(job.id));
  return time === null ? job.created : new Date(time).toISOString();
}
