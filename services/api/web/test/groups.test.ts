import { describe, expect, it } from "vitest";
import { groupsOf } from "../src/core/groups";
import type { OrganReport, Report } from "../src/core/types";
import { ResultState } from "../src/job/state";
import { rowsFor } from "../src/xr/rows";

const named = (...names: string[]) => names.map((name) => ({ name, title: name }));
const RIBS = ["left", "right"].flatMap((side) => [1, 2, 3, 4, 5, 6].map((n) => `rib_${side}_${n}`));

describe("many organs", () => {
  it("are grouped by kind, whatever side and number; few of a kind are among the others", () => {
    const groups = groupsOf(named("liver", ...RIBS, "left kidney", "kidney_right", "Vertebra L1", "vertebra_L2", "vertebra-T12"));
    expect(groups.map(({ title, organs }) => [title, organs.length])).toEqual([["", 3], ["Rib", 12], ["Vertebra", 3]]);
    expect(groups[0]?.organs.map(({ name }) => name)).toEqual(["liver", "left kidney", "kidney_right"]);
  });

  it("without names of their own are grouped by their titles", () => {
    const organs = [1, 2, 3, 4].map((n) => ({ name: `label_${n}`, title: `Vertebra ${n}` }));
    expect(groupsOf(organs).map(({ title, organs: own }) => [title, own.length])).toEqual([["Vertebra", 4]]);
  });

  it("are all in exactly one group", () => {
    const organs = named(...RIBS, "label_1", "label_2", "label_3", "7", "left", "Größe", "größe_2", "größe_3");
    const found = groupsOf(organs).flatMap((group) => group.organs);
    expect([...found].sort((a, b) => a.name.localeCompare(b.name))).toEqual([...organs].sort((a, b) => a.name.localeCompare(b.name)));
  });
});

describe("the board with many organs", () => {
  const state = (): ResultState =>
    new ResultState({
      organs: [...RIBS, "liver"].map((name, at) => ({ name, title: name, label: at + 1, present: true, volume_ml: 1, colour: [1, 2, 3] }) as unknown as OrganReport),
    } as Report);
  const actions = { correct: [], measure: [], clip: () => {}, clipOn: false, scale: 1, lifeSize: () => {}, lift: () => {}, reset: () => {}, leave: () => {} };
  const press = (of: ResultState, id: string): void => rowsFor(of, actions).find((row) => row.id === id)?.act?.();
  const ids = (of: ResultState): string[] => rowsFor(of, actions).map(({ id }) => id);

  it("shows groups, then a page of organs, and back", () => {
    const shown = state();
    expect(ids(shown).slice(0, 3)).toEqual(["all", "group:", "group:rib"]);
    press(shown, "group:rib");
    expect(ids(shown).slice(1, 7)).toEqual(RIBS.slice(0, 6));
    press(shown, "more");
    expect(ids(shown).slice(1, 7)).toEqual(RIBS.slice(6));
    press(shown, "groups");
    expect(ids(shown)).toContain("group:rib");
    expect(ids(shown).length).toBeLessThan(13);
  });

  it("hides and shows a group or all of them, and isolates the organ that was pointed at", () => {
    const shown = state();
    const visible = (): number => shown.organs.filter((organ) => organ.visible.value).length;
    press(shown, "group:rib");
    press(shown, "all");
    expect(visible()).toBe(1);
    press(shown, "groups");
    press(shown, "all");
    expect(visible()).toBe(13);
    press(shown, "all");
    expect(visible()).toBe(0);
    shown.selected.value = "liver";
    press(shown, "isolate");
    expect(shown.organs.filter((organ) => organ.visible.value).map(({ name }) => name)).toEqual(["liver"]);
  });
});
