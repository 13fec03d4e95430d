"""Signatures as both verifiers check them: RFC 8032's own vectors, a second library, and what must not fit."""

import json
import os
import random
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from a_record_writer import Log, honest_log, key_of
from two_verifiers import IN_NODE, Case, Verdict, in_node, in_python, node, verify

RFC_8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip
"""Secret key, public key, message, signature: tests 1 to 3 of RFC 8032, section 7.1."""


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_the_rfc_fit(secret: str, public: str, message: str, signature: str) -> None:
    key = verify.PublicKey(bytes.fromhex(public))
    made = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))

    assert key.fits(bytes.fromhex(signature), bytes.fromhex(message))
    assert not key.fits(bytes.fromhex(signature), bytes.fromhex(message) + b"\x00")
    # The vectors themselves, by a second library: a mistyped one would prove nothing.
    assert made.public_key().public_bytes_raw().hex() == public
    assert made.sign(bytes.fromhex(message)).hex() == signature


def test_it_agrees_with_a_second_library_on_many_keys_and_on_every_flipped_bit() -> None:
    dice = random.Random(8032)
    for _ in range(8):
        private = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        key = verify.PublicKey(private.public_key().public_bytes_raw())
        message = dice.randbytes(dice.randrange(200))
        signature = private.sign(message)
        assert key.fits(signature, message)
        for bit in dice.sample(range(512), 40):
            flipped = bytearray(signature)
            flipped[bit // 8] ^= 1 << bit % 8
            assert not key.fits(bytes(flipped), message)


def test_a_signature_with_the_order_added_is_refused() -> None:
    """S must be below the order, or every signature would have a twin."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = verify.PublicKey(private.public_key().public_bytes_raw())
    signature = private.sign(b"x")
    s = int.from_bytes(signature[32:], "little") + verify.ORDER

    assert key.fits(signature, b"x")
    assert not key.fits(signature[:32] + s.to_bytes(32, "little"), b"x")


def test_the_points_of_small_order_are_the_five_that_are_refused() -> None:
    """Worked out from the curve: y of every point that eight times itself is nothing."""
    found = set()
    for y in verify.SMALL_ORDER_YS:
        point = verify.point_at(y, 0)
        assert point is not None
        for _ in range(3):
            point = verify.add_points(point, point)
        x, y8, z, _ = point
        assert x % verify.P == 0
        assert (y8 - z) % verify.P == 0
        found.add(y)
    # A group of order 8 has points with five different y: 0, 1, -1 and a pair of opposite ones.
    assert len(found) == 5
    for y in (2, 3, 4, verify.P - 2):
        point = verify.point_at(y, 0)
        if point is not None:
            for _ in range(3):
                point = verify.add_points(point, point)
            assert point[0] % verify.P != 0


def signed_log() -> Log:
    return honest_log(11, version=2, rows=9, signed_each=2)


def test_a_key_from_outside_must_be_the_one_that_signed() -> None:
    log = signed_log()
    content = b"".join(log.lines())
    own = [key.public.hex() for key in log.keys]
    strange = key_of(random.Random(1)).public.hex()
    cases = [
        Case(content, keys=own),
        Case(content, keys=[*own, strange]),
        Case(content, keys=[strange]),
    ]

    expected = [Verdict(None), Verdict(None), Verdict(1)]
    assert [in_python(case) for case in cases] == expected
    assert in_node(cases) == expected


def test_a_record_without_signatures_does_not_pass_for_a_signed_one() -> None:
    """Also one of version 1: a key from outside asks for a signature in every register that is not empty."""
    log = signed_log()
    log.signed.clear()
    contents = [
        log.lines(),
        honest_log(11, version=1, rows=9).lines(),
        honest_log(11, rows=0).lines(),
    ]
    keys = [key.public.hex() for key in log.keys]
    cases = [Case(b"".join(lines), keys=keys) for lines in contents]

    expected = [Verdict(len(contents[0])), Verdict(len(contents[1])), Verdict(None)]
    assert [in_python(case) for case in cases] == expected
    assert in_node(cases) == expected
    assert in_python(Case(b"".join(contents[0]))) == Verdict(None)


def test_every_form_of_a_head_is_read_alike_by_both() -> None:
    log = signed_log()
    content = b"".join(log.lines())
    row = log.rows("custody")[-1]
    digest, words = str(row["hash"]), verify.words_of(row["hash"])
    grouped = " ".join(digest[at : at + 16].upper() for at in range(0, 64, 16))
    place = f"custody:{row['seq']}"
    other_words = verify.words_of("0" * 64)
    forms = {
        digest: None, grouped: None, words: None, words.replace(" ", "-").upper(): None,
        f"{place}:{digest}": None, f"{place}: {words}": None, f"{log.clinic_id}:{place}:{digest}": None,
        f" {place}:{grouped} ": None, f"{log.clinic_id.upper()}:{place}:{words}": None,
        other_words: "end", f"custody:99:{digest}": "end", f"other:1:{digest}": "end",
        f"custody:0:{digest}": "end", f"care:1:{digest}": "row", f"custody:1:{words}": "row",
        f"00000000-0000-4000-8000-000000000000:{place}:{digest}": "header",
    }  # fmt: skip
    cases = [Case(content, [head]) for head in forms]
    lines = log.lines()
    rows = {(json.loads(raw)["register"], json.loads(raw)["seq"]): number
            for number, raw in enumerate(lines[1:-1], start=2) if b'"entry"' in raw}  # fmt: skip

    def expected(head: str, where: str | None) -> Verdict:
        if where == "row":
            register, seq, _ = head.split(":", 2)
            return Verdict(rows[register, int(seq)])
        return Verdict({None: None, "end": len(lines), "header": 1}[where])

    wanted = [expected(head, where) for head, where in forms.items()]
    assert [in_python(case) for case in cases] == wanted
    assert in_node(cases) == wanted


NO_HEADS = [
    "", "x", "0" * 63, "0" * 65, "g" * 64, "babab", "babab " * 7, "babab " * 9, "abbab " * 8, "babeb " * 8, "custody:" + "0" * 64,
    "custody:x:" + "0" * 64, "custody:-1:" + "0" * 64, "custody:1.0:" + "0" * 64, "a:b:custody:1:" + "0" * 64,
    "custody:" + "1" * 19 + ":" + "0" * 64,
]  # fmt: skip


@pytest.mark.parametrize("head", NO_HEADS)
def test_what_is_no_head_is_wrong_usage_for_both(head: str, tmp_path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b"".join(signed_log().lines()))

    with pytest.raises(ValueError, match="head"):
        verify.Outside(head)
    asked = [node(), str(IN_NODE), str(path), f"--head={head}"]
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 2


def test_the_verifier_in_node_answers_as_the_one_in_python(tmp_path) -> None:
    """Exit codes, the printed object and the sentence, by the command as its user types it."""
    path = tmp_path / "record.jsonl"
    log = signed_log()
    path.write_bytes(b"".join(log.lines()))
    head = str(log.rows("custody")[0]["hash"])
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"".join(log.lines()).replace(b'"seq":2', b'"seq":3', 1))
    newer = tmp_path / "newer.jsonl"
    newer.write_bytes(b"x")

    def both(*words: str) -> list[tuple[int, str]]:
        environment = {"PATH": os.environ["PATH"]}
        commands = (
            [verify_python, "-I", "-S", str(verify.__file__), *words],
            [node(), str(IN_NODE), *words],
        )
        ran = [
            subprocess.run(one, capture_output=True, text=True, check=False, env=environment)
            for one in commands
        ]
        return [(one.returncode, one.stdout) for one in ran]

    import sys

    verify_python = sys.executable
    for words in (
        [str(path), "--json"], [str(path), "--json", "--head", head, "--key", log.keys[0].public.hex()],
        [str(bad), "--json"], [str(path), "--json", "--head", "1" * 64],
    ):  # fmt: skip
        (code, mine), (other, theirs) = both(*words)
        mine, theirs = json.loads(mine), json.loads(theirs)
        assert code == other
        mine.pop("reason", None)
        theirs.pop("reason", None)
        assert mine == theirs
    for words in (
        [str(tmp_path / "missing")],
        [],
        [str(path), str(path)],
        [str(path), "--other"],
        [str(path), "--key", "x"],
    ):
        assert [code for code, _ in both(*words)] == [2, 2], words
    (code, mine), (other, theirs) = both(str(path))
    assert (code, other) == (0, 0)
    assert mine.splitlines() == theirs.splitlines()


def test_the_verifier_in_node_imports_nothing_but_node() -> None:
    import re

    text = IN_NODE.read_text()
    names = re.findall(r'^import .* from "([^"]+)"', text, re.MULTILINE)

    assert names
    assert all(name.startswith("node:") for name in names)
    assert "require(" not in text
    assert "import(" not in text
