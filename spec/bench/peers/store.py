"""store.py DB N [PER]: as src/store.c, by Python's sqlite3"""
import sqlite3, sys, time
path, n = sys.argv[1], int(sys.argv[2])
per = int(sys.argv[3]) if len(sys.argv) > 3 else n
db = sqlite3.connect(path, isolation_level=None)
db.executescript('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA recursive_triggers = ON;'
                 'PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL')
insert = '''INSERT INTO measurement (run, seq, phase, at_us, name, type, num, text, unit, outcome, marginal, limit_min,
  limit_max, marginal_min, marginal_max, nominal, within, equals, one_of, matches, limit_text, instrument, uncertainty,
  doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'''
none = (None,) * 11
seq, start, cpu = 0, time.perf_counter(), time.process_time()
since = lambda: int((time.perf_counter() - start) * 1e6)
for done in range(0, n, per):
    seq += 1
    phase = seq
    db.execute("INSERT INTO phase (run, seq, at_us, name, grp, attempt) VALUES (1, ?, ?, ?, 'main', 1)",
               (phase, since(), 'rails'))
    for i in range(1, per + 1):
        seq += 1
        k = i % 20
        db.execute(insert, (1, seq, phase, since(), 'v_%02d' % k, 'float', k + 0.01 * (seq % 7), None, 'V', 'PASS', 0,
                            k - 0.05, k + 0.1) + none)
    db.execute("INSERT INTO phase_end (run, phase, at_us, outcome, marginal) VALUES (1, ?, ?, 'PASS', 0)",
               (phase, since()))
print('%.0f cpuus=%.2f' % (n / (time.perf_counter() - start), (time.process_time() - cpu) * 1e6 / n))
