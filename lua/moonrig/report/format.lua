-- SPDX-License-Identifier: MIT
-- report/format.lua: values, limits, times and sizes in words for people, the same in every report and on the
-- terminal.  Numbers are exact: the shortest digits that read back as the same number.  Nothing is escaped here.

local shortest = require("moonrig.json.common").shortest

local format = {}

--- 5.0 -> "5", 1.5e-7 -> "1.5e-7", 9.91e37 -> "9.91e37", NaN, inf, -inf.
---@param x number
---@return string
function format.number(x)
  if math.type(x) == "integer" then return ("%d"):format(x) end
  if x ~= x then return "NaN" end
  if x == math.huge or x == -math.huge then return x > 0 and "inf" or "-inf" end
  return (shortest(x):gsub("e%+?(%-?)0*(%d)", "e%1%2"))
end

--- A measured value; nil (nothing was measured) is "-". Text is given as it is.
---@param v boolean|number|string|nil
---@return string
function format.value(v)
  if v == nil then return "-" end
  return type(v) == "number" and format.number(v) or tostring(v)
end

-- "%" and degrees C alike stand after a space, as SI wants it.
local function with_unit(text, unit) return unit and unit ~= "" and text .. " " .. unit or text end

--- A value with its unit: "5.01 V"; a text has none.
---@param v boolean|number|string|nil
---@param unit string?
---@return string
function format.quantity(v, unit)
  return type(v) == "number" and with_unit(format.number(v), unit) or format.value(v)
end

--- A place on the axis of a series, to seven digits: "time 12 s", "point 3".
---@param series moonrig.Series
---@param x number
---@return string
function format.axis(series, x)
  local name = series.x_name or (series.x_unit and "x" or "point")
  return ("%s %s"):format(name, format.quantity(tonumber(("%.7g"):format(x)), series.x_unit))
end

--- Of how many points a measured value is the worst, and where it is: "worst of 120 points, at time 12 s"; nil for what
--- is no series.
---@param m moonrig.Measurement
---@param series moonrig.Series?   m.series unless given
---@return string?
function format.worst(m, series)
  series = series or m.series
  if not series then return nil end
  local points = format.count(#series.y, "point")
  if m.value == nil then return points end
  for i, y in ipairs(series.y) do
    if y == m.value or y ~= y and m.value ~= m.value then
      return ("worst of %s, at %s"):format(points, format.axis(series, series.x[i]))
    end
  end
  return points
end

local function quoted(v) return type(v) == "string" and '"' .. v .. '"' or format.value(v) end

-- A bound, which may be missing, as "WORD 4.95 V"
local function bound(word, x, unit) return x and word .. " " .. with_unit(format.number(x), unit) end

-- A range that only says nominal and percent again is left out.
local function range(limits, unit)
  if limits.nominal and limits.within then return nil end
  local low, high = limits.min, limits.max
  if low and high then return with_unit(format.number(low) .. " to " .. format.number(high), unit) end
  return bound(">=", low, unit) or bound("<=", high, unit)
end

local function tolerance(limits, unit)
  if not limits.nominal then return limits.within and ("within %s %%"):format(format.number(limits.within)) end
  local nominal = with_unit(format.number(limits.nominal), unit)
  return limits.within and ("%s \u{b1} %s %%"):format(nominal, format.number(limits.within)) or "nominal " .. nominal
end

local function choices(list)
  if not list then return nil end
  local words = {}
  for i, v in ipairs(list) do words[i] = quoted(v) end
  return "one of " .. table.concat(words, ", ")
end

--- The limits without their marginal zone: "4.95 to 5.05 V", ">= 3 V", 'equals "34465A"'; nil when there are none.
---@param limits moonrig.RecordedLimits?
---@param unit string?
---@return string?
function format.limits(limits, unit)
  if not limits then return nil end
  local parts = {}
  local function add(text) parts[#parts + 1] = text end
  add(range(limits, unit))
  add(tolerance(limits, unit))
  if limits.equals ~= nil then add("equals " .. quoted(limits.equals)) end
  add(choices(limits.one_of))
  if limits.matches then add("matches " .. limits.matches) end
  add(limits.text)
  return parts[1] and table.concat(parts, ", ")
end

--- The marginal zone: "marginal below 4.97 V, above 5.03 V"; nil when there is none.
---@param limits moonrig.RecordedLimits?
---@param unit string?
---@return string?
function format.marginal(limits, unit)
  if not limits then return nil end
  local below, above = bound("below", limits.marginal_min, unit), bound("above", limits.marginal_max, unit)
  return (below or above) and "marginal " .. (below and above and below .. ", " .. above or below or above)
end

--- What a measurement came to, in one line: "v_5v0 = 5.12 V, limits: 4.95 to 5.05 V".
---@param m moonrig.Measurement
---@return string
function format.measurement(m)
  local limits = format.limits(m.limits, m.unit)
  local value = m.outcome == "UNSET" and "was not measured" or m.outcome == "SKIPPED" and "skipped"
    or "= " .. format.quantity(m.value, m.unit)
  local worst = format.worst(m)
  return ("%s %s%s%s"):format(m.name, value, worst and ", " .. worst or "", limits and ", limits: " .. limits or "")
end

--- What an operator answered: "yes", "12.5", "no answer".
---@param prompt moonrig.Prompt
---@return string
function format.answer(prompt)
  local answer = prompt.answer
  if answer == nil then return "no answer" end
  if type(answer) == "boolean" then return answer and "yes" or "no" end
  return format.value(answer)
end

--- The seal of a run in words: "run 12 of station ST-01, signed by 3f1a..."; nil when it has none.
---@param run moonrig.Run
---@return string?
function format.seal(run)
  local seal = run.seal
  return seal and ("run %d of station %s, %s"):format(seal.seq, run.station, seal.key and "signed by " .. seal.key
    or "not signed")
end

--- The newest seal of its station, when that is another one: "run 15: 9c0f..."
---@param run moonrig.Run
---@return string?
function format.head(run)
  local head = run.seal and run.seal.head
  return head and head.seq ~= run.seal.seq and ("run %d: %s"):format(head.seq, head.hash) or nil
end

--- A sub-unit: "RB-7, part RB-100, revision C"
---@param part moonrig.Subunit
---@return string
function format.subunit(part)
  return part.serial .. (part.part and ", part " .. part.part or "")
    .. (part.revision and ", revision " .. part.revision or "")
end

--- All of a unit: "radio: RB-7, part RB-100; display: D4"; nil: it has none.
---@param dut moonrig.Dut
---@return string?
function format.subunits(dut)
  local list = {}
  for i, part in ipairs(dut.subunits or {}) do list[i] = ("%s: %s"):format(part.name, format.subunit(part)) end
  return list[1] and table.concat(list, "; ")
end

--- Seconds as "850 ms", "12.3 s", "4 min 07 s", "2 h 05 min"; nil is "-".
---@param s number?
---@return string
function format.duration(s)
  if not s then return "-" end
  if s < 0.9995 then return ("%.0f ms"):format(s * 1000) end
  if s < 59.95 then return ("%.1f s"):format(s) end
  local whole = math.floor(s + 0.5)
  if whole < 3600 then return ("%d min %02d s"):format(whole // 60, whole % 60) end
  return ("%d h %02d min"):format(whole // 3600, whole % 3600 // 60)
end

--- A time of the record to the second: "2026-07-01 12:00:00 UTC"; nil is "-".
---@param text string?
---@return string
function format.time(text)
  if not text then return "-" end
  local date, clock = text:match("^(%d+%-%d+%-%d+)T(%d+:%d+:%d+)[.%d]*Z$")
  return date and ("%s %s UTC"):format(date, clock) or text
end

--- A number of bytes: "1 byte", "1.5 KiB", "3.2 MiB".
---@param n integer
---@return string
function format.size(n)
  if n < 1024 then return format.count(n, "byte") end
  if n < 1024 * 1024 then return ("%.1f KiB"):format(n / 1024) end
  return ("%.1f MiB"):format(n / 1024 / 1024)
end

--- "1 phase", "3 phases"
---@param n integer
---@param noun string
---@return string
function format.count(n, noun) return ("%d %s%s"):format(n, noun, n == 1 and "" or "s") end

--- The beginning of a long text, with its length; at most about `max` bytes.
---@param s string
---@param max integer
---@return string
function format.cut(s, max)
  if #s <= max then return s end
  local stop = max
  while stop > 1 and (s:byte(stop + 1) & 0xc0) == 0x80 do stop = stop - 1 end  -- not inside a character
  return ("%s... (%s)"):format(s:sub(1, stop), format.size(#s))
end

return format
