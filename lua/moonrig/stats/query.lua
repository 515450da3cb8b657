-- SPDX-License-Identifier: MIT
-- stats/query.lua: all the SQL of the statistics.  select() puts the runs that count into a temporary table of this
-- connection, in the order of time, with what each is to its unit; the others read from there.  Nothing is kept in
-- memory but the row at hand.
--
-- first: the first run of its unit through its procedure that was judged, PASS or FAIL.  ERROR, TIMEOUT and ABORTED
-- say that the test did not come to a verdict; a unit whose only runs are those has no first run.  very_first: the
-- first one that ended, however.  good: whether the unit's last judged run was PASS.  All three look at the whole
-- history of the unit up to `before`; `chosen` are the runs that the other conditions select.

local query = {}

-- With `before` and without the rest: what went before the time asked for still decides what was first.
local SELECT = [[
INSERT INTO temp.stats_run (num, unit, procedure, version, station, site, operator, code, at, outcome, judged, chosen,
  first, very_first)
SELECT run.num, run.unit, procedure.name, procedure.version, station.name, run.site, run.operator, run_end.code,
  run.started_at, run_end.outcome, run_end.outcome IN ('PASS', 'FAIL'), %s, 0, 0
FROM run JOIN run_end ON run_end.run = run.num JOIN procedure ON procedure.id = run.procedure
  JOIN station ON station.id = run.station JOIN unit ON unit.id = run.unit
WHERE %s
ORDER BY run.started_at, run.num]]

-- The places are in the order of time, so the least one of a unit is its first run; and the greatest, with the
-- verdict in the last bit, tells how it ended.  (Grouped once: window functions would sort all runs three times.)
local RANK = [[
CREATE TEMP TABLE stats_unit AS
SELECT min(place) AS very_first, min(CASE WHEN judged THEN place END) AS first, sum(judged) AS tests,
  max(CASE WHEN judged THEN 2 * place + (outcome = 'PASS') END) & 1 AS good
FROM temp.stats_run GROUP BY unit, procedure;
UPDATE temp.stats_run SET very_first = 1 FROM temp.stats_unit u WHERE place = u.very_first;
UPDATE temp.stats_run SET first = 1, tests = u.tests, good = u.good FROM temp.stats_unit u WHERE place = u.first;
DROP TABLE temp.stats_unit;
CREATE INDEX temp.stats_run_by_num ON stats_run (num);
]]

local TABLES = [[
DROP TABLE IF EXISTS temp.stats_run;
DROP TABLE IF EXISTS temp.stats_repeated;
DROP TABLE IF EXISTS temp.stats_unit;
CREATE TEMP TABLE stats_run (place INTEGER PRIMARY KEY, num INTEGER, unit INTEGER, procedure TEXT, version TEXT,
  station TEXT, site TEXT, operator TEXT, code TEXT, at TEXT, outcome TEXT, judged INTEGER, chosen INTEGER,
  first INTEGER, very_first INTEGER, tests INTEGER, good INTEGER);
CREATE TEMP TABLE stats_repeated (run INTEGER, phase INTEGER, PRIMARY KEY (run, phase)) WITHOUT ROWID;
]]

-- Attempts of a phase that a later attempt took the place of.
local REPEATED = [[
INSERT INTO temp.stats_repeated
WITH again AS (SELECT run, name, max(attempt) AS last FROM phase WHERE attempt > 1 GROUP BY run, name)
SELECT phase.run, phase.seq FROM again CROSS JOIN phase
WHERE phase.run = again.run AND phase.name = again.name AND phase.attempt < again.last]]

-- What is in the history, and what is chosen out of it.
local HISTORY = { procedure = "procedure.name = ?", part = "unit.part = ?", before = "run.started_at < ?",
  mode = "run.mode = ?" }
local CHOSEN = { station = "station.name = ?", since = "run.started_at >= ?" }

local function conditions(filter, known, values)
  local list = {}
  for key, sql in pairs(known) do
    if filter[key] then
      values[#values + 1] = filter[key]
      list[#list + 1] = sql:gsub("%?", "?" .. #values)
    end
  end
  return list
end

---@class moonrig.StatsFilter
---@field procedure string?
---@field part string?
---@field station string?
---@field since string?        UTC, as the record has it, or the beginning of that
---@field before string?
---@field measurement string?
---@field mode string?         nil: all
---@field simulated boolean?   also simulated runs

--- Collects the runs in temporary tables, until the record is closed.
---@param db userdata
---@param filter moonrig.StatsFilter
function query.select(db, filter)
  local values = {}
  local chosen = conditions(filter, CHOSEN, values)
  local history = conditions(filter, HISTORY, values)
  if not filter.simulated then history[#history + 1] = "run.simulated = 0" end
  local query_only = db:value "PRAGMA query_only"
  db:script "PRAGMA query_only = OFF"  -- temporary tables are no part of the record, which may be open readonly
  db:script(TABLES)
  db:exec(SELECT:format(chosen[1] and table.concat(chosen, " AND ") or "1",
    history[1] and table.concat(history, " AND ") or "1"), table.unpack(values))
  db:script(RANK)
  db:exec(REPEATED)
  db:script(("PRAGMA query_only = %d"):format(query_only))
end

--- How many runs the record has that are not among the chosen: simulated, in another mode, without an end.
---@return { runs: integer, chosen: integer, simulated: integer, open: integer, modes: integer }
function query.left_out(db, filter)
  local row = db:row([[SELECT count(*) AS runs, coalesce(sum(simulated), 0) AS simulated,
      coalesce(sum(simulated = 0 AND mode <> coalesce(?, mode)), 0) AS modes FROM run]], filter.mode)
  row.open = row.runs - db:value "SELECT count(*) FROM run_end"
  row.chosen = db:value "SELECT coalesce(sum(chosen), 0) FROM temp.stats_run"
  return row
end

--- The names of the procedures, sorted.
---@return string[]
function query.procedures(db)
  local list = {}
  for row in db:rows "SELECT DISTINCT procedure FROM temp.stats_run WHERE chosen ORDER BY 1" do
    list[#list + 1] = row.procedure
  end
  return list
end

local COUNTS = [[
SELECT version, station, coalesce(site, '') AS site, coalesce(operator, '') AS operator, substr(at, 1, 10) AS day,
  count(*) AS runs, min(at) AS since, max(at) AS last,
  sum(outcome = 'PASS') AS PASS, sum(outcome = 'FAIL') AS FAIL, sum(outcome = 'ERROR') AS ERROR,
  sum(outcome = 'TIMEOUT') AS TIMEOUT, sum(outcome = 'ABORTED') AS ABORTED,
  sum(first) AS units, sum(first AND outcome = 'PASS') AS passed_first,
  coalesce(sum(first AND good), 0) AS passed_final,
  coalesce(sum(first AND tests > 1), 0) AS retested, coalesce(sum(first AND outcome = 'FAIL' AND good), 0) AS recovered,
  sum(very_first) AS very_first, sum(very_first AND outcome = 'PASS') AS passed_very_first
FROM temp.stats_run WHERE chosen AND procedure = ? GROUP BY 1, 2, 3, 4, 5]]

--- Counts the runs of a procedure: a row for each version, station, site, operator and day that go together.
function query.counts(db, procedure) return db:rows(COUNTS, procedure) end

local FAILURES = [[
SELECT r.num AS run, r.outcome, r.code, p.name AS phase, p.outcome AS phase_outcome, p.code AS phase_code,
  m.name AS measurement
FROM temp.stats_run r
  LEFT JOIN (SELECT phase.run, phase.seq, phase.name, phase_end.outcome, phase_end.code FROM phase CROSS JOIN phase_end
    WHERE phase_end.run = phase.run AND phase_end.phase = phase.seq AND phase_end.outcome IN ('FAIL', 'ERROR')
      AND NOT EXISTS (SELECT 1 FROM temp.stats_repeated s WHERE s.run = phase.run AND s.phase = phase.seq)) p
    ON p.run = r.num
  LEFT JOIN measurement m ON m.run = p.run AND m.phase = p.seq AND m.outcome IN ('FAIL', 'UNSET')
WHERE r.chosen AND r.procedure = ? AND r.outcome <> 'PASS'
ORDER BY r.place, p.seq, m.seq]]

--- What the runs that did not pass failed in, in order: a row for each measurement, phase without one, or run without
--- either.
function query.failures(db, procedure) return db:rows(FAILURES, procedure) end

local MEASURED = [[
SELECT r.place, m.name, m.num, m.unit,
  coalesce(m.limit_min, m.nominal - abs(m.nominal * m.within / 100)) AS low,
  coalesce(m.limit_max, m.nominal + abs(m.nominal * m.within / 100)) AS high
FROM %s
WHERE r.chosen %s AND m.run = r.num AND m.type IN ('float', 'integer') %s %s
ORDER BY r.place, m.seq]]

local NOT_REPEATED = "AND NOT EXISTS (SELECT 1 FROM temp.stats_repeated s WHERE s.run = m.run AND s.phase = m.phase)"

-- Runs first, in order, and what each has measured; or the measurement of that name first, by its index, which is
-- sooner when most of the runs count.
local RUNS_FIRST <const> = "temp.stats_run r CROSS JOIN measurement m"
local NAME_FIRST <const> = "measurement m CROSS JOIN temp.stats_run r"

local function most_count(db)
  return db:value "SELECT 4 * sum(chosen) > (SELECT count(*) FROM run) FROM temp.stats_run" == 1
end

--- Measured numbers in the order of time, each with its run; num is nil for NaN.  The runs are read beside them: so a
--- row is small, and there are many.
---@param name string?    only this measurement
---@param all boolean?    of all runs; else of first ones
---@param fn fun(row: table, run: table)
function query.measured(db, name, all, fn)
  local repeated = db:value "SELECT 1 FROM temp.stats_repeated LIMIT 1"
  local from = name and most_count(db) and NAME_FIRST or RUNS_FIRST
  local sql = MEASURED:format(from, all and "" or "AND r.first", name and "AND m.name = ?" or "",
    repeated and NOT_REPEATED or "")
  local next_run, _, _, cursor = db:rows "SELECT * FROM temp.stats_run ORDER BY place"
  local runs <close> = cursor -- luacheck: ignore 211
  local run = { place = 0 }
  for row in db:rows(sql, table.unpack { name }) do
    while run.place < row.place do run = next_run() end
    fn(row, run)
  end
end

return query
