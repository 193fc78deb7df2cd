/** What lies over the slices: crosshair, sides, facts in the corners, a bar of millimetres, measurements. */
import { letterOf, type Vector } from "../core/geometry";
import { t } from "../core/language";
import { barLength, type Tile } from "./grid";
import { centreOf, halves, markText, type Shape as Drawn, shapeOf, short } from "./marks";
import type { SliceView } from "./view";
import { levelOf } from "./windows";

export const PLANES = { axial: "Axial", coronal: "Coronal", sagittal: "Sagittal" } as const;
const GAP = 7;
const BAR = 90;

export function Overlay({ view }: { view: SliceView }) {
  const tiles = view.tiles.value;
  const [width, height] = view.size.value;
  return (
    <div class="overlay">
      <svg width={width} height={height} aria-hidden="true">
        {tiles.map((tile) => (
          <svg key={tile.orientation} x={tile.x} y={tile.y} width={tile.width} height={tile.height}>
            <Cross view={view} tile={tile} />
            <ScaleBar view={view} tile={tile} />
            <Marks view={view} tile={tile} />
          </svg>
        ))}
      </svg>
      {tiles.map((tile, at) => (
        <Corners key={tile.orientation} view={view} tile={tile} first={at === 0} />
      ))}
    </div>
  );
}

interface PartProps {
  view: SliceView;
  tile: Tile;
}

function Cross({ view, tile }: PartProps) {
  const at = view.pixelOf(tile, view.sight.value.cross);
  const [x, y] = [Math.round(at[0] - tile.x) + 0.5, Math.round(at[1] - tile.y) + 0.5];
  return <path class="cross" d={`M${x} 0V${y - GAP}M${x} ${y + GAP}V${tile.height}M0 ${y}H${x - GAP}M${x + GAP} ${y}H${tile.width}`} />;
}

function ScaleBar({ view, tile }: PartProps) {
  const scale = view.scale(tile);
  const mm = barLength(scale, Math.min(BAR, tile.width / 3));
  const [right, y] = [tile.width - 10, tile.height - 10];
  const left = right - mm * scale;
  return (
    <g class="scale">
      <path d={`M${left} ${y - 5}V${y}H${right}V${y - 5}`} />
      <text x={(left + right) / 2} y={y - 7} text-anchor="middle">
        {mm >= 10 ? `${mm / 10} cm` : `${mm} mm`}
      </text>
    </g>
  );
}

function Marks({ view, tile }: PartProps) {
  const draft = view.draft.value;
  const all: (Drawn & { id?: string })[] = draft ? [...view.marks.value, shapeOf(view.volume, draft)] : view.marks.value;
  const { through } = view.plane(tile.orientation);
  const slice = Math.round(view.sight.value.cross[through.axis]);
  const here = all.filter((mark) => mark.orientation === tile.orientation && Math.round(centreOf(mark)[through.axis]) === slice);
  return (
    <>
      {here.map((mark) => (
        <Shape key={mark.id ?? "draft"} view={view} tile={tile} mark={mark} />
      ))}
    </>
  );
}

function Shape({ view, tile, mark }: PartProps & { mark: Drawn }) {
  const points = mark.points.map((voxel): [number, number] => {
    const [x, y] = view.pixelOf(tile, voxel);
    return [x - tile.x, y - tile.y];
  });
  const label = points[mark.kind === "angle" ? 1 : points.length - 1] ?? [0, 0];
  const right = mark.kind === "angle" ? label[0] : Math.max(...points.map(([x]) => x));
  const [, centre] = view.pixelOf(tile, centreOf(mark));
  return (
    <g class="measure">
      {mark.kind === "area" ? <Ellipse points={points} /> : <path d={lines(points)} />}
      <text x={right + 7} y={(mark.kind === "area" ? centre - tile.y : label[1]) + 4}>
        {markText(view.volume, mark)}
      </text>
    </g>
  );
}

/** A line through points, with a small cross at each. */
function lines(points: [number, number][]): string {
  return `M${points.map(([x, y]) => `${x} ${y}`).join("L")}${points.map(([x, y]) => `M${x - 4} ${y}h8M${x} ${y - 4}v8`).join("")}`;
}

function Ellipse({ points }: { points: [number, number][] }) {
  const flat = points.map(([x, y]): Vector => [x, y, 0]);
  const [a, b] = halves(flat);
  const [x, y] = centreOf({ kind: "area", orientation: "axial", points: flat });
  return <ellipse rx={1} ry={1} transform={`matrix(${a[0]} ${a[1]} ${b[0]} ${b[1]} ${x} ${y})`} vector-effect="non-scaling-stroke" />;
}

function Corners({ view, tile, first }: PartProps & { first: boolean }) {
  const { number, count } = view.number(tile.orientation);
  const plane = view.plane(tile.orientation);
  const letter = (step: typeof plane.across, side: 1 | -1): string => {
    const voxel: Vector = [0, 0, 0];
    voxel[step.axis] = step.sign;
    const [from, to] = [view.toPatient([0, 0, 0]), view.toPatient(voxel)];
    return letterOf([to[0] - from[0], to[1] - from[1], to[2] - from[2]], side);
  };
  const window = view.state.window.value ?? view.standard;
  const { level, width } = levelOf(window);
  const active = view.active.value === tile.orientation && view.tiles.value.length > 1;
  const small = tile.width < 320 ? " small" : "";
  const box = { left: `${tile.x}px`, top: `${tile.y}px`, width: `${tile.width}px`, height: `${tile.height}px` };
  return (
    <div class={`tile${active ? " active" : ""}${small}`} style={box} data-tile={tile.orientation}>
      <span class="corner tl">
        {t(PLANES[tile.orientation])}{" "}
        <b>
          {number}/{count}
        </b>
      </span>
      {first && (
        <>
          <span class="corner tr" data-window={`${Math.round(width)}/${Math.round(level)}`}>
            W {short(width)} L {short(level)}
          </span>
          <span class="corner bl">{view.zoom.value.toFixed(1)}×</span>
        </>
      )}
      <span class="side left">{letter(plane.across, -1)}</span>
      <span class="side right">{letter(plane.across, 1)}</span>
      <span class="side top">{letter(plane.down, -1)}</span>
      <span class="side bottom">{letter(plane.down, 1)}</span>
    </div>
  );
}
