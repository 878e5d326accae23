"""The text of PDFs, within bounds."""

from __future__ import annotations

import base64

import pytest

from bridge_api.tokens import documents
from bridge_api.tokens.counting import NO_PAGES

pytest.importorskip("pypdf")


def pdf(*texts: str) -> str:
    """A PDF with one line of text a page, as base64."""
    count = len(texts)
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"]
    for at, text in enumerate(texts):
        font = "<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents {4 + 2 * at} 0 R /Resources {font} >>"
        )
        drawn = f"BT /F 12 Tf 9 50 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    body, places = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    body += f"startxref\n{body.index('xref')}\n%%EOF\n"
    return base64.b64encode(body.encode()).decode()


def read(encoded: str) -> tuple[list[str], int]:
    found = documents.pages(encoded)
    return [page.strip() for page in found.read], found.total


@pytest.mark.parametrize("broken", ["", "a", "JVBERi0xLjQK", base64.b64encode(b"%PDF-1.7\n" + b"<<" * 2000).decode()])
def test_a_broken_pdf_has_no_pages(broken: str) -> None:
    assert documents.pages(broken) == NO_PAGES


def test_a_pdf_that_is_too_large_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    assert documents.pages(pdf("Hello")) == NO_PAGES


def test_each_page_has_its_text() -> None:
    assert read(pdf("Hello", "world")) == (["Hello", "world"], 2)


def test_pages_beyond_the_bound_are_not_read_but_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 2)
    assert read(pdf("a", "b", "c", "d", "e")) == (["a", "b"], 5)


def test_pages_after_very_much_text_are_not_read_but_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 8)
    assert read(pdf("Hello", "world", "again", "and", "again")) == (["Hello", "world"], 5)


def test_a_pdf_cannot_claim_any_number_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_TOTAL", 2)
    assert documents.pages(pdf("a", "b", "c")).total == 2


def test_reading_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "SECONDS", -1.0)
    assert documents.pages(pdf("Hello")) == NO_PAGES


def test_a_page_with_too_much_to_draw_is_judged_by_the_others() -> None:
    endless = "0) Tj " + "(a) Tj " * 200_000 + "(b"
    assert documents.pages(pdf(endless)) == NO_PAGES
    assert read(pdf("Hello", endless)) == (["Hello"], 2)
