// Loads GLB files with three.js, as a page would, and prints each mesh's corners in the scene as JSON.
// Arguments: the folder of node_modules, then the files.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(modules, name)).href);
const { Mesh, Vector3 } = await load("three/build/three.module.js");
const { GLTFLoader } = await load("three/examples/jsm/loaders/GLTFLoader.js");
const { MeshoptDecoder } = await load("meshoptimizer/meshopt_decoder.mjs");

const read = async (file) => {
  const bytes = fs.readFileSync(file);
  const loader = new GLTFLoader().setMeshoptDecoder(MeshoptDecoder);
  const { scene } = await loader.parseAsync(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), "");
  scene.updateMatrixWorld(true);
  const meshes = {};
  scene.traverse((object) => {
    if (!(object instanceof Mesh)) return;
    const place = object.geometry.getAttribute("position");
    const points = Array.from({ length: place.count }, (_, at) =>
      new Vector3().fromBufferAttribute(place, at).applyMatrix4(object.matrixWorld).toArray(),
    );
    meshes[object.name] = { points, faces: Array.from(object.geometry.index.array) };
  });
  return meshes;
};

process.stdout.write(JSON.stringify(await Promise.all(files.map(read))));
