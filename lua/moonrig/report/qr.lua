-- SPDX-License-Identifier: MIT
-- report/qr.lua: the QR code of a short text as a drawing, made by the program qrencode where that is installed
-- (apt-get install qrencode); without it there is none.

local tag = require "moonrig.report.markup"

local qr = {}

local QUIET <const> = 4    -- modules left white around a code, as ISO/IEC 18004 wants them

-- A line for each row, a # for each dark module; nil without the program.
local function rows_of(text)
  local pipe = io.popen("qrencode -t ASCII -m 0 -l M -o - '" .. text .. "' 2>/dev/null")
  if not pipe then return nil end
  local rows = {}
  for row in pipe:lines() do rows[#rows + 1] = row:gsub("(.).", "%1") end  -- two characters for a module
  return pipe:close() and rows
end

-- The dark modules of all rows as one path.
local function path_of(rows)
  local out = {}
  for y, row in ipairs(rows) do
    for from, dark in row:gmatch "()(#+)" do
      out[#out + 1] = ("M%d %dh%dv1h-%dz"):format(from - 1, y - 1, #dark, #dark)
    end
  end
  return table.concat(out)
end

--- An svg element; nil when there is no qrencode.
---@param text string    letters, digits and -
---@param label string   for who does not see it
function qr.svg(text, label)
  local rows = not text:find "[^%w-]" and rows_of(text)
  if not rows or not rows[1] then return nil end
  local size = #rows + 2 * QUIET
  return tag.svg { class = "qr", viewBox = ("%d %d %d %d"):format(-QUIET, -QUIET, size, size), role = "img",
    ["aria-label"] = label, ["shape-rendering"] = "crispEdges",
    tag.rect { x = -QUIET, y = -QUIET, width = size, height = size, fill = "#fff" },
    tag.path { d = path_of(rows), fill = "#000" } }
end

return qr
