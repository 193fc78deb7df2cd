/** Pictures of the model to take along: at print size, and a video of one turn. */
import { Color } from "three";
import type { OrganStage } from "./stage";

/** The longer side of A4 at 300 pixels per inch. */
export const PRINT = 3508;
const TYPES = ["video/mp4", "video/webm;codecs=vp9", "video/webm"];

/** The recorder takes a picture some time after it was drawn, and misses the last one if nothing follows. */
const LAST_FRAME_MS = 300;
/** Of a turn, from one picture to the next. */
const LARGEST_STEP = 1 / 48;

/** The first kind of video that this browser can write, or null. */
export function videoType(): string | null {
  return typeof MediaRecorder === "undefined" ? null : (TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null);
}

/** Puts a dark ground behind the organs; returns what takes it away. */
function ground(stage: OrganStage): () => void {
  const before = stage.scene.background;
  stage.scene.background = new Color(0x0b1115);
  return () => {
    stage.scene.background = before;
    stage.invalidate();
  };
}

/** A picture of what is shown; `longer` is the number of pixels of its longer side, else as on the screen. */
export async function picture(stage: OrganStage, longer = 0): Promise<Blob> {
  const clear = ground(stage);
  const { renderer, canvas } = stage;
  const ratio = renderer.getPixelRatio();
  const most = Math.min(longer, renderer.capabilities.maxTextureSize);
  if (longer) renderer.setPixelRatio(most / Math.max(canvas.clientWidth, canvas.clientHeight, 1));
  stage.render();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  renderer.setPixelRatio(ratio);
  clear();
  if (!blob) throw new Error("This browser could not write the picture.");
  return blob;
}

/** A video of one whole turn; the camera ends where it began. */
export async function turntable(stage: OrganStage, seconds = 8): Promise<Blob> {
  const mimeType = videoType();
  if (!mimeType) throw new Error("This browser can't write videos.");
  const stream = stage.canvas.captureStream(0); // a picture is taken when one was drawn, however long that took
  const [track] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[];
  const draw = (): void => {
    stage.render();
    track?.requestFrame();
  };
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 12_000_000 });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise<void>((resolve) => (recorder.onstop = () => resolve()));
  const home = stage.camera.position.clone();
  const clear = ground(stage);
  recorder.start();
  await turn(stage, seconds, draw);
  for (let again = 0; again < 3; again += 1) {
    await new Promise((resolve) => setTimeout(resolve, LAST_FRAME_MS));
    draw();
  }
  await new Promise((resolve) => setTimeout(resolve, LAST_FRAME_MS));
  recorder.stop();
  await ended;
  clear();
  stage.camera.position.copy(home);
  stage.controls.update();
  stage.invalidate();
  return new Blob(parts, { type: mimeType.split(";")[0] ?? mimeType });
}

function turn(stage: OrganStage, seconds: number, draw: () => void): Promise<void> {
  return new Promise((resolve) => {
    let before = performance.now();
    let done = 0;
    const frame = (now: number): void => {
      // A slow machine takes longer for the turn, and does not jump.
      const part = Math.min(1 - done, LARGEST_STEP, Math.max(0, (now - before) / 1000 / seconds));
      stage.orbit(part * 2 * Math.PI, 0);
      draw();
      done += part;
      before = now;
      if (done < 1) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  });
}
