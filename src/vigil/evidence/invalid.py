"""What is wrong with an evidence file, said so that its writer can mend it. Standard library only.

In: file, field, value, what was expected. Out: typed errors, and the hash that a signature or a checksum holds.
"""

import hashlib


class EvidenceInvalid(ValueError):
    """An evidence file says something that its form does not allow; nothing of it is used."""

    def __init__(self, *, file: str, field: str, value: object, limit: str) -> None:
        self.file = file
        self.field = field
        self.value = value
        self.limit = limit
        super().__init__(f"{file}: {field} is {value!r}; {limit}. The file was not loaded.")


class EvidenceMissing(LookupError):
    """There is no such evidence file."""

    def __init__(self, *, folder: str, name: str, known: tuple[str, ...]) -> None:
        self.folder = folder
        self.name = name
        self.known = known
        super().__init__(f"No {folder} file named {name!r}; known: {', '.join(known)}.")


def content_hash(content: bytes) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
