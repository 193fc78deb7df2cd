/** How the organs are drawn, as in an X-ray or spread, and what of it can be taken along. */
import { useState } from "preact/hooks";
import { t } from "../core/language";
import { Menu, MenuItem, Tool } from "../ui/parts";
import { save } from "../ui/save";
import { failure, say } from "../ui/status";
import { picture, PRINT, turntable, videoType } from "./film";
import type { OrganStage } from "./stage";

/** `onSpread` is called when the organs leave their places: what was measured between them is no longer true. */
export function ShowTools({ stage, onSpread }: { stage: OrganStage | null; onSpread: () => void }) {
  const xray = stage?.xray.value ?? false;
  const apart = stage?.apart.value ?? 0;
  const spread = (part: number): void => {
    if (part > 0 && apart === 0) onSpread();
    stage?.spread(part);
  };
  return (
    <>
      <Tool icon="xray" title={t("As in an X-ray")} pressed={xray} disabled={!stage} onClick={() => stage?.setXray(!xray)} />
      <Menu icon="explode" title={t("Move organs apart")} pressed={apart > 0}>
        {(close) => (
          <>
            <MenuItem title={t("As they lie")} chosen={apart === 0} onClick={() => (spread(0), close())} />
            <label class="slider">
              {t("Distance")}
              <input type="range" min={0} max={1} step={0.01} value={apart} onInput={(event) => spread(Number(event.currentTarget.value))} />
            </label>
          </>
        )}
      </Menu>
    </>
  );
}

export function SaveMenu({ stage }: { stage: OrganStage | null }) {
  const [busy, setBusy] = useState(false);
  const type = videoType();
  const take = (made: (stage: OrganStage) => Promise<Blob>, name: string): void => {
    if (!stage) return;
    setBusy(true);
    made(stage)
      .then((blob) => save(blob, name), failure)
      .finally(() => setBusy(false));
  };
  const film = (): void => {
    say(t("The model turns once while the video is written."));
    take(turntable, type === "video/mp4" ? "viscera.mp4" : "viscera.webm");
  };
  return (
    <Menu icon="camera" title={t("Save a picture")} pressed={busy}>
      {(close) => (
        <>
          <MenuItem title={t("Picture as on the screen")} onClick={() => (take(picture, "viscera.png"), close())} />
          <MenuItem title={t("Picture to print, A4")} onClick={() => (take((on) => picture(on, PRINT), "viscera-print.png"), close())} />
          {type && <MenuItem title={t("Video of one turn")} onClick={() => (film(), close())} />}
        </>
      )}
    </Menu>
  );
}
