-- stats_record.lua FILE RUNS MEASUREMENTS: makes a record of that size for bench_stats.sh, in SQL: each tenth unit
-- fails first and is tested again, and the values are sums of uniform numbers about the middle of their limits.
local record = require "moonrig.record"

local path, runs, measurements = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3])
local rec <close> = record.open(path)
local db = rec.db

db:script "PRAGMA synchronous = OFF; BEGIN; INSERT INTO station VALUES (1, 'line 1'), (2, 'line 2')"
db:script "INSERT INTO procedure VALUES (1, 'final', '1.0', ''), (2, 'final', '1.1', '')"
db:exec([[INSERT INTO unit WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
  SELECT i, 'PSU-100', printf('SN%07d', i) FROM n WHERE i % 11 > 0]], runs)
-- Run 11, 22, ... is the second one of the unit before it, which had failed.
db:exec([[INSERT INTO run WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
  SELECT i, printf('%036d', i), 1 + i % 2, CASE i % 11 WHEN 0 THEN i - 1 ELSE i END, 1 + (i > ?1 / 2), NULL, 'M. Weber',
    NULL, NULL, 'production', 0, 1 + (i % 11 = 0), strftime('%Y-%m-%dT%H:%M:%fZ', 1767225600 + i * 60, 'unixepoch'),
    'bench', 'host', 'boot', 1, 1, '{}', '{}' FROM n]], runs)
db:exec [[INSERT INTO run_end SELECT num, started_at, 1000000, CASE num % 11 WHEN 10 THEN 'FAIL' ELSE 'PASS' END, 0, 0,
  NULL, NULL FROM run]]
db:exec [[INSERT INTO phase (run, seq, at_us, name, grp, attempt) SELECT num, 1, 0, 'rails', 'main', 1 FROM run]]
db:exec [[INSERT INTO phase_end (run, phase, at_us, outcome, marginal, code, message)
  SELECT num, 1, 10, CASE num % 11 WHEN 10 THEN 'FAIL' ELSE 'PASS' END, 0, NULL, NULL FROM run]]
db:exec([[INSERT INTO measurement (run, seq, phase, at_us, name, type, num, unit, outcome, marginal, limit_min,
    limit_max)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
  SELECT num, 1 + i, 1, i, printf('v_%02d', i), 'float',
    i + 0.01 * ((random() + random() / 2 + random() / 3) / 9223372036854775808.0), 'V',
    CASE WHEN num % 11 = 10 AND i = 1 + num % ?1 THEN 'FAIL' ELSE 'PASS' END, 0, i - 0.05, i + 0.05
  FROM run, n ORDER BY num, i]], measurements)
db:script "COMMIT"
