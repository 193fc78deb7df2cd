/** Bones: rounded rods from one joint to the next, each end with its own radius. All of both hands are one draw call. */
import { DynamicDrawUsage, InstancedBufferAttribute, InstancedBufferGeometry, Float32BufferAttribute, Mesh, MeshStandardMaterial, SphereGeometry, type Vector3 } from "three";

export interface Joint {
  at: Vector3;
  radius: number;
}
export type Bone = readonly [Joint, Joint];

const MOST = 64;

/** A ball of radius 1 is moved and stretched so that its upper half is at one joint and its lower half at the other. */
const HEAD = `attribute float upper;
attribute vec4 from;
attribute vec4 to;`;
const NORMAL = `vec3 along = normalize(to.xyz - from.xyz + vec3(0.0, 1e-6, 0.0));
vec3 side = normalize(cross(along, abs(along.y) < 0.9 ? vec3(0.0, 1.0, 0.0) : vec3(1.0, 0.0, 0.0)));
mat3 turned = mat3(side, along, cross(side, along));
vec3 objectNormal = turned * normal;`;
const PLACE = `vec4 joint = mix(from, to, upper);
vec3 transformed = joint.xyz + turned * position * joint.w;`;

export class Bones extends Mesh<InstancedBufferGeometry, MeshStandardMaterial> {
  drawn: Bone[] = [];
  private readonly from = new InstancedBufferAttribute(new Float32Array(4 * MOST), 4).setUsage(DynamicDrawUsage);
  private readonly to = new InstancedBufferAttribute(new Float32Array(4 * MOST), 4).setUsage(DynamicDrawUsage);

  constructor() {
    super(new InstancedBufferGeometry(), new MeshStandardMaterial({ color: 0xd7e3e8, roughness: 0.7 }));
    const ball = new SphereGeometry(1, 10, 7);
    const place = ball.getAttribute("position");
    const upper = Array.from({ length: place.count }, (_, at) => (place.getY(at) > 0 ? 1 : 0));
    this.geometry.index = ball.index;
    this.geometry.setAttribute("position", place);
    this.geometry.setAttribute("normal", ball.getAttribute("normal"));
    this.geometry.setAttribute("upper", new Float32BufferAttribute(upper, 1));
    this.geometry.setAttribute("from", this.from);
    this.geometry.setAttribute("to", this.to);
    this.material.onBeforeCompile = (shader) => {
      const body = shader.vertexShader.replace("#include <beginnormal_vertex>", NORMAL).replace("#include <begin_vertex>", PLACE);
      shader.vertexShader = `${HEAD}\n${body}`;
    };
    this.frustumCulled = false;
    this.raycast = () => undefined;
  }

  set(bones: readonly Bone[]): void {
    this.drawn = bones.slice(0, MOST);
    this.drawn.forEach(([a, b], at) => {
      this.from.setXYZW(at, ...a.at.toArray(), a.radius);
      this.to.setXYZW(at, ...b.at.toArray(), b.radius);
    });
    this.geometry.instanceCount = this.drawn.length;
    this.from.needsUpdate = this.to.needsUpdate = true;
  }
}
