#!/usr/bin/env python3
"""The check of `moonrig verify` once more, after docs/record.md alone. Prints a line for each station; exit code 0: as
it was written, 1: not, 2: cannot be read."""
import argparse, decimal, hashlib, json, os, re, sqlite3, struct, subprocess, sys, tempfile, urllib.parse

TRIGGERS = {3: "90a9eb56dd74b26636a7ed89d9a9f67929644a8bd2b3555d5d53c5ab50c8377e"}  # of a version of the format
TABLES = {"answers": "prompt_answer", "attachments": "attachment", "end": "run_end", "logs": "log", "series": "series",
          "measurements": "measurement", "phase_ends": "phase_end", "phases": "phase", "prompts": "prompt"}
# Of two columns with one name the first counts, and what is NULL is left out.
FORM = {name: f"SELECT NULL run, * FROM {table} WHERE run = ? ORDER BY 3, 4" for name, table in TABLES.items()} | {
    "instruments": "SELECT NULL run, NULL id, NULL instrument, * FROM run_instrument JOIN instrument "
                   "ON id = instrument WHERE run = ? ORDER BY role",
    "subunits": "SELECT NULL run, NULL id, NULL unit, * FROM subunit JOIN unit ON unit.id = subunit.unit "
                "WHERE run = ? ORDER BY seq",
    "run": "SELECT NULL num, NULL name, NULL unit, station.name station, procedure.name procedure, * FROM run "
           "JOIN station ON station.id = station JOIN procedure ON procedure.id = procedure "
           "JOIN unit ON unit.id = unit WHERE num = ?"}

def sha256(data): return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()

def canonical(v):
    if isinstance(v, dict):
        return "{%s}" % ",".join(canonical(k) + ":" + canonical(v[k]) for k in sorted(v) if v[k] is not None)
    if isinstance(v, list): return "[%s]" % ",".join(map(canonical, v))
    if isinstance(v, str):
        return re.sub("[\udc80-\udcff]", lambda c: "\\u%x" % ord(c[0]), json.dumps(v, ensure_ascii=False))
    if isinstance(v, int): return str(v)
    if abs(v) == float("inf"): return '"Infinity"' if v > 0 else '"-Infinity"'
    d = decimal.Decimal(repr(v + 0.0)).normalize()  # in ECMAScript's notation; both zeros are 0
    return format(d, "f" if -6 <= d.adjusted() <= 20 else "e")

def document(db, run):
    parts = {name: [dict(row) for row in db.execute(sql, (run,))] or None for name, sql in FORM.items()}
    for one in parts["series"] or []:
        one["sha256"] = sha256(b"".join(struct.pack("<qq", *times) + data for *times, data in db.execute(
            "SELECT part, at_us, data FROM series_data WHERE run = ? AND series = ? ORDER BY part", (run, one["seq"]))))
    return parts["run"] and parts["end"] and parts | {
        "format": "moonrig-record/1", "run": parts["run"][0], "end": parts["end"][0]}

def is_signed(key, text, signature):
    if not re.fullmatch("[0-9a-f]{192}", key + signature): return False
    der = bytes.fromhex("302a300506032b6570032100" + key)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in ("key", der), ("text", text.encode()), ("signature", bytes.fromhex(signature)):
            with open(os.path.join(folder, name), "wb") as f: f.write(data)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        return subprocess.run(command.split(), cwd=folder, capture_output=True).returncode == 0

def first_break(db, station, name, blobs, given, heads):  # (seq and id of the run, what) or None
    seals = db.execute("SELECT seal.*, id, run.station at FROM seal LEFT JOIN run ON num = run WHERE seal.station = ? "
                       "ORDER BY seq", (station,)).fetchall()
    seq_of, before, signed = {"0" * 64: 0} | {s["hash"]: s["seq"] for s in seals}, {"hash": "0" * 64}, False
    for i, s in enumerate(seals, 1):
        if s["seq"] != i: return {"seq": i, "id": None}, "removed"
        if s["at"] != station or name is None: return s, "removed"
        text = canonical({"format": "moonrig-seal/1", "station": name} | {
            key: s[key] for key in ("doc", "key", "note", "prev", "seq")})
        if s["prev"] != before["hash"]:
            at = seq_of.get(s["prev"])
            if at is not None: return (seals[at], "inserted") if at < i - 1 else (s, "reordered")
            return (before, "replaced") if i > 1 and sha256(text) == s["hash"] else (s, "changed")
        run = document(db, s["run"])
        doc = run and sha256(canonical(run))
        if doc != s["doc"]: return s, "reordered" if doc in [other["doc"] for other in seals] else "changed"
        named = {run["run"]["script_sha256"], *(a["sha256"] for a in run["attachments"] or [])}
        if sha256(text) != s["hash"] or not named <= blobs: return s, "changed"
        if not (s["key"] and s["signature"]):
            if s["key"] or s["signature"] or signed or given.key and i >= given.start: return s, "unsigned"
        elif not is_signed(s["key"], text, s["signature"]): return s, "forged"
        elif given.key and s["key"] not in given.key: return s, "wrong key"
        before, signed = s, signed or s["key"]
        heads.discard(s["hash"])
    for run in db.execute("SELECT NULL seq, id FROM run LEFT JOIN run_end ON run = num WHERE station = ?1 AND num "
                          "NOT IN (SELECT run FROM seal) AND (run OR ?2 IS NULL) ORDER BY num", (station, name)):
        return run, "inserted" if name is not None else "removed"

parser = argparse.ArgumentParser()
parser.add_argument("record")
parser.add_argument("--from", dest="start", type=int, default=1)
for name in "--key", "--head": parser.add_argument(name, action="append", default=[])
given = parser.parse_args()
sys.stdout.reconfigure(errors="backslashreplace")
try:
    db = sqlite3.connect("file:%s?mode=ro" % urllib.parse.quote(given.record), uri=True)
    db.row_factory, db.text_factory = sqlite3.Row, lambda text: text.decode("utf-8", "surrogateescape")
    db.execute("BEGIN")
    blobs = {name for name, size, data in db.execute("SELECT * FROM blob") if (sha256(data), len(data)) == (name, size)}
    heads, wrong = set(given.head), []
    for station, name in db.execute("SELECT at, name FROM (SELECT id at FROM station UNION SELECT station FROM run "
                                    "UNION SELECT station FROM seal) LEFT JOIN station ON id = at ORDER BY at"):
        run, what = first_break(db, station, name, blobs | {""}, given, heads) or (None, "as it was written")
        if run: wrong.append(what := f"run {run['seq']} ({run['id'] or 'gone'}): {what}")
        print(f"{name or f'station {station}'}: {what}")
    triggers = db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
    if sha256("".join(sql + "\n" for sql, in triggers)) != TRIGGERS.get(*db.execute("PRAGMA user_version").fetchone()):
        wrong.append(print("triggers: changed"))
    for head in heads: wrong.append(print(f"head {head}: removed"))
    sys.exit(1 if wrong else 0)
except sqlite3.Error as e: sys.exit(print(e, file=sys.stderr) or 2)
