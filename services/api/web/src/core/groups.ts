/** Many organs in groups by the first word of their names: ribs, vertebrae, lungs. It works for any model's names. */

export interface Named {
  readonly name: string;
  readonly title: string;
}

export interface Group<Organ extends Named> {
  key: string;
  /** Empty for the group of all that is in no other one. */
  title: string;
  organs: Organ[];
}

/** From this number of organs on they are shown in groups. */
export const MANY = 10;
/** Fewer of one kind are no group. */
const LEAST = 3;
const NAMELESS = /^label$/;
const SIDES = /^(left|right|upper|lower|middle)$/;

export function groupsOf<Organ extends Named>(organs: readonly Organ[]): Group<Organ>[] {
  const kinds = new Map<string, Organ[]>();
  for (const organ of organs) kinds.set(kindOf(organ), [...(kinds.get(kindOf(organ)) ?? []), organ]);
  const groups: Group<Organ>[] = [];
  const others: Organ[] = [];
  for (const [key, members] of kinds) {
    if (members.length < LEAST) others.push(...members);
    else groups.push({ key, title: key.charAt(0).toUpperCase() + key.slice(1), organs: members });
  }
  const order = new Map(organs.map((organ, at) => [organ, at]));
  others.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  groups.sort((a, b) => a.title.localeCompare(b.title));
  return others.length > 0 ? [{ key: "", title: "", organs: others }, ...groups] : groups;
}

/** The first word of a name that is no side and no number; of the title where the name is only `label_N`. */
function kindOf({ name, title }: Named): string {
  return firstWord(name, NAMELESS) ?? firstWord(title) ?? name;
}

function firstWord(text: string, besides = SIDES): string | undefined {
  const words = text.toLowerCase().split(/[^\p{L}]+/u).filter(Boolean);
  return words.find((word) => !SIDES.test(word) && !besides.test(word) && word.length > 1);
}
