/** The viewers that phones have for models in the room: AR Quick Look of Apple, Scene Viewer of Google. */

export const USDZ = "model/vnd.usdz+zip";
export type Viewer = "quick-look" | "scene-viewer";

/** What the device has; null for computers, and for phones whose browser shows models in the room itself (WebXR). */
export async function viewerOf(agent = navigator.userAgent): Promise<Viewer | null> {
  if (document.createElement("a").relList.supports("ar")) return "quick-look";
  if (!/android/i.test(agent) || !isSecureContext) return null;
  const hasWebXr = await navigator.xr?.isSessionSupported("immersive-ar").catch(() => false);
  return hasWebXr ? null : "scene-viewer";
}

/** Opens a USDZ file in the room; the link needs an image as its only child, else Safari just downloads the file. */
export function quickLook(bytes: ArrayBuffer): void {
  const link = document.createElement("a");
  link.rel = "ar";
  link.href = URL.createObjectURL(new Blob([bytes], { type: USDZ }));
  link.download = "model.usdz";
  link.append(document.createElement("img"));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The address that opens a GLB in Scene Viewer, to scale; `back` is opened where the phone does not have it. */
export function sceneViewer(file: string, back: string): string {
  const query = new URLSearchParams({ file, mode: "ar_preferred", resizable: "false", title: "Viscera" });
  const intent = [
    "scheme=https",
    "package=com.google.android.googlequicksearchbox",
    "action=android.intent.action.VIEW",
    `S.browser_fallback_url=${encodeURIComponent(back)}`,
  ];
  return `intent://arvr.google.com/scene-viewer/1.2?${query}#Intent;${intent.join(";")};end;`;
}
