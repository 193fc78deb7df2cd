/** What changes the shape of the organ that is drawn: the service does it, and it is a stroke that can be taken back. */
import { useState } from "preact/hooks";
import { t } from "../core/language";
import type { FileAxis, ShapeEdit } from "../core/types";
import type { Corrections } from "../correct/corrections";
import type { SliceView } from "../slices/view";
import { Menu, Segments } from "../ui/parts";
import { failure } from "../ui/status";
import type { Axis } from "./parts";
import type { Pencil } from "./pencil";

const AXES: readonly FileAxis[] = ["column", "row", "slice"];

interface Props {
  view: SliceView;
  corrections: Corrections;
  pencil: Pencil;
}

/** What is chosen in the panel, which stays when it closes. */
interface Setting {
  scope: "slice" | "volume";
  mm: number;
  ml: number;
}

export function ReshapeMenu(props: Props) {
  const [setting, setSetting] = useState<Setting>({ scope: "slice", mm: 2, ml: 5 });
  const change = (part: Partial<Setting>): void => setSetting({ ...setting, ...part });
  return (
    <Menu icon="shape" title={t("Shape of the organ")}>
      {(close) => <Panel {...props} setting={setting} change={change} close={close} />}
    </Menu>
  );
}

interface PanelProps extends Props {
  setting: Setting;
  change: (part: Partial<Setting>) => void;
  close: () => void;
}

function Panel({ view, corrections, pencil, setting: { scope, mm, ml }, change, close }: PanelProps) {
  const label = pencil.label.value;
  const axis = view.plane(view.active.value).through.axis as Axis;
  const busy = corrections.busy.value !== "";
  const run = (edit: ShapeEdit): void => {
    close();
    corrections.reshape(edit).catch(failure);
  };
  const slice = Math.round(view.sight.value.cross[axis]);
  const where = scope === "slice" ? { slices: [slice, slice] as [number, number], axis: fileAxis(axis) } : {};
  const interpolate = (): void => {
    const at = pencil.partSeeds(axis);
    if (new Set(at.map((voxel) => voxel[axis])).size < 2) return failure(new Error(t("Draw the organ in two slices of this plane first.")));
    run({ kind: "interpolate", label, at, axis: fileAxis(axis) });
  };
  return (
    <>
      <Segments label={t("How far")} value={scope} onChange={(value) => change({ scope: value })} items={[["slice", t("This slice")], ["volume", t("Whole organ")]]} />
      <Choice title={t("Fill holes")} busy={busy} onClick={() => run({ kind: "fill", label, ...where })} />
      <Choice title={t("Smooth")} busy={busy} onClick={() => run({ kind: "smooth", label, mm, ...where })}>
        <Amount label={t("Smooth by")} unit="mm" value={mm} least={0.5} most={10} onChange={(value) => change({ mm: value })} />
      </Choice>
      <Choice title={t("Remove parts below")} busy={busy} onClick={() => run({ kind: "islands", label, below_ml: ml })}>
        <Amount label={t("Smallest part")} unit="mL" value={ml} least={0.1} most={1000} onChange={(value) => change({ ml: value })} />
      </Choice>
      <Choice title={t("Interpolate between drawn slices")} busy={busy} onClick={interpolate} />
    </>
  );
}

interface ChoiceProps {
  title: string;
  busy: boolean;
  onClick: () => void;
  children?: preact.ComponentChildren;
}

function Choice({ title, busy, onClick, children }: ChoiceProps) {
  return (
    <div class="choice">
      <button type="button" class="menu-item" disabled={busy} onClick={onClick}>
        <span>{title}</span>
      </button>
      {children}
    </div>
  );
}

interface AmountProps {
  label: string;
  unit: string;
  value: number;
  least: number;
  most: number;
  onChange: (value: number) => void;
}

function Amount({ label, unit, value, least, most, onChange }: AmountProps) {
  const change = (next: number): void => {
    if (Number.isFinite(next)) onChange(Math.min(most, Math.max(least, next)));
  };
  return (
    <span class="amount">
      <input type="number" aria-label={label} min={least} max={most} step="any" value={value} onChange={(event) => change(event.currentTarget.valueAsNumber)} />
      {unit}
    </span>
  );
}

function fileAxis(axis: Axis): FileAxis {
  return AXES[axis] ?? "slice";
}
