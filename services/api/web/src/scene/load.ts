/** Organs of a GLB (plain or meshopt-compressed) as meshes in metres, +Y to the head, +X to the patient's left. */
import { MeshoptDecoder } from "meshopt-decoder";
import { type BufferGeometry, Color, DoubleSide, FrontSide, Mesh, MeshStandardMaterial, SRGBColorSpace, Vector3 } from "three";
import { acceleratedRaycast, MeshBVH } from "three-mesh-bvh";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import type { Vector } from "../core/geometry";

export class OrganMesh extends Mesh<BufferGeometry, MeshStandardMaterial> {
  title = "";
  volume = 0;
  /** Where the organ lies in the patient; `position` is elsewhere while the organs are spread. */
  readonly home = new Vector3();
  private readonly xray = { value: 0 };
  /** A headset points two rays at a hundred thousand triangles 72 times a second: each goes down a tree of boxes. */
  override raycast = acceleratedRaycast;

  /** Shown with this opacity; a see-through surface hides nothing behind it. */
  fade(opacity: number): void {
    const see = opacity < 0.995 || this.xray.value > 0;
    if (this.material.transparent !== see) {
      this.material.transparent = see;
      this.material.depthWrite = !see;
      this.material.needsUpdate = true;
    }
    this.material.opacity = opacity;
    this.renderOrder = see ? 2 : 0;
  }

  /** As in an X-ray: edges are dense, what faces the eye is nearly clear. */
  setXray(on: boolean): void {
    this.xray.value = on ? 1 : 0;
    this.fade(this.material.opacity);
  }

  /** How far it is moved from where it lies. */
  get moved(): Vector3 {
    return this.position.clone().sub(this.home);
  }

  /** The shader of the material, with what a surface's inside and an X-ray look like. */
  draw(): void {
    this.material.onBeforeCompile = (shader) => {
      shader.uniforms["xray"] = this.xray;
      shader.fragmentShader = `uniform float xray;\n${shader.fragmentShader.replace(LAST, `${INSIDE}\n${XRAY}\n${LAST}`)}`;
    };
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
  mesh.home.copy(mesh.position);
  mesh.draw();
  mesh.name = source.name;
  mesh.title = String(told["title"] ?? source.name);
  mesh.volume = Number(told["volume_ml"] ?? 0);
  return mesh;
}

const LAST = "#include <dithering_fragment>";
/** What is seen of a surface's inside through a cut has one flat colour, as if the organ were solid. */
const INSIDE = "if (!gl_FrontFacing) gl_FragColor = vec4(linearToOutputTexel(vec4(diffuse * 0.62, 1.0)).rgb, opacity);";
const XRAY = `if (xray > 0.5) {
  float rim = 1.0 - abs(dot(normalize(normal), normalize(vViewPosition)));
  gl_FragColor = vec4(linearToOutputTexel(vec4(mix(diffuse, vec3(1.0), 0.35), 1.0)).rgb, opacity * mix(0.05, 0.85, rim * rim));
}`;
