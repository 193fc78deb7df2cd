/** Where a scan is dropped, or chosen as files or as a folder. */
import { useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import { failure } from "../ui/status";
import { fromDrop, fromList, type Picked } from "./collect";

export function DropZone({ onPick }: { onPick: (picked: Picked[]) => void }) {
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer) fromDrop(event.dataTransfer).then(onPick, failure);
  };
  const chosen = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    if (input.files?.length) onPick(fromList(input.files));
    input.value = "";
  };
  return (
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <svg viewBox="0 0 48 48" width={40} height={40} aria-hidden="true">
        <path d="M24 32V12m0 0-8 8m8-8 8 8M8 32v6a3 3 0 0 0 3 3h26a3 3 0 0 0 3-3v-6" fill="none" stroke="currentColor" stroke-width={3} stroke-linecap="round" stroke-linejoin="round" />
      </svg>
      <p class="drop-title">{t("Drop a scan here")}</p>
      <p class="muted">{t("A folder, a zip, a NIfTI file, DICOM files or PNG slices")}</p>
      <div class="row centre">
        <button type="button" class="primary" onClick={() => files.current?.click()}>
          {t("Choose files")}
        </button>
        <button type="button" onClick={() => folder.current?.click()}>
          {t("Choose a folder")}
        </button>
      </div>
      <input ref={files} type="file" multiple hidden aria-label={t("Files of the scan")} onChange={chosen} data-files />
      <input
        ref={(element: HTMLInputElement | null) => {
          folder.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        hidden
        aria-label={t("Folder of the scan")}
        onChange={chosen}
      />
    </div>
  );
}
