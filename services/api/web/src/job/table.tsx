/** The organs: what was measured, what to mind, and whether and how strongly both views show them. */
import { css } from "../core/organs";
import { organVolume } from "../core/words";
import type { OrganState, ResultState } from "./state";

export function OrganTable({ state }: { state: ResultState }) {
  const absent = state.report.organs.filter((organ) => !organ.present);
  return (
    <section class="card">
      <h2 id="organs">Organs</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="organs">
        <table>
          <thead>
            <tr>
              <th scope="col">Shown</th>
              <th scope="col">Organ</th>
              <th scope="col" class="number">
                Volume
              </th>
              <th scope="col" class="number">
                Surface
              </th>
              <th scope="col">Opacity</th>
              <th scope="col">What to mind</th>
            </tr>
          </thead>
          <tbody>
            {state.organs.map((organ) => (
              <Row key={organ.name} organ={organ} state={state} />
            ))}
            {absent.map((organ) => (
              <tr key={organ.name} class="muted">
                <td />
                <th scope="row">{organ.title}</th>
                <td colSpan={4}>not found in this scan</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">Volumes are those of the outlined voxels.</p>
    </section>
  );
}

function Row({ organ, state }: { organ: OrganState; state: ResultState }) {
  const { report, title } = organ;
  const chosen = state.selected.value === organ.name;
  return (
    <tr class={chosen ? "chosen" : ""}>
      <td>
        <input
          type="checkbox"
          aria-label={`Show ${title}`}
          checked={organ.visible.value}
          onChange={(event) => (organ.visible.value = event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <button
          type="button"
          class="organ"
          aria-pressed={chosen}
          onClick={() => (state.selected.value = chosen ? null : organ.name)}
        >
          <span class="swatch" style={{ background: css(organ.colour) }} aria-hidden="true" />
          {title}
        </button>
      </th>
      <td class="number">{organVolume(report)}</td>
      <td class="number">{Math.round(report.surface_cm2)} cm²</td>
      <td>
        <input
          type="range"
          min={0.1}
          max={1}
          step={0.05}
          aria-label={`Opacity of ${title}`}
          value={organ.opacity.value}
          onInput={(event) => (organ.opacity.value = Number(event.currentTarget.value))}
        />
      </td>
      <td>{report.warnings.map((warning) => warning.detail).join(" ") || "–"}</td>
    </tr>
  );
}
