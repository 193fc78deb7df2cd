/** One slice of the scan, standing in the scene where it lies in the patient. */
import { BufferAttribute, BufferGeometry, DataTexture, DoubleSide, LinearFilter, Mesh, MeshBasicMaterial, SRGBColorSpace } from "three";
import type { Slab } from "../core/geometry";

/** RGBA bytes of a slice, the first axis fastest. */
export interface Pixels {
  data: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
}

export function textureOf({ data, width, height }: Pixels): DataTexture {
  const map = new DataTexture(data, width, height);
  map.colorSpace = SRGBColorSpace;
  map.minFilter = map.magFilter = LinearFilter;
  map.needsUpdate = true;
  return map;
}

export class SlicePlane extends Mesh<BufferGeometry, MeshBasicMaterial> {
  corners: Slab["corners"] | null = null;

  constructor() {
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(new Float32Array(12), 3));
    geometry.setAttribute("uv", new BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2));
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    // Air is left out, else what is behind it would be hidden.
    super(geometry, new MeshBasicMaterial({ side: DoubleSide, transparent: true, opacity: 0.92, alphaTest: 0.05 }));
    this.renderOrder = 1;
    this.visible = false;
    this.raycast = () => undefined;
    this.frustumCulled = false;
  }

  show(slab: Slab, pixels: Pixels): void {
    this.corners = slab.corners;
    const position = this.geometry.getAttribute("position") as BufferAttribute;
    slab.corners.forEach((corner, at) => position.setXYZ(at, ...corner));
    position.needsUpdate = true;
    this.material.map?.dispose();
    const map = textureOf(pixels);
    this.material.map = map;
    this.material.needsUpdate = true;
    this.visible = true;
  }

  hide(): void {
    this.visible = false;
    this.corners = null;
  }
}
