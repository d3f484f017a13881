"""PURE. The certificate for a person, in English or Spanish."""

from __future__ import annotations

from typing import Final, Literal

from collector.erasure.model import Certificate
from common.clock import iso

Language = Literal["en", "es"]

_TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "title": "Certificate of erasure",
        "tenant": "Tenant",
        "at": "Erased at",
        "who": "By",
        "why": "Reason",
        "forced": "Erased although",
        "evidence": "Evidence from / until",
        "none": "none",
        "rows": "Rows erased",
        "sha256": "SHA-256 of all of it",
        "redacted": "Journal entries without content",
        "entry": "Entry in the journal",
        "before": "Journal's head before",
        "head": "Journal's head now",
        "file": "Ledger file",
        "overwritten": "written anew, {before} → {after} bytes: what was erased is not left in free pages",
        "not_yet": "NOT yet written anew: remains may be left in free pages; run the command again",
        "influx": "InfluxDB",
        "outside": "Not covered by this certificate",
    },
    "es": {
        "title": "Certificado de borrado",
        "tenant": "Cliente",
        "at": "Borrado el",
        "who": "Por",
        "why": "Motivo",
        "forced": "Borrado a pesar de que",
        "evidence": "Pruebas desde / hasta",
        "none": "ninguna",
        "rows": "Filas borradas",
        "sha256": "SHA-256 de todo ello",
        "redacted": "Entradas del diario sin contenido",
        "entry": "Entrada en el diario",
        "before": "Cabeza del diario antes",
        "head": "Cabeza del diario ahora",
        "file": "Fichero del libro",
        "overwritten": "escrito de nuevo, {before} → {after} bytes: lo borrado no queda en páginas libres",
        "not_yet": "AÚN NO escrito de nuevo: pueden quedar restos en páginas libres; repita la orden",
        "influx": "InfluxDB",
        "outside": "No cubierto por este certificado",
    },
}
OUTSIDE: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "backups of the ledger made before: delete them, or let them expire",
        "reports, exports and alerts that were sent out, and log files of collector, broker and web server",
        "what players still hold in their spools: a device that goes on sending is kept anew, as an unknown one",
        "the tenant's id, this certificate, and instant and kind of each redacted entry: they stay in the journal",
        "blocks that the disk itself keeps (flash wear levelling, snapshots of the file system)",
    ),
    "es": (
        "las copias de seguridad anteriores del libro: bórrelas o déjelas caducar",
        "los informes, exportaciones y alertas enviados, y los registros de colector, broker y servidor web",
        "lo que los reproductores aún guardan: un equipo que siga enviando se guarda de nuevo, como desconocido",
        "el id del cliente, este certificado, y los instantes y tipos de las entradas, que siguen en el diario",
        "los bloques que conserva el propio disco (nivelado de memoria flash, instantáneas del sistema de ficheros)",
    ),
}


def certificate_text(found: Certificate, language: Language = "en") -> str:
    """The whole certificate, a fact a line."""
    say, erased = _TEXTS[language], found.erased
    span = (erased.evidence_from_ms, erased.evidence_until_ms)
    edges = [say["none"] if at is None else iso(at) for at in span]
    facts = [
        ("tenant", found.tenant),
        ("at", iso(found.at_ms)),
        ("who", found.who),
        ("why", found.why),
        *(("forced", obstacle) for obstacle in erased.forced),
        ("evidence", " / ".join(edges)),
        *(("rows", f"{rows} {table}") for table, rows in sorted(erased.rows.items())),
        ("sha256", erased.content_sha256),
        ("redacted", str(len(erased.redacted))),
        ("entry", str(found.entry)),
        ("before", erased.head_before),
        ("head", found.journal_head),
        ("file", _file(found, say)),
        *([("influx", found.finished.influx)] if found.finished else []),
        *(("outside", line) for line in OUTSIDE[language]),
    ]
    width = max(len(say[name]) for name, _ in facts)
    lines = [f"{say[name]:<{width}}  {value}" for name, value in facts]
    return "\n".join([say["title"], "=" * len(say["title"]), *lines, ""])


def _file(found: Certificate, say: dict[str, str]) -> str:
    if found.finished is None:
        return say["not_yet"]
    return say["overwritten"].format(before=found.finished.file_bytes_before, after=found.finished.file_bytes_after)
