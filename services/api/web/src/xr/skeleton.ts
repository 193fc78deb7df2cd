/** Which joints of a hand a bone connects, and what a controller looks like: rods as well. */
import { type Matrix4, Vector3, type XRHandJoints } from "three";
import type { Bone, Joint } from "./bones";

const FINGERS = ["index-finger", "middle-finger", "ring-finger", "pinky-finger"];
const PARTS = ["metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip"];

/** Pairs of joints, by their names in WebXR: along each finger from the wrist, and across the knuckles. */
export const PAIRS: readonly (readonly [string, string])[] = [
  ...chain(["wrist", ...PARTS.filter((part) => part !== "phalanx-intermediate").map((part) => `thumb-${part}`)]),
  ...FINGERS.flatMap((finger) => chain(["wrist", ...PARTS.map((part) => `${finger}-${part}`)])),
  ...chain(FINGERS.map((finger) => `${finger}-phalanx-proximal`)),
];

function chain(names: readonly string[]): [string, string][] {
  return names.slice(1).map((name, at) => [names[at] as string, name]);
}

/** The bones of a hand whose joints are tracked now. */
export function handBones(joints: Partial<XRHandJoints>): Bone[] {
  const joint = (name: string): Joint | null => {
    const found = joints[name as keyof XRHandJoints];
    return found?.visible ? { at: found.position, radius: found.jointRadius ?? 0.008 } : null;
  };
  return PAIRS.map(([a, b]) => [joint(a), joint(b)] as const).filter((pair): pair is Bone => pair[0] !== null && pair[1] !== null);
}

/** A tip where the ray leaves, a head and a grip below it; places in metres of the controller's ray, which goes along -Z. */
const CONTROLLER: readonly (readonly [Vector3, number])[] = [
  [new Vector3(0, 0, 0.004), 0.004],
  [new Vector3(0, -0.004, 0.034), 0.021],
  [new Vector3(0, -0.028, 0.064), 0.013],
  [new Vector3(0, -0.066, 0.098), 0.015],
];

export function controllerBones(ray: Matrix4): Bone[] {
  const joints = CONTROLLER.map(([place, radius]) => ({ at: place.clone().applyMatrix4(ray), radius }));
  return joints.slice(1).map((joint, at) => [joints[at] as Joint, joint]);
}
