-- SPDX-License-Identifier: MIT
-- limits.lua: what a value must satisfy to pass.
-- limits.new checks a table such as { unit = "V", min = 4.95, max = 5.05 } once and keeps a copy;
-- judge(value) then gives the verdict and the reason.  Nothing is converted: a value passes when
-- every limit given holds.  NaN never passes, whatever the limits are.
-- Of a series (see series.lua) min and max may change along its axis, and `aggregate` has limits of what it comes to.
local aggregate = require "moonrig.aggregate"
local fields = require "moonrig.fields"
local format = require "moonrig.report.format"
local limitline = require "moonrig.limitline"

local limits = {}

-- The second block is about the measurement: see measure/value.lua.
local FIELDS = {
  min = limitline.kind,
  max = limitline.kind,
  marginal_min = fields.number,
  marginal_max = fields.number,
  within = { fields.table[1], "{nominal = n, percent = p} or {nominal = n, absolute = a}" },
  equals = fields.scalar,
  one_of = fields.list_of(fields.scalar, "a list of numbers, strings or booleans"),
  matches = fields.pattern,
  satisfies = { fields.callable[1], "a function(value, earlier)" },
  text = fields.string,
  aggregate = { fields.table[1], "a table: mean = { min = ... }" },

  unit = fields.string,
  doc = fields.string,
  instrument = { fields.name[1], "the name of an instrument" },
  uncertainty = fields.not_negative,
  stop_on_fail = fields.boolean,
  x = { fields.table[1], "{name = ..., unit = ..., log = true or false}" },
}
local AXIS = { name = fields.name, unit = fields.name, log = fields.boolean }
local WITHIN = { nominal = fields.number, percent = fields.not_negative, absolute = fields.not_negative }

-- {nominal, percent | absolute} as min and max, beside any that were given themselves.
local function spread(what, r, within, lines)
  fields.check(what .. ": within", within, WITHIN)
  if not within.nominal or not within.percent == not within.absolute then
    fields.refuse(what, "within wants nominal and one of percent and absolute")
  end
  if r.min or r.max or next(lines) then fields.refuse(what, "within stands for min and max; give one or the other") end
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

-- What limits that are functions or lines are called in the record.
local function words_of(spec, lines)
  if spec.text then return spec.text end
  local words = {}
  for _, name in ipairs { "min", "max" } do
    if lines[name] then words[#words + 1] = limitline.words(name, lines[name]) end
  end
  if spec.satisfies then
    local info = debug.getinfo(spec.satisfies, "S")
    words[#words + 1] = ("function at %s:%d"):format(info.short_src, info.linedefined)
  end
  return words[1] and table.concat(words, ", ")
end

-- The limits as they go into the record, nil when there are none; and those that change along the axis of a series.
local function recorded(what, spec)
  local numbers, lines = {}, {}
  for _, name in ipairs { "min", "max" } do
    (type(spec[name]) == "table" and lines or numbers)[name] = spec[name]
  end
  local r = {
    min = numbers.min, max = numbers.max, marginal_min = spec.marginal_min, marginal_max = spec.marginal_max,
    equals = spec.equals, one_of = spec.one_of and table.move(spec.one_of, 1, #spec.one_of, 1, {}),
    matches = spec.matches, text = words_of(spec, lines),
  }
  if spec.within then spread(what, r, spec.within, lines) end
  check_order(what, r)
  if next(r) == nil then return nil end
  if spec.text and not (spec.satisfies or next(lines) or next(r, next(r))) then
    fields.refuse(what, "text alone is no limit")
  end
  return r, next(lines) and lines
end

local function show_all(list)
  local all = {}
  for i, v in ipairs(list) do all[i] = format.value(v) end
  return table.concat(all, ", ")
end

-- The limits of what a series comes to, by the name of the aggregate.
local function aggregates(what, given)
  if not given then return nil end
  local all = {}
  for name, spec in pairs(given) do
    if not aggregate.is_known(name) then
      fields.refuse(what, "there is no aggregate %q (there are min, max, mean, stddev, and percentiles: p5, p99.9)",
        tostring(name))
    end
    all[name] = limits.new(spec, ("%s: %s"):format(what, name))
  end
  return all
end

---@class moonrig.Limits
---@field recorded moonrig.RecordedLimits?
---@field lines { min: number[][]?, max: number[][]? }?    limits that change along the axis of a series
---@field aggregate table<string, moonrig.Limits>?
---@field x { name: string?, unit: string?, log: boolean? }?   the axis of a series
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
  if spec.x then fields.check(what .. ": x", spec.x, AXIS) end
  local of_record, lines = recorded(what, spec)
  return setmetatable({
    what = what, recorded = of_record, lines = lines, aggregate = aggregates(what, spec.aggregate), x = spec.x,
    satisfies = spec.satisfies, unit = spec.unit, doc = spec.doc,
    instrument = spec.instrument, uncertainty = spec.uncertainty, stop_on_fail = spec.stop_on_fail,
  }, Limits)
end

--- Puts limits among those of a phase, by the names of measurements: those of a series, and of what it comes to
--- ("gain.mean").
---@param all table<string, moonrig.Limits>
---@param name string
---@param spec table
---@param what string
---  Raises: unsupported
function limits.declare(all, name, spec, what)
  local new = limits.new(spec, what)
  local function put(full, its)
    if all[full] then fields.refuse(what, "%s has limits elsewhere too", full) end
    all[full] = its
  end
  put(name, new)
  for of, its in pairs(new.aggregate or {}) do put(name .. "." .. of, its) end
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

local function judge_by_function(self, value, earlier)
  if not self.satisfies then return nil end
  local ok, reason = self.satisfies(value, earlier or {})
  return not ok and (reason and tostring(reason) or "does not satisfy " .. self.recorded.text) or nil
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
  if self.lines or self.aggregate or self.x then
    fields.refuse(self.what, "limits with an axis or aggregates are for t:series")
  end
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
  why = why or judge_identity(r, value) or judge_by_function(self, value, earlier)
  return not why, not why and marginal, why
end

-- Of a series

--- Refuses limits that a series cannot have.
function Limits:check_series()
  local r = self.recorded or {}
  for _, name in ipairs { "equals", "one_of", "matches" } do
    if r[name] ~= nil then fields.refuse(self.what, "%s is for single values; a series has min and max", name) end
  end
end

--- The least and the greatest value of a point at x.
---@param x number
---@param is_log boolean   the axis is logarithmic
---@return number? min
---@return number? max
function Limits:bounds(x, is_log)
  local r, lines = self.recorded or {}, self.lines or {}
  return lines.min and limitline.at(lines.min, x, math.max, is_log) or r.min,
    lines.max and limitline.at(lines.max, x, math.min, is_log) or r.max
end

-- The recorded limits, with those at x in place of lines.
local function recorded_at(self, x, is_log)
  local r = {}
  for name, value in pairs(self.recorded) do r[name] = value end
  if x then r.min, r.max = self:bounds(x, is_log) end
  return r
end

--- The verdict on a series; `satisfies` is given the whole of it. See series.lua, Growing:verdict.
---@param of moonrig.Growing
---@param x number?    where the worst point is
---@param y number?
---@param earlier table<string, any>?
function Limits:judge_series(of, x, y, earlier)
  local r, why = self.recorded, nil
  if self.lines then r = recorded_at(self, x, of.x_log) end
  if y then why = y ~= y and "is not a number (NaN)" or r and judge_number(r, y, of.unit) end
  if why then why = ("%s at %s"):format(why, format.axis(of, x)) end
  why = why or judge_by_function(self, of, earlier)
  return not why, not why and of.marginal, why, y, r
end

return limits
