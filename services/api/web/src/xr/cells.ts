/** The cells of the board and how they are drawn: one to a row, or two. Lengths in pixels of the canvas. */

export interface Row {
  id: string;
  text: string;
  detail?: string;
  on?: boolean;
  colour?: string;
  /** Takes half of the width, beside the half row before or after it. */
  isHalf?: boolean;
  /** Is not beside the half row before it. */
  isNewLine?: boolean;
  act?: () => void;
}

export interface Cell {
  row: Row;
  left: number;
  top: number;
  width: number;
}

export const WIDTH = 640;
export const ROW = 84;
const MARGIN = 16;
/** The smallest letters on the board. */
export const LETTER = 26;

export function heightOf(cells: readonly Cell[]): number {
  return Math.max(0, ...cells.map(({ top }) => top + ROW)) + MARGIN;
}

export function cellsOf(rows: readonly Row[]): Cell[] {
  const whole = WIDTH - 2 * MARGIN;
  const half = (whole - MARGIN / 2) / 2;
  const cells: Cell[] = [];
  let [top, left] = [MARGIN, MARGIN];
  rows.forEach((row, at) => {
    const second = left > MARGIN;
    const next = rows[at + 1];
    const pairs = row.isHalf && (second || (next?.isHalf && !next.isNewLine));
    cells.push({ row, left, top, width: pairs ? half : whole });
    left = pairs && !second ? WIDTH - MARGIN - half : MARGIN;
    if (!pairs || second) top += ROW;
  });
  return cells;
}

export function cellAt(cells: readonly Cell[], x: number, y: number): number {
  return cells.findIndex(({ left, top, width }) => x >= left && x < left + width && y >= top && y < top + ROW);
}

export function paintCell(context: CanvasRenderingContext2D, { row, left, top, width }: Cell, hovered: boolean): void {
  if (row.act) {
    context.fillStyle = hovered ? "#1d5560" : "#162a33";
    rounded(context, left, top + 4, width, ROW - 8, 18);
  }
  let from = left + 20;
  if (row.colour) {
    context.fillStyle = row.colour;
    context.globalAlpha = row.on === false ? 0.3 : 1;
    rounded(context, from, top + 24, 36, 36, 10);
    context.globalAlpha = 1;
    from += 52;
  }
  context.textBaseline = "middle";
  const end = left + width - 20 - paintDetail(context, row, left + width - 20, top);
  const large = !row.isHalf && row.text.length <= 30;
  context.font = `${row.act ? 600 : 500} ${large ? 32 : LETTER}px system-ui, sans-serif`;
  context.fillStyle = row.on === false ? "#8fa3ac" : "#eef6f8";
  context.fillText(row.text, from, top + ROW / 2, end - from);
}

/** The detail ends at `right`; returns how much of the width it takes. */
function paintDetail(context: CanvasRenderingContext2D, { detail }: Row, right: number, top: number): number {
  if (!detail) return 0;
  context.textAlign = "right";
  context.font = `400 ${LETTER}px system-ui, sans-serif`;
  context.fillStyle = "#b7c9d0";
  context.fillText(detail, right, top + ROW / 2);
  context.textAlign = "left";
  return context.measureText(detail).width + 16;
}

export function rounded(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fill();
}
