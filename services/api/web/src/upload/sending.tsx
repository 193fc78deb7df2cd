/** An upload on its way: how far it is, and pause, resume, cancel. */
import { bytes, percent } from "../core/words";
import { Bar } from "../ui/parts";
import type { Transfer } from "./transfer";

const TITLES = {
  sending: "Sending the scan",
  paused: "Paused",
  finishing: "The service is looking at the scan",
  done: "Sent",
  stopped: "Cancelled",
};

export function Sending({ transfer }: { transfer: Transfer }) {
  const state = transfer.state.value;
  const sent = transfer.sent.value;
  return (
    <section class="narrow card">
      <h1 aria-live="polite">{TITLES[state]}</h1>
      <Bar value={sent} label="Sent" />
      <p class="muted">
        {percent(sent)} of {bytes(transfer.bytes)}
      </p>
      <div class="row end">
        {state === "sending" && (
          <button type="button" onClick={() => transfer.pause()}>
            Pause
          </button>
        )}
        {state === "paused" && (
          <button type="button" class="primary" onClick={() => transfer.resume()}>
            Resume
          </button>
        )}
        {(state === "sending" || state === "paused") && (
          <button type="button" class="danger" onClick={() => transfer.cancel()}>
            Cancel
          </button>
        )}
      </div>
    </section>
  );
}
