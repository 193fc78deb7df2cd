/** The names of the body's structures in the language of the page. */
import { language, t } from "../core/language";
import type { Text } from "../core/languages/de";

const NAMES: Record<string, Text> = {
  stomach: "Stomach",
  small_bowel: "Small bowel",
  large_bowel: "Large bowel",
  fundus: "Fundus of stomach",
  body_of_stomach: "Body of stomach",
  antrum: "Antrum",
  pylorus: "Pylorus",
  duodenum: "Duodenum",
  jejunum: "Jejunum",
  ileum: "Ileum",
  caecum: "Caecum",
  appendix: "Appendix",
  ascending_colon: "Ascending colon",
  right_colic_flexure: "Right colic flexure",
  transverse_colon: "Transverse colon",
  left_colic_flexure: "Left colic flexure",
  descending_colon: "Descending colon",
  sigmoid_colon: "Sigmoid colon",
  rectum: "Rectum",
  liver: "Liver",
  spleen: "Spleen",
  pancreas: "Pancreas",
  kidney_right: "Right kidney",
  kidney_left: "Left kidney",
  oesophagus: "Oesophagus",
  spine: "Spine",
};

/** The name of a structure; one that is not of the body keeps its own title. */
export function titleOf({ name, title }: { name: string; title: string }): string {
  const known = NAMES[name];
  return known ? t(known) : title;
}

/** The name inside a sentence: English has a small letter there, German has none. */
export function inSentence(structure: { name: string; title: string }): string {
  const title = titleOf(structure);
  return language.value === "en" ? title.charAt(0).toLowerCase() + title.slice(1) : title;
}
