/** The organs' volumes over time as lines. The table below says the same in numbers. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import { css } from "../core/organs";
import { millilitres } from "../core/words";
import { type Box, plotOf, rowsOf, type Study } from "./volumes";

const [WIDEST, HEIGHT] = [1000, 260];
/** Room for the organs' names, at most. */
const NAMES = 140;

/** The width of an element in CSS pixels, so that the plot's text has one size at every width. */
function useWidth(): [{ current: HTMLElement | null }, number] {
  const element = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(Math.min(WIDEST, element.current?.clientWidth ?? 0)));
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

export function VolumePlot({ studies }: { studies: readonly Study[] }) {
  const [element, width] = useWidth();
  const rows = rowsOf(studies.map(({ report }) => report));
  const box: Box = { left: 64, right: width - Math.min(NAMES, width * 0.35), top: 16, bottom: HEIGHT - 32 };
  const { lines, ticks, columns } = plotOf(rows, studies.map(({ time }) => time), box);
  const day = (time: number): string => new Intl.DateTimeFormat(document.documentElement.lang || undefined, { dateStyle: "medium" }).format(time);
  return (
    <figure class="plot" ref={element}>
      <figcaption>{t("Volumes over time")}</figcaption>
      <svg width={width} height={HEIGHT} role="img" aria-label={t("Volumes over time. The table below has the numbers.")}>
        {ticks.map(({ y, volume }, at) => (
          <g key={volume} class="tick">
            <path d={`M${box.left} ${y}H${box.right}`} />
            <text x={box.left - 8} y={y + 4} text-anchor="end">
              {at === ticks.length - 1 ? `${volume} mL` : volume}
            </text>
          </g>
        ))}
        {studies.map(({ id, time }, at) => (
          <text key={id} x={columns[at]} y={HEIGHT - 10} text-anchor={at === 0 && studies.length > 1 ? "start" : "middle"}>
            {day(time)}
          </text>
        ))}
        {lines.map(({ row, points, label }) => (
          <g key={row.name} style={{ color: css(row.colour) }}>
            <path class="line" d={points.map(({ x, y }, at) => `${at ? "L" : "M"}${x} ${y}`).join("")} />
            {points.map(({ x, y, study }) => (
              <circle key={study} cx={x} cy={y} r={4.5}>
                <title>{`${row.title}: ${millilitres(row.volumes[study] ?? 0)}`}</title>
              </circle>
            ))}
            <text x={box.right + 14} y={label + 4}>
              {row.title}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}
