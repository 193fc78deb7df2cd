"""Other ways from a label map to surfaces, as their users run them.

Each takes a label map and gives, per label, vertices in mm (index times spacing, as the cases are axis-aligned) and
faces. They need the packages of bench/requirements.txt.
"""

from __future__ import annotations

import gzip
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from shared.imaging.volume import LabelMap

Surfaces = dict[int, tuple[NDArray[Any], NDArray[Any]]]


def published(label_map: LabelMap) -> Surfaces:
    """The way of the published project: cubic zoom of each mask to even voxels, closing, marching cubes."""
    from scipy import ndimage
    from skimage.measure import marching_cubes

    spacing = np.array(label_map.geometry.spacing)
    surfaces = {}
    for label in _labels(label_map):
        mask = (label_map.data == label).astype(np.float32)
        zoomed = ndimage.zoom(mask, spacing / spacing.min(), order=3) > 0.5
        closed = np.pad(ndimage.binary_closing(zoomed, iterations=2), 1)
        vertices, faces, _, _ = marching_cubes(closed.astype(np.float32), 0.5)
        surfaces[label] = ((vertices - 1.0)[:, ::-1] * spacing.min(), faces)
    return surfaces


def skimage_taubin(label_map: LabelMap, reduction: float = 0.5) -> Surfaces:
    """scikit-image on each padded crop, trimesh's Taubin filter, fast-simplification."""
    import fast_simplification
    import trimesh

    surfaces = {}
    for label, (vertices, faces) in _cubes(label_map):
        result = trimesh.Trimesh(vertices, faces, process=False)
        trimesh.smoothing.filter_taubin(result, lamb=0.5, nu=0.53, iterations=10)
        surfaces[label] = fast_simplification.simplify(
            np.asarray(result.vertices, dtype=np.float32), np.asarray(result.faces, dtype=np.int32), reduction
        )
    return surfaces


def _cubes(label_map: LabelMap) -> Iterator[tuple[int, tuple[NDArray[Any], NDArray[Any]]]]:
    """scikit-image's surface of each label's padded crop."""
    from scipy import ndimage
    from skimage.measure import marching_cubes

    spacing = label_map.geometry.spacing
    for label, box in enumerate(ndimage.find_objects(label_map.data), start=1):
        if box is None:
            continue
        mask = np.pad(label_map.data[box] == label, 1).astype(np.float32)
        vertices, faces, _, _ = marching_cubes(mask, 0.5, spacing=spacing)
        corner = (np.array([s.start for s in box]) - 1) * spacing
        yield label, ((vertices + corner)[:, ::-1], faces)


def slicer(label_map: LabelMap, smoothing: float = 0.5, reduction: float = 0.9) -> Surfaces:
    """3D Slicer's closed surface: discrete flying edges, windowed sinc (pass band 10^(-4 s)), quadric decimation."""
    import vtk

    surfaces = {}
    for label in _labels(label_map):
        edges = vtk.vtkDiscreteFlyingEdges3D()
        image = _image(label_map, label)  # kept by name: a port does not hold on to its filter
        edges.SetInputConnection(image.GetOutputPort())
        edges.ComputeNormalsOff()
        edges.ComputeGradientsOff()
        edges.ComputeScalarsOff()
        edges.SetValue(0, 1)
        sinc = vtk.vtkWindowedSincPolyDataFilter()
        sinc.SetInputConnection(edges.GetOutputPort())
        sinc.SetNumberOfIterations(20)
        sinc.BoundarySmoothingOff()
        sinc.FeatureEdgeSmoothingOff()
        sinc.SetPassBand(10.0 ** (-4.0 * smoothing))
        sinc.NonManifoldSmoothingOn()
        sinc.NormalizeCoordinatesOn()
        surfaces[label] = _decimated(sinc, reduction)
    return surfaces


def surface_nets(label_map: LabelMap, reduction: float = 0.9) -> Surfaces:
    """VTK's SurfaceNets3D with its own smoothing, then quadric decimation."""
    import vtk

    surfaces = {}
    for label in _labels(label_map):
        nets = vtk.vtkSurfaceNets3D()
        image = _image(label_map, label)
        nets.SetInputConnection(image.GetOutputPort())
        nets.SetValue(0, 1)
        nets.SmoothingOn()
        nets.SetOutputMeshTypeToTriangles()
        surfaces[label] = _decimated(nets, reduction)
    return surfaces


def niimath(label_map: LabelMap) -> Surfaces:
    """nii2mesh, as it lives on in niimath: its own smoothing and, to a quarter, its own decimation."""
    from niimath import bin_path

    program = str(bin_path() if callable(bin_path) else bin_path)
    surfaces = {}
    with tempfile.TemporaryDirectory() as folder:
        for label in _labels(label_map):
            mask = (label_map.data == label).astype(np.uint8).transpose(2, 1, 0)
            affine = np.diag([*label_map.geometry.spacing[::-1], 1.0])
            nibabel.Nifti1Image(np.ascontiguousarray(mask), affine).to_filename(f"{folder}/mask.nii")
            options = ["-mesh", "-i", "0.5", "-l", "0", "-v", "0"]
            subprocess.run([program, f"{folder}/mask.nii", *options, f"{folder}/mask.mz3"], check=True)
            surfaces[label] = _mz3(Path(folder, "mask.mz3"))
    return surfaces


def _mz3(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Vertices and faces of an MZ3 file (Rorden's Surfice), which may be packed by gzip."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    _, _, faces, vertices, skip = struct.unpack_from("<HHIII", raw)
    triangles = np.frombuffer(raw, "<i4", 3 * faces, 16 + skip).reshape(-1, 3)
    points = np.frombuffer(raw, "<f4", 3 * vertices, 16 + skip + 12 * faces).reshape(-1, 3)
    return points.astype(np.float64), triangles


def pymeshlab(label_map: LabelMap, keep: float = 0.5) -> Surfaces:
    """scikit-image, then MeshLab's Taubin filter and quadric edge collapse that keeps the topology."""
    import pymeshlab as ml

    surfaces = {}
    for label, (vertices, faces) in _cubes(label_map):
        result = ml.MeshSet()
        result.add_mesh(ml.Mesh(vertices, faces))
        result.apply_coord_taubin_smoothing(stepsmoothnum=10)
        result.meshing_decimation_quadric_edge_collapse(
            targetfacenum=int(keep * len(faces)), preservetopology=True, preservenormal=True, optimalplacement=True
        )
        surfaces[label] = (result.current_mesh().vertex_matrix(), result.current_mesh().face_matrix())
    return surfaces


def _labels(label_map: LabelMap) -> list[int]:
    return [
        int(label) for label in np.flatnonzero(np.bincount(label_map.data.reshape(-1)[::1], minlength=256)) if label
    ]


def _image(label_map: LabelMap, label: int) -> Any:
    import vtk
    from vtk.util import numpy_support

    mask = np.ascontiguousarray(label_map.data == label).view(np.uint8)
    slices, rows, columns = mask.shape
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, slices)
    image.SetSpacing(*label_map.geometry.spacing[::-1])
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(mask.reshape(-1), deep=True))
    pad = vtk.vtkImageConstantPad()
    pad.SetInputData(image)
    pad.SetOutputWholeExtent(-1, columns, -1, rows, -1, slices)
    return pad


def _decimated(source: Any, reduction: float) -> tuple[NDArray[Any], NDArray[Any]]:
    import vtk
    from vtk.util import numpy_support

    last = source
    if reduction:
        last = vtk.vtkQuadricDecimation()
        last.SetInputConnection(source.GetOutputPort())
        last.SetTargetReduction(reduction)
        last.VolumePreservationOn()
    last.Update()
    result = last.GetOutput()
    points = numpy_support.vtk_to_numpy(result.GetPoints().GetData()).astype(np.float64)
    return points, numpy_support.vtk_to_numpy(result.GetPolys().GetConnectivityArray()).reshape(-1, 3)


def text_obj(surfaces: Surfaces) -> bytes:
    """The published project's file: a text OBJ."""
    lines, first = [], 1
    for label, (vertices, faces) in surfaces.items():
        lines.append(f"o {label}")
        lines += [f"v {x} {y} {z}" for x, y, z in vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in faces + first]
        first += len(vertices)
    return "\n".join(lines).encode()


def trimesh_glb(surfaces: Surfaces) -> bytes:
    """trimesh's GLB of the surfaces."""
    import trimesh

    scene = trimesh.Scene()
    for vertices, faces in surfaces.values():
        result = trimesh.Trimesh(vertices / 1000.0, faces, process=False)
        result.vertex_normals  # noqa: B018 - makes trimesh store them
        scene.add_geometry(result)
    exported: bytes = scene.export(file_type="glb")
    return exported


WAYS: dict[str, tuple[Callable[[LabelMap], Surfaces], Callable[[Surfaces], bytes]]] = {
    "published way": (published, text_obj),
    "scikit-image + Taubin + fast-simplification": (skimage_taubin, trimesh_glb),
    "Slicer's recipe": (slicer, trimesh_glb),
    "Slicer's recipe, no decimation": (lambda labels: slicer(labels, reduction=0.0), trimesh_glb),
    "SurfaceNets3D + quadric": (surface_nets, trimesh_glb),
    "nii2mesh (niimath)": (niimath, trimesh_glb),
    "scikit-image + MeshLab, keeping topology": (pymeshlab, trimesh_glb),
}
