-- SPDX-License-Identifier: MIT
-- record/process.lua: who writes a run, and whether that process is still there.
-- A process is named by boot id, host name, pid and start time, since pids are used again.

local process = {}

local function read(path)
  local f <close> = io.open(path, "rb")
  return f and f:read("a") or ""
end

-- pid, state and start time from /proc/PID/stat; nil when there is no such process. The name of the program,
-- in parentheses, may itself hold spaces and parentheses.
local function stat(which)
  local text = read("/proc/" .. which .. "/stat")
  local pid, rest = text:match("^(%d+) %(.*%) (.*)$")
  if not pid then return nil end
  local fields = {}
  for field in rest:gmatch("%S+") do fields[#fields + 1] = field end
  return math.tointeger(tonumber(pid)), fields[1], math.tointeger(tonumber(fields[20]))
end

local function host() return read("/proc/sys/kernel/hostname"):match("%S+") or "" end
local function boot() return read("/proc/sys/kernel/random/boot_id"):match("%S+") or "" end

--- This process: { host, boot, pid, pid_start }.
function process.this()
  local pid, _, start = stat "self"
  return { host = host(), boot = boot(), pid = pid or 0, pid_start = start or 0 }
end

--- Whether the process that `row` (with the same fields) names is still there. After a reboot, or on a machine
--- that the file was copied to, it is not. In another container of this machine it cannot be seen: then it
--- counts as alive.
function process.is_alive(row)
  if row.boot ~= boot() then return false end
  if row.host ~= host() then return true end
  local pid, state, start = stat(row.pid)
  return pid ~= nil and state ~= "Z" and state ~= "X" and start == row.pid_start
end

return process
