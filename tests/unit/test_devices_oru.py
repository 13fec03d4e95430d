"""Reading PCD-01 messages: the dialects of real monitors, and what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.oru import ParsedMessage, Rejected, parse

RECEIVED = datetime(2026, 11, 23, 15, 0, 5, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
PROFILE = "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"
SPO2 = "150456^MDC_PULS_OXIM_SAT_O2^MDC"
PERCENT = "262688^MDC_DIM_PERCENT^MDC"
HR = "147842^MDC_ECG_HEART_RATE^MDC"
PER_MIN = "264864^MDC_DIM_BEAT_PER_MIN^MDC"
SYS = "150021^MDC_PRESS_BLD_NONINV_SYS^MDC"
MMHG = "266016^MDC_DIM_MMHG^MDC"
AT = "20261123150000+0000"


def obx(
    *, set_id="1", kind="NM", code=SPO2, sub="1.3.1", value="97", unit=PERCENT, status="R",
    at=AT, device="",
):  # fmt: skip
    return f"OBX|{set_id}|{kind}|{code}|{sub}|{value}|{unit}|||||{status}|||{at}||||{device}"


def message(
    *lines, profile=PROFILE, obr_at="20261123145959+0000", place="KET^1^A", version="2.6",
    kind="ORU^R01^ORU_R01", control_id="M1", charset="", end="\r",
):  # fmt: skip
    head = [
        f"MSH|^~\\&|MON^0003B1FFFE000001^EUI-64|CLINIC|||20261123150000||{kind}|{control_id}|P"
        f"|{version}|||NE|AL||{charset}|||{profile}",
        "PID|||^^^Hospital^PI||^^^^^^L",
        f"PV1||I|{place}",
        f"OBR|1|1^MON|1^MON|182777000^monitoring of patient^SCT|||{obr_at}",
    ]
    return (end.join([*head, *lines]) + end).encode()


def read(payload, *, zone=NEW_YORK, received_at=RECEIVED):
    return parse(payload, codes=load_codes(), zone=zone, received_at=received_at)


def one(payload, **how):
    found = read(payload, **how)
    assert isinstance(found, ParsedMessage), found
    (observation,) = found.observations
    return observation


def refused(payload, **how):
    found = read(payload, **how)
    assert isinstance(found, Rejected), found
    return found.code, found.place


def test_a_whole_message_is_read():
    found = read(message(obx(), obx(code=HR, unit=PER_MIN, value="72", sub="1.1.1")))

    assert isinstance(found, ParsedMessage)
    assert (found.control_id, found.location) == ("M1", "KET^1^A")
    assert found.sender == "MON^0003B1FFFE000001^EUI-64"
    assert [(o.metric, o.value_milli, o.unit, o.quality) for o in found.observations] == [
        ("spo2", 97_000, "%", "good"), ("hr", 72_000, "/min", "good"),
    ]  # fmt: skip
    assert found.observations[0].measured_at == datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    assert found.observations[0].device == "MON"


# --- dialects ----------------------------------------------------------------------------------


def test_an_empty_set_id_is_accepted():
    assert one(message(obx(set_id=""))).value_milli == 97_000


@pytest.mark.parametrize("status", ["R", "F"])
def test_results_raw_and_final_are_believed(status):
    assert one(message(obx(status=status))).quality == "good"


@pytest.mark.parametrize(
    ("value", "quality"), [("", "none:"), ("97", "none:97 with status X")]
)  # fmt: skip
def test_a_result_that_cannot_be_obtained_has_no_value_whatever_it_says(value, quality):
    found = one(message(obx(status="X", value=value)))

    assert (found.value_milli, found.quality) == (None, quality)


@pytest.mark.parametrize("status", ["", "D", "W", "FF", "?"])
def test_any_other_result_status_is_refused(status):
    assert refused(message(obx(status=status))) == ("DEV-STATUS", "OBX-11")


def test_a_container_without_type_is_no_unknown_code():
    container = "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X"

    found = read(message(container, obx()))

    assert found.unknown == ()
    assert len(found.observations) == 1


def test_an_unknown_code_is_counted_and_no_error():
    found = read(message(obx(code="149522^MDC_BLD_PULS_RATE_INV^MDC"), obx()))

    assert found.unknown == ("149522^MDC_BLD_PULS_RATE_INV^MDC",)
    assert len(found.observations) == 1


@pytest.mark.parametrize(
    ("at", "obr_at", "source", "second"),
    [
        (AT, "20261123145959+0000", "OBX-14", 0),
        ("", "20261123145959+0000", "OBR-7", -1),
        ("", "", "received", 5),
        ("20261123100000", "", "OBX-14/clinic", 0),
        ("", "20261123095959", "OBR-7/clinic", -1),
    ],
)
def test_the_time_of_measurement_says_where_it_comes_from(at, obr_at, source, second):
    found = one(message(obx(at=at), obr_at=obr_at))

    assert found.measured_at_source == source
    assert found.measured_at == datetime(2026, 11, 23, 15, 0, tzinfo=UTC) + timedelta(
        seconds=second
    )


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("150000.250", 250_000), ("150000.2501", 250_100), ("150000.2", 200_000), ("1500", 0)],
)
def test_fractions_of_any_length_and_whole_minutes_are_read(text, microsecond):
    assert one(message(obx(at=f"20261123{text}+0000"))).measured_at.microsecond == microsecond


def test_a_time_without_zone_in_the_doubled_hour_is_the_reading_nearest_to_arrival():
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York, summer time
    for real in (first, first + timedelta(hours=1)):
        found = one(message(obx(at="20261101013000")), received_at=real + timedelta(seconds=3))

        assert found.measured_at == real


@pytest.mark.parametrize(
    "at",
    ["2026-11-23", "20261123", "20261123250000", "20260231120000", "20260308023000",
     "20261123150000+9900", "00010101000000+1400", "２０２６1123150000", "20261123150000Z"],
)  # fmt: skip
def test_a_time_that_is_not_one_moment_is_refused(at):
    assert refused(message(obx(at=at))) == ("DEV-TIME", "OBX-14")


@pytest.mark.parametrize(
    "profile", [PROFILE, "PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO", "IHE_PCD_001", ""]
)
def test_every_spelling_of_the_profile_is_accepted_and_kept(profile):
    assert read(message(obx(), profile=profile)).profile == profile


def test_a_vendors_own_code_is_never_taken_for_the_mdc_code_of_the_same_number():
    found = read(message(obx(code="150456^SpO2 limit^99MNDRY")))

    assert found.observations == ()
    assert found.unknown == ("150456^SpO2 limit^99MNDRY",)


def test_a_vendors_code_with_an_mdc_alternate_is_read_by_the_alternate():
    assert one(message(obx(code=f"S1^Sat^99COMEN^{SPO2}"))).metric == "spo2"


def test_one_metric_under_two_sub_ids_is_two_observations():
    found = read(message(obx(sub="1.3.1", value="97"), obx(sub="1.3.2", value="95")))

    assert [(o.sub_id, o.value_milli) for o in found.observations] == [
        ("1.3.1", 97_000), ("1.3.2", 95_000),
    ]  # fmt: skip


def test_two_codes_of_one_metric_on_one_channel_are_told_apart():
    pulse, cuff = "149530^MDC_PULS_OXIM_PULS_RATE^MDC", "149546^MDC_PULS_RATE_NON_INV^MDC"
    for sub, expected in [("1.3", ["1.3/149530", "1.3/149546"]), ("", ["149530", "149546"])]:
        found = read(
            message(
                obx(code=pulse, unit=PER_MIN, value="71", sub=sub),
                obx(code=cuff, unit=PER_MIN, value="69", sub=sub),
            )
        )

        assert [(o.metric, o.value_milli) for o in found.observations] == [
            ("pulse", 71_000), ("pulse", 69_000),
        ]  # fmt: skip
        assert [o.sub_id for o in found.observations] == expected


def test_the_same_observation_twice_is_one_and_with_another_value_refused():
    same = read(message(obx(), obx(set_id="2")))

    assert len(same.observations) == 1
    assert refused(message(obx(value="97"), obx(value="96"))) == ("DEV-TWICE", "OBX-5")


def test_a_cuff_pressure_is_marked_as_measured_now_and_then():
    assert one(message(obx(code=SYS, unit=MMHG, value="121", sub="1.4.1"))).is_episodic
    assert not one(message(obx())).is_episodic


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_may_end_with_a_line_feed(end):
    assert one(message(obx(), end=end)).value_milli == 97_000


@pytest.mark.parametrize("charset", ["", "UNICODE UTF-8", "8859/1", "ASCII"])
def test_charsets_are_honoured(charset):
    assert one(message(obx(), charset=charset)).value_milli == 97_000


def test_a_latin_1_name_in_a_message_that_declares_no_charset_is_read():
    payload = message(obx()).replace(b"^^^^^^L", b"M\xfcller^^^^^^L")

    assert one(payload).value_milli == 97_000


def test_other_marks_than_the_usual_are_honoured():
    payload = message(obx()).replace(b"^~\\&", b"#~\\&").replace(b"^", b"#")

    assert one(payload).value_milli == 97_000


# --- no value ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["", '""', "-100", "-100.0", "32767", "-32001", "-32767.00", "0", "0.0"]
)
def test_a_spelling_of_no_value_is_kept_and_is_no_number(spelling):
    found = one(message(obx(value=spelling)))

    assert (found.value_milli, found.quality) == (None, f"none:{spelling}")


def test_no_value_needs_no_unit_but_a_wrong_unit_is_still_a_contradiction():
    assert one(message(obx(value="", unit=""))).quality == "none:"
    assert refused(message(obx(value="", unit=MMHG))) == ("DEV-UNIT", "OBX-6")


def test_zero_degrees_is_a_number_and_not_believed():
    found = one(message(obx(code="150344^MDC_TEMP^MDC", unit="268192^MDC_DIM_DEGC^MDC", value="0")))

    assert found.value_milli == 0
    assert found.quality.startswith("gated:")


def test_the_lowest_real_value_of_a_family_is_not_a_spelling_of_none():
    found = one(message(obx(value="-32000")))

    assert found.value_milli == -32_000_000
    assert found.quality == "gated:outside what a body can have"


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value_milli"),
    [("97", 97_000), ("97.5", 97_500), ("+97.125", 97_125), ("097.50", 97_500), (" 97 ", 97_000),
     ("97.1250000", 97_125)],
)  # fmt: skip
def test_a_decimal_is_read_exactly(text, value_milli):
    assert one(message(obx(value=text))).value_milli == value_milli


@pytest.mark.parametrize(
    "text",
    ["97,5", "9_7", "1e2", "NaN", "inf", "９７", "٣", "97.", ".5", "--97", "97 %", "---", "97.1234",
     "97~98", "97^98", "0x61", "1" * 10],
)  # fmt: skip
def test_anything_but_one_plain_decimal_is_refused(text):
    assert refused(message(obx(value=text))) == ("DEV-VALUE", "OBX-5")


def test_a_value_outside_what_a_body_can_have_is_kept_and_gated():
    found = one(message(obx(value="250")))

    assert (found.value_milli, found.quality) == (250_000, "gated:outside what a body can have")


def test_a_code_that_nobody_has_confirmed_is_kept_and_gated():
    found = one(message(obx(code="151708^MDC_CONC_AWAY_CO2_ET^MDC", unit=MMHG, value="35")))

    assert (found.metric, found.quality) == ("etco2", "gated:code not confirmed")


# --- contradictions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "unit", "answer"),
    [
        ("150456^MDC_CONC_AWAY_CO2_ET^MDC", MMHG, ("DEV-CODE-NAME", "OBX-3")),
        ("150456^MDC_CONC_AWAY_CO2_ET^MDC", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        ("150456^Saturation^MDC", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        ("150456^^MDC", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        ("^MDC_PULS_OXIM_SAT_O2^MDC", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        ("999999^MDC_PULS_OXIM_SAT_O2^MDC", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        (f"{SPO2}^{HR}", PERCENT, ("DEV-CODE-NAME", "OBX-3")),
        (SPO2, MMHG, ("DEV-UNIT", "OBX-6")),
        (SPO2, "", ("DEV-UNIT", "OBX-6")),
        (SPO2, "262688^MDC_DIM_MMHG^MDC", ("DEV-UNIT", "OBX-6")),
        (SPO2, "%", ("DEV-UNIT", "OBX-6")),
    ],
)
def test_code_name_and_unit_must_agree_with_one_row_of_the_table(code, unit, answer):
    """INV-DEV-04: 35 under the code of saturation and the name of CO2 is never SpO2 = 35 %."""
    assert refused(message(obx(), obx(code=code, unit=unit, value="35", sub="9"))) == answer


@pytest.mark.parametrize("kind", ["", "ST", "NA", "SN"])
def test_a_value_of_another_type_than_a_number_is_refused(kind):
    assert refused(message(obx(kind=kind))) == ("DEV-VALUE-TYPE", "OBX-2")


# --- the envelope ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"", ("DEV-NO-MSH", "MSH")),
        (b"hello", ("DEV-NO-MSH", "MSH")),
        (b"MSH", ("DEV-NO-MSH", "MSH")),
        (b"MSH|^~\\", ("DEV-NO-MSH", "MSH")),
        (message(obx()).replace(b"^~\\&", b"^^\\&"), ("DEV-MARKS", "MSH-2")),
        (message(obx(), kind="ADT^A01"), ("DEV-TYPE", "MSH-9")),
        (message(obx(), kind="ORU^R40^ORU_R40"), ("DEV-TYPE", "MSH-9")),
        (message(obx(), version="3"), ("DEV-VERSION", "MSH-12")),
        (message(obx(), control_id=""), ("DEV-EMPTY", "MSH-10")),
        (message(obx(), control_id="M" * 181), ("DEV-TEXT", "MSH-10")),
        (message(obx(), place=""), ("DEV-NO-PLACE", "PV1-3")),
        (message(obx(), place="^^"), ("DEV-NO-PLACE", "PV1-3")),
        (message(obx(), place="A^1^1~B^1^1"), ("DEV-NO-PLACE", "PV1-3")),
        (message("PV1||I|KET^2^A", obx()), ("DEV-NO-PLACE", "PV1-3")),
        (message(obx()) + message(obx()), ("DEV-TWO-IN-ONE", "MSH")),
        (message(obx()) + b"garbage\r", ("DEV-SEGMENT", "")),
        (message(obx()) + b"\x00", ("DEV-TEXT", "")),
        (message(obx(), charset="UNICODE UTF-16"), ("DEV-CHARSET", "MSH-18")),
        (message(obx(), charset="UNICODE UTF-8") + b"NTE|\xff\r", ("DEV-TEXT", "MSH-18")),
        (message(obx()).replace(b"OBR|", b"ZBR|"), ("DEV-NO-OBR", "OBX")),
        (message(*["NTE|1"] * 2000), ("DEV-SIZE", "")),
    ],
)
def test_a_malformed_message_is_refused_with_its_reason_and_place(payload, answer):
    found = read(payload)

    assert (found.code, found.place) == answer
    assert found.reason.endswith(".")


def test_a_rejection_names_the_message_and_the_segment():
    found = read(message(obx(), obx(value="x", sub="2")))

    assert (found.control_id, found.sender[:3]) == ("M1", "MON")
    assert found.reason == "Segment 6: 'x' is not a plain decimal number."


def test_a_place_is_three_parts_with_escapes_undone():
    for sent, place in [("KET", "KET^^"), ("K\\T\\T^1^A^extra", "K&T^1^A"), ("K&x^1", "K^1^")]:
        assert read(message(obx(), place=sent)).location == place
