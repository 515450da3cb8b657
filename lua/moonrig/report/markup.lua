-- SPDX-License-Identifier: MIT
-- report/markup.lua: HTML, SVG and XML built so that text cannot become markup:
--   tag.td { class = "value", "5 < 6", tag.b { "7" } }  ->  <td class="value">5 &lt; 6<b>7</b></td>
-- Strings and integers are escaped; only what a tag made stands as it is.  Lists are taken apart; false and nil are
-- nothing.
-- There is no way to put in ready-made markup but tag.style's text and the document head of the formats themselves.

local escape = require "moonrig.report.escape"

local Node = {}
Node.__index = Node
function Node:__tostring() return self.text end

-- Elements that have no content and no end tag in HTML, SVG or JUnit.
local void = { meta = true, img = true, col = true, rect = true, circle = true, line = true, polygon = true,
  polyline = true, property = true }
-- Elements that get a line of their own, so that the text can be read and compared.
local line = {}
for name in ("html head meta title style body main header footer article section h1 h2 table thead tbody tr dl div "
  .. "details summary ul li figure p testsuites testsuite properties property testcase"):gmatch "%S+" do
  line[name] = true
end

-- The index of the last child; those between may be nil.
local function last_of(content)
  local last = 0
  for key in pairs(content) do
    if math.type(key) == "integer" and key > last then last = key end
  end
  return last
end

local function append_children(out, content)
  for i = 1, last_of(content) do
    local child = content[i]
    if getmetatable(child) == Node then
      out[#out + 1] = child.text
    elseif type(child) == "table" then
      append_children(out, child)
    elseif child then
      out[#out + 1] = escape.markup(tostring(child))
    end
  end
end

local function append_attributes(out, content)
  local names = {}
  for name, value in pairs(content) do
    if type(name) == "string" and value then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    out[#out + 1] = (' %s="%s"'):format(name, escape.attribute(tostring(content[name])))
  end
end

local function element(name, content)
  local out = { "<", name }
  append_attributes(out, content)
  if void[name] then
    out[#out + 1] = "/>"
  else
    out[#out + 1] = ">"
    append_children(out, content)
    out[#out + 1] = "</" .. name .. ">"
  end
  if line[name] then out[#out + 1] = "\n" end
  return setmetatable({ text = table.concat(out) }, Node)
end

--- tag.NAME { attribute = value, child, ... }
local tag = setmetatable({}, { __index = function(t, name)
  local function make(content) return element(name, content) end
  t[name] = make
  return make
end })

--- A style sheet; the text is CSS, with foreign text in it only through escape.css.
function tag.style(css) return setmetatable({ text = "<style>" .. css .. "</style>\n" }, Node) end

return tag
