"""Papers as files: a table as CSV that no spreadsheet executes, a page as PDF, many as one archive.

In: tables and HTML. Out: bytes. PDF needs Pango, which the system and not Python brings: without it, an answer in words.
"""

import contextlib
import csv
import io
import logging
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

STYLES = Path(__file__).parent / "static" / "vigil" / "papers.css"

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets: what a person typed is marked as text instead."""

ZIP_YEAR_FIRST = (1980, 1, 1, 0, 0, 0)
"""The archive's own times say nothing: the same papers make the same bytes."""


class NoPdf(RuntimeError):
    """This machine cannot print PDF."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"PDF cannot be made here: {why}. Install Pango (Debian, Ubuntu: apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0 libharfbuzz-subset0; macOS: brew install pango), or take the CSV files alone."
        )


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    """The table as CSV: UTF-8 with its mark, so that a spreadsheet reads µ, and lines as RFC 4180 ends them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(cell: str | int) -> str | int:
    # Numbers are ours and stay numbers; a text is perhaps a person's.
    if isinstance(cell, str) and cell.startswith(BEGINS_A_FORMULA):
        return f"'{cell}"
    return cell


def pdf_problem() -> str:
    """Why PDF cannot be made here; empty when it can."""
    try:
        # When a library is missing it prints its own advice; the answer here says what to do.
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint  # noqa: F401
    except (ImportError, OSError) as error:
        return str(error).splitlines()[0]
    return ""


def pdf_of(html: str) -> bytes:
    """The page as PDF, styled by the papers' own style sheet; nothing is fetched from anywhere.

    Raises:
        NoPdf: the libraries that draw letters are missing.
    """
    if why := pdf_problem():
        raise NoPdf(why)
    import weasyprint

    for talkative in ("weasyprint", "fontTools"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    page = weasyprint.HTML(string=html, url_fetcher=_fetch_nothing)
    found = page.write_pdf(stylesheets=[weasyprint.CSS(filename=str(STYLES))])
    assert found is not None
    return found


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError("a paper fetches nothing")


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """The files as one archive, in their order."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, ZIP_YEAR_FIRST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return made.getvalue()
