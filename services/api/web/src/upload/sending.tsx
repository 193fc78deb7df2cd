/** An upload: how far it is, and pause, resume, cancel. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { bytes, percent } from "../core/words";
import { Bar } from "../ui/parts";
import type { Transfer } from "./transfer";

const TITLES: Record<string, Text> = {
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
      <h1 aria-live="polite">{t(TITLES[state] ?? "Sent")}</h1>
      <Bar value={sent} label={t("Sent")} />
      <p class="muted">
        {t("{part} of {whole}", { part: percent(sent), whole: bytes(transfer.bytes) })}
      </p>
      <div class="row end">
        {state === "sending" && (
          <button type="button" onClick={() => transfer.pause()}>
            {t("Pause")}
          </button>
        )}
        {state === "paused" && (
          <button type="button" class="primary" onClick={() => transfer.resume()}>
            {t("Resume")}
          </button>
        )}
        {(state === "sending" || state === "paused") && (
          <button type="button" class="danger" onClick={() => transfer.cancel()}>
            {t("Cancel")}
          </button>
        )}
      </div>
    </section>
  );
}
