"""The address that patients get: read whole, or refused at the start."""

import pytest

from vigil.config import settings


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("", ""),
        ("https://vigil.clinic.example", "https://vigil.clinic.example"),
        (" https://vigil.clinic.example/ ", "https://vigil.clinic.example"),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000"),
    ],
)
def test_the_address_is_kept_without_its_last_stroke(text, held, monkeypatch):
    monkeypatch.setenv("VIGIL_PUBLIC_ADDRESS", text)

    assert settings._public_address() == held


@pytest.mark.parametrize("text", ["vigil.clinic.example", "ftp://clinic.example", "https://", "/q"])
def test_what_is_no_address_is_refused_with_what_was_read(text, monkeypatch):
    """Hazard: links that open nothing, found out by a patient."""
    monkeypatch.setenv("VIGIL_PUBLIC_ADDRESS", text)

    with pytest.raises(RuntimeError, match="VIGIL_PUBLIC_ADDRESS") as refused:
        settings._public_address()

    assert text.rstrip("/") in str(refused.value)
