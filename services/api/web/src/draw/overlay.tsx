/** What drawing shows over the slices: the size of the brush, and the loop. */
import type { Corrections } from "../correct/corrections";
import { isDrawTool, type SliceView } from "../slices/view";

export function DrawOverlay({ view, corrections }: { view: SliceView; corrections: Corrections }) {
  const pencil = corrections.pencil.value;
  const tool = view.tool.value;
  if (!pencil || !isDrawTool(tool)) return null;
  const [width, height] = view.size.value;
  const [loop, cursor] = [pencil.loop.value, pencil.cursor.value];
  return (
    <svg class="overlay" width={width} height={height} aria-hidden="true">
      {view.tiles.value.map((tile) => (
        <svg key={tile.orientation} x={tile.x} y={tile.y} width={tile.width} height={tile.height} viewBox={`${tile.x} ${tile.y} ${tile.width} ${tile.height}`}>
          {loop?.orientation === tile.orientation && <polygon class="loop" points={loop.points.map((point) => view.pixelOf(tile, point).join()).join(" ")} />}
          {tool !== "lasso" && cursor?.orientation === tile.orientation && <Circle at={view.pixelOf(tile, cursor.at)} radius={pencil.radius.value * view.scale(tile)} />}
        </svg>
      ))}
    </svg>
  );
}

function Circle({ at: [x, y], radius }: { at: [number, number]; radius: number }) {
  return <circle class="brush-size" cx={x} cy={y} r={radius} />;
}
