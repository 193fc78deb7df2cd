/** The headset: the organs to scale before the wearer, to take, scale, turn, point at, hide and cut open. */
import { effect } from "@preact/signals";
import { Color, Matrix4, Object3D, Quaternion, Vector3, type WebXRSpaceEventMap } from "three";
import { t } from "../core/language";
import type { ResultState } from "../job/state";
import { headset } from "../scene/hook";
import type { OrganStage } from "../scene/stage";
import { TextSprite } from "../scene/text";
import { Board } from "./board";
import type { HeadsetCorrections } from "./correcting";
import { carried, stretched } from "./grab";
import { Hands, type Pointer } from "./hands";
import { ClipHandle } from "./handle";
import { rowsFor } from "./rows";

export type Kind = "immersive-vr" | "immersive-ar";
/** A tap is shorter than this, in seconds or, on a slow machine, in frames. */
const TAP_SECONDS = 0.4;
const TAP_FRAMES = 10;
const TAP_METRES = 0.02;
const DISTANCE = 0.6;

interface Aim {
  organ: string | null;
  row: number;
  ball: boolean;
  distance: number;
  /** Where on the organ, in the world. */
  point?: Vector3;
}
const NOTHING: Aim = { organ: null, row: -1, ball: false, distance: 1.2 };

export class HeadsetMode {
  private readonly board = new Board();
  private readonly note = new TextSprite({ ink: "#fff", ground: "rgba(10, 20, 26, 0.9)", height: 0.016 });
  private readonly hands: Hands;
  private readonly handle: ClipHandle;
  private readonly room = new Object3D();
  private aims: Aim[] = [NOTHING, NOTHING];
  private grip: { root: Matrix4; from: Matrix4[]; pointers: Pointer[] } | null = null;
  private cut: { pointer: Pointer; from: Matrix4; plane: Matrix4 } | null = null;
  private placed = false;
  private frames = 0;
  private calls = 0;
  private session: XRSession | null = null;
  private ends: (() => void)[] = [];

  constructor(
    private readonly stage: OrganStage,
    private readonly state: ResultState,
    private readonly onLeft: () => void,
    /** What corrects outlines; null for a user who may only read. */
    private readonly correcting: HeadsetCorrections | null = null,
  ) {
    this.hands = new Hands(stage.renderer.xr);
    this.handle = new ClipHandle(stage.clip);
    stage.caps.visible = false; // three draws of an organ are too many at 72 frames a second
    this.note.visible = false;
    this.room.add(this.board, this.note, this.hands.rays, this.hands.balls, ...this.hands.pointers.map(({ ray }) => ray));
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
    scene.background = kind === "immersive-vr" ? new Color(0x10191f) : null;
    scene.add(this.room);
    for (const pointer of this.hands.pointers) this.listen(pointer);
    root.add(this.handle);
    if (this.stage.clip.on) this.handle.show(this.centre);
    session.addEventListener("end", () => this.left());
    await renderer.xr.setSession(session);
    void session.updateTargetFrameRate?.(72)?.catch(() => undefined);
    renderer.setAnimationLoop(() => this.frame());
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
    this.board.set(
      this.correcting?.answers() ??
      rowsFor(this.state, {
        correct: this.correcting?.rows() ?? [],
        clipOn: this.stage.clip.on,
        clip: () => this.toggleClip(),
        reset: () => (this.placed = false),
        leave: () => this.leave(),
      }),
    );
  }

  private toggleClip(): void {
    const on = !this.stage.clip.on;
    if (on) this.stage.clip.set("coronal", 0.5, this.stage.box.min, this.stage.box.max);
    this.stage.setClip(on);
    if (on) this.handle.show(this.centre);
    else this.handle.visible = false;
    this.refresh();
  }

  private frame(): void {
    const { renderer, scene, camera, clip, root } = this.stage;
    if (!this.placed) this.place();
    this.hands.aim();
    this.follow();
    root.updateMatrixWorld(true);
    clip.follow(root.matrixWorld);
    this.look();
    this.hands.draw(({ index }) => this.aims[index]?.distance ?? 0);
    this.stage.letters?.face(camera);
    renderer.render(scene, camera);
    this.calls = renderer.info.render.calls / Math.max(1, renderer.xr.getCamera().cameras.length);
    this.frames += 1;
  }

  /** In front of the wearer at life size, the patient facing them; the board on their left. */
  private place(): void {
    const eye = this.stage.renderer.xr.getCamera();
    const sight = eye.getWorldDirection(new Vector3()).setY(0);
    if (this.frames < 2 || sight.lengthSq() < 1e-6) return;
    sight.normalize();
    const from = new Vector3().setFromMatrixPosition(eye.matrixWorld);
    const { root } = this.stage;
    root.position.copy(from).addScaledVector(sight, DISTANCE).setY(from.y - 0.2);
    root.quaternion.setFromAxisAngle(new Vector3(0, 1, 0), Math.atan2(-sight.x, -sight.z));
    root.scale.setScalar(1);
    const side = new Vector3(sight.z, 0, -sight.x);
    this.board.position.copy(root.position).addScaledVector(side, 0.34).addScaledVector(sight, -0.04);
    this.board.position.y = from.y - 0.15;
    this.board.lookAt(from.x, this.board.position.y, from.z);
    this.room.updateMatrixWorld(true);
    this.placed = true;
  }

  private look(): void {
    this.aims = this.hands.pointers.map((pointer) => this.aimOf(pointer));
    this.board.hover(Math.max(...this.aims.map(({ row }) => row)));
    const at = this.aims.findIndex(({ organ }) => organ !== null);
    const aim = this.aims[at];
    const said = aim?.organ ? this.state.spoken(aim.organ) : null;
    this.note.visible = said !== null && !this.grip;
    if (!aim || !said) return;
    const ray = this.hands.pointers[at]?.caster.ray;
    this.note.set(`${said.title}\n${said.volume}`);
    ray?.at(Math.max(0.1, aim.distance - 0.05), this.note.position);
    this.note.position.y += 0.05;
  }

  private aimOf(pointer: Pointer): Aim {
    if (!pointer.source) return NOTHING;
    const row = this.board.hit(pointer.caster);
    // The board is drawn over the organs and stays in reach however large they were made.
    if (row) return { organ: null, row: row.row, ball: false, distance: row.distance };
    const ball = this.handle.hit(pointer.caster);
    const organ = this.stage.hit(pointer.caster);
    const nearest = Math.min(ball, organ?.distance ?? Infinity);
    if (nearest === Infinity) return NOTHING;
    if (ball === nearest) return { organ: null, row: -1, ball: true, distance: nearest };
    return { organ: organ?.object.name ?? null, row: -1, ball: false, distance: nearest, ...(organ ? { point: organ.point } : {}) };
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

  /** A hand closes: on a row it presses, on the ball it takes the clip plane, anywhere else it takes the organs. */
  private close(pointer: Pointer): void {
    const aim = this.aims[pointer.index] ?? NOTHING;
    const matrix = pointer.ray.matrixWorld.clone();
    if (aim.row >= 0) {
      this.hands.buzz(pointer);
      this.board.rows[aim.row]?.act?.();
      return;
    }
    pointer.held = { matrix, at: performance.now(), frame: this.frames };
    if (aim.ball && !this.cut) this.cut = { pointer, from: matrix, plane: this.handle.matrix.clone() };
    this.take();
  }

  /** A hand opens; a short one that stayed in place was a tap on what it points at. */
  private open(pointer: Pointer, taps = false): void {
    const { held } = pointer;
    pointer.held = null;
    const wasCut = this.cut?.pointer === pointer;
    if (wasCut) this.cut = null;
    const moved = held ? new Vector3().setFromMatrixPosition(held.matrix).distanceTo(pointer.caster.ray.origin) : Infinity;
    const quick = held && (performance.now() - held.at < TAP_SECONDS * 1000 || this.frames - held.frame < TAP_FRAMES);
    const short = quick && moved < TAP_METRES;
    const { organ, point } = this.aims[pointer.index] ?? NOTHING;
    this.take();
    if (!taps || wasCut || !short || !organ) return;
    this.hands.buzz(pointer);
    if (this.state.lesson.value?.answer(organ)) return;
    if (this.correcting?.isOn.peek() && point) {
      this.correcting.ask(organ, this.stage.toRoot(point));
      return;
    }
    this.state.selected.value = organ;
    this.state.toggle(organ);
  }

  /** From now on the closed hands that do not hold the clip plane carry the organs. */
  private take(): void {
    const pointers = this.hands.pointers.filter((pointer) => pointer.held && this.cut?.pointer !== pointer);
    const { root } = this.stage;
    root.updateMatrix();
    this.grip =
      pointers.length > 0
        ? { root: root.matrix.clone(), from: pointers.map(({ ray }) => ray.matrixWorld.clone()), pointers }
        : null;
  }

  private follow(): void {
    const { root } = this.stage;
    if (this.cut) {
      const inside = root.matrixWorld.clone().invert();
      const [from, to] = [this.cut.from, this.cut.pointer.ray.matrixWorld].map((m) => inside.clone().multiply(m)) as [Matrix4, Matrix4];
      this.handle.moveTo(carried(this.cut.plane, from, to));
    }
    if (!this.grip) return;
    const now = this.grip.pointers.map(({ ray }) => ray.matrixWorld);
    const place = (matrix: Matrix4 | undefined): Vector3 => new Vector3().setFromMatrixPosition(matrix ?? new Matrix4());
    const [a, b] = this.grip.from;
    const moved =
      a && b
        ? stretched(this.grip.root, [place(a), place(b)], [place(now[0]), place(now[1])])
        : carried(this.grip.root, a ?? new Matrix4(), now[0] ?? new Matrix4());
    moved.decompose(root.position, root.quaternion, root.scale);
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
    root.remove(this.handle);
    root.position.set(0, 0, 0);
    root.quaternion.copy(new Quaternion());
    root.scale.setScalar(1);
    letters?.only("LRSIAP");
    this.stage.restore();
    this.onLeft();
  }

  private snapshot(kind: Kind): unknown {
    const seen = this.aims.find(({ organ }) => organ)?.organ ?? null;
    return {
      kind,
      frames: this.frames,
      placed: this.placed,
      pointing: seen,
      reads: this.note.visible ? this.note.text : "",
      hands: this.hands.pointers.map(({ source }) => (source ? { hand: source.hand !== undefined && source.hand !== null } : null)),
      grabbing: this.grip?.pointers.length ?? 0,
      rows: this.board.rows.map((row, at) => ({ id: row.id, text: row.text, detail: row.detail ?? "", at: this.board.middle(at).toArray() })),
      ball: this.handle.visible ? this.handle.ball.getWorldPosition(new Vector3()).toArray() : null,
      clipWorld: [...this.stage.clip.world.normal.toArray(), this.stage.clip.world.constant],
      calls: this.calls,
    };
  }
}
