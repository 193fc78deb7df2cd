/** Quick surfaces of what is drawn and not saved, instead of the organs of the model. */
import { signal } from "@preact/signals";
import { BufferAttribute, BufferGeometry, Group, Mesh, MeshStandardMaterial, type Plane } from "three";
import type { Surface } from "../early/nets";
import type { OrganState } from "../job/state";

export class DraftSurfaces extends Group {
  /** The names of the organs that have such a surface. */
  readonly names = signal<ReadonlySet<string>>(new Set());

  set(surfaces: ReadonlyMap<string, Surface>): void {
    for (const mesh of this.meshes) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.clear();
    for (const [name, { positions, triangles }] of surfaces) this.add(meshOf(name, positions, triangles));
    if (surfaces.size > 0 || this.names.peek().size > 0) this.names.value = new Set(surfaces.keys());
  }

  get meshes(): Mesh<BufferGeometry, MeshStandardMaterial>[] {
    return this.children as Mesh<BufferGeometry, MeshStandardMaterial>[];
  }

  show(organs: readonly OrganState[]): void {
    for (const mesh of this.meshes) {
      const organ = organs.find(({ name }) => name === mesh.name);
      const [red = 0, green = 0, blue = 0] = organ?.colour ?? [];
      mesh.material.color.set(`rgb(${red}, ${green}, ${blue})`);
      mesh.visible = organ?.visible.value ?? false;
    }
  }

  cut(planes: Plane[]): void {
    for (const mesh of this.meshes) mesh.material.clippingPlanes = planes;
  }
}

function meshOf(name: string, positions: Float32Array, triangles: Uint32Array): Mesh<BufferGeometry, MeshStandardMaterial> {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setIndex(new BufferAttribute(triangles, 1));
  geometry.computeVertexNormals();
  // Matt and faceted: it is seen that this is no surface of the model.
  const mesh = new Mesh(geometry, new MeshStandardMaterial({ roughness: 1, flatShading: true }));
  mesh.name = name;
  return mesh;
}
