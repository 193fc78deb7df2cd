/** Spoken and shown messages: errors and notes stay until dismissed, announcements are only read out. */
import { signal } from "@preact/signals";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { Tool } from "./parts";

interface Note {
  text: string;
  link: { href: string; text: string };
}

const spoken = signal("");
const error = signal("");
const shown = signal<Note | null>(null);

export function say(text: string): void {
  spoken.value = text;
}

export function failure(thrown: unknown): void {
  error.value = sentence(thrown);
}

/** A message with a way to go, in a corner of whichever page is open. */
export function note(text: string, link: Note["link"]): void {
  shown.value = { text, link };
}

export function Status() {
  const now = shown.value;
  return (
    <>
      <p class="sr-only" role="status" aria-live="polite">
        {spoken.value}
      </p>
      <div role="status" class={now ? "toast note" : ""}>
        {now && (
          <>
            <span>{now.text}</span>
            <a href={now.link.href} onClick={() => (shown.value = null)}>
              {now.link.text}
            </a>
            <Tool icon="close" title={t("Dismiss")} onClick={() => (shown.value = null)} />
          </>
        )}
      </div>
      <div role="alert" class={error.value ? "toast" : ""}>
        {error.value && (
          <>
            <span>{error.value}</span>
            <button type="button" class="quiet small" onClick={() => (error.value = "")}>
              {t("Dismiss")}
            </button>
          </>
        )}
      </div>
    </>
  );
}
