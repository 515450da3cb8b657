-- SPDX-License-Identifier: MIT
-- limits.lua: what a value must satisfy to pass.
-- limits.new checks a table such as { unit = "V", min = 4.95, max = 5.05 } once and keeps a copy;
-- judge(value) then gives the verdict and the reason.  Nothing is converted: a value passes when
-- every limit given holds.  NaN never passes, whatever the limits are.
local fields = require "moonrig.fields"
local format = require "moonrig.report.format"

local limits = {}

-- The second block is about the measurement: see measure.lua.
local FIELDS = {
  min = fields.number,
  max = fields.number,
  marginal_min = fields.number,
  marginal_max = fields.number,
  within = { fields.table[1], "{nominal = n, percent = p} or {nominal = n, absolute = a}" },
  equals = fields.scalar,
  one_of = fields.list_of(fields.scalar, "a list of numbers, strings or booleans"),
  matches = fields.pattern,
  satisfies = { fields.callable[1], "a function(value, earlier)" },
  text = fields.string,

  unit = fields.string,
  doc = fields.string,
  instrument = { fields.name[1], "the name of an instrument" },
  uncertainty = fields.not_negative,
  stop_on_fail = fields.boolean,
}
local WITHIN = { nominal = fields.number, percent = fields.not_negative, absolute = fields.not_negative }

-- {nominal, percent | absolute} as min and max, beside any that were given themselves.
local function spread(what, r, within)
  fields.check(what .. ": within", within, WITHIN)
  if not within.nominal or not within.percent == not within.absolute then
    fields.refuse(what, "within wants nominal and one of percent and absolute")
  end
  if r.min or r.max then fields.refuse(what, "within stands for min and max; give one or the other") end
  local half = within.absolute or math.abs(within.nominal) * within.percent / 100
  r.nominal, r.within = within.nominal, within.percent
  r.min, r.max = within.nominal - half, within.nominal + half
end

local function check_order(what, r)
  local last, last_name
  for _, name in ipairs { "min", "marginal_min", "marginal_max", "max" } do
    if r[name] then
      if last and r[name] < last then
        fields.refuse(what, "%s = %s is below %s = %s; nothing could pass", name, r[name], last_name, last)
      end
      last, last_name = r[name], name
    end
  end
end

-- The limits as they go into the record; nil when there are none.
local function recorded(what, spec)
  local r = {
    min = spec.min, max = spec.max, marginal_min = spec.marginal_min, marginal_max = spec.marginal_max,
    equals = spec.equals, one_of = spec.one_of and table.move(spec.one_of, 1, #spec.one_of, 1, {}),
    matches = spec.matches, text = spec.text,
  }
  if spec.within then spread(what, r, spec.within) end
  check_order(what, r)
  if spec.satisfies and not r.text then
    local info = debug.getinfo(spec.satisfies, "S")
    r.text = ("function at %s:%d"):format(info.short_src, info.linedefined)
  end
  if next(r) == nil then return nil end
  if r.text and not next(r, next(r)) and not spec.satisfies then fields.refuse(what, "text alone is no limit") end
  return r
end

local function show_all(list)
  local all = {}
  for i, v in ipairs(list) do all[i] = format.value(v) end
  return table.concat(all, ", ")
end

---@class moonrig.Limits
---@field recorded moonrig.RecordedLimits?
---@field unit string?
---@field doc string?
---@field instrument string?
---@field uncertainty number?
---@field stop_on_fail boolean?
local Limits = {}
Limits.__index = Limits

--- Checks and copies a table of limits; nil means none: only NaN fails.
---@param spec table? min, max, marginal_min, marginal_max, within = {nominal, percent | absolute}, equals, one_of,
---  matches (Lua pattern), satisfies = function(value, earlier) -> boolean, why; text says them for people;
---  unit, doc, instrument, uncertainty, stop_on_fail belong to the measurement
---@param what string what the limits are for, for error messages
---@return moonrig.Limits
---  Raises: unsupported, which names the field at fault
function limits.new(spec, what)
  spec = spec or {}
  fields.check(what, spec, FIELDS, "limit")
  return setmetatable({
    what = what, recorded = recorded(what, spec), satisfies = spec.satisfies, unit = spec.unit, doc = spec.doc,
    instrument = spec.instrument, uncertainty = spec.uncertainty, stop_on_fail = spec.stop_on_fail,
  }, Limits)
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- Numbers against min, max and the marginal zone: the reason of a FAIL, or nil and whether it is marginal.
local function judge_number(r, value, unit)
  if r.min and value < r.min then return "is below " .. format.quantity(r.min, unit) end
  if r.max and value > r.max then return "is above " .. format.quantity(r.max, unit) end
  return nil, r.marginal_min ~= nil and value < r.marginal_min or r.marginal_max ~= nil and value > r.marginal_max
end

local function judge_identity(r, value)
  if r.equals ~= nil and value ~= r.equals then return "is not " .. format.value(r.equals) end
  if r.one_of and not contains(r.one_of, value) then return "is none of " .. show_all(r.one_of) end
  if r.matches and not value:find(r.matches) then return "does not match " .. r.matches end
end

local function wants_number(r) return r.min or r.max or r.marginal_min or r.marginal_max end

--- The verdict on a value.
---@param value boolean|number|string
---@param earlier table<string, any>? last values of this run by name, for `satisfies`
---@return boolean passed
---@return boolean marginal
---@return string? why it failed: "is above 5.05 V"
---  Raises: unsupported when limits and value are of different kinds, and what `satisfies` raises
function Limits:judge(value, earlier)
  if value ~= value then return false, false, "is not a number (NaN)" end
  local r = self.recorded
  if not r then return true, false end
  if wants_number(r) and type(value) ~= "number" then
    fields.refuse(self.what, "min and max want a number, the value is the %s %q", type(value), tostring(value))
  elseif r.matches and type(value) ~= "string" then
    fields.refuse(self.what, "matches wants a string, the value is the %s %s", type(value), tostring(value))
  end
  local why, marginal = nil, false
  if wants_number(r) then why, marginal = judge_number(r, value, self.unit) end
  why = why or judge_identity(r, value)
  if not why and self.satisfies then
    local ok, reason = self.satisfies(value, earlier or {})
    if not ok then why = reason and tostring(reason) or "does not satisfy " .. r.text end
  end
  return not why, not why and marginal, why
end

return limits
