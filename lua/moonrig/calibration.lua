-- SPDX-License-Identifier: MIT
-- calibration.lua: whether an instrument's calibration still holds, by the station's policy:
--   calibration_policy = { warn_days = 30, when_over = "warn" or "refuse" }
local calibration = {}

local DAY <const> = 86400
local WARN_DAYS <const> = 30

local function to_days(date)
  local year, month, day = date:match "^(%d+)%-(%d+)%-(%d+)$"
  return os.time { year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = 12 } // DAY
end

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
