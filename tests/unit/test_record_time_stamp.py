"""RFC 3161: requests that openssl reads, responses of a local authority, and everything that is not one."""

import random

import pytest

from a_stamp_authority import Authority
from vigil.record.time_stamp import Stamped, read_response, request
from vigil.units.refusals import Refused


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_request_is_read_by_openssl(authority: Authority) -> None:
    (authority.folder / "mine.tsq").write_bytes(request(b"heads", nonce=0x80FF00AA12345678))

    said = authority.run("ts", "-query", "-in", "mine.tsq", "-text")

    assert "Hash Algorithm: sha256" in said
    assert "Nonce: 0x80FF00AA12345678" in said
    assert "Certificate required: yes" in said


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256, 2**63, 2**64 - 1])
def test_a_response_is_read_whatever_the_nonce(nonce: int, authority: Authority) -> None:
    asked = request(b"heads", nonce=nonce)
    answer = authority.stamp(asked)

    found = read_response(answer, content=b"heads", asked=asked)

    assert isinstance(found, Stamped)
    (authority.folder / "answer.tsr").write_bytes(answer)
    said = authority.run("ts", "-reply", "-in", "answer.tsr", "-text")
    assert f"{found.at:%b %e %H:%M:%S %Y} GMT" in said
    assert f"Serial number: 0x{found.serial:02X}" in said


def test_a_stamp_of_something_else_is_refused(authority: Authority) -> None:
    asked = request(b"heads", nonce=7)
    answer = authority.stamp(asked)

    other = read_response(answer, content=b"other heads", asked=request(b"other heads", nonce=7))
    replayed = read_response(answer, content=b"heads", asked=request(b"heads", nonce=8))
    assert isinstance(other, Refused)
    assert isinstance(replayed, Refused)
    assert (other.code, replayed.code) == ("REC-STAMP-OTHER", "REC-STAMP-NONCE")


def test_an_authority_that_refuses_is_said() -> None:
    """PKIStatus 2, rejection, worked by hand: SEQUENCE { SEQUENCE { INTEGER 2 } }."""
    found = read_response(
        bytes.fromhex("30053003020102"), content=b"heads", asked=request(b"heads", nonce=1)
    )

    assert isinstance(found, Refused)
    assert found.code == "REC-STAMP-REFUSED"


def test_no_broken_response_is_taken_for_a_stamp_of_ours(authority: Authority) -> None:
    """Cut anywhere, or with a byte changed: a stamp of this hash, or a refusal, and never an error of our own."""
    asked = request(b"heads", nonce=99)
    answer = authority.stamp(asked)
    dice = random.Random(3161)
    for length in range(0, len(answer), 7):
        assert isinstance(read_response(answer[:length], content=b"heads", asked=asked), Refused)
    for _ in range(1500):
        changed = bytearray(answer)
        changed[dice.randrange(len(changed))] = dice.randrange(256)
        found = read_response(bytes(changed), content=b"heads", asked=asked)
        assert isinstance(found, Refused | Stamped)
    for junk in (b"", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"{}", answer + b"\x00"):
        assert isinstance(read_response(junk, content=b"heads", asked=asked), Refused)
