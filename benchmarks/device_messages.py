"""How fast device messages are read, against two well-known HL7 libraries in the same run.

Out: one JSON object a line: messages a second of CPU time, and the ratio to the slowest. Both libraries only find the
values; ours also checks code, name, unit, times and every value.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import hl7
from hl7apy.parser import parse_message

from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.messages import CHANNELS, Spelled, write_oru
from vigil.exchange.devices.oru import ParsedMessage, parse

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
VALUES = {
    "147842": "72", "149530": "72", "150456": "97", "151578": "14", "150021": "128",
    "150022": "79", "150023": "95",
}  # fmt: skip
ROUNDS_SECONDS = 2.0


def message() -> bytes:
    values = tuple(
        Spelled(code=code, text=text, measured_at=AT, sub_id=CHANNELS[code])
        for code, text in VALUES.items()
    )
    return write_oru(
        values, codes=load_codes(), control_id="1", sender="MON", location="A^1^1", at=AT
    )


def ours(payload: bytes) -> int:
    found = parse(payload, codes=load_codes(), zone=ZoneInfo("UTC"), received_at=AT)
    assert isinstance(found, ParsedMessage), found
    return len(found.observations)


def python_hl7(payload: bytes) -> int:
    read = hl7.parse(payload.decode())
    return sum(1 for segment in read.segments("OBX") if str(segment[2]) == "NM" and str(segment[5]))


def hl7apy(payload: bytes) -> int:
    read = parse_message(payload.decode(), find_groups=False)
    return sum(1 for each in read.obx if each.obx_2.value == "NM" and each.obx_5.value)


def rate(read: Callable[[bytes], int], payload: bytes) -> float:
    """Messages a second of CPU time; every reader must find all seven values."""
    assert read(payload) == len(VALUES), read.__name__
    count, began = 0, time.process_time()
    while time.process_time() - began < ROUNDS_SECONDS:
        read(payload)
        count += 1
    return count / (time.process_time() - began)


def main() -> int:
    payload = message()
    rates = {read.__name__: rate(read, payload) for read in (hl7apy, python_hl7, ours)}
    slowest = min(rates.values())
    for name, found in rates.items():
        print(
            json.dumps(
                {
                    "what": f"read a {len(payload)}-byte ORU^R01 of 7 vital signs: {name}",
                    "messages_per_cpu_second": round(found),
                    "times_the_slowest": round(found / slowest, 1),
                    "load": round(os.getloadavg()[0], 2),
                    "cores": os.cpu_count(),
                }
            ),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
