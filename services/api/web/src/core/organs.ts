/** Colours of label ids, sRGB 0 to 255, as in the GLB: Okabe and Ito's palette keeps them apart for most eyes. */
const COLOURS: Record<number, [number, number, number]> = { 1: [230, 159, 0], 2: [86, 180, 233], 3: [213, 94, 0] };
const GREY: [number, number, number] = [160, 160, 160];

export function colourOf(label: number): [number, number, number] {
  return COLOURS[label] ?? GREY;
}

export function css(colour: readonly number[]): string {
  return `rgb(${colour.join(" ")})`;
}
