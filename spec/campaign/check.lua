-- check.lua: what a record says of runs, against what the simulators have sent and what the procedure had been told.
local station = require "station"

local check = {}

-- The number that a simulator has truly sent as this reply; nil when it was no number, or no whole line.
local function number_sent(bytes)
  local line = bytes and bytes:match "^([^\n]*)\n$"
  return line and tonumber(line)
end

-- Calls fn(key, value) for each measurement, and for each point of a series.
local function each_value(run, fn)
  for _, phase in ipairs(run.phases) do
    for _, m in ipairs(phase.measurements) do
      local key = station.key(run.dut.serial, phase.name, phase.attempt, m.name)
      for n, y in ipairs(m.series and m.series.y or {}) do fn(key .. "#" .. n, y) end
      if not m.series and type(m.value) == "number" then fn(key, m.value) end
    end
  end
end

--- Nothing is lost, nothing is there that was not sent. Returns how many measurements had returned.
---@param run moonrig.Run?    nil: the record has none of this unit
---@param problem fun(message: string, ...)
function check.values(run, serial, journal, sent, problem)
  local recorded = {}
  each_value(run or { phases = {} }, function(key, value)
    recorded[key] = value
    local about = journal.about[key]
    if not about then
      problem("%s: recorded, and never measured", key)
    elseif about.value ~= value then
      problem("%s: measured %.17g, recorded %.17g", key, about.value, value)
    elseif number_sent(sent[about.token]) ~= value then
      problem("%s: recorded %.17g, the simulator sent %q for %s", key, value, sent[about.token] or "nothing",
        about.token)
    end
  end)
  local count = 0
  for key, done in pairs(journal.done) do
    if key:match "^[^\t]*" == serial then
      count = count + 1
      if recorded[key] ~= done.value then
        problem("%s: t:measure had returned, and %s is recorded", key, tostring(recorded[key]))
      end
    end
  end
  return count
end

local function all_of(run, list)
  local all = {}
  for _, one in ipairs(run[list]) do all[#all + 1] = one end
  for _, phase in ipairs(run.phases) do
    for _, one in ipairs(phase[list]) do all[#all + 1] = one end
  end
  return all
end

--- Answers and attachments whose calls had returned.
function check.others(run, serial, journal, problem)
  local prompts, curves = run and all_of(run, "prompts") or {}, {}
  for _, file in ipairs(run and all_of(run, "attachments") or {}) do
    if file.name == "curve.csv" then curves[#curves + 1] = file end
  end
  if journal.answered[serial] and not (prompts[1] and prompts[1].answer == true) then
    problem("%s: the answer had been given, and is not recorded", serial)
  end
  local size = journal.attached[serial]
  if size and not (curves[1] and curves[1].size == size) then
    problem("%s: %d bytes had been attached, and are not recorded", serial, size)
  end
end

local function phases(run, name, group)
  local list = {}
  for _, phase in ipairs(run.phases) do
    if phase.name == name and phase.group == group then list[#list + 1] = phase end
  end
  return list
end

--- Of a program that could end in its own way: the run has an end, and was torn down.
function check.torn_down(run, problem)
  local serial = run.dut.serial
  if run.interrupted or not run.outcome then return problem("%s: the run was left without end", serial) end
  local last = phases(run, "end", "teardown")[1]
  if not last or last.outcome == "SKIP" or last.code == "interrupted" then
    problem("%s: teardown did not run (%s)", serial, last and last.outcome or "it is not recorded")
  end
  for _, phase in ipairs(run.phases) do
    if phase.code == "interrupted" then problem("%s: phase %s was left without end", serial, phase.name) end
  end
end

--- What of the run went wrong, as its phases tell, has to be its outcome. The last attempt of a phase counts, and no
--- phase that could not be run may pass for one that was.
function check.outcome(run, problem)
  local last, worst = {}, "PASS"
  for _, phase in ipairs(run.phases) do last[phase.name] = phase end
  local rank = { PASS = 0, SKIP = 0, FAIL = 1, ERROR = 2 }
  for _, phase in pairs(last) do
    if rank[phase.outcome] > rank[worst] then worst = phase.outcome end
    if run.outcome == "PASS" and (phase.message or ""):find "^not run" then
      problem("%s: PASS, and phase %s was not run", run.dut.serial, phase.name)
    end
  end
  local expected = { PASS = "PASS", FAIL = "FAIL", TIMEOUT = "ERROR", ERROR = "ERROR" }
  local said = expected[run.outcome]
  if said and said ~= worst then
    problem("%s: the run is %s, the worst of its phases %s", run.dut.serial, run.outcome, worst)
  end
  if run.outcome ~= "PASS" and not run.message then
    problem("%s: %s without a reason", run.dut.serial, run.outcome)
  end
end

--- What the record says of why the safe state of a run's instrument could not be set; nil: nothing.
function check.why_unsafe(run, role)
  for _, phase in ipairs(phases(run, "safe state", "teardown")) do
    for _, log in ipairs(phase.logs) do
      if log.level == "error" and log.message:find(role .. ":", 1, true) then return log.message end
    end
  end
end

return check
