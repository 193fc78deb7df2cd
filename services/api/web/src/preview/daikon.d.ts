interface DaikonImage {
  hasPixelData(): boolean;
  getSeriesInstanceUID(): string | null;
  getImageDirections(): ArrayLike<number> | null;
  getImagePosition(): ArrayLike<number> | null;
  getPixelSpacing(): ArrayLike<number> | null;
  getImageNumber(): number;
  getModality(): string | null;
  getRows(): number;
  getCols(): number;
  getInterpretedData(asArray: boolean, asObject: boolean): unknown;
}

declare module "daikon" {
  const daikon: { Series: { parseImage(data: DataView): DaikonImage | null } };
  export default daikon;
}

declare module "meshopt-decoder" {
  export const MeshoptDecoder: object;
}
