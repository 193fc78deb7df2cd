/** Where the user is: the part of the address after `#`, which is never sent to a server. */
import { signal } from "@preact/signals";

export interface Route {
  page: string;
  argument: string;
}

export function parse(hash: string): Route {
  const [page = "", ...rest] = hash.replace(/^#\/?/, "").split("/");
  return { page: page || "new", argument: decodeURIComponent(rest.join("/")) };
}

export const route = signal<Route>(parse(typeof location === "undefined" ? "" : location.hash));

export function follow(): void {
  window.addEventListener("hashchange", () => {
    route.value = parse(location.hash);
    window.scrollTo(0, 0);
  });
}

export function go(path: string): void {
  location.hash = `#/${path}`;
}
