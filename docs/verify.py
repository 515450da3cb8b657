#!/usr/bin/env python3
"""The check of `moonrig verify` once more, after docs/record.md alone:  verify.py RECORD [--key HEX]... [--from N] [--head HASH]...
Prints a line for each station; exit code 0: as it was written, 1: not, 2: cannot be read."""
import argparse, decimal, hashlib, json, re, sqlite3, subprocess, sys, tempfile, urllib.parse
PARTS = {  # list -> its columns, where from; "name=expression" when it is not called so there
    "answers": ("answer at_us prompt", "prompt_answer WHERE run = ? ORDER BY prompt"),
    "attachments": ("at_us mime name phase seq sha256", "attachment WHERE run = ? ORDER BY seq"),
    "end": ("code duration_us ended_at interrupted marginal message outcome", "run_end WHERE run = ?"),
    "instruments": ("cal_certificate cal_due firmware maker model role serial simulated url",
                    "run_instrument JOIN instrument ON id = instrument WHERE run = ? ORDER BY role"),
    "logs": ("at_us level message phase seq source", "log WHERE run = ? ORDER BY seq"),
    "measurements": ("at_us doc equals instrument limit_max limit_min limit_text marginal marginal_max marginal_min "
                     "matches name nominal num one_of outcome phase seq series text type uncertainty unit within",
                     "measurement WHERE run = ? ORDER BY seq"),
    "phase_ends": ("at_us code marginal message outcome phase", "phase_end WHERE run = ? ORDER BY phase"),
    "phases": ("at_us attempt grp name parent seq", "phase WHERE run = ? ORDER BY seq"),
    "prompts": ("at_us kind message options phase seq", "prompt WHERE run = ? ORDER BY seq"),
    "run": ("attempt batch boot config host id=run.id meta mode operator part pid pid_start procedure=procedure.name "
            "revision runtime script_sha256 serial simulated site started_at station=station.name version",
            "run JOIN station ON station.id = run.station JOIN unit ON unit.id = run.unit "
            "JOIN procedure ON procedure.id = run.procedure WHERE num = ?"),
    "series": ("at_us columns name phase seq unit x_log x_name x_unit", "series WHERE run = ? ORDER BY seq"),
    "subunits": ("at_us name part revision seq serial",
                 "subunit JOIN unit ON unit.id = subunit.unit WHERE run = ? ORDER BY seq")}

def number(x):  # as ECMAScript and RFC 8785 write it
    if x in (float("inf"), float("-inf")): return '"Infinity"' if x > 0 else '"-Infinity"'
    sign, digits, exponent = decimal.Decimal(repr(x)).as_tuple()
    n, d = len(digits) + exponent, "".join(map(str, digits)).rstrip("0")
    if not d: return "0"
    n -= len(d) - len(d.lstrip("0")); d = d.lstrip("0"); k = len(d)
    if k <= n <= 21: s = d + "0" * (n - k)
    elif 0 < n <= 21: s = d[:n] + "." + d[n:]
    elif -6 < n <= 0: s = "0." + "0" * -n + d
    else: s = d[0] + ("." + d[1:] if k > 1 else "") + "e%+d" % (n - 1)
    return "-" * sign + s

def canonical(v):
    if isinstance(v, dict):
        return "{" + ",".join(canonical(k) + ":" + canonical(v[k]) for k in sorted(v) if v[k] not in (None, [])) + "}"
    if isinstance(v, list): return "[" + ",".join(map(canonical, v)) + "]"
    if isinstance(v, str): return re.sub("[\udc80-\udcff]", lambda b: "\\u%04x" % ord(b[0]), json.dumps(v, ensure_ascii=False))
    return number(v) if isinstance(v, float) else str(v)

def sha256(data): return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()

def document(db, run):
    doc = {"format": "moonrig-record/1"}
    for name, (columns, source) in PARTS.items():
        pairs = [column.split("=") for column in columns.split()]
        rows = [{p[0]: v for p, v in zip(pairs, row)} for row in
                db.execute("SELECT " + ", ".join(p[-1] for p in pairs) + " FROM " + source, (run,))]
        for row in rows if name == "series" else []:
            row["sha256"] = sha256(b"".join(at.to_bytes(8, "little", signed=True) + data for at, data in db.execute(
                "SELECT at_us, data FROM series_data WHERE run = ? AND series = ? ORDER BY part", (run, row["seq"]))))
        doc[name] = rows if name not in ("run", "end") else rows[0] if rows else None
    return doc if doc["run"] and doc["end"] else None

def is_signed(key, text, signature):
    if not re.fullmatch("[0-9a-f]{192}", key + signature): return False
    der = bytes.fromhex("302a300506032b6570032100" + key)
    with tempfile.NamedTemporaryFile() as k, tempfile.NamedTemporaryFile() as t, tempfile.NamedTemporaryFile() as s:
        for f, data in (k, der), (t, text.encode()), (s, bytes.fromhex(signature)): f.write(data); f.flush()
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", k.name, "-rawin",
                               "-in", t.name, "-sigfile", s.name], capture_output=True).returncode == 0

def first_break(db, station, name, keys, start, heads):  # (number, run id, what) or None
    if name is None:  # runs of a station that is gone
        id = db.execute("SELECT id FROM run WHERE station = ? ORDER BY num", (station,)).fetchone()
        return None, id and id[0], "removed"
    s = [dict(zip("run seq prev doc hash key signature note id at".split(), row)) for row in db.execute(
        "SELECT run, seq, prev, doc, hash, key, signature, note, id, run.station FROM seal LEFT JOIN run ON num = run "
        "WHERE seal.station = ? ORDER BY seq", (station,))]
    by_hash = {"0" * 64: 0, **{x["hash"]: x["seq"] for x in s}}
    def broken(x, what): return x["seq"], x["id"], what
    signed = False
    for i, x in enumerate(s):
        if x["seq"] != i + 1: return i + 1, None, "removed"
        if x["id"] is None or x["at"] != station: return broken(x, "removed")
        text = canonical({**{k: x[k] for k in ("doc", "key", "note", "prev", "seq")}, "station": name,
                          "format": "moonrig-seal/1"})
        if x["prev"] != (s[i - 1]["hash"] if i else "0" * 64):
            at = by_hash.get(x["prev"])
            if at is not None: return broken(s[at], "inserted") if at < i else broken(x, "reordered")
            return broken(s[i - 1], "replaced") if i and sha256(text) == x["hash"] else broken(x, "changed")
        run = document(db, x["run"])
        if not run: return broken(x, "changed")
        if sha256(canonical(run)) != x["doc"]:
            return broken(x, "reordered" if sha256(canonical(run)) in [y["doc"] for y in s] else "changed")
        for named in filter(None, [run["run"]["script_sha256"]] + [a["sha256"] for a in run["attachments"]]):
            blob = db.execute("SELECT data, size FROM blob WHERE sha256 = ?", (named,)).fetchone()
            if not blob or sha256(blob[0]) != named or len(blob[0]) != blob[1]: return broken(x, "changed")
        if sha256(text) != x["hash"]: return broken(x, "changed")
        if bool(x["key"]) != bool(x["signature"]) or not x["key"] and (signed or keys and x["seq"] >= start):
            return broken(x, "unsigned")
        if x["key"] and not is_signed(x["key"], text, x["signature"]): return broken(x, "forged")
        if x["key"] and keys and x["key"] not in keys: return broken(x, "wrong key")
        signed = signed or bool(x["key"])
        heads.discard(x["hash"])
    for id, in db.execute("SELECT id FROM run JOIN run_end ON run = num WHERE station = ? AND num NOT IN "
                          "(SELECT run FROM seal) ORDER BY num", (station,)): return None, id, "inserted"

def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser()
    parser.add_argument("record"); parser.add_argument("--key", action="append"); parser.add_argument("--head", action="append")
    parser.add_argument("--from", dest="start", type=int, default=1)
    given = parser.parse_args()
    db = sqlite3.connect("file:%s?mode=ro" % urllib.parse.quote(given.record), uri=True)
    db.text_factory = lambda b: b.decode("utf-8", "surrogateescape")
    heads, code = set(given.head or []), 0
    db.execute("BEGIN")
    for station, name in db.execute(
            "SELECT id, name FROM station UNION ALL SELECT station, NULL FROM (SELECT station FROM run UNION SELECT "
            "station FROM seal) WHERE station NOT IN (SELECT id FROM station) ORDER BY 1").fetchall():
        b = first_break(db, station, name, set(given.key or []), given.start, heads)
        code = 1 if b else code
        told = "run %s (%s): %s" % (b[0], b[1] or "gone", b[2]) if b else "as it was written"
        print("%s: %s" % (name or "station %d" % station, told))
    for head in heads: print("head %s: removed" % head)
    return 1 if heads else code

try: sys.exit(main())
except sqlite3.Error as e: sys.exit(print(e, file=sys.stderr) or 2)
