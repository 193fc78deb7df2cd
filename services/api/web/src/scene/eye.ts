/** Where the viewer's eye is in the world: of a headset the middle between both. */
import { type Camera, Vector3, type WebGLRenderer } from "three";

export function eyeAt({ xr }: WebGLRenderer, camera: Camera): Vector3 {
  const eyes = xr.isPresenting ? xr.getCamera().cameras : [];
  const places = (eyes.length > 0 ? eyes : [camera]).map(({ matrixWorld }) => new Vector3().setFromMatrixPosition(matrixWorld));
  return places.reduce((sum, place) => sum.add(place), new Vector3()).divideScalar(places.length);
}
