import type { OrganReport } from "./types";

/** Colours of the three default organs, sRGB 0 to 255, for reports of earlier versions, which name no colours. */
export const LABEL_COLOURS: Record<number, [number, number, number]> = { 1: [230, 159, 0], 2: [86, 180, 233], 3: [213, 94, 0] };
const GREY: [number, number, number] = [160, 160, 160];

/** The colour of an organ as in the GLB. */
export function colourOf(organ: OrganReport): [number, number, number] {
  return organ.colour ?? LABEL_COLOURS[organ.label] ?? GREY;
}

export function css(colour: readonly number[]): string {
  return `rgb(${colour.join(" ")})`;
}
