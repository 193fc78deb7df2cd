/** Every file of a result. Most are written at their first request, so a link waits before the browser follows it. */
import { useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { Dialog, Problems } from "../ui/parts";

const FILES: [string, Text, Text][] = [
  ["model.glb", "GLB", "for browsers, headsets and slides"],
  ["model.stl", "STL", "for printers"],
  ["model.3mf", "3MF", "for printers, in colour"],
  ["model.usdz", "USDZ", "for iPhones and iPads"],
  ["model.obj.zip", "OBJ", "for modelling programs"],
  ["labels.nii.gz", "Outlines", "NIfTI label map on the scan's grid"],
  ["volume.nii.gz", "Volume", "NIfTI of the scan, without its header's text"],
  ["segmentation.dcm", "DICOM SEG", "for the archive"],
  ["sr.dcm", "DICOM SR", "measurements for the archive"],
  ["rtstruct.dcm", "DICOM RTSTRUCT", "contours for planning"],
  ["report.pdf", "Report", "PDF to read and print"],
  ["report.json", "Measurements", "measurements as JSON"],
  ["thumbnail.png", "Picture", "of the model, from the front"],
];

export function Downloads({ links, onClose }: { links: Record<string, string>; onClose: () => void }) {
  const [waiting, setWaiting] = useState("");
  const [problem, setProblem] = useState("");
  const download = async (event: Event, name: string) => {
    event.preventDefault();
    const path = links[name];
    if (path === undefined || waiting === name) return;
    setProblem("");
    setWaiting(name);
    try {
      await api.written(path);
      save(path, name);
    } catch (error) {
      setProblem(sentence(error));
    }
    setWaiting("");
  };
  const there = FILES.filter(([name]) => links[name] !== undefined);
  return (
    <Dialog title={t("Downloads")} onClose={onClose}>
      <ul class="downloads">
        {there.map(([name, title, use]) => (
          <li key={name}>
            <a href={links[name]} download={name} onClick={(event) => void download(event, name)}>
              {t(title)}
            </a>
            <span class="muted">{waiting === name ? t("is being prepared") : t(use)}</span>
          </li>
        ))}
      </ul>
      <Problems text={problem} />
    </Dialog>
  );
}

function save(path: string, name: string): void {
  const link = document.createElement("a");
  link.href = path;
  link.download = name;
  link.click();
}
