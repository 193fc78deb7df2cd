"""The texts of a report in English and German."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

Language = Literal["en", "de"]

GERMAN: Mapping[str, str] = {
    "Report on abdominal organs": "Bericht über Organe des Bauchraums",
    "Not for diagnosis": "Nicht zur Diagnose",
    "Computed by software for research. A person must check every value and every outline.": (
        "Von Software für die Forschung berechnet. Ein Mensch muss jeden Wert und jeden Umriss prüfen."
    ),
    "Patient": "Patient",
    "born {date}": "geboren {date}",
    "study of {date}": "Untersuchung vom {date}",
    "Job": "Auftrag",
    "Name": "Name",
    "Scan": "Aufnahme",
    "Sent": "Gesendet",
    "Processed": "Verarbeitet",
    "Review": "Befundung",
    "Unread": "Ungelesen",
    "Accepted": "Angenommen",
    "Needs correction": "Zu korrigieren",
    "{state} by {name}, {time}": "{state} von {name}, {time}",
    "Revision": "Version",
    "{number}, by the algorithm, nobody edited it": "{number}, vom Algorithmus, niemand hat sie bearbeitet",
    "{number}, from revision {base}, edited by {name}, {time}": (
        "{number}, aus Version {base}, bearbeitet von {name}, {time}"
    ),
    "Volumes": "Volumina",
    "Organ": "Organ",
    "Volume": "Volumen",
    "Surface": "Oberfläche",
    "What to be careful about": "Was zu beachten ist",
    "Part of the organ only.": "Nur ein Teil des Organs.",
    "Slices with low confidence: {count}.": "Schichten mit geringer Sicherheit: {count}.",
    "The open cross-section is {area} cm².": "Der offene Querschnitt hat {area} cm².",
    "No organ was found in this scan.": "In dieser Aufnahme wurde kein Organ gefunden.",
    "Not found: {organs}": "Nicht gefunden: {organs}",
    "Warnings": "Warnungen",
    "Key pictures": "Bilder",
    "Each organ on the slice on which its area is largest.": "Jedes Organ auf der Schicht mit seiner größten Fläche.",
    "{organ}, slice {number} of {count}": "{organ}, Schicht {number} von {count}",
    "How it was made": "Wie es entstand",
    "Model": "Modell",
    "Software": "Software",
    "Quality of the surfaces": "Güte der Oberflächen",
    "Page {number} of {count}": "Seite {number} von {count}",
}
WARNINGS: Mapping[str, str] = {
    "absent": "Kein Voxel dieses Organs wurde gefunden.",
    "touches_border": (
        "Das Organ reicht an den Rand der Aufnahme: Ein Teil kann fehlen; die Oberfläche wurde dort geschlossen."
    ),
    "cut_in_scan": (
        "Die Umrisse enden flach in der Aufnahme: Das Organ geht wohl weiter. Das Volumen ist das des sichtbaren Teils."
    ),
    "tiny": "Das Organ ist kleiner als 1 mL: Form und Volumen sind unsicher.",
    "many_components": "Das Organ besteht aus mehr als 50 getrennten Stücken: Die Umrisse sind vielleicht verrauscht.",
    "components_dropped": "Stücke unter der verlangten Mindestgröße wurden weggelassen.",
    "fallback": "Die glatte Oberfläche bestand eine Prüfung nicht; die einfache Oberfläche der Voxel wird verwendet.",
    "triangle_budget": "Die Organe sind zu zerklüftet für die Zahl der Dreiecke dieser Güte; sie wurde überschritten.",
    "no_organs": "In dieser Aufnahme wurde kein Organ gefunden.",
    "out_of_domain": "Die Modelle wurden nicht mit solchen Aufnahmen trainiert: Die Umrisse mit Vorsicht verwenden.",
    "lossy_source": "Die Aufnahme wurde vor dem Hochladen verlustbehaftet komprimiert.",
    "orientation_unknown": "Die Datei nennt die linke Seite nicht: Links und rechts können vertauscht sein.",
    "spacing_conflict": "Die Datei hat zwei Voxelgrößen; die ihrer Orientierungsmatrix wurde verwendet.",
    "scaling_unclear": "Die Datei skaliert ihre Werte ohne gültigen Achsenabschnitt; 0 wurde verwendet.",
    "modality_guessed": (
        "Die Datei nennt weder MR noch CT; ihre Werte haben entschieden. Die Option modality legt es fest."
    ),
    "not_hounsfield": "Nichts besagt, dass die Werte dieses CT Hounsfield-Einheiten sind.",
    "own_frames_of_reference": "Jede Schicht hat ein eigenes Bezugssystem: Sie wurden nach ihrer Lage gestapelt.",
    "objects_skipped": (
        "Andere Objekte lagen bei den Bildern (Segmentierungen, Dosen, Bildschirmfotos, Übersichten): weggelassen."
    ),
    "files_skipped": "Bilder neben dem Ordner scans/ wurden weggelassen.",
}
"""German sentences of the warnings; the English ones are in the report."""


class Words:
    """Texts, numbers and times in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, text: str, **values: object) -> str:
        """Return the text in this language with its values."""
        return (GERMAN[text] if self.language == "de" else text).format(**values)

    def number(self, value: float, digits: int) -> str:
        """Return a number with that many digits after the decimal point."""
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "de" else text

    def moment(self, time: datetime) -> str:
        """Return a time as UTC, to the minute."""
        return time.strftime("%d.%m.%Y, %H:%M UTC" if self.language == "de" else "%Y-%m-%d %H:%M UTC")

    def day(self, dicom: str) -> str:
        """Return a date as DICOM writes it (VR DA), or the text itself where it is none."""
        try:
            date = datetime.strptime(dicom, "%Y%m%d")
        except ValueError:
            return dicom
        return date.strftime("%d.%m.%Y" if self.language == "de" else "%Y-%m-%d")

    def warning(self, code: str, detail: str) -> str:
        """Return the sentence of a warning; the report's own where there is no other."""
        return WARNINGS.get(code, detail) if self.language == "de" else detail


def preferred(accepted: str) -> Language:
    """Return the language that an Accept-Language header (RFC 9110, 12.5.4) prefers; English if it has neither."""
    best: tuple[float, Language] = (0.0, "en")
    for wish in accepted.split(",")[:20]:
        name, _, quality = wish.strip().partition(";q=")
        try:
            weight = float(quality or 1.0)
        except ValueError:
            continue
        language: Language | None = "de" if name.lower()[:2] == "de" else "en" if name.lower()[:2] == "en" else None
        if language and weight > best[0]:
            best = (weight, language)
    return best[1]
