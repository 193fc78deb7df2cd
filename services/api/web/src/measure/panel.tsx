/** The list of what was measured and marked: go to one, name it, delete it, take all of them home. */
import { useRef, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import { middleOf, type SurfaceMark, valueText } from "../scene/marks";
import type { OrganStage } from "../scene/stage";
import { centreOf, type Mark, markText } from "../slices/marks";
import { PLANES } from "../slices/overlay";
import type { SliceView } from "../slices/view";
import { Icon, type IconName } from "../ui/icon";
import { Menu, MenuItem, Problems } from "../ui/parts";
import { failure, say } from "../ui/status";
import { NameField } from "./name";

const ICONS: Record<Mark["kind"] | SurfaceMark["kind"], IconName> = { length: "ruler", angle: "angle", area: "roi", probe: "probe", polygon: "polygon", arrow: "arrow" };

interface Props {
  id: string;
  view: SliceView;
  stage: OrganStage | null;
  /** Why something is not saved or loaded yet. */
  problem: string;
  loaded: boolean;
}

export function MarkPanel({ id, view, stage, problem, loaded }: Props) {
  const marks = view.marks.value;
  const others = stage?.measure.marks.value ?? [];
  const writes = mayWrite();
  const all = [...marks, ...others];
  return (
    <section aria-labelledby="marks" class="marks">
      <header class="panel-head">
        <h2 id="marks">{t("Measurements")}</h2>
        {loaded && all.length > 0 && <Export id={id} isDicom={view.state.report.source === "dicom"} hasValues={all.some(({ kind }) => kind !== "arrow")} />}
      </header>
      <Problems text={problem} />
      {!writes && all.some(({ own }) => own) && <p class="muted inset">{t("What you measure here is not saved.")}</p>}
      <ul class="organ-list">
        {marks.map((mark) => (
          <SliceRow key={mark.id} mark={mark} view={view} mayChange={writes || mark.own} />
        ))}
        {stage && others.map((mark) => <SurfaceRow key={mark.id} mark={mark} view={view} stage={stage} mayChange={writes || mark.own} />)}
      </ul>
    </section>
  );
}

function SliceRow({ mark, view, mayChange }: { mark: Mark; view: SliceView; mayChange: boolean }) {
  const go = (): void => {
    view.active.value = mark.orientation;
    if (view.layout.peek() !== "all") view.layout.value = mark.orientation;
    view.goTo(centreOf(mark));
  };
  return (
    <Row
      icon={ICONS[mark.kind]}
      value={markText(view.volume, mark)}
      label={mark.label}
      place={t(PLANES[mark.orientation])}
      mayChange={mayChange}
      onGo={go}
      onName={(label) => view.rename(mark.id, label)}
      onRemove={() => view.remove(mark.id)}
    />
  );
}

/** A click marks it in the model and shows the slices there. */
function SurfaceRow({ mark, view, stage, mayChange }: { mark: SurfaceMark; view: SliceView; stage: OrganStage; mayChange: boolean }) {
  const { measure } = stage;
  const isArrow = mark.kind === "arrow";
  const go = (): void => {
    measure.chosen.value = measure.chosen.peek() === mark.id ? null : mark.id;
    view.state.place.value = isArrow ? (mark.points[0] ?? null) : middleOf(mark.points);
  };
  return (
    <Row
      icon={ICONS[mark.kind]}
      value={isArrow ? mark.label : valueText(mark)}
      label={isArrow ? "" : mark.label}
      name={mark.label}
      needsName={isArrow}
      place={t("Model")}
      chosen={measure.chosen.value === mark.id}
      mayChange={mayChange}
      onGo={go}
      onName={(label) => measure.rename(mark.id, label)}
      onRemove={() => measure.erase(mark.id)}
    />
  );
}

interface RowProps {
  icon: IconName;
  value: string;
  /** Its name, below the value. */
  label: string;
  /** What the field for the name begins with. */
  name?: string;
  /** Whether it can't be without a name. */
  needsName?: boolean;
  place: string;
  chosen?: boolean;
  mayChange: boolean;
  onGo: () => void;
  onName: (label: string) => void;
  onRemove: () => void;
}

function Row({ icon, value, label, name = label, needsName = false, place, chosen, mayChange, onGo, onName, onRemove }: RowProps) {
  const [naming, setNaming] = useState(false);
  const pencil = useRef<HTMLButtonElement>(null);
  const named = (): void => {
    setNaming(false);
    pencil.current?.focus();
  };
  const remove = (event: Event): void => {
    (event.currentTarget as HTMLElement).closest<HTMLElement>(".workspace")?.focus();
    onRemove();
    say(t("The measurement was deleted"));
  };
  return (
    <li class={chosen ? "organ-row chosen" : "organ-row"}>
      <div class="organ-line">
        <button type="button" class="organ" aria-pressed={chosen} onClick={onGo}>
          <Icon name={icon} size={16} />
          <span class="name">{value}</span>
        </button>
        <span class="muted">{place}</span>
        {mayChange && (
          <>
            <button ref={pencil} type="button" class="tool isolate" aria-label={t("Change the name of {value}", { value })} data-tip={t("Name")} onClick={() => setNaming(true)}>
              <Icon name="edit" size={16} />
            </button>
            <button type="button" class="tool isolate" aria-label={t("Delete {value}", { value })} data-tip={t("Delete")} onClick={remove}>
              <Icon name="close" size={16} />
            </button>
          </>
        )}
      </div>
      {naming ? <NameField label={t("Name of the measurement")} name={name} needed={needsName} onName={onName} onDone={named} /> : label && <p class="mark-label">{label}</p>}
    </li>
  );
}

function Export({ id, isDicom, hasValues }: { id: string; isDicom: boolean; hasValues: boolean }) {
  const [waits, setWaits] = useState(false);
  const report = async (): Promise<void> => {
    setWaits(true);
    const path = api.file(id, "measurements.dcm");
    await api.written(path).then(() => save(path, "measurements.dcm"), failure);
    setWaits(false);
  };
  return (
    <Menu icon="download" title={t("Export")}>
      {(close) => (
        <>
          <MenuItem title={t("Measurements as JSON")} onClick={() => (save(api.file(id, "measurements"), "measurements.json"), close())} />
          {isDicom && hasValues && <MenuItem title={waits ? t("is being prepared") : t("Measurements as DICOM SR")} onClick={() => void report().then(close)} />}
        </>
      )}
    </Menu>
  );
}

function save(path: string, name: string): void {
  const link = document.createElement("a");
  link.href = path;
  link.download = name;
  link.click();
}
