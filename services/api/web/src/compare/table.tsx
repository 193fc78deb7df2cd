/** The organs' volumes of all studies in a table, with the difference between the last and the first. */
import { t } from "../core/language";
import { css } from "../core/organs";
import { millilitres, when } from "../core/words";
import { type Row, rowsOf, signed, type Study } from "./volumes";

export function VolumeTable({ studies }: { studies: readonly Study[] }) {
  const rows = rowsOf(studies.map(({ report }) => report));
  return (
    <div class="volumes" role="region" aria-label={t("Volumes")} tabIndex={0}>
      <table>
        <caption>{t("Volumes in mL. The difference is the last study less the first.")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("Organ")}</th>
            {studies.map(({ id, title, time }) => (
              <th key={id} scope="col">
                {title}
                <br />
                <span class="muted">{when(new Date(time).toISOString())}</span>
              </th>
            ))}
            <th scope="col">{t("Difference")}</th>
            <th scope="col">%</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Organ key={row.name} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Organ({ row }: { row: Row }) {
  const { title, colour, volumes, partSeen, difference, percent } = row;
  return (
    <tr>
      <th scope="row">
        <span class="swatch" style={{ background: css(colour) }} aria-hidden="true" /> {title}
      </th>
      {volumes.map((volume, at) => (
        <td key={at}>
          {volume === null ? t("not found") : millilitres(volume)}
          {partSeen[at] && <small>{t("part seen")}</small>}
        </td>
      ))}
      <td>{difference === null ? "–" : `${signed(difference, 1)} mL`}</td>
      <td>{percent === null ? "–" : `${signed(percent, 1)} %`}</td>
    </tr>
  );
}
