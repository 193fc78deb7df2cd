/** Sends results to one of the PACS that the operator configured, and shows where one result was sent. */
import { useEffect, useState } from "preact/hooks";
import { each } from "../archive/bulk";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Delivery, Destination } from "../core/types";
import { when } from "../core/words";
import { Dialog, Problems, Spinner } from "../ui/parts";
import { say } from "../ui/status";

const STATES: Record<Delivery["state"], Text> = { pending: "waiting", sending: "being sent", delivered: "arrived", failed: "failed" };
const AGAIN_MS = 2000;

export function SendDialog({ ids, onClose }: { ids: readonly string[]; onClose: () => void }) {
  const [destinations, setDestinations] = useState<Destination[] | null>(null);
  const [deliveries, setDeliveries] = useState<Delivery[]>([]);
  const [problem, setProblem] = useState("");
  const [only] = ids;
  const look = async (): Promise<void> => setDeliveries(ids.length === 1 && only ? await api.deliveries(only) : []);
  useEffect(() => {
    const show = (error: unknown): void => setProblem(sentence(error));
    api.destinations().then(setDestinations, show);
    look().catch(show);
    const timer = window.setInterval(() => look().catch(show), AGAIN_MS);
    return () => window.clearInterval(timer);
  }, []);
  const send = async (destination: string): Promise<void> => {
    const { done, failed, problem: reason } = await each(ids, (id) => api.send(id, destination));
    setProblem(failed ? t("{n} could not be sent: {reason}", { n: failed, reason }) : "");
    if (done.length > 0) say(t("{n} on the way to {name}", { n: done.length, name: destination }));
    if (ids.length > 1 && failed === 0) onClose();
    else await look();
  };
  return (
    <Dialog title={ids.length === 1 ? t("Send to a PACS") : t("Send {n} results to a PACS", { n: ids.length })} onClose={onClose}>
      {destinations === null && !problem && <Spinner text={t("Loading")} />}
      {destinations?.length === 0 && <p>{t("No destination is configured: the operator names them in VISCERA_DESTINATIONS.")}</p>}
      <ul class="downloads">
        {destinations?.map(({ name, protocol }) => (
          <li key={name}>
            <button type="button" onClick={() => void send(name)}>
              {t("Send to {name}", { name })}
            </button>
            <span class="muted">{protocol}</span>
          </li>
        ))}
      </ul>
      {deliveries.length > 0 && (
        <ul class="deliveries" aria-label={t("Sent before")}>
          {deliveries.map((delivery) => (
            <li key={delivery.id}>
              <span>{delivery.destination}</span> <span class={`badge ${delivery.state}`}>{t(STATES[delivery.state])}</span>{" "}
              <span class="muted">
                {t("Version {n}", { n: delivery.revision })} · {when(delivery.ended ?? delivery.created)} {delivery.error}
              </span>
            </li>
          ))}
        </ul>
      )}
      <Problems text={problem} />
    </Dialog>
  );
}
