/** The floor of the empty room: a quiet grid of half metres around the middle, which fades out. One draw call. */
import { Color, Mesh, PlaneGeometry, ShaderMaterial } from "three";

const RADIUS = 4;

const VERTEX = `varying vec2 place;
void main() {
  place = position.xz;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

const FRAGMENT = `varying vec2 place;
uniform vec3 ground;
uniform vec3 line;
void main() {
  vec2 across = place / 0.5;
  vec2 away = abs(fract(across - 0.5) - 0.5) / fwidth(across);
  float drawn = 1.0 - min(min(away.x, away.y), 1.0);
  float near = 1.0 - smoothstep(0.3, 1.0, length(place) / ${RADIUS.toFixed(1)});
  gl_FragColor = vec4(mix(ground, line, drawn), near);
  #include <colorspace_fragment>
}`;

export class Floor extends Mesh<PlaneGeometry, ShaderMaterial> {
  constructor() {
    const uniforms = { ground: { value: new Color(0x1b2a31) }, line: { value: new Color(0x35505a) } };
    super(
      new PlaneGeometry(2 * RADIUS, 2 * RADIUS).rotateX(-Math.PI / 2),
      new ShaderMaterial({ uniforms, vertexShader: VERTEX, fragmentShader: FRAGMENT, transparent: true, depthWrite: false }),
    );
    this.raycast = () => undefined;
    this.renderOrder = -1;
  }
}
