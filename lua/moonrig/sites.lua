-- SPDX-License-Identifier: MIT
-- sites.lua: several units at once, one at each site of a station: a run for each, side by side in one process.
-- Instruments of the station that a site has not of its own are shared. A phase that uses one of them has all of
-- them to its run until it ends (one by one they could be taken in different orders, and nobody would go on).
local rig = require "moonrig"
local core = require "moonrig.core"
local runner = require "moonrig.runner"
local search = require "moonrig.search"
local session = require "moonrig.session"

local sites = {}

---@class moonrig.Shared   the instruments that several sites use
---@field roles table<string, boolean>
---@field session moonrig.Session
---@field search moonrig.Search   for all sites
---@field users integer     runs that may still use them
---@field owner any         the run that has them to itself
---@field depth integer     phases of it that do
local Shared = {}
Shared.__index = Shared

--- The shared instruments of stations that are sites of one.
---@param stations moonrig.Station[]
---@param simulate? boolean
---@return moonrig.Shared
function sites.share(stations, simulate)
  local self = setmetatable({ roles = {}, infos = {}, users = #stations, depth = 0, waiting = {} }, Shared)
  local instruments = {}
  for _, station in ipairs(stations) do
    for _, role in ipairs(station.shared) do
      self.roles[role] = true
      instruments[role] = station.instruments[role]
    end
  end
  local of = setmetatable({ instruments = instruments }, { __index = stations[1] })
  self.search = search.new(of)
  self.session = session.new(of, { simulate = simulate, search = self.search,
    opened = function(info) self.infos[info.role] = info end })
  return self
end

--- Takes all of them for a phase of a run; waits while a phase of another run has them. Returns what gives them back.
---@async
---@return fun()
function Shared:take(run)
  while self.owner and self.owner ~= run do
    local turn = rig.queue()
    table.insert(self.waiting, turn)
    turn:pop()
  end
  self.owner, self.depth = run, self.depth + 1
  if self.depth == 1 then self:hear(run.session.traffic) end
  return function()
    self.depth = self.depth - 1
    if self.depth > 0 then return end
    self:hear(nil)
    local waiting = self.waiting
    self.owner, self.waiting = nil, {}
    for _, turn in ipairs(waiting) do turn:push(true) end    -- the first one takes it, the others wait again
  end
end

--- What passes is kept for this run from now on.
---@param traffic moonrig.Traffic?  nil: for none
function Shared:hear(traffic)
  local before = self.session.traffic
  if before then before:pause(self.roles, true) end
  if traffic then traffic:pause(self.roles, false) end
  self.session.traffic = traffic
end

--- A run uses them no more. Whether it was the last: their safe state is then its affair. (Nothing waits between
--- asking and leaving, so of two runs that end at the same moment one is the last.)
---@return boolean
function Shared:leave()
  self.users = self.users - 1
  return self.users == 0
end

-- Waits for a task, also when this one is cancelled meanwhile; then all are.
local function wait_for(task, tasks)
  local ok, e = pcall(task.join, task)
  if ok or task:status() == "done" then return nil end
  if task:status() == "failed" then return e end
  for _, each in ipairs(tasks) do each:cancel(e.message) end
  return wait_for(task, tasks)
end

--- Runs a job for each site, all at once, and waits for all of them. Ctrl-C aborts each.
---@async
---@param jobs { plan: moonrig.Plan, opts: table }[]   as runner.run takes them
---@return moonrig.RunResult[]
---  Raises: what kept a run from being started; the others have ended then
function sites.run(jobs)
  local tasks, results, failure = {}, {}, nil
  for i, job in ipairs(jobs) do
    tasks[i] = core.spawn(function() results[i] = runner.run(job.plan, job.opts) end)
  end
  for _, task in ipairs(tasks) do failure = wait_for(task, tasks) or failure end
  if failure then error(failure, 0) end
  return results
end

--- A file whose lines begin with the name of a site. What is not a whole line yet waits.
---@param out file*
---@param name string
function sites.output(out, name)
  local rest = ""
  return {
    write = function(_, ...)
      rest = rest .. table.concat { ... }
      rest = rest:gsub("([^\n]*)\n", function(line)
        out:write(name, " | ", line, "\n")
        return ""
      end)
    end,
    flush = function() out:flush() end,
  }
end

return sites
