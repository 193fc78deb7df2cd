/** Makes, shows and revokes share links of one job. */
import { useEffect, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { query } from "../core/router";
import type { Share, ViewOfModel } from "../core/types";
import { when } from "../core/words";
import { encode, type OwnQuestion } from "../learn/own";
import { QrCode } from "../headset/qr";
import { Dialog, Problems } from "../ui/parts";
import { say } from "../ui/status";
import { Questions } from "./questions";

const PERIODS: [number, Text][] = [
  [3600, "1 hour"],
  [86400, "1 day"],
  [604800, "1 week"],
  [2592000, "30 days"],
];

/** Longer links make a QR code that phones read badly; from 2,953 bytes on there is none. */
const MOST_QR = 800;

export function shareLink(token: string, base: string, questions: readonly OwnQuestion[] = [], view = ""): string {
  const asked = questions.filter(({ text }) => text.trim());
  const rest = query({ lesson: asked.length > 0 ? encode(asked) : "", view });
  return new URL(`#/shared/${encodeURIComponent(token)}${rest}`, base).href;
}

function Made({ link, expires }: { link: string; expires: string }) {
  const copy = (): void => {
    void navigator.clipboard?.writeText(link).then(() => say(t("Link copied")));
  };
  return (
    <div class="shared-link">
      <label>
        {t("Link, until {time}", { time: when(expires) })}
        <input readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <div class="row">
        <button type="button" class="primary" onClick={copy}>
          {t("Copy")}
        </button>
        <span class="muted">{t("Whoever has it can look at this result and nothing else. It is shown only now.")}</span>
      </div>
      {link.length <= MOST_QR && <QrCode text={link} label={t("QR code of the share link")} />}
    </div>
  );
}

export function ShareDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [period, setPeriod] = useState(86400);
  const [made, setMade] = useState<{ link: string; expires: string } | null>(null);
  const [shares, setShares] = useState<Share[]>([]);
  const [problem, setProblem] = useState("");
  const [questions, setQuestions] = useState<OwnQuestion[]>([]);
  const [views, setViews] = useState<ViewOfModel[]>([]);
  const [view, setView] = useState("");
  const list = (): void => void api.shares(id).then(setShares, (error: unknown) => setProblem(sentence(error)));
  useEffect(list, [id]);
  useEffect(() => void api.views(id).then(setViews, () => setViews([])), [id]);
  const create = async (): Promise<void> => {
    try {
      const share = await api.share(id, period);
      const page = await api.page().catch(() => null);
      setMade({ link: shareLink(share.token ?? "", page?.public_url || document.baseURI, questions, view), expires: share.expires });
      list();
    } catch (error) {
      setProblem(sentence(error));
    }
  };
  const revoke = (share: Share): void => {
    api.unshare(id, String(share.id)).then(list, (error: unknown) => setProblem(sentence(error)));
  };
  return (
    <Dialog title={t("Share this result")} onClose={onClose}>
      <div class="row fields">
        <label>
          {t("For")}
          <select value={period} onChange={(event) => setPeriod(Number(event.currentTarget.value))}>
            {PERIODS.map(([seconds, text]) => (
              <option key={seconds} value={seconds}>
                {t(text)}
              </option>
            ))}
          </select>
        </label>
        {views.length > 0 && (
          <label>
            {t("Opens at")}
            <select value={view} onChange={(event) => setView(event.currentTarget.value)}>
              <option value="">{t("The whole model")}</option>
              {views.map(({ id: saved, name }) => (
                <option key={saved} value={saved}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" class="primary" onClick={() => void create()}>
          {t("Make a link")}
        </button>
      </div>
      <Questions id={id} questions={questions} onChange={setQuestions} />
      <Problems text={problem} />
      {made && <Made {...made} />}
      {shares.length > 0 && (
        <ul class="plain" aria-label={t("Valid links")}>
          {shares.map((share) => (
            <li key={share.id} class="row between">
              <span>{t("Valid until {time}", { time: when(share.expires) })}</span>
              <button type="button" class="danger quiet" onClick={() => revoke(share)}>
                {t("Revoke")}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
