/** Organs of a GLB (plain or meshopt-compressed) as meshes in metres, +Y to the head, +X to the patient's left. */
import { MeshoptDecoder } from "meshopt-decoder";
import { type BufferGeometry, Color, DoubleSide, FrontSide, Mesh, MeshStandardMaterial, SRGBColorSpace } from "three";
import { acceleratedRaycast, MeshBVH } from "three-mesh-bvh";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import type { Vector } from "../core/geometry";

export class OrganMesh extends Mesh<BufferGeometry, MeshStandardMaterial> {
  title = "";
  volume = 0;
  /** A headset points two rays at a hundred thousand triangles 72 times a second: each goes down a tree of boxes. */
  override raycast = acceleratedRaycast;

  /** Shown with this opacity; a see-through surface hides nothing behind it. */
  fade(opacity: number): void {
    const see = opacity < 0.995;
    if (this.material.transparent !== see) {
      this.material.transparent = see;
      this.material.depthWrite = !see;
      this.material.needsUpdate = true;
    }
    this.material.opacity = opacity;
    this.renderOrder = see ? 2 : 0;
  }

  paint([red, green, blue]: readonly [number, number, number]): void {
    this.material.color.setRGB(red / 255, green / 255, blue / 255, SRGBColorSpace);
  }

  highlight(on: boolean): void {
    this.material.emissive.copy(on ? this.material.color : new Color(0)).multiplyScalar(0.35);
  }

  /** Both sides are drawn while a clip plane opens the surface. */
  opened(on: boolean): void {
    this.material.side = on ? DoubleSide : FrontSide;
    this.material.needsUpdate = true;
  }
}

export interface Organs {
  meshes: OrganMesh[];
  /** The point of patient space, LPS mm, that lies at the origin. */
  centre: Vector;
  triangles: number;
}

export async function loadOrgans(bytes: ArrayBuffer): Promise<Organs> {
  const loader = new GLTFLoader();
  loader.setMeshoptDecoder(MeshoptDecoder as Parameters<GLTFLoader["setMeshoptDecoder"]>[0]);
  const gltf = await loader.parseAsync(bytes, "");
  gltf.scene.updateMatrixWorld(true);
  const meshes: OrganMesh[] = [];
  gltf.scene.traverse((object) => {
    if (object instanceof Mesh) meshes.push(organ(object as Mesh<BufferGeometry, MeshStandardMaterial>));
  });
  const extras = (gltf.asset.extras ?? {}) as { center_lps_mm?: Vector };
  const triangles = meshes.reduce((sum, mesh) => sum + (mesh.geometry.index?.count ?? 0) / 3, 0);
  return { meshes, centre: extras.center_lps_mm ?? [0, 0, 0], triangles };
}

function organ(source: Mesh<BufferGeometry, MeshStandardMaterial>): OrganMesh {
  source.geometry.boundsTree = new MeshBVH(source.geometry);
  const mesh = new OrganMesh(source.geometry, source.material.clone());
  source.matrixWorld.decompose(mesh.position, mesh.quaternion, mesh.scale);
  const told = (source.userData["volume_ml"] !== undefined ? source : source.parent)?.userData ?? {};
  mesh.material.onBeforeCompile = flatInside;
  mesh.name = source.name;
  mesh.title = String(told["title"] ?? source.name);
  mesh.volume = Number(told["volume_ml"] ?? 0);
  return mesh;
}

/** What is seen of a surface's inside through a cut has one flat colour, as if the organ were solid. */
function flatInside(shader: { fragmentShader: string }): void {
  const last = "#include <dithering_fragment>";
  const flat = "if (!gl_FrontFacing) gl_FragColor = vec4(linearToOutputTexel(vec4(diffuse * 0.62, 1.0)).rgb, opacity);";
  shader.fragmentShader = shader.fragmentShader.replace(last, `${flat}\n${last}`);
}
