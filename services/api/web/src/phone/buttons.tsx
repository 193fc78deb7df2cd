/** "In your room" for phones whose browser can't show the organs there by itself. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { Icon } from "../ui/icon";
import { failure } from "../ui/status";
import { quickLook, sceneViewer, type Viewer, viewerOf } from "./viewers";

export function PhoneButtons({ id, usdz }: { id: string; usdz: string | undefined }) {
  const [viewer, setViewer] = useState<Viewer | null>(null);
  const [waiting, setWaiting] = useState(false);
  useEffect(() => void viewerOf().then(setViewer), []);
  if (viewer === null || (viewer === "quick-look" && !usdz)) return null;
  const open = async (): Promise<void> => {
    setWaiting(true);
    try {
      if (viewer === "quick-look") quickLook(await api.bytes(usdz ?? ""));
      else openLink(sceneViewer(new URL(await api.modelLink(id), document.baseURI).href, location.href));
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

function openLink(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.click();
}
