-- SPDX-License-Identifier: MIT
-- calibration.lua: whether an instrument's calibration still holds, by the station's policy:
--   calibration_policy = { warn_days = 30, when_over = "warn" or "refuse" }
local calibration = {}

local time = require "moonrig.record.time"

local DAY <const> = 86400 * 1000000 -- microseconds
local WARN_DAYS <const> = 30

local function to_days(date) return time.us(date .. "T00:00:00Z") // DAY end

--- What there is to say about a due date (the last day on which it holds).
---@param due? string      ISO date
---@param policy? { warn_days: integer?, when_over: string? }
---@param today? string    for tests
---@return "ok"|"soon"|"over" state
---@return string? words
---@return boolean? refused  it is over, and the policy is to refuse
function calibration.check(due, policy, today)
  if not due then return "ok" end
  policy = policy or {}
  local left = to_days(due) - to_days(today or os.date "!%Y-%m-%d")
  if left < 0 then
    return "over", ("its calibration was due on %s"):format(due), policy.when_over == "refuse"
  elseif left <= (policy.warn_days or WARN_DAYS) then
    return "soon", ("its calibration is due on %s, in %d day%s"):format(due, left, left == 1 and "" or "s")
  end
  return "ok"
end

return calibration
