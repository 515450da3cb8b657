"""Reads an STDF V4 file as its specification describes it, strictly, and prints a JSON array of records.

Independent of moonrig: written from the record layouts of the specification, for both byte orders. A record that is
shorter or longer than its fields, a text that is not ASCII, a wrong order or an unknown record is an error."""
import json
import math
import struct
import sys

# Fields by record. kxU1 takes its count from the field before it but one (SITE_CNT). Fields behind "|" may be missing.
LAYOUTS = {
    (0, 10): ("FAR", "U1 CPU_TYPE, U1 STDF_VER"),
    (1, 10): ("MIR", "U4 SETUP_T, U4 START_T, U1 STAT_NUM, C1 MODE_COD, C1 RTST_COD, C1 PROT_COD, U2 BURN_TIM, "
              "C1 CMOD_COD, Cn LOT_ID, Cn PART_TYP, Cn NODE_NAM, Cn TSTR_TYP, Cn JOB_NAM, | Cn JOB_REV, Cn SBLOT_ID, "
              "Cn OPER_NAM, Cn EXEC_TYP, Cn EXEC_VER, Cn TEST_COD, Cn TST_TEMP, Cn USER_TXT, Cn AUX_FILE, Cn PKG_TYP, "
              "Cn FAMLY_ID, Cn DATE_COD, Cn FACIL_ID, Cn FLOOR_ID, Cn PROC_ID, Cn OPER_FRQ, Cn SPEC_NAM, Cn SPEC_VER, "
              "Cn FLOW_ID, Cn SETUP_ID, Cn DSGN_REV, Cn ENG_ID, Cn ROM_COD, Cn SERL_NUM, Cn SUPR_NAM"),
    (1, 20): ("MRR", "U4 FINISH_T, | C1 DISP_COD, Cn USR_DESC, Cn EXC_DESC"),
    (1, 30): ("PCR", "U1 HEAD_NUM, U1 SITE_NUM, U4 PART_CNT, | U4 RTST_CNT, U4 ABRT_CNT, U4 GOOD_CNT, U4 FUNC_CNT"),
    (1, 40): ("HBR", "U1 HEAD_NUM, U1 SITE_NUM, U2 HBIN_NUM, U4 HBIN_CNT, | C1 HBIN_PF, Cn HBIN_NAM"),
    (1, 50): ("SBR", "U1 HEAD_NUM, U1 SITE_NUM, U2 SBIN_NUM, U4 SBIN_CNT, | C1 SBIN_PF, Cn SBIN_NAM"),
    (1, 80): ("SDR", "U1 HEAD_NUM, U1 SITE_GRP, U1 SITE_CNT, kU1 SITE_NUM"),
    (5, 10): ("PIR", "U1 HEAD_NUM, U1 SITE_NUM"),
    (5, 20): ("PRR", "U1 HEAD_NUM, U1 SITE_NUM, B1 PART_FLG, U2 NUM_TEST, U2 HARD_BIN, | U2 SOFT_BIN, I2 X_COORD, "
              "I2 Y_COORD, U4 TEST_T, Cn PART_ID, Cn PART_TXT, Cn PART_FIX"),
    (10, 30): ("TSR", "U1 HEAD_NUM, U1 SITE_NUM, C1 TEST_TYP, U4 TEST_NUM, | U4 EXEC_CNT, U4 FAIL_CNT, U4 ALRM_CNT, "
               "Cn TEST_NAM, Cn SEQ_NAME, Cn TEST_LBL, B1 OPT_FLAG, R4 TEST_TIM, R4 TEST_MIN, R4 TEST_MAX, R4 TST_SUMS, "
               "R4 TST_SQRS"),
    (15, 10): ("PTR", "U4 TEST_NUM, U1 HEAD_NUM, U1 SITE_NUM, B1 TEST_FLG, B1 PARM_FLG, R4 RESULT, | Cn TEST_TXT, "
               "Cn ALARM_ID, B1 OPT_FLAG, I1 RES_SCAL, I1 LLM_SCAL, I1 HLM_SCAL, R4 LO_LIMIT, R4 HI_LIMIT, Cn UNITS, "
               "Cn C_RESFMT, Cn C_LLMFMT, Cn C_HLMFMT, R4 LO_SPEC, R4 HI_SPEC"),
    (50, 30): ("DTR", "Cn TEXT_DAT"),
}
SIMPLE = {"U1": "B", "U2": "H", "U4": "I", "I1": "b", "I2": "h", "I4": "i", "R4": "f", "B1": "B"}


def fields(name, layout, payload, order):
    at, out, optional = 0, {}, False
    for item in layout.split(","):
        item = item.strip()
        if item.startswith("|"):
            optional, item = True, item[1:].strip()
        kind, key = item.split()
        if at == len(payload) and optional:
            break
        if kind in SIMPLE:
            value = struct.unpack_from(order + SIMPLE[kind], payload, at)[0]
            size = struct.calcsize(SIMPLE[kind])
        elif kind == "C1":
            value, size = payload[at:at + 1].decode("ascii"), 1
            assert len(value) == 1, f"{name}.{key} is cut"
        elif kind == "Cn":
            size = 1 + payload[at]
            value = payload[at + 1:at + size]
            assert len(value) == size - 1, f"{name}.{key} is cut"
            value = value.decode("ascii")
            assert value.isprintable(), f"{name}.{key} has control characters"
        else:
            size = out["SITE_CNT"]
            value = list(payload[at:at + size])
            assert len(value) == size, f"{name}.{key} is cut"
        assert not (isinstance(value, float) and not math.isfinite(value)), f"{name}.{key} is {value}"
        out[key], at = value, at + size
    assert at == len(payload), f"{name}: {len(payload) - at} bytes too many"
    return out


def read(data):
    order = "<" if data[4] == 2 else ">"
    records, at = [], 0
    while at < len(data):
        length, kind, sub = struct.unpack_from(order + "HBB", data, at)
        name, layout = LAYOUTS[kind, sub]
        payload = data[at + 4:at + 4 + length]
        assert len(payload) == length, f"{name} is cut"
        records.append({"REC": name, **fields(name, layout, payload, order)})
        at += 4 + length
    return records


def check_order(records):
    names = [r["REC"] for r in records]
    assert names[:2] == ["FAR", "MIR"] and names[-1] == "MRR" and names.count("MRR") == names.count("MIR") == 1, names
    open_site, tests = None, 0
    for r in records:
        if r["REC"] == "PIR":
            assert open_site is None, "PIR in a part"
            open_site, tests = (r["HEAD_NUM"], r["SITE_NUM"]), 0
        elif r["REC"] == "PTR":
            assert open_site == (r["HEAD_NUM"], r["SITE_NUM"]), "PTR of another site"
            tests += 1
        elif r["REC"] == "PRR":
            assert open_site == (r["HEAD_NUM"], r["SITE_NUM"]) and r["NUM_TEST"] == tests, "PRR"
            open_site = None
    assert open_site is None, "a part without PRR"


with open(sys.argv[1], "rb") as f:
    everything = read(f.read())
check_order(everything)
print(json.dumps(everything))
