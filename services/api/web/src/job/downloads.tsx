/** Every file of a result. Most are written at their first request, so a link waits before the browser follows it. */
import { useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import type { Job } from "../core/types";
import { Problems } from "../ui/parts";

const FILES: [string, string, string][] = [
  ["model.glb", "GLB", "for browsers, headsets and slides"],
  ["model.stl", "STL", "for printers"],
  ["model.3mf", "3MF", "for printers, in colour"],
  ["model.obj.zip", "OBJ", "for modelling programs"],
  ["labels.nii.gz", "Outlines", "NIfTI label map on the scan's grid"],
  ["volume.nii.gz", "Volume", "NIfTI of the scan, without its header's text"],
  ["segmentation.dcm", "DICOM SEG", "for the archive"],
  ["sr.dcm", "DICOM SR", "measurements for the archive"],
  ["rtstruct.dcm", "DICOM RTSTRUCT", "contours for planning"],
  ["report.json", "Report", "measurements as JSON"],
  ["thumbnail.png", "Picture", "of the model, from the front"],
];

export function Downloads({ job }: { job: Job }) {
  const [waiting, setWaiting] = useState("");
  const [problem, setProblem] = useState("");
  const download = async (event: Event, name: string) => {
    event.preventDefault();
    const path = job.links[name];
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
  const there = FILES.filter(([name]) => job.links[name] !== undefined);
  return (
    <section class="card">
      <h2>Downloads</h2>
      <ul class="downloads">
        {there.map(([name, title, use]) => (
          <li key={name}>
            <a href={job.links[name]} download={name} onClick={(event) => void download(event, name)}>
              {title}
            </a>
            <span class="muted">{waiting === name ? "is being prepared" : use}</span>
          </li>
        ))}
      </ul>
      <Problems text={problem} />
    </section>
  );
}

function save(path: string, name: string): void {
  const link = document.createElement("a");
  link.href = path;
  link.download = name;
  link.click();
}
