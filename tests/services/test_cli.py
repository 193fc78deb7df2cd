"""The command line: same files from every way in, exit codes, one sentence for a bad scan."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import trimesh

from services import cli
from services.api.schemas import MEDIA_TYPES
from services.remote import FILES
from shared import artifacts
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen, default_grid
from shared.imaging.volume import LabelMap, Volume
from shared.ledger import models as known_models
from shared.models.registry import SERVICES
from tests.support import contracts
from tests.support.scans import write_nifti, write_png
from tests.support.tiny_models import by_brightness


def viscera(*arguments, cwd=None):
    command = [sys.executable, "-P", "-m", "services.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


@pytest.fixture(scope="module")
def phantom():
    return abdomen(default_grid(slices=24, side=96))


def test_run_writes_the_three_files_and_a_closing_line(tmp_path, phantom, capsys):
    scan = write_nifti(tmp_path / "a.nii.gz", phantom.volume)
    cli.main(["run", str(scan), "--out", str(tmp_path / "out")])
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["labels.nii.gz", "model.glb", "report.json"]
    assert " mL" in capsys.readouterr().out
    assert nib.load(tmp_path / "out" / "labels.nii.gz").shape == phantom.volume.data.T.shape
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(report["stage_seconds"]) == {"classifier", "segmenter"}
    assert len(report["models"]) == 2


def test_run_takes_a_spacing_for_png_stacks(tmp_path, phantom):
    cli.main(["run", str(write_png(tmp_path / "s", phantom.volume)), "--out", str(tmp_path), "--spacing", "4,2,2"])
    assert np.allclose(nib.load(tmp_path / "labels.nii.gz").header.get_zooms(), (2, 2, 4))


def test_run_with_a_model_of_volumes_writes_the_labels_and_names_of_its_card(tmp_path):
    case = Path(__file__).parent / "recorded" / "nnunet" / "MR"
    scan, answer = case / "scans" / "scan6_0000.nii.gz", case / "plain" / "scan6.nii.gz"
    cli.main(["run", str(scan), "--model", str(case), "--out", str(tmp_path), "--quality", "light"])
    labels, expected = nib.load(tmp_path / "labels.nii.gz"), nib.load(answer)
    assert np.allclose(labels.affine, expected.affine, atol=1e-3)
    assert (np.asarray(labels.dataobj) != np.asarray(expected.dataobj)).sum() <= 3
    report = json.loads((tmp_path / "report.json").read_text())
    assert [model["name"] for model in report["models"]] == ["Dataset902_MR-3d_fullres"]
    assert set(report["stage_seconds"]) == {"segmenter"}
    names = ["stomach", "small_bowel", "tumour"]
    assert [organ["name"] for organ in report["organs"]] == names
    assert report["organs"][2]["snomed_ct"] is None
    assert set(trimesh.load(tmp_path / "model.glb").geometry) == set(names)


def test_run_reads_a_folder_of_images_for_a_model_of_several_channels(tmp_path, capsys):
    case, scan, out = Path(__file__).parent / "recorded" / "nnunet" / "Regions", tmp_path / "scan", tmp_path / "out"
    scan.mkdir()
    for channel in ("0000", "0001"):
        shutil.copy(case / "scans" / f"scan6_{channel}.nii.gz", scan)
    cli.main(["run", str(scan), "--model", str(case), "--out", str(out), "--quality", "light"])
    labels, expected = nib.load(out / "labels.nii.gz"), nib.load(case / "plain" / "scan6.nii.gz")
    assert (np.asarray(labels.dataobj) != np.asarray(expected.dataobj)).sum() <= 3
    (scan / "scan6_0001.nii.gz").unlink()
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", str(scan), "--model", str(case), "--out", str(out)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert "reads 2 images (T1, rescale_to_0_1), and the scan has one image" in said


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_model_of_another_stage_is_refused(tmp_path, phantom, capsys, command):
    scan = write_nifti(tmp_path / "a.nii.gz", phantom.volume)
    with pytest.raises(SystemExit) as ended:
        cli.main([command, str(scan), "--model", str(SERVICES / "classifier"), "--out", str(tmp_path / "out")])
    assert ended.value.code == 1
    assert "here a segmenter is needed" in capsys.readouterr().err.replace("\n", " ")


def test_mesh_keeps_the_volume_of_the_labels(tmp_path, phantom):
    artifacts.save_labels(tmp_path / "l.nii.gz", phantom.labels)
    cli.main(["mesh", str(tmp_path / "l.nii.gz"), "--out", str(tmp_path), "--quality", "light"])
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["seconds"] > 0
    meshes = trimesh.load(tmp_path / "model.glb").geometry
    for organ in report["organs"]:
        voxels = np.count_nonzero(phantom.labels.data == organ["label"]) * phantom.labels.geometry.voxel_ml
        assert meshes[organ["name"]].is_watertight
        assert meshes[organ["name"]].volume * 1e6 == pytest.approx(voxels, rel=0.01)


def test_submit_and_mesh_load_no_module_that_only_posix_systems_have(tmp_path, phantom):
    artifacts.save_labels(tmp_path / "l.nii.gz", phantom.labels)
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('fcntl', 'grp', 'pwd', 'resource', 'termios')));"
        "from services.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-P", "-c", script]
    for words, status, says in (
        (["mesh", "l.nii.gz", "--out", ".", "--quality", "light"], 0, "Stomach"),
        (["submit", "l.nii.gz", "--url", "http://127.0.0.1:1", "--key", "x"], 1, "unreachable"),
        (["submit", "l.nii.gz", "l.nii.gz", "--url", "http://127.0.0.1:1"], 1, "unreachable"),
    ):
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=99, check=False, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        assert says in done.stdout + done.stderr


def test_mesh_names_labels_as_it_is_told(tmp_path, phantom):
    nib.save(nib.Nifti1Image(phantom.labels.data.T, phantom.labels.geometry.ras), tmp_path / "l.nii.gz")
    (tmp_path / "names.json").write_text('{"1": "liver", "3": "spleen"}')
    for labels, expected in (
        ([], ["label_1", "label_2", "label_3"]),
        (["--labels", "viscera"], ["stomach", "small_bowel", "large_bowel"]),
        (["--labels", str(tmp_path / "names.json")], ["liver", "label_2", "spleen"]),
    ):
        cli.main(["mesh", str(tmp_path / "l.nii.gz"), "--out", str(tmp_path), "--quality", "light", *labels])
        report = json.loads((tmp_path / "report.json").read_text())
        assert [organ["name"] for organ in report["organs"]] == expected
        assert sorted(trimesh.load(tmp_path / "model.glb").geometry) == sorted(expected)


def test_names_that_are_no_json_are_a_usage_error(tmp_path, phantom, capsys):
    artifacts.save_labels(tmp_path / "l.nii.gz", phantom.labels)
    (tmp_path / "names.json").write_text("liver")
    with pytest.raises(SystemExit) as caught:
        cli.main(["mesh", str(tmp_path / "l.nii.gz"), "--labels", str(tmp_path / "names.json")])
    assert caught.value.code == 2
    assert "JSON such as" in capsys.readouterr().err


def test_true_outlines_of_a_real_case_keep_their_volume(tmp_path, data):
    from shared.imaging.formats import read_scan

    volume = read_scan(data / "uwm" / "case139_day0" / "labels", spacing=(3.0, 1.5, 1.5))
    labels = LabelMap(volume.data.astype(np.uint8), volume.geometry)
    artifacts.save_labels(tmp_path / "l.nii.gz", labels)
    cli.main(["mesh", str(tmp_path / "l.nii.gz"), "--out", str(tmp_path)])
    meshes = trimesh.load(tmp_path / "model.glb").geometry
    for label, name in ((1, "stomach"), (2, "small_bowel"), (3, "large_bowel")):
        voxels = np.count_nonzero(labels.data == label) * labels.geometry.voxel_ml
        assert meshes[name].is_watertight
        assert meshes[name].volume * 1e6 == pytest.approx(voxels, rel=0.01)


def test_a_scan_that_needs_too_much_memory_prints_one_sentence(tmp_path):
    small = abdomen(Geometry.from_spacing((80, 128, 128), (5.0, 3.0, 3.0), directions=(1, 1, -1))).volume.data
    grid = Geometry.from_spacing((80, 512, 512), (5.0, 0.75, 0.75), directions=(1, 1, -1))
    data = small.repeat(4, axis=1).repeat(4, axis=2)  # a phantom of that size takes minutes to compute
    scan = write_nifti(tmp_path / "scan.nii", Volume(data, grid, "MR", "nifti"))
    command = shlex.join([sys.executable, "-P", "-m", "services.cli", "run", str(scan), "--out", str(tmp_path / "out")])
    limited = ["bash", "-c", f"ulimit -d 500000; {command}"]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("(out_of_memory)")


def test_bad_scan_prints_one_sentence_and_exits_2(tmp_path):
    (tmp_path / "secret-name.txt").write_text("no scan")
    for command in ("run", "mesh"):
        done = viscera(command, tmp_path / "secret-name.txt", cwd=tmp_path)
        assert done.returncode == 2
        lines = [line for line in done.stderr.splitlines() if "viscera:" in line]
        assert lines == ["viscera: There is no DICOM, NIfTI, NRRD, MGH or PNG image in it. (not_a_scan)"]
        assert "Traceback" not in done.stderr


def test_unreachable_server_is_said_in_one_sentence(tmp_path, phantom):
    scan = write_nifti(tmp_path / "a.nii.gz", phantom.volume)
    done = viscera("submit", scan, "--url", "http://127.0.0.1:1", "--key", "x", cwd=tmp_path)
    assert done.returncode == 1
    assert "unreachable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("spacing", ["1,2", "a,b,c", "0,1,1"])
def test_bad_spacing_is_a_usage_error(tmp_path, spacing):
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", str(tmp_path), "--spacing", spacing])
    assert caught.value.code == 2


def test_every_other_file_of_a_result_can_be_downloaded_by_its_name():
    assert set(cli.ALSO) == {*MEDIA_TYPES, "volume.nii.gz"} - set(FILES)


def test_a_scan_that_is_not_there_is_a_usage_error():
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "/no/such/scan"])
    assert caught.value.code == 2


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A copy of the shipped classifier in a folder of its own, and an empty folder for adopted models."""
    monkeypatch.setenv("VISCERA_MODELS", str(tmp_path / "adopted"))
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("card.json", "model.onnx"):
        shutil.copy(SERVICES / "classifier" / name, folder)
    return folder


def change_card(folder, **values):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | values))


def test_shipped_models_are_listed_and_verified(model, capsys):
    cli.main(["models", "verify"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[::2]] == [["*", "classifier"], ["*", "segmenter"]]
    assert all("seconds a batch: cpu " in line for line in lines[1::2])


def test_a_model_of_ones_own_is_used_once_adopted(model, tmp_path, phantom, capsys):
    change_card(model, name="mine", version="9")
    cli.main(["models", "use", str(model)])
    cli.main(["models", "list"])
    used = [line for line in capsys.readouterr().out.splitlines() if line.startswith("*")]
    assert any("mine 9" in line for line in used)
    assert len(used) == 2
    scan = write_nifti(tmp_path / "a.nii.gz", phantom.volume)
    cli.main(["run", str(scan), "--out", str(tmp_path / "out")])
    assert "mine" in {m["name"] for m in json.loads((tmp_path / "out" / "report.json").read_text())["models"]}


def test_models_are_added_used_by_name_and_removed(model, tmp_path, capsys):
    segmenter = by_brightness(tmp_path / "mine2", name="bright", modalities=("MR", "CT"))
    cli.main(["models", "add", str(segmenter)])
    assert "model=bright" in capsys.readouterr().out
    cli.main(["models", "use", "bright"])
    with pytest.raises(SystemExit):
        cli.main(["models", "remove", "bright"])
    assert "choose another one first" in capsys.readouterr().err
    cli.main(["models", "use", str(SERVICES / "segmenter")])
    cli.main(["models", "use", "bright@1"])
    cli.main(["models", "use", "gut-pair"])
    capsys.readouterr()
    cli.main(["models", "list"])
    listed = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
    assert listed.count(["*", "segmenter", "gut-pair"]) == 1
    assert any(words[-1] == "bright" for words in listed)


def test_a_roll_out_is_shown_and_ended_by_one_command(model, tmp_path, capsys):
    place = ["--data", str(tmp_path)]
    with contracts.sqlite(tmp_path) as ledger, ledger.write() as connection:
        known_models.report(connection, [known_models.KnownModel("1" * 64, "liver", "2", True, ("CT",))])
    cli.main(["models", "roll-out", "liver", "--share", "20", *place])
    assert capsys.readouterr().out.startswith("liver 2 gets 20 % of the jobs of CT that name no model.")
    cli.main(["models", "list", *place])
    assert "Roll-out: liver 2 gets 20 % of the jobs of CT." in capsys.readouterr().out
    cli.main(["models", "roll-back", *place])
    assert "No further job of CT gets liver 2" in capsys.readouterr().out
    cli.main(["models", "roll-back", *place])
    assert capsys.readouterr().out == "No model is rolled out.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["roll-out", "--share", "20"], "Name the model"),
        (["roll-out", "liver"], "Say how many percent of the jobs"),
        (["roll-out", "liver", "--share", "20"], "No model here has that name"),
        (["roll-out", "gut-pair", "--share", "0", "--shadow"], "1 to 100 percent"),
    ],
)
def test_a_roll_out_that_can_not_begin_is_refused_with_a_sentence(model, tmp_path, capsys, words, sentence):
    with contracts.sqlite(tmp_path):
        pass
    with pytest.raises(SystemExit) as ended:
        cli.main(["models", *words, "--data", str(tmp_path)])
    assert ended.value.code == 1
    assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_models_are_listed_without_a_ledger_and_a_roll_out_needs_one(model, tmp_path, capsys):
    cli.main(["models", "list", "--data", str(tmp_path)])
    assert "Roll-outs are not known: There is no ledger" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["models", "roll-back", "--data", str(tmp_path)])
    assert "no_ledger" in capsys.readouterr().err
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize("fault", ["checksum", "card", "shape"])
def test_a_model_that_is_not_what_it_says_is_refused(model, tmp_path, capsys, fault):
    if fault == "checksum":
        change_card(model, sha256="0" * 64)
    elif fault == "card":
        (model / "card.json").unlink()
    else:
        change_card(model, labels=["only one"])
    with pytest.raises(SystemExit) as caught:
        cli.main(["models", "use", str(model)])
    assert caught.value.code == 1
    assert list((tmp_path / "adopted").rglob("chosen*")) == []
    assert "bad_model" in capsys.readouterr().err


def test_a_dimse_node_in_a_network_needs_a_list_of_callers(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "--host", "0.0.0.0", "--dimse-port", "11112", "--data", str(tmp_path / "data")])
    assert ended.value.code == 1
    assert "VISCERA_DIMSE_CLIENTS" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
