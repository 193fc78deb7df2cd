"""A scan is decoded in a child that may take only so much, and its errors arrive as they were raised."""

import gzip
import os
import platform
import re
import shlex
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from shared import sandbox
from shared.errors import BadScan, CorruptScan, NotAScan, ScanTooLarge, Unavailable
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.sandbox import system_calls
from tests.support.scans import MR, small_grid, write_nifti


def test_decode_gives_what_the_reader_gives(tmp_path):
    path = write_nifti(tmp_path / "a.nii.gz", abdomen(small_grid()).volume)
    here, there = read_scan(path), sandbox.decode(path)
    assert np.array_equal(here.data, there.data)
    assert here.geometry == there.geometry
    assert (here.modality, here.source, here.warnings) == (there.modality, there.source, there.warnings)


def test_inspect_reads_no_voxels(tmp_path):
    path = write_nifti(tmp_path / "a.nii", abdomen(small_grid()).volume)
    os.truncate(path, 400)
    assert sandbox.inspect(path).shape == (12, 40, 48)
    with pytest.raises(CorruptScan):
        sandbox.decode(path)


def test_errors_keep_their_class_code_and_sentence(tmp_path):
    (tmp_path / "a.txt").write_text("nothing")
    with pytest.raises(NotAScan) as caught:
        sandbox.decode(tmp_path / "a.txt")
    assert (caught.value.code, caught.value.detail) == (
        "not_a_scan",
        "There is no DICOM, NIfTI, NRRD, MGH or PNG image in it.",
    )


def test_a_scan_that_takes_more_memory_than_it_declares_is_stopped(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape((8, 8, 8))
    header.set_data_dtype(np.int16)
    header["vox_offset"] = 2_000_000_000
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + b"\0" * 3_000_000))
    with pytest.raises(BadScan):
        sandbox.decode(tmp_path / "a.nii.gz")


def test_a_deflated_bomb_meets_the_memory_limit(tmp_path):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR, generate_uid()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    with (tmp_path / "bomb.dcm").open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(file, meta)
        packer = zlib.compressobj(9, wbits=-15)
        for _ in range(700):
            file.write(packer.compress(b"\0" * 2**20))
        file.write(packer.flush())
    with pytest.raises(ScanTooLarge) as caught:
        sandbox.inspect(tmp_path / "bomb.dcm")
    assert caught.value.code == "scan_too_large"


def test_a_child_that_dies_is_the_scans_fault_not_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-c", "import os; os.kill(os.getpid(), 11)"])
    with pytest.raises(CorruptScan) as caught:
        sandbox.decode(tmp_path)
    assert caught.value.code == "decoder_crashed"


def test_a_child_that_loops_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-c", "while True: pass"])
    monkeypatch.setattr(sandbox, "GRACE", 4.0)
    with pytest.raises(CorruptScan) as caught:
        sandbox.decode(tmp_path, seconds=1.0)
    assert caught.value.code == "scan_too_slow"


def test_a_child_that_gets_no_processor_is_the_machines_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(sandbox, "GRACE", 0.5)
    with pytest.raises(Unavailable) as caught:
        sandbox.decode(tmp_path, seconds=0.5)
    assert (caught.value.code, caught.value.status) == ("busy", 503)


def test_a_memory_limit_of_the_shell_is_kept(tmp_path):
    scan = write_nifti(tmp_path / "scan.nii", abdomen(small_grid()).volume)
    program = "import sys; from shared import sandbox; print(sandbox.decode(sys.argv[1]).data.shape)"
    command = shlex.join([sys.executable, "-P", "-c", program, str(scan)])
    enough = subprocess.run(
        ["bash", "-c", f"ulimit -v 16777216; {command}"], capture_output=True, text=True, check=False
    )
    assert enough.stdout == "(12, 40, 48)\n", enough.stderr


def test_a_limit_of_the_shell_that_is_too_low_is_blamed_and_not_the_scan(tmp_path, monkeypatch):
    nib.save(nib.Nifti1Image(np.zeros((512, 512, 400), np.int16), np.eye(4)), tmp_path / "large.nii")  # 200 MiB
    program = (
        "import resource, nibabel; from shared.sandbox import __main__ as child; import shared.imaging.formats.nifti;"
        "resource.setrlimit(resource.RLIMIT_AS, (child._mapped() + (128 << 20),) * 2); child.main()"
    )
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-P", "-c", program])
    with pytest.raises(Unavailable) as caught:
        sandbox.decode(tmp_path / "large.nii")
    assert caught.value.code == "memory_limit"


def inside(monkeypatch, tmp_path, body):
    """What a statement that sets `result` finds in the child, once it has given up its rights; `data` is tmp_path."""
    program = (
        "import sys\n"
        "from shared.sandbox import __main__ as child\n"
        "def read(request):\n"
        "    import ctypes, os, pathlib, resource, signal, socket, subprocess, tempfile, threading\n"
        f"    data, result = pathlib.Path({str(tmp_path)!r}), None\n"
        f"{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "    return {'result': result}\n"
        "child._read = read\n"
        "child.main()\n"
    )
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-P", "-c", program])
    (tmp_path / "scan").write_bytes(b"scan")
    request = {"path": str(tmp_path / "scan"), "spacing": None, "out": str(tmp_path / "out")}
    return sandbox._ask(request, 20.0)["result"]


def refusals(monkeypatch, tmp_path, *calls):
    """The name of the error of each expression in the child, or its value."""
    body = f"""
        result = []
        for call in {calls!r}:
            try:
                result.append(repr(eval(call)))
            except OSError as error:
                result.append(type(error).__name__)
    """
    return dict(zip(calls, inside(monkeypatch, tmp_path, body), strict=True))


def needs(mechanism):
    active = sandbox.mechanisms()
    if mechanism not in active:
        pytest.skip(f"this kernel has no {mechanism}: {active}")


def test_the_child_knows_no_secret_and_starts_no_process(monkeypatch, tmp_path):
    for name in ("VISCERA_KEY", "VISCERA_LEDGER_URL", "AWS_SECRET_ACCESS_KEY", "ANYTHING_ELSE"):
        monkeypatch.setenv(name, "canary")
    body = """
        result = [dict(os.environ)]
        result += [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE)]
    """
    environment, processes, file = inside(monkeypatch, tmp_path, body)
    assert "canary" not in environment.values()
    assert set(environment) <= {
        *sandbox._KEPT,
        *sandbox._SINGLE_THREAD,
        "PYTHONPATH",
        "PYTHONWARNINGS",
        "TMPDIR",
        "LC_CTYPE",
    }
    assert processes == 0
    assert 0 < file <= 16 * 2**30


def test_the_child_opens_no_connection_and_starts_or_signals_no_process(monkeypatch, tmp_path):
    needs("seccomp")
    result = refusals(
        monkeypatch, tmp_path, "socket.socket()", "socket.socket(socket.AF_UNIX)", "socket.socketpair()", "os.fork()",
        "subprocess.run(['/bin/true'])", "os.execv('/bin/true', ['true'])", "os.kill(os.getppid(), 0)",
        "os.kill(0, 0)", "os.kill(-1, 0)", "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)", "os.chmod(data / 'scan', 0o777)",
        "os.utime(data / 'scan')", "os.truncate(data / 'scan', 0)",
    )  # fmt: skip
    assert result == dict.fromkeys(result, "PermissionError")


def test_the_child_starts_no_thread_traces_nobody_and_has_no_second_table_of_calls(monkeypatch, tmp_path):
    needs("seccomp")
    body = """
        system = ctypes.CDLL(None, use_errno=True)
        def errno_of(*arguments):
            return ctypes.get_errno() if system.syscall(*arguments) == -1 else 0
        result = [errno_of(2**30 + 39), errno_of(5000), errno_of(425, 8, None)]
        ctypes.set_errno(0)
        system.ptrace(0, 0, None, None)  # PTRACE_TRACEME, which else succeeds
        result.append(ctypes.get_errno())
        try:
            threading.Thread(target=print).start()
        except RuntimeError:
            result.append("no thread")
        os.kill(os.getpid(), 0)
    """
    enosys, eperm = 38, 1
    assert inside(monkeypatch, tmp_path, body) == [enosys, enosys, eperm, eperm, "no thread"]


def test_the_child_reads_its_scan_and_no_other_file_of_the_user(monkeypatch, tmp_path):
    needs("landlock")
    (tmp_path / "key").write_text("canary")
    (tmp_path / "link").symlink_to(tmp_path / "key")
    result = refusals(
        monkeypatch, tmp_path, "(data / 'key').read_bytes()", "(data / 'link').read_bytes()", "os.listdir(data)",
        "open('/etc/passwd').read()", "os.listdir(sys.prefix)", "open(f'/proc/{os.getppid()}/environ').read()",
        "open(f'/proc/{os.getppid()}/maps').read()", f"open({__file__!r}).read()",
        f"os.listdir({str(Path(__file__).parents[2])!r})", "(data / 'new').touch()", "os.unlink(data / 'scan')",
        "os.rename(data / 'scan', data / 'moved')", "os.link(data / 'key', os.environ['TMPDIR'] + '/key')",
        "open(data / 'scan', 'ab')", "open('/tmp/viscera-canary', 'w')", "os.mkdir(os.environ['TMPDIR'] + '/a')",
    )  # fmt: skip
    assert result.pop("os.link(data / 'key', os.environ['TMPDIR'] + '/key')") == "OSError"  # EXDEV
    assert result == dict.fromkeys(result, "PermissionError")
    assert (tmp_path / "key").read_text() == "canary"


def test_the_child_writes_its_result_and_its_own_temporary_files(monkeypatch, tmp_path):
    body = """
        (data / "out").write_bytes((data / "scan").read_bytes() * 2)
        with tempfile.TemporaryFile() as one, tempfile.NamedTemporaryFile() as other:
            result = [one.write(b"1"), other.write(b"1"), tempfile.gettempdir()]
    """
    first, second, scratch = inside(monkeypatch, tmp_path, body)
    assert (first, second) == (1, 1)
    assert (tmp_path / "out").read_bytes() == b"scanscan"
    assert not Path(scratch).exists()


def test_a_scan_of_symbolic_links_is_read_and_nothing_beside_their_targets(tmp_path):
    real = write_nifti(tmp_path / "real.nii.gz", abdomen(small_grid()).volume)
    folder = tmp_path / "scan"
    folder.mkdir()
    (folder / "a.nii.gz").symlink_to(real)
    assert sandbox.decode(folder).data.shape == (12, 40, 48)


def test_the_numbers_of_system_calls_are_those_of_the_headers():
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    generic = Path("/usr/include/asm-generic/unistd.h")
    if not (header.exists() and generic.exists()):
        pytest.skip("the headers of Linux are not installed here")
    for column, path in enumerate((header, generic)):
        numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", path.read_text()))
        for group in system_calls._DENIED.values():
            for name, pair in group.items():
                assert name not in numbers or int(numbers[name]) == pair[column], name


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_the_child_has_a_single_thread_when_it_gives_up_its_rights(monkeypatch, tmp_path):
    program = (
        "import os; from shared.sandbox import __main__ as child;"
        "child.isolate = lambda *_: [str(len(os.listdir('/proc/self/task')))]; child.main()"
    )
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-P", "-c", program])
    assert sandbox.mechanisms() == ["1"]


def test_a_machine_without_a_table_of_calls_gets_no_filter():
    assert system_calls.filter_program("riscv64", 1) is None


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("isolation._LANDLOCK_CREATE = 9999", ["seccomp"]),  # a number that no kernel has, as on one before 5.13
        ("system_calls._MACHINES = {}", ["landlock"]),
        ("isolation._SET_NO_NEW_PRIVS = 9999", []),
    ],
)
def test_a_kernel_without_a_mechanism_decodes_all_the_same(monkeypatch, tmp_path, change, left):
    needs("landlock")
    needs("seccomp")
    program = (
        f"import sys; from shared.sandbox import __main__ as child, isolation, system_calls; {change}; child.main()"
    )
    monkeypatch.setattr(sandbox, "ARGUMENTS", ["-P", "-c", program])
    assert sandbox.mechanisms() == left
    assert sandbox.inspect(write_nifti(tmp_path / "a.nii", abdomen(small_grid()).volume)).shape == (12, 40, 48)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 alone has a second table of calls behind int 0x80")
def test_a_call_by_the_table_of_32_bits_ends_the_child(monkeypatch, tmp_path):
    needs("seccomp")
    body = """
        import mmap
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
        result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """
    with pytest.raises(CorruptScan):
        inside(monkeypatch, tmp_path, body)
