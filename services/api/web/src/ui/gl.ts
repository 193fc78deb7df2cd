/** A renderer for a canvas, or a sentence where the browser can't draw. */
import { WebGLRenderer, type WebGLRendererParameters } from "three";
import { t } from "../core/language";

export function rendererFor(canvas: HTMLCanvasElement, options: WebGLRendererParameters = {}): WebGLRenderer {
  // three.js would report the missing context in the console and throw a sentence about itself.
  const attributes = { antialias: options.antialias ?? false, alpha: options.alpha ?? false, depth: true, stencil: options.stencil ?? false };
  const context = canvas.getContext("webgl2", attributes) as WebGL2RenderingContext | null;
  if (!context) throw new Error(t("This browser can't draw the scan: WebGL 2 is switched off or missing."));
  const renderer = new WebGLRenderer({ canvas, context, ...options });
  renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
  return renderer;
}
