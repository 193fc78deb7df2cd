/** Who is signed in, as the server says; the key itself lies in a cookie that no script can read. */
import { signal } from "@preact/signals";
import { api, Problem } from "./api";
import type { Session } from "./types";

export const session = signal<Session | null | undefined>(undefined);

let turns = 0;

/** Asks the server; of two questions at once the later one counts, because a sign-in may lie between them. */
export async function refresh(): Promise<void> {
  const turn = (turns += 1);
  const found = await ask();
  if (turn === turns) session.value = found;
}

async function ask(): Promise<Session | null> {
  try {
    // Asking for a session that is not there would be an error in the browser's console.
    const { signed_in: known } = await api.page();
    return known ? await api.session() : null;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

export async function signIn(key: string): Promise<void> {
  await api.signIn(key);
  await refresh();
}

export async function signOut(): Promise<void> {
  await api.signOut();
  session.value = null;
}

/** Whether this session may send results to a PACS. */
export function maySend(): boolean {
  const now = session.value;
  return !!now && now.job === null && now.scopes.includes("dicom:write");
}

/** Whether this session may start and erase jobs; a share link may only look. */
export function mayWrite(): boolean {
  const now = session.value;
  return !!now && now.job === null && now.scopes.includes("jobs:write");
}
