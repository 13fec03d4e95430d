"""The words a patient agrees to, by version. Nothing in. Out: the text and its hash.

A changed word is a new version: what was read must stay readable.
"""

import hashlib

CONSENT_TEXTS: dict[int, tuple[str, ...]] = {
    1: (
        "We talked about what this treatment may and may not do for me, and about the other choices I have.",
        "I know the common effects: feeling apart from myself, dizziness, sickness, sleepiness, and higher blood pressure.",
        "I know that using ketamine often or outside the clinic can harm the bladder and can lead to dependence, and that the clinic will keep asking me about this.",
        "If my treatment is not approved for my condition (off-label), this was said to me plainly.",
        "I stay until the clinic says that I may leave, I leave with another adult, and I do not drive until the next day after a restful sleep.",
        "I can stop at any time, and I will still be cared for.",
    ),
}
"""Version -> the statements, in the order they are read out."""

CONSENT_VERSION = max(CONSENT_TEXTS)
"""The version that is read to patients now."""


def consent_text(version: int) -> tuple[str, ...]:
    """The statements of a version; KeyError for a version that never was."""
    return CONSENT_TEXTS[version]


def consent_hash(version: int) -> str:
    """SHA-256 of the statements of a version, joined by line feeds.

    >>> len(consent_hash(1))
    64
    """
    return hashlib.sha256("\n".join(CONSENT_TEXTS[version]).encode()).hexdigest()
