"""Reads the attributes of one DICOM file that geometry and pixels need, also from files with common damage."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pydicom
from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID

from shared.errors import BadScan, CorruptScan, UnsupportedScan
from shared.imaging.formats.dicom import frames
from shared.imaging.formats.limits import Limits
from shared.imaging.formats.members import Member

VOLUME_TAGS = (
    "FrameOfReferenceUID", "EchoTime", "EchoNumbers", "AcquisitionNumber", "DiffusionBValue",
    "TemporalPositionIdentifier", "TriggerTime", "InversionTime", "FlipAngle", "ConvolutionKernel", "ImageType",
)  # fmt: skip
"""Attributes that tell the volumes of one series apart."""
TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns", "NumberOfFrames",
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "ModalityLUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "LossyImageCompression",
    "SeriesNumber", "StudyInstanceUID", *VOLUME_TAGS, *frames.TAGS,
]  # fmt: skip
_NUMBERS = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope", "RescaleIntercept")
_TEXT_VRS = {"LO", "SH", "ST", "LT", "UT", "UC", "UN", "CS", "IS", "AE"}
CT_CLASSES = {
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
}
MR_CLASSES = {
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
}
UNCOMPRESSED = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)
_DECODED = {
    *UNCOMPRESSED,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
}


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """One file's attributes; `rest` is the number of bytes after them, which are the pixels."""

    member: Member
    data: pydicom.Dataset
    rest: int

    @property
    def is_image(self) -> bool:
        """Whether the object has pixels."""
        return "Rows" in self.data and "Columns" in self.data

    @property
    def sop_class(self) -> str:
        """Return the SOP class UID, from the file meta information where the data set has none."""
        return str(self.data.get("SOPClassUID", "") or self.data.file_meta.get("MediaStorageSOPClassUID", ""))

    @property
    def sop_instance(self) -> str:
        """Return the SOP instance UID, from the file meta information where the data set has none."""
        return str(self.data.get("SOPInstanceUID", "") or self.data.file_meta.get("MediaStorageSOPInstanceUID", ""))

    @property
    def syntax(self) -> str:
        """Return the transfer syntax UID."""
        return str(self.data.file_meta.get("TransferSyntaxUID", ""))

    @property
    def modality(self) -> str:
        """Return the modality; the SOP class decides where the attribute is empty."""
        modality = str(self.data.get("Modality", "") or "").strip().upper()
        if modality:
            return modality
        return "CT" if self.sop_class in CT_CLASSES else "MR" if self.sop_class in MR_CLASSES else ""

    @property
    def frames(self) -> int:
        """Return the number of frames as declared; 1 where it is damaged, which `check_pixels` refuses."""
        try:
            return int(self.data.get("NumberOfFrames", 1) or 1)
        except (TypeError, ValueError):
            return 1

    @property
    def image_type(self) -> list[str]:
        """Return the values of Image Type in upper case."""
        values = self.data.get("ImageType") or []
        return [str(value).upper() for value in ([values] if isinstance(values, str) else values)]

    @property
    def kind(self) -> str:
        """Return the name of the SOP class, for error sentences."""
        name = UID(self.sop_class).name if self.sop_class else "an object of unknown class"
        return name if name != self.sop_class else "an object of a private class"


def read_header(member: Member) -> Header:
    """Return the header of a file. Raises CorruptScan for one that is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with refusing(lambda _: CorruptScan("A DICOM file is truncated or damaged.")), member.open() as file:
            # `force` accepts files without the 128-byte preamble, which older systems and some archives write.
            data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
            _complete_syntax(data)
            _repair_numbers(data)
            for part in (data, data.file_meta):
                list(part)  # pydicom converts a value on first access, and only then raises for a damaged one
            return Header(member, data, member.size - file.tell())


@contextmanager
def refusing(refusal: Callable[[Exception], BadScan]) -> Iterator[None]:
    """Turn every foreign error into a refusal: pydicom raises many kinds of error for a damaged file."""
    try:
        yield
    except (BadScan, MemoryError):
        raise
    except Exception as error:
        raise refusal(error) from error


def _complete_syntax(data: pydicom.Dataset) -> None:
    """Set the transfer syntax of a file without any meta information to the encoding that its data set has."""
    if len(data.file_meta) == 0:
        implicit, _ = data.original_encoding
        data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian


def _repair_numbers(data: pydicom.Dataset) -> None:
    """Turn decimal commas into points and numbers with the VR of a text into decimal strings."""
    for keyword in _NUMBERS:
        tag = tag_for_keyword(keyword)
        raw = data.get_item(tag) if tag is not None and tag in data else None
        if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes) and raw.VR in {None, "DS", *_TEXT_VRS}:
            data[raw.tag] = raw._replace(VR="DS", value=raw.value.replace(b",", b"."))


def check_pixels(header: Header, limits: Limits) -> None:
    """Check what the header says about the pixels, before anything is decoded.

    Raises CorruptScan, ScanTooLarge or UnsupportedScan.
    """
    data = header.data
    try:
        count, samples = int(data.get("NumberOfFrames", 1) or 1), int(data.get("SamplesPerPixel", 1) or 1)
        limits.check_voxels((count, int(data.Rows), int(data.Columns)))
        bits, stored = int(data.get("BitsAllocated", 16)), int(data.get("BitsStored", 0) or 0)
    except (TypeError, ValueError) as error:
        raise CorruptScan("A DICOM header has sizes that are not numbers.") from error
    if header.modality not in ("MR", "CT"):
        raise UnsupportedScan(f"The images are {header.kind}, not MR or CT.")
    if "MOSAIC" in header.image_type:
        raise UnsupportedScan(
            "The images are Siemens mosaics: one image has all slices of a volume. Convert them with dcm2niix first."
        )
    if samples != 1 or not str(data.get("PhotometricInterpretation", "MONOCHROME2")).startswith("MONOCHROME"):
        raise UnsupportedScan("The images are in colour; a scan has grey slices.")
    if count > 1 and not frames.enhanced(data):
        raise UnsupportedScan("Multi-frame DICOM images are read only as Enhanced MR or CT.")
    if bits not in (8, 16, 32):
        raise UnsupportedScan(f"The images have {bits} bits per pixel, not 8, 16 or 32.")
    if not 1 <= stored <= bits:
        raise CorruptScan("A DICOM header does not say how many bits of a pixel are used (Bits Stored).")
    _check_syntax(header, stored)
    if _is_truncated(header, bits):
        raise CorruptScan("A DICOM file is truncated: it is smaller than its pixels.")


def _check_syntax(header: Header, stored: int) -> None:
    if not header.syntax:
        raise CorruptScan("A DICOM file does not name its Transfer Syntax (0002,0010): its encoding is unknown.")
    if header.syntax not in _DECODED:
        name = UID(header.syntax).name
        known = name if name != header.syntax else "a private transfer syntax"
        raise UnsupportedScan(f"The images are compressed in a way that is not read ({known}); send them uncompressed.")
    if header.syntax == uid.JPEGExtended12Bit and stored > 8:
        raise UnsupportedScan("The images are JPEG Extended with 12 bits, which is not read; send them uncompressed.")


def _is_truncated(header: Header, bits: int) -> bool:
    if header.syntax not in UNCOMPRESSED:
        return False
    frame = int(header.data.Rows) * int(header.data.Columns) * bits // 8
    return header.rest < frame * header.frames
