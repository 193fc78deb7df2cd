import { describe, expect, it } from "vitest";
import { readBody } from "../src/learn/body";
import file from "../src/learn/body.glb?inline";
import { Lesson } from "../src/learn/lesson";
import { asQuestions, decode, encode, MOST_LETTERS, MOST_QUESTIONS } from "../src/learn/own";
import { note, read } from "../src/learn/progress";
import { type Level, LEVELS, type Question, questionsOf, ROUND } from "../src/learn/questions";
import { ResultState } from "../src/job/state";
import { parse } from "../src/core/router";
import { shareLink } from "../src/share/dialog";
import { rowsFor } from "../src/xr/rows";

const body = readBody(Uint8Array.from(atob(file.slice(file.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer);
const structure = (name: string) => body.structures.find((each) => each.name === name);
const same = <T>(items: T[]): T[] => items;
const every = (level: Level): Question[] => {
  const found = new Map<string, Question>();
  for (let turn = 0; turn < 30; turn += 1) for (const question of questionsOf(body, level)) found.set(question.text, question);
  return [...found.values()];
};

describe("the body", () => {
  it("has parts in organs, with volumes, neighbours and sides", () => {
    expect(structure("caecum")).toMatchObject({ organ: "large_bowel", side: "right" });
    expect(structure("spleen")).toMatchObject({ organ: "spleen", side: "left" });
    expect(structure("transverse_colon")?.side).toBeNull();
    expect(structure("liver")?.neighbours).toContain("right_colic_flexure");
    expect(body.organs.map(({ name }) => name)).toEqual(["stomach", "small_bowel", "large_bowel"]);
  });

  it("is a report that the views can show", () => {
    const fundus = body.report.organs.find(({ name }) => name === "fundus");
    expect(fundus?.volume_ml).toBeGreaterThan(50);
    expect(fundus?.colour?.every((value) => value >= 0 && value <= 255)).toBe(true);
    expect(body.report.triangles).toBeGreaterThan(50_000);
  });
});

describe("the budget of a headset (docs/web.md)", () => {
  it("has room for the body, both eyes together", () => {
    const others = 12; // floor, board, slice, handles, labels, hands and rays
    expect(2 * (body.report.organs.length + others)).toBeLessThanOrEqual(200);
    expect(2 * (body.report.triangles ?? Infinity)).toBeLessThan(750_000);
  });
});

describe("questions", () => {
  it("are a round of each level, and every right answer is in the model or among the choices", () => {
    const names = new Set(body.structures.map(({ name }) => name));
    for (const level of Object.keys(LEVELS) as Level[]) {
      const round = questionsOf(body, level);
      expect(round.length).toBeLessThanOrEqual(ROUND);
      expect(round.length).toBeGreaterThan(3);
      for (const { right, choices } of round) {
        const possible = choices ? new Set(choices.map(({ name }) => name)) : names;
        expect(right.length).toBeGreaterThan(0);
        expect(right.every((name) => possible.has(name))).toBe(true);
      }
    }
  });

  it("find an organ by any of its parts", () => {
    const stomach = every("organ").find(({ text }) => text === "Find the stomach");
    expect(stomach?.right).toEqual(["fundus", "body_of_stomach", "antrum", "pylorus"]);
  });

  it("ask the side only of what lies on one side and does not say it", () => {
    const texts = every("side").map(({ text }) => text).join();
    expect(texts).toContain("spleen");
    expect(texts).not.toMatch(/right|left|transverse|spine/);
    expect(every("side").find(({ text }) => text.includes("appendix"))?.right).toEqual(["right"]);
  });
});

describe("lesson", () => {
  const questions: Question[] = [
    { text: "Find the stomach", right: ["fundus", "antrum"], answer: "stomach" },
    { text: "On which side is the spleen?", right: ["left"], choices: [{ name: "left", title: "Left" }, { name: "right", title: "Right" }], answer: "Left", about: "spleen" },
    { text: "What lies next to the liver?", right: ["antrum"], answer: "antrum", about: "liver" },
  ];
  const started = (onEnd = (_: number, __: number): void => undefined): Lesson => {
    const lesson = new Lesson(() => [...questions], (name) => name, onEnd);
    lesson.start();
    return lesson;
  };

  it("hides the names, counts first tries and shows the names at the end", () => {
    const ended: number[][] = [];
    const lesson = started((first, total) => ended.push([first, total]));
    expect([lesson.names.value, lesson.asked.value?.text]).toEqual([false, "Find the stomach"]);
    lesson.answer("spleen");
    expect([lesson.wrong.value, lesson.done.value, lesson.said.value]).toEqual([1, 0, "No, that is the spleen. Look again."]);
    lesson.answer("antrum");
    lesson.answer("left");
    lesson.answer("antrum");
    expect(ended).toEqual([[2, 3]]);
    expect([lesson.names.value, lesson.asked.value]).toEqual([true, null]);
    expect(lesson.answer("antrum")).toBe(false);
  });

  it("takes no organ for a choice, and not the organ that it asks about", () => {
    const lesson = started();
    lesson.answer("fundus");
    expect(lesson.answer("fundus")).toBe(true);
    expect([lesson.wrong.value, lesson.done.value]).toEqual([0, 1]);
    lesson.answer("left");
    lesson.answer("liver");
    expect([lesson.wrong.value, lesson.done.value]).toEqual([0, 2]);
  });

  it("shows an answer that nobody found, which does not count", () => {
    const ended: number[][] = [];
    const lesson = started((first, total) => ended.push([first, total]));
    lesson.skip();
    expect(lesson.said.value).toBe("The answer was: stomach.");
    lesson.skip();
    lesson.answer("antrum");
    expect(ended).toEqual([[1, 3]]);
  });

  it("gives no name and no colour away while it asks", () => {
    const state = new ResultState(body.report);
    const lesson = new Lesson(() => questionsOf(body, "part", same), (name) => name);
    state.lesson.value = lesson;
    const before = state.organs.map((organ) => state.colourOf(organ).join());
    lesson.start();
    const greys = new Set(state.organs.map((organ) => state.colourOf(organ).join()));
    expect(new Set(before).size).toBeGreaterThan(10);
    expect(greys.size).toBeLessThanOrEqual(3);
    for (const organ of ["stomach", "small_bowel", "large_bowel"]) {
      const own = state.organs.filter(({ name }) => structure(name)?.organ === organ);
      expect(new Set(own.map((each) => state.colourOf(each).join())).size).toBe(3);
    }
    expect(state.spoken("caecum")).toBeNull();
    lesson.stop();
    expect(state.spoken("caecum")?.title).toBe("Caecum");
  });

  it("asks the same on the headset's board, with the choices as rows", () => {
    const state = new ResultState(body.report);
    const lesson = started();
    state.lesson.value = lesson;
    const idle = (): void => undefined;
    const rows = () => rowsFor(state, { correct: [], measure: [], clip: idle, clipOn: false, scale: 1, lifeSize: idle, lift: idle, reset: idle, leave: idle });
    expect(rows()[0]).toMatchObject({ id: "question", text: "Find the stomach", detail: "1 of 3" });
    expect(rows().map(({ text }) => text).join()).not.toMatch(/Fundus|Caecum|Spleen/);
    lesson.answer("fundus");
    rows().find(({ id }) => id === "choice:right")?.act?.();
    expect(lesson.wrong.value).toBe(1);
    rows().find(({ id }) => id === "choice:left")?.act?.();
    expect(lesson.asked.value?.about).toBe("liver");
    expect(rows().some(({ id }) => id.startsWith("choice"))).toBe(false);
  });
});

describe("progress", () => {
  const storage = (content: string | null = null) => {
    const kept = new Map<string, string>(content === null ? [] : [["learn", content]]);
    return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  };

  it("keeps the best round of each level", () => {
    const kept = storage();
    note("organ", 3, 4, kept);
    note("organ", 1, 4, kept);
    note("side", 4, 4, kept);
    expect(read(kept)).toEqual({ organ: { rounds: 2, best: 0.75 }, side: { rounds: 1, best: 1 } });
  });

  it("starts again where what was kept can't be read", () => {
    for (const damaged of ["{", "null", "[1]", '{"organ": {"rounds": "many", "best": 3}}']) expect(read(storage(damaged))).toEqual({});
  });
});

describe("a teacher's own questions", () => {
  const own = [{ text: "Wo ist der Übeltäter? <b>", organ: "large_bowel" }];

  it("come back from the link as they were written", () => {
    expect(decode(encode(own))).toEqual(own);
    const { query, argument } = parse(new URL(shareLink("a/token", "https://example.org/", own)).hash);
    expect(argument).toBe("a/token");
    expect(decode(query.lesson ?? "")).toEqual(own);
    expect(shareLink("t", "https://example.org/", [{ text: " ", organ: "stomach" }])).not.toContain("lesson");
  });

  it("are refused where they are damaged, too many or too long", () => {
    const many = Array.from({ length: MOST_QUESTIONS + 1 }, () => ({ text: "?", organ: "stomach" }));
    const texts = ["", "%%%", encode(own).slice(3), btoa("{}"), btoa('[["a"]]'), btoa('[["a", 3]]'), btoa("[null]")];
    const wrong = [many, [{ text: "x".repeat(MOST_LETTERS + 1), organ: "stomach" }], [{ text: "?", organ: "<img>" }], [{ text: " ", organ: "stomach" }]];
    for (const text of [...texts, ...wrong.map(encode)]) expect(decode(text)).toEqual([]);
  });

  it("about an organ that the result does not have are left out", () => {
    expect(asQuestions([...own, { text: "?", organ: "liver" }], [{ name: "large_bowel", title: "Large bowel" }])).toEqual([
      { text: own[0]?.text, right: ["large_bowel"], answer: "Large bowel" },
    ]);
  });
});
