/** Every file of a result. */
import type { Job } from "../core/types";

const FILES: [string, string, string][] = [
  ["model.glb", "GLB", "for browsers, headsets and slides"],
  ["model.stl", "STL", "for printers"],
  ["model.3mf", "3MF", "for printers, in colour"],
  ["model.obj.zip", "OBJ", "for modelling programs"],
  ["labels.nii.gz", "Outlines", "NIfTI label map on the scan's grid"],
  ["volume.nii.gz", "Volume", "NIfTI of the scan, without its header's text"],
  ["segmentation.dcm", "DICOM SEG", "for the archive"],
  ["sr.dcm", "DICOM SR", "measurements for the archive"],
  ["report.json", "Report", "measurements as JSON"],
  ["thumbnail.png", "Picture", "of the model, from the front"],
];

export function Downloads({ job }: { job: Job }) {
  const there = FILES.filter(([name]) => job.links[name] !== undefined);
  return (
    <section class="card">
      <h2>Downloads</h2>
      <ul class="downloads">
        {there.map(([name, title, use]) => (
          <li key={name}>
            <a href={job.links[name]} download={name}>
              {title}
            </a>
            <span class="muted">{use}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
