/** Spoken and shown messages: errors stay until dismissed, notes are read out politely. */
import { signal } from "@preact/signals";
import { sentence } from "../core/api";

const note = signal("");
const error = signal("");

export function say(text: string): void {
  note.value = text;
}

export function failure(thrown: unknown): void {
  error.value = sentence(thrown);
}

export function Status() {
  return (
    <>
      <p class="sr-only" role="status" aria-live="polite">
        {note.value}
      </p>
      <div role="alert" class={error.value ? "toast" : ""}>
        {error.value && (
          <>
            <span>{error.value}</span>
            <button type="button" class="quiet" onClick={() => (error.value = "")}>
              Dismiss
            </button>
          </>
        )}
      </div>
    </>
  );
}
