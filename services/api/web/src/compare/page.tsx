/** Studies side by side: two views of slices that follow each other, and the volumes of all studies over time. */
import "../styles/compare.css";
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { go } from "../core/router";
import { isForViews, sliceKey, TOOL_KEYS } from "../slices/keys";
import { SliceTools } from "../slices/toolbar";
import type { SliceView } from "../slices/view";
import { Problems, Spinner, Tool } from "../ui/parts";
import { say } from "../ui/status";
import { ChooseStudy } from "./choose";
import { Link } from "./link";
import { Pane } from "./pane";
import { MOST, studiesOf } from "./studies";
import { VolumePlot } from "./plot";
import { VolumeTable } from "./table";
import type { Study } from "./volumes";

const [LINK_KEY, HERE_KEY] = ["k", "j"];
/** Tools that only look; what is measured or corrected belongs to one result. */
const READING = ["window", "pan", "zoom"];

export function Compare({ ids }: { ids: string[] }) {
  const key = ids.join("/");
  const [found, setFound] = useState<{ key: string; studies: Study[]; problem: string } | null>(null);
  useEffect(() => {
    let current = true;
    studiesOf(ids).then(
      (studies) => current && setFound({ key, studies, problem: "" }),
      (error: unknown) => current && setFound({ key, studies: [], problem: sentence(error) }),
    );
    return () => void (current = false);
  }, [key]);
  const { studies, problem } = found?.key === key ? found : { studies: null, problem: "" };
  if (problem) return <Problems text={problem} />;
  if (!studies) return <Spinner text={t("Opening the studies")} />;
  const [first, last] = [studies[0], studies.at(-1)];
  if (!first || !last || first === last) return <Problems text={t("Choose two studies to compare.")} />;
  return <Side key={key} studies={studies} first={first} last={last} />;
}

function Side({ studies, first, last }: { studies: Study[]; first: Study; last: Study }) {
  const [shown, setShown] = useState<[Study, Study]>([first, last]);
  const [views, setViews] = useState<[SliceView | null, SliceView | null]>([null, null]);
  const [link, setLink] = useState<Link | null>(null);
  const [choosing, setChoosing] = useState(false);
  const [a, b] = views;
  useEffect(() => {
    const made = a && b ? new Link([a, b]) : null;
    setLink(made);
    return () => made?.close();
  }, [a, b]);
  const pressed = (event: KeyboardEvent): void => {
    if (!isForViews(event) || !link) return;
    const pressedKey = event.key.toLowerCase();
    const tool = TOOL_KEYS[pressedKey];
    if (pressedKey === LINK_KEY) toggle(link);
    else if (pressedKey === HERE_KEY) here(link);
    else if ((tool && !READING.includes(tool)) || !sliceKey(link.leading, event.key)) return;
    event.preventDefault();
  };
  const pane = (at: 0 | 1) => (
    <Pane
      key={`${at} ${shown[at].id}`}
      studies={studies}
      study={shown[at]}
      number={at + 1}
      leads={link?.leader.value === at}
      onOpen={(view) => setViews((before) => (at === 0 ? [view, before[1]] : [before[0], view]))}
      onChoose={(id) => setShown((before) => before.map((study, other) => (other === at ? (studies.find((one) => one.id === id) ?? study) : study)) as [Study, Study])}
      onUse={() => link && (link.leader.value = at)}
    />
  );
  return (
    <div class="compare" onKeyDown={pressed}>
      <header class="row between">
        <h1>{t("Compare studies")}</h1>
        {studies.length < MOST && (
          <button type="button" onClick={() => setChoosing(true)}>
            {t("Add a study")}
          </button>
        )}
      </header>
      <div class="pair">
        <div class="viewer pair-tools">
          <SliceTools view={link?.leading ?? null} reading />
          <Tool icon="link" title={t("Link both views")} keys="K" pressed={link?.linked.value ?? false} disabled={!link} onClick={() => link && toggle(link)} />
          <Tool icon="here" title={t("Link here: both views show the same place now")} keys="J" disabled={!link} onClick={() => link && here(link)} />
          <LinkNote link={link} />
        </div>
        {pane(0)}
        {pane(1)}
      </div>
      <VolumePlot studies={studies} />
      <VolumeTable studies={studies} />
      {choosing && <ChooseStudy id={last.id} without={studies.map(({ id }) => id)} onChoose={(id) => go(`compare/${[...studies.map((study) => study.id), id].join("/")}`)} onClose={() => setChoosing(false)} />}
    </div>
  );
}

function toggle(link: Link): void {
  link.linked.value = !link.linked.peek();
  say(link.linked.peek() ? t("The views are linked") : t("The views are not linked"));
}

function here(link: Link): void {
  link.linkHere();
  say(t("The views are linked here"));
}

function LinkNote({ link }: { link: Link | null }) {
  if (!link) return null;
  const shift = Math.round(link.shift);
  const text = !link.linked.value ? t("The views are not linked") : shift === 0 ? t("Linked by position in the patient") : t("Linked, shifted by {mm} mm", { mm: shift });
  return <p class="link-note">{text}</p>;
}
