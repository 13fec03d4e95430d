"""What a scanned code could not say, and where."""


class LabelUnreadable(ValueError):
    """A code that cannot be read, with the field at fault.

    `field` is the part of the code ("lot (10)", "expiry (17)", "scan"); `wrong` says what is wrong with it and what
    to do; the message is both. What was read is never repeated: it may hold anything.
    """

    def __init__(self, *, field: str, wrong: str) -> None:
        self.field = field
        self.wrong = wrong
        super().__init__(f"{field}: {wrong}")
