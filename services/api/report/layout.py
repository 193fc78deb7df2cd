"""Lays a report out as PDF on A4 pages."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from services.api.report.content import LONGEST, Content, OrganFacts, Patient, Warned
from services.api.report.words import Language, Words
from shared.artifacts import KeyPicture

rl_config.useA85 = 0  # pictures as bytes, not as text that is a quarter longer
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
"""Fonts with Latin, Greek and Cyrillic letters; they are embedded, reduced to the letters in use."""
_TITLE = 100
"""Characters of an organ's title in the table and below its picture."""
_MISSING = "\ufffd"
_MARGIN = 18 * mm
_PADDING = 6
"""Points around a frame's content, as reportlab has them."""
_WIDTH = A4[0] - 2 * _MARGIN - 2 * _PADDING
_IN_ROW = 3
_PICTURE = _WIDTH / _IN_ROW - 4 * mm
_GREY, _LINE, _RED = HexColor("#555555"), HexColor("#cccccc"), HexColor("#b00020")
_STYLES = {
    "text": ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=12),
    "small": ParagraphStyle("small", fontName=REGULAR, fontSize=7.5, leading=10, textColor=_GREY),
    "right": ParagraphStyle("right", fontName=REGULAR, fontSize=9, leading=12, alignment=2),
    "bold": ParagraphStyle("bold", fontName=BOLD, fontSize=9, leading=12),
    "notice": ParagraphStyle("notice", fontName=BOLD, fontSize=11, leading=15, textColor=_RED),
    "title": ParagraphStyle("title", fontName=BOLD, fontSize=16, leading=21),
    "head": ParagraphStyle("head", fontName=BOLD, fontSize=11, leading=15, spaceBefore=10, spaceAfter=4),
}


def to_pdf(content: Content, language: Language) -> bytes:
    """Return the report as PDF. The same content gives the same bytes."""
    _load_fonts()
    words, buffer = Words(language), io.BytesIO()
    title = words("Report on abdominal organs")
    document = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN + 5 * mm,
        title=f"{title}, {content.job}", author="Viscera", subject=words("Not for diagnosis"), lang=language,
        displayDocTitle=True, invariant=1,
    )  # fmt: skip
    story = [
        *_head(content, title, words), *_organs(content, words), *_pictures(content, words), *_origin(content, words),
    ]  # fmt: skip
    footer = f"Viscera · {words('Not for diagnosis')} · {content.job}"

    class Pages(_Numbered):
        left, right = footer, words

    document.build(story, canvasmaker=Pages)
    return buffer.getvalue()


class _Numbered(Canvas):  # type: ignore[misc] # reportlab has no types
    """A canvas whose pages say how many there are, so it writes them when all are drawn."""

    left: str
    right: Words

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"initialFontName": REGULAR})  # else Helvetica is named, not embedded
        self._drawn: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab calls it
        """Keep the page."""
        self._drawn.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages with their footers."""
        for number, page in enumerate(self._drawn, 1):
            self.__dict__.update(page)
            self.setFont(REGULAR, 7.5)
            self.setFillColor(_GREY)
            self.drawString(_MARGIN + _PADDING, 12 * mm, self.left)
            text = self.right("Page {number} of {count}", number=number, count=len(self._drawn))
            self.drawRightString(A4[0] - _MARGIN - _PADDING, 12 * mm, text)
            super().showPage()
        super().save()


def _head(content: Content, title: str, words: Words) -> Iterable[Any]:
    yield _paragraph(title, "title")
    yield _paragraph(words("Not for diagnosis"), "notice")
    notice = "Computed by software for research. A person must check every value and every outline."
    yield _paragraph(words(notice), "small")
    yield Spacer(1, 4 * mm)
    rows = [] if content.patient is None else [(words("Patient"), _patient(content.patient, words))]
    yield _pairs([*rows, *_job(content, words)])


def _patient(patient: Patient, words: Words) -> str:
    parts = [patient.name, patient.id, patient.sex]
    parts += [words("born {date}", date=words.day(patient.born))] if patient.born else []
    parts += [words("study of {date}", date=words.day(patient.study))] if patient.study else []
    return " · ".join(part for part in [*parts, patient.accession] if part)


def _job(content: Content, words: Words) -> Iterable[tuple[str, str]]:
    described = content.described
    if described is not None and described.name:
        yield words("Name"), described.name
    yield words("Job"), content.job
    if content.measured.modality:
        yield words("Scan"), content.measured.modality
    yield words("Sent"), words.moment(content.created)
    if content.ended is not None:
        yield words("Processed"), words.moment(content.ended)
    yield words("Revision"), _revision(content, words)
    if described is not None:
        yield words("Review"), _review(content, words)


def _revision(content: Content, words: Words) -> str:
    number, edit = content.measured.revision, content.measured.edit
    if edit is None:
        return words("{number}, by the algorithm, nobody edited it", number=number)
    return words(
        "{number}, from revision {base}, edited by {name}, {time}",
        number=number, base=edit.base, name=edit.edited_by, time=words.moment(edit.edited_at),
    )  # fmt: skip


def _review(content: Content, words: Words) -> str:
    titles = {"unread": "Unread", "accepted": "Accepted", "needs_correction": "Needs correction"}
    described = content.described
    state = words(titles[described.review if described else "unread"])
    if described is None or content.reviewed_at is None:
        return state
    time = words.moment(content.reviewed_at)
    return words("{state} by {name}, {time}", state=state, name=described.reviewed_by, time=time)


def _organs(content: Content, words: Words) -> Iterable[Any]:
    yield _paragraph(words("Volumes"), "head")
    present = [organ for organ in content.measured.organs if organ.present]
    if present:
        yield _organ_table(present, words)
    else:
        yield _paragraph(words("No organ was found in this scan."))
    absent = ", ".join(organ.title for organ in content.measured.organs if not organ.present)
    if absent:
        yield Spacer(1, 2 * mm)
        yield _paragraph(words("Not found: {organs}", organs="{organs}").replace("{organs}", absent), "small", 20_000)
    if content.measured.warnings:
        yield _paragraph(words("Warnings"), "head")
    for each in content.measured.warnings:
        yield _paragraph(f"• {words.warning(each.code, each.detail)}", longest=500)


def _organ_table(organs: Sequence[OrganFacts], words: Words) -> Table:
    titles = ("", words("Organ"), words("Volume"), words("Surface"), words("What to be careful about"))
    rows = [[_paragraph(title, "bold") for title in titles]]
    for organ in organs:
        volume, surface = words.number(organ.volume_ml, 1), words.number(organ.surface_cm2, 1)
        cautions = _paragraph(_cautions(organ, words), "small", 2000)
        cells = [
            _paragraph(organ.title[:_TITLE]),
            _paragraph(f"{volume} mL", "right"),
            _paragraph(f"{surface} cm²", "right"),
        ]
        rows.append([_paragraph(""), *cells, cautions])
    swatches = [("BACKGROUND", (0, row), (0, row), _colour(organ)) for row, organ in enumerate(organs, 1)]
    table = Table(rows, colWidths=[4 * mm, 42 * mm, 24 * mm, 26 * mm, _WIDTH - 96 * mm], repeatRows=1, hAlign="LEFT")
    table.setStyle([*_lines(), *swatches])
    return table


def _cautions(organ: OrganFacts, words: Words) -> str:
    areas = {"cut_in_scan": organ.cut_cm2, "touches_border": organ.border_cm2}
    texts = [words("Part of the organ only.")] if organ.part_seen else []
    if organ.low_confidence_slices:
        texts.append(words("Slices with low confidence: {count}.", count=len(organ.low_confidence_slices)))
    texts += [_caution(each, areas.get(each.code), words) for each in organ.warnings]
    return " ".join(texts)


def _caution(warned: Warned, area: float | None, words: Words) -> str:
    text = words.warning(warned.code, warned.detail)
    if area is None or words.language == "en":  # the English sentence of the report has the area
        return text
    return f"{text} {words('The open cross-section is {area} cm².', area=words.number(area, 1))}"


def _pictures(content: Content, words: Words) -> Iterable[Any]:
    titles = {organ.label: organ.title for organ in content.measured.organs}
    shown = [picture for picture in content.pictures if picture.label in titles]
    if not shown:
        return
    heading = [
        _paragraph(words("Key pictures"), "head"),
        _paragraph(words("Each organ on the slice on which its area is largest."), "small"),
        Spacer(1, 2 * mm),
    ]
    for start in range(0, len(shown), _IN_ROW):
        cells = [_picture(picture, titles[picture.label], words) for picture in shown[start : start + _IN_ROW]]
        row = Table([cells + [""] * (_IN_ROW - len(cells))], colWidths=[_WIDTH / _IN_ROW] * _IN_ROW, hAlign="LEFT")
        everywhere = ((0, 0), (-1, -1))
        row.setStyle(
            [("VALIGN", *everywhere, "TOP"), ("LEFTPADDING", *everywhere, 0), ("FONTNAME", *everywhere, REGULAR)]
        )
        yield KeepTogether([*heading, row])
        heading = []


def _picture(picture: KeyPicture, title: str, words: Words) -> list[Any]:
    image = io.BytesIO(picture.jpeg)
    width, height = ImageReader(image).getSize()
    scale = _PICTURE / max(width, height)
    numbers = {"number": picture.slice + 1, "count": picture.slices}
    caption = words("{organ}, slice {number} of {count}", organ=title[:_TITLE], **numbers)
    return [Image(image, width * scale, height * scale, hAlign="LEFT"), _paragraph(caption, "small")]


def _origin(content: Content, words: Words) -> Iterable[Any]:
    measured = content.measured
    rows = [
        (words("Model"), f"{model.name} {model.version or ''} · SHA-256 {model.sha256}") for model in measured.models
    ]
    rows += [(words("Software"), measured.software), (words("Quality of the surfaces"), measured.quality)]
    yield KeepTogether([_paragraph(words("How it was made"), "head"), _pairs(rows)])


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    cells = [[_paragraph(name, "bold"), _paragraph(text)] for name, text in rows]
    table = Table(cells, colWidths=[42 * mm, _WIDTH - 42 * mm], hAlign="LEFT")
    table.setStyle(_lines())
    return table


def _lines() -> list[tuple[Any, ...]]:
    everywhere = ((0, 0), (-1, -1))
    return [
        ("VALIGN", *everywhere, "TOP"), ("LINEBELOW", *everywhere, 0.4, _LINE),
        ("TOPPADDING", *everywhere, 2), ("BOTTOMPADDING", *everywhere, 3),
        ("LEFTPADDING", (0, 0), (0, -1), 0), ("LEFTPADDING", (1, 0), (-1, -1), 4), ("FONTNAME", *everywhere, REGULAR),
    ]  # fmt: skip


def _colour(organ: OrganFacts) -> Color:
    return Color(*(part / 255.0 for part in organ.colour))


def _paragraph(text: str, style: str = "text", longest: int = 2 * LONGEST) -> Paragraph:
    """Return a paragraph; letters that the font lacks become replacement characters, which everybody sees."""
    known = _letters()
    shown = "".join(letter if ord(letter) in known else _MISSING for letter in text[:longest].replace("\n", " "))
    return Paragraph(escape(shown), _STYLES[style])


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    return frozenset(pdfmetrics.getFont(REGULAR).face.charToGlyph)


@lru_cache(maxsize=1)
def _load_fonts() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(Path(__file__).with_name(f"{name}.ttf"))))
