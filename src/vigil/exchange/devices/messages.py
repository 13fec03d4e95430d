"""Write vital signs as a monitor does: one PCD-01 ORU^R01 message.

In: spelled values (text as the device would write it). Out: the bytes of a message. For `vigil replay` and
`vigil simulate`, and for tests; the product itself never speaks as a monitor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vigil.exchange.devices.codes import Codes, Vital
from vigil.exchange.devices.hl7time import write_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """One value as the device spells it; `text` may be empty, 0, -100: its own 'no value'."""

    code: str
    text: str
    measured_at: datetime
    sub_id: str


CHANNELS = {
    "147842": "1.1.1.1",
    "150456": "1.2.1.1",
    "149530": "1.2.1.2",
    "151578": "1.3.1.1",
    "151562": "1.3.1.2",
    "150021": "1.4.1.1",
    "150022": "1.4.1.2",
    "150023": "1.4.1.3",
    "150344": "1.5.1.1",
}
"""Where each value sits in the monitor's tree (MDS.VMD.CHAN.METRIC)."""


def wire_name(vital: Vital) -> str:
    """The name that goes on the wire: of the accepted ones, the one that begins with MDC_."""
    return min(name for name in vital.names if name.startswith("MDC_"))


def write_oru(
    values: Sequence[Spelled],
    *,
    codes: Codes,
    control_id: str,
    sender: str,
    location: str,
    at: datetime,
) -> bytes:
    """The message, without frame marks.

    Args:
        sender: name of the monitor, MSH-3.
        location: `unit^room^bed` of the chair.
        at: when the message is written, aware.
    """
    stamp = write_time(at)
    segments = [
        f"MSH|^~\\&|{sender}|VIGIL-SOURCE|VIGIL||{stamp}||ORU^R01^ORU_R01|{control_id}|P|2.6|||NE|AL"
        "||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO",
        "PID|||",
        f"PV1||I|{location}",
        f"OBR|1|||182777000^monitoring of patient^SCT|||{stamp}",
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X",
    ]
    for number, value in enumerate(values, start=2):
        vital = codes.by_code[value.code]
        measured = write_time(value.measured_at)
        segments.append(
            f"OBX|{number}|NM|{vital.code}^{wire_name(vital)}^MDC|{value.sub_id}|{value.text}"
            f"|{vital.unit_code}^{min(vital.unit_names)}^MDC|||||R|||{measured}||||{sender}"
        )
    return "".join(f"{segment}\r" for segment in segments).encode()
