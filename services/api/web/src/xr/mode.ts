/** The headset: the organs to scale before the wearer, to take, scale, turn, point at, hide, measure and cut open. */
import { effect, signal } from "@preact/signals";
import { Color, Object3D, Quaternion, Vector3, type WebXRSpaceEventMap } from "three";
import { t } from "../core/language";
import type { ResultState } from "../job/state";
import { headset } from "../scene/hook";
import type { OrganStage } from "../scene/stage";
import { TextSprite } from "../scene/text";
import type { SliceView } from "../slices/view";
import { Board } from "./board";
import type { HeadsetCorrections } from "./correcting";
import { type Eye, eyeOf } from "./eye";
import { Floor } from "./floor";
import { ClipHandle } from "./handle";
import { Hands, type Pointer } from "./hands";
import { Holds } from "./holds";
import { HeadsetMeasure } from "./measuring";
import { beforeWearer, boundsOf, cornersOf, toLifeSize } from "./place";
import { type Aim, aimOf, NOTHING } from "./pointing";
import { rowsFor } from "./rows";
import { SliceHandle } from "./slice";
import { boardSnapshot, costSnapshot, handSnapshot, labelSnapshot } from "./snapshot";
import { type Flick, Sticks } from "./sticks";
import { turned } from "./turn";

export type Kind = "immersive-vr" | "immersive-ar";
/** What of a result only some wearers have. */
export interface Tools {
  /** What corrects outlines; null for a user who may only read. */
  correcting: HeadsetCorrections | null;
  /** The slices; null while, or where, there are none. */
  slices: () => SliceView | null;
}
/** A tap is shorter than this, in seconds or, on a slow machine, in frames. */
const TAP_SECONDS = 0.4;
const TAP_FRAMES = 10;
const TAP_METRES = 0.02;
/** How far *Higher* and *Lower* move the organs, in metres. */
const LIFT = 0.05;

export class HeadsetMode {
  private readonly board = new Board();
  private readonly note = new TextSprite({ ink: "#fff", ground: "rgba(10, 20, 26, 0.9)", height: 0.016 });
  private readonly floor = new Floor();
  private readonly hands: Hands;
  private readonly clip: ClipHandle;
  private readonly slice: SliceHandle;
  private readonly holds: Holds;
  private readonly measure: HeadsetMeasure;
  private readonly sticks = new Sticks();
  private readonly room = new Object3D();
  private readonly scale = signal(1);
  private aims: Aim[] = [NOTHING, NOTHING];
  private eye: Eye | null = null;
  private placed = false;
  private frames = 0;
  private session: XRSession | null = null;
  private ends: (() => void)[] = [];

  constructor(
    private readonly stage: OrganStage,
    private readonly state: ResultState,
    private readonly onLeft: () => void,
    private readonly tools: Tools,
  ) {
    this.hands = new Hands(stage.renderer.xr);
    this.clip = new ClipHandle(stage.clip);
    this.slice = new SliceHandle(stage, state, tools.slices);
    this.holds = new Holds(stage.root, this.hands.pointers);
    this.measure = new HeadsetMeasure(stage);
    stage.caps.visible = false; // three draws of an organ are too many at 72 frames a second
    this.note.visible = false;
    this.room.add(this.floor, this.board, this.note, this.hands.rays, this.hands.bones, ...this.hands.pointers.map(({ ray }) => ray));
  }

  async enter(kind: Kind): Promise<void> {
    const optionalFeatures = ["local-floor", "hand-tracking", "layers"];
    const session = await navigator.xr?.requestSession(kind, { optionalFeatures });
    if (!session) throw new Error(t("This browser knows no headset."));
    this.session = session;
    const { renderer, scene, root } = this.stage;
    renderer.xr.enabled = true;
    renderer.xr.setReferenceSpaceType("local-floor");
    renderer.xr.setFoveation(1);
    // In the wearer's own room there is a floor already.
    this.floor.visible = kind === "immersive-vr";
    scene.background = kind === "immersive-vr" ? new Color(0x10191f) : null;
    scene.add(this.room);
    for (const pointer of this.hands.pointers) this.listen(pointer);
    root.add(this.clip, this.slice.ball);
    if (this.stage.clip.on) this.clip.show(this.centre);
    session.addEventListener("end", () => this.left());
    await renderer.xr.setSession(session);
    void session.updateTargetFrameRate?.(72)?.catch(() => undefined);
    renderer.setAnimationLoop(() => this.frame(kind));
    this.ends.push(effect(() => this.refresh()));
    this.ends.push(effect(() => {
      void this.stage.loaded.value; // a corrected model has new letters
      this.stage.letters?.only("LR");
    }));
    headset.snapshot = () => this.snapshot(kind);
  }

  leave(): void {
    void this.session?.end();
  }

  private get centre(): Vector3 {
    return this.stage.box.getCenter(new Vector3());
  }

  private refresh(): void {
    const { correcting } = this.tools;
    this.board.set(
      correcting?.answers() ??
      rowsFor(this.state, {
        measure: this.measure.rows(),
        correct: correcting?.rows() ?? [],
        clipOn: this.stage.clip.on,
        clip: () => this.toggleClip(),
        scale: this.scale.value,
        lifeSize: () => toLifeSize(this.stage.root, this.stage.box),
        lift: (to) => (this.stage.root.position.y += LIFT * to),
        reset: () => (this.placed = false),
        leave: () => this.leave(),
      }),
    );
  }

  private toggleClip(): void {
    const on = !this.stage.clip.on;
    if (on) this.stage.clip.set("coronal", 0.5, this.stage.box.min, this.stage.box.max);
    this.stage.setClip(on);
    if (on) this.clip.show(this.centre);
    else this.clip.visible = false;
    this.refresh();
  }

  private frame(kind: Kind): void {
    const { renderer, scene, camera, clip, root } = this.stage;
    this.eye = this.frames < 2 ? null : eyeOf(renderer);
    this.hands.aim();
    for (const flick of this.sticks.read(this.hands.pointers)) this.flick(flick, kind);
    this.holds.follow();
    if (this.eye) this.place(this.eye);
    root.updateMatrixWorld(true);
    clip.follow(root.matrixWorld);
    this.slice.show();
    this.look();
    this.hands.draw(({ index }) => this.aims[index]?.distance ?? 0);
    this.stage.letters?.face(camera);
    this.measure.face(camera);
    renderer.render(scene, camera);
    this.frames += 1;
  }

  private place(eye: Eye): void {
    const { root, box } = this.stage;
    const first = !this.placed;
    if (first) beforeWearer(root, box, eye);
    this.placed = true;
    root.updateMatrixWorld(true);
    const balls = [this.clip.ball, this.slice.ball].filter(({ visible, parent }) => visible && parent?.visible);
    const handles = balls.map((ball) => ball.getWorldPosition(new Vector3()));
    this.board.settle([...cornersOf(boundsOf(this.stage), root), ...handles], eye, first);
    // The board is painted for each change, so not at every frame while hands scale.
    if (this.holds.carrying === 0 || this.frames % 12 === 0) this.scale.value = Math.round(100 * root.scale.x) / 100;
  }

  /** Up and down the slice moves; to a side the wearer turns, except in their own room, which can't turn. */
  private flick({ across, up }: Flick, kind: Kind): void {
    const { xr } = this.stage.renderer;
    const space = xr.getReferenceSpace();
    if (up) this.slice.step(up);
    if (across && space && this.eye && kind === "immersive-vr") xr.setReferenceSpace(turned(space, this.eye.at, across));
  }

  private look(): void {
    this.aims = this.hands.pointers.map((pointer) => aimOf(pointer, this.board, [this.clip, this.slice], this.stage));
    this.board.hover(Math.max(...this.aims.map(({ row }) => row)));
    const at = this.aims.findIndex(({ organ }) => organ !== null);
    const aim = this.aims[at];
    const said = aim?.organ ? this.state.spoken(aim.organ) : null;
    this.note.visible = said !== null && this.holds.carrying === 0;
    if (!aim || !said) return;
    const ray = this.hands.pointers[at]?.caster.ray;
    this.note.set(`${said.title}\n${said.volume}`);
    ray?.at(Math.max(0.1, aim.distance - 0.05), this.note.position);
    this.note.position.y += 0.05;
  }

  private listen(pointer: Pointer): void {
    const { ray } = pointer;
    const heard: { [Name in keyof WebXRSpaceEventMap]?: (event: { data?: XRInputSource }) => void } = {
      connected: ({ data }) => (pointer.source = data ?? null),
      disconnected: () => {
        pointer.source = null;
        this.open(pointer);
      },
      selectstart: () => this.close(pointer),
      squeezestart: () => this.close(pointer),
      selectend: () => this.open(pointer, true),
      squeezeend: () => this.open(pointer),
    };
    for (const [name, listener] of Object.entries(heard)) {
      const kind = name as "select";
      ray.addEventListener(kind, listener);
      this.ends.push(() => ray.removeEventListener(kind, listener));
    }
  }

  /** A hand closes: on a row it presses, on a ball it takes its plane, anywhere else it takes the organs. */
  private close(pointer: Pointer): void {
    const aim = this.aims[pointer.index] ?? NOTHING;
    if (aim.row >= 0) {
      this.hands.buzz(pointer);
      this.board.press(aim.row);
      return;
    }
    pointer.closing = { matrix: pointer.ray.matrixWorld.clone(), at: performance.now(), frame: this.frames };
    this.holds.take(pointer, aim.handle, aim.distance);
  }

  /** A hand opens; a short one that stayed in place was a tap on what it points at. */
  private open(pointer: Pointer, taps = false): void {
    const { closing } = pointer;
    pointer.closing = null;
    const heldHandle = this.holds.release(pointer);
    const moved = closing ? new Vector3().setFromMatrixPosition(closing.matrix).distanceTo(pointer.caster.ray.origin) : Infinity;
    const quick = closing && (performance.now() - closing.at < TAP_SECONDS * 1000 || this.frames - closing.frame < TAP_FRAMES);
    if (!taps || heldHandle || !quick || moved >= TAP_METRES) return;
    const aim = this.aims[pointer.index] ?? NOTHING;
    if (!aim.organ) return;
    this.hands.buzz(pointer);
    this.tap(aim.organ, aim.point);
  }

  /** What a tap on an organ does depends on what is on: a question, measuring, correcting; else it hides the organ. */
  private tap(organ: string, point?: Vector3): void {
    const { correcting } = this.tools;
    if (this.state.lesson.value?.answer(organ)) return;
    if (point && this.measure.isOn.peek() && this.stage.apart.peek() === 0) this.measure.take(this.stage.toRoot(point));
    else if (point && correcting?.isOn.peek()) correcting.ask(organ, this.stage.toRoot(point));
    else {
      this.state.selected.value = organ;
      this.state.toggle(organ);
    }
  }

  private left(): void {
    for (const end of this.ends.splice(0)) end();
    const { renderer, scene, root, letters } = this.stage;
    headset.snapshot = null;
    this.session = null;
    renderer.setAnimationLoop(null);
    renderer.xr.enabled = false;
    scene.background = null;
    scene.remove(this.room);
    root.remove(this.clip, this.slice.ball);
    root.position.set(0, 0, 0);
    root.quaternion.copy(new Quaternion());
    root.scale.setScalar(1);
    letters?.only("LRSIAP");
    this.stage.restore();
    this.onLeft();
  }

  private snapshot(kind: Kind): unknown {
    const { clip } = this.stage;
    return {
      kind,
      frames: this.frames,
      placed: this.placed,
      eye: this.eye && { at: this.eye.at.toArray(), ahead: this.eye.ahead.toArray() },
      pointing: this.aims.find(({ organ }) => organ)?.organ ?? null,
      reads: this.note.visible ? this.note.text : "",
      grabbing: this.holds.carrying,
      ball: this.clip.visible ? this.clip.ball.getWorldPosition(new Vector3()).toArray() : null,
      sliceBall: this.slice.ball.visible ? this.slice.ball.getWorldPosition(new Vector3()).toArray() : null,
      clipWorld: [...clip.world.normal.toArray(), clip.world.constant],
      floor: this.floor.visible ? this.floor.position.y : null,
      labels: this.eye ? labelSnapshot(this.stage, this.eye) : [],
      cost: costSnapshot(this.stage),
      ...boardSnapshot(this.board),
      ...handSnapshot(this.hands),
    };
  }
}
