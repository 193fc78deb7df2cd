/** After a correction: other parts that look like it, to be changed in the same way or not. */
import { t } from "../core/language";
import { orientationAlong, sliceNumber } from "../slices/grid";
import { isDrawTool, type SliceView } from "../slices/view";
import { Menu, Tool } from "../ui/parts";
import { failure } from "../ui/status";
import { type AlikePart, edgesOf } from "./alike";
import type { Corrections } from "./corrections";

interface Props {
  view: SliceView;
  corrections: Corrections;
}

/** Parts are those of slices along the last axis of the file. */
const SLICES = 2;

export function Proposals({ view, corrections }: Props) {
  const proposals = corrections.proposals.value;
  if (!proposals || isDrawTool(view.tool.value)) return null;
  const { parts, label } = proposals;
  const busy = corrections.busy.value !== "";
  const title = view.state.report.organs.find((organ) => organ.label === label)?.title ?? t("Not an organ");
  const accept = (some: readonly AlikePart[]): void => void corrections.accept(some).catch(failure);
  return (
    <div class="draw-bar proposals" role="group" aria-label={t("Parts that look alike")}>
      <strong aria-live="polite">{parts.length === 1 ? t("1 more part looks like it") : t("{n} more parts look like it", { n: parts.length })}</strong>
      <button type="button" disabled={busy} onClick={() => accept(parts)}>
        {t("Make all of them: {organ}", { organ: title })}
      </button>
      <Menu icon="list" title={t("Each of them")}>
        {() => (
          <ul>
            {parts.map((part) => (
              <Line key={part.voxel.join()} view={view} part={part} busy={busy} onAccept={() => accept([part])} />
            ))}
          </ul>
        )}
      </Menu>
      <Tool icon="close" title={t("Leave them as they are")} onClick={() => (corrections.proposals.value = null)} />
    </div>
  );
}

function Line({ view, part, busy, onAccept }: { view: SliceView; part: AlikePart; busy: boolean; onAccept: () => void }) {
  const { spacing } = view.volume;
  const { number } = sliceNumber(view.volume, view.plane(orientationAlong(view.volume.affine, SLICES)), part.voxel);
  const ml = (part.at.length * spacing[0] * spacing[1] * spacing[2]) / 1000;
  const name = t("Slice {number}, {ml} mL", { number, ml: ml.toFixed(1) });
  return (
    <li>
      <button type="button" class="menu-item" onClick={() => view.goTo(part.voxel)}>
        {name}
      </button>
      <Tool icon="check" title={t("Change this part: {part}", { part: name })} disabled={busy} onClick={onAccept} />
    </li>
  );
}

/** The outlines of the parts in the slice that is shown. */
export function ProposalOutlines({ view, corrections }: Props) {
  const parts = corrections.proposals.value?.parts ?? [];
  const tile = view.tiles.value.find(({ orientation }) => orientation === orientationAlong(view.volume.affine, SLICES));
  const slice = Math.round(view.sight.value.cross[2]);
  const here = parts.filter((part) => part.slice === slice);
  if (!tile || here.length === 0) return null;
  const [width, height] = view.size.value;
  const edges = here.flatMap(({ at }) => edgesOf(view.volume.dims, at));
  const path = edges.map(([from, to]) => `M${view.pixelOf(tile, from).join(" ")}L${view.pixelOf(tile, to).join(" ")}`).join("");
  return (
    <svg class="overlay" width={width} height={height} aria-hidden="true">
      <svg x={tile.x} y={tile.y} width={tile.width} height={tile.height} viewBox={`${tile.x} ${tile.y} ${tile.width} ${tile.height}`}>
        <path class="alike" d={path} />
      </svg>
    </svg>
  );
}
