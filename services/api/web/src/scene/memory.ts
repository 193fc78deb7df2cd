/** What the model takes on the graphics processor, computed from the scene. */
import { BufferAttribute, type BufferGeometry, type InterleavedBufferAttribute, type Material, Mesh, type Object3D, Points, Texture, type WebGLRenderer } from "three";

export interface Memory {
  /** Bytes of vertices and triangles. */
  buffers: number;
  /** Bytes of pictures, 4 a pixel, a third more where there are smaller copies. */
  textures: number;
  /** Bytes of the canvas: colour, and depth with stencil, of each sample, and the picture that is shown. */
  canvas: number;
}

export function memoryOf(root: Object3D, renderer: WebGLRenderer): Memory {
  const arrays = new Set<ArrayBufferView>();
  const textures = new Set<Texture>();
  root.traverse((object) => {
    if (!(object instanceof Mesh || object instanceof Points)) return;
    for (const array of arraysOf(object.geometry as BufferGeometry)) arrays.add(array);
    for (const texture of texturesOf(object.material as Material | Material[])) textures.add(texture);
  });
  const context = renderer.getContext();
  const samples = Number(context.getParameter(context.SAMPLES));
  const pixels = context.drawingBufferWidth * context.drawingBufferHeight;
  return { buffers: sum([...arrays].map(({ byteLength }) => byteLength)), textures: sum([...textures].map(sizeOf)), canvas: pixels * (8 * Math.max(1, samples) + 4) };
}

function arraysOf({ attributes, index }: BufferGeometry): ArrayBufferView[] {
  const parts = Object.values(attributes) as (BufferAttribute | InterleavedBufferAttribute)[];
  const arrays = parts.map((part) => (part instanceof BufferAttribute ? part.array : part.data.array));
  return [...arrays, ...(index ? [index.array] : [])] as ArrayBufferView[];
}

function texturesOf(material: Material | Material[]): Texture[] {
  return [material].flat().flatMap((one) => Object.values(one).filter((value) => value instanceof Texture));
}

function sizeOf({ image, generateMipmaps }: Texture): number {
  const { width = 0, height = 0 } = (image ?? {}) as { width?: number; height?: number };
  return width * height * (generateMipmaps ? 16 / 3 : 4);
}

function sum(values: readonly number[]): number {
  return Math.round(values.reduce((all, value) => all + value, 0));
}
