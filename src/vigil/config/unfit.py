"""The one way the wiring says no: what is wrong with this machine or its settings, and the next step."""


class Unfit(Exception):
    """The command cannot do its work here; the text says why and what to do next."""


def reason(error: OSError) -> str:
    """Why the operating system refused, in words and with the path."""
    return f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
