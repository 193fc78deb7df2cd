/** "In your room" for phones: AR Quick Look on iPhones and iPads, which have no WebXR. */
import { useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { Icon } from "../ui/icon";
import { failure } from "../ui/status";

export const USDZ = "model/vnd.usdz+zip";

/** Whether the browser shows USDZ files in the room: Safari on iPhones and iPads says so. */
export function hasQuickLook(): boolean {
  return document.createElement("a").relList.supports("ar");
}

/** Opens a USDZ file in the room; the link needs an image as its only child, else Safari just downloads the file. */
function quickLook(bytes: ArrayBuffer): void {
  const link = document.createElement("a");
  link.rel = "ar";
  link.href = URL.createObjectURL(new Blob([bytes], { type: USDZ }));
  link.download = "model.usdz";
  link.append(document.createElement("img"));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function PhoneButtons({ usdz }: { usdz: string | undefined }) {
  const [waiting, setWaiting] = useState(false);
  if (!usdz || !hasQuickLook()) return null;
  const open = async (): Promise<void> => {
    setWaiting(true);
    try {
      quickLook(await api.bytes(usdz));
    } catch (error) {
      failure(error);
    }
    setWaiting(false);
  };
  return (
    <button type="button" class="small" disabled={waiting} onClick={() => void open()}>
      <Icon name="cube" />
      {waiting ? t("is being prepared") : t("In your room")}
    </button>
  );
}
