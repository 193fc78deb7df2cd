/** Where the user is: the part of the address after `#`, which is never sent to a server. */
import { signal } from "@preact/signals";

export interface Route {
  page: string;
  argument: string;
  /** What follows a question mark: `#/archive?q=ct`. */
  query: Record<string, string>;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/");
  return { page: page || "new", argument: decodeURIComponent(rest.join("/")), query: Object.fromEntries(new URLSearchParams(query)) };
}

export const route = signal<Route>(parse(typeof location === "undefined" ? "" : location.hash));

export function follow(): void {
  window.addEventListener("hashchange", () => {
    const before = route.peek().page;
    route.value = parse(location.hash);
    if (route.peek().page !== before) window.scrollTo(0, 0);
  });
}

export function go(path: string): void {
  location.hash = `#/${path}`;
}

/** Whether the archive's search takes the focus when it is shown. */
export const wantsSearch = signal(false);

/** The slash goes to the archive's search, from every page and wherever no text is being written. */
export function followSearchKey(mayGo: () => boolean): void {
  window.addEventListener("keydown", (event) => {
    const writes = event.target instanceof HTMLElement && event.target.closest("input:not([type=checkbox]), textarea, select");
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !mayGo()) return;
    event.preventDefault();
    wantsSearch.value = true;
    if (route.peek().page !== "archive") go("archive");
  });
}

/** The part of an address that says these; empty ones are left out. */
export function query(values: Record<string, string>): string {
  const text = new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
  return text ? `?${text}` : "";
}

/** Notes in the address how a page is set, without a step in the browser's history; empty values are left out. */
export function remember(page: string, values: Record<string, string>): void {
  history.replaceState(history.state, "", `#/${page}${query(values)}`);
  route.value = parse(location.hash);
}
