-- SPDX-License-Identifier: MIT
-- api.lua: makes docs/api.md from lua/moonrig/meta.lua:  lua5.4 docs/api.lua > docs/api.md  (make docs).
-- Loaded with dofile it returns the function that gives the text.

local here = (arg and arg[0] or ""):match "^(.*docs)/api.lua$" or "docs"
local luacats = dofile(here .. "/luacats.lua")

local HEAD = [[
# API reference

Made from the annotations in `lua/moonrig/meta.lua` by `make docs`; change it there. The guide is
[guide.md](guide.md). Everything hangs on one table:

```lua
local rig = require "moonrig"
```

A function marked "waits" stops the task that calls it until it is done; other tasks go on meanwhile.
It can be called wherever Lua can pause: in a script, a task, `pcall`, an iterator, a `<close>` handler;
not inside `require`, `table.sort`, `string.gsub`, `tostring`, or a coroutine of your own. There it raises
`unsupported` and says so.
]]

local short = {}

local function slug(text) return text:lower():gsub("[^%w%- _]", ""):gsub(" ", "-") end

-- A type in words, with links.
local function type_text(kind)
  local text = kind:gsub("|", " or "):gsub("%s+or%s+", " or ")
  local out = text:gsub("moonrig%.(%u%w*)", function(name)
    if name == "Seconds" then return "seconds" end
    return short[name] and ("[%s](#%s)"):format(name, slug(name)) or name
  end)
  return out
end

-- What a thing of a class is called in the signatures; else its name in small letters: port:read(...).
local CALLED = { moonrig = "rig", ["moonrig.Json"] = "rig.json", ["moonrig.Procedures"] = "test",
  ["moonrig.Test"] = "t", ["moonrig.Scpi"] = "instrument" }

local function prefix(class, fn)
  local name = CALLED[class.name] or class.name:match "(%w+)$":lower()
  return name .. (fn.method and ":" or ".")
end

-- "port:read(n[, timeout])": what may be left out at the end is in brackets.
local function signature(class, fn)
  local text, closing = "", ""
  for i, param in ipairs(fn.params) do
    local rest_optional = true
    for j = i, #fn.params do rest_optional = rest_optional and (fn.params[j].optional or fn.params[j].name == "...") end
    local comma = i > 1 and ", " or ""
    if rest_optional and param.optional then
      text, closing = text .. "[" .. comma .. param.name, closing .. "]"
    else
      text = text .. comma .. param.name
    end
  end
  return prefix(class, fn) .. fn.name .. "(" .. text .. closing .. ")"
end

local function write_function(out, class, fn)
  out[#out + 1] = ("### `%s`%s\n"):format(signature(class, fn), fn.async and " · waits" or "")
  for _, overload in ipairs(fn.overloads) do
    local arguments = overload:match "^fun(%b())":sub(2, -2):gsub(":%s*[^,(]+%b()", ""):gsub(":[^,]+", "")
    out[#out + 1] = ("also `%s%s(%s)`\n"):format(prefix(class, fn), fn.name, arguments)
  end
  if fn.doc ~= "" then out[#out + 1] = fn.doc .. "\n" end
  local list = {}
  for _, p in ipairs(fn.params) do
    if p.doc ~= "" or not p.type:find "^any" then
      list[#list + 1] = ("- `%s`: %s%s"):format(p.name, type_text(p.type), p.doc ~= "" and "; " .. p.doc or "")
    end
  end
  for _, r in ipairs(fn.returns) do
    local named = r.name and r.name ~= "..." and "`" .. r.name .. "`, " or ""
    local kind = r.type == "any" and (r.name == "..." and "the values" or "any value") or type_text(r.type)
    kind = kind:gsub("%?$", " or nil")
    list[#list + 1] = ("- returns %s%s%s"):format(named, kind, r.doc ~= "" and "; " .. r.doc or "")
  end
  if fn.raises then list[#list + 1] = "- raises " .. fn.raises end
  if #list > 0 then out[#out + 1] = table.concat(list, "\n") .. "\n" end
end

local function write_class(out, class)
  local name = class.name:match "(%w+)$"
  out[#out + 1] = ("## %s\n"):format(class.name == "moonrig" and "rig" or name)
  if class.doc ~= "" then out[#out + 1] = class.doc .. "\n" end
  for _, parent in ipairs(class.parents) do
    out[#out + 1] = ("It has the fields of %s too.\n"):format(type_text(parent))
  end
  if #class.fields > 0 then
    out[#out + 1] = "| field | type | |\n|---|---|---|"
    for _, f in ipairs(class.fields) do
      out[#out + 1] = ("| `%s` | %s | %s |"):format(f.name, type_text(f.type), (f.doc:gsub("|", "\\|")))
    end
    out[#out + 1] = ""
  end
  for _, fn in ipairs(class.functions) do write_function(out, class, fn) end
end

local function write_alias(out, alias)
  out[#out + 1] = ("## %s\n"):format(alias.name:match "(%w+)$")
  if alias.doc ~= "" then out[#out + 1] = alias.doc .. "\n" end
  for _, v in ipairs(alias.values) do out[#out + 1] = ("- `%s` %s"):format(v.type, v.doc) end
  out[#out + 1] = ""
end

local function render()
  local handle = assert(io.open((here:gsub("docs$", "") .. "lua/moonrig/meta.lua")))
  local api = luacats.read(handle:read "a")
  handle:close()
  local out, index = { HEAD }, {}
  for _, class in ipairs(api.classes) do
    local name = class.name:match "(%w+)$"
    short[name] = class.name ~= "moonrig"
    name = class.name == "moonrig" and "rig" or name
    index[#index + 1] = ("[%s](#%s)"):format(name, slug(name))
  end
  for _, alias in ipairs(api.aliases) do
    if #alias.values > 0 then
      local name = alias.name:match "(%w+)$"
      short[name] = true
      index[#index + 1] = ("[%s](#%s)"):format(name, slug(name))
    end
  end
  out[#out + 1] = "Classes: " .. table.concat(index, " · ") .. "\n"
  for _, class in ipairs(api.classes) do write_class(out, class) end
  for _, alias in ipairs(api.aliases) do
    if #alias.values > 0 then write_alias(out, alias) end
  end
  return (table.concat(out, "\n"):gsub("\n+$", "\n"))
end

if arg and arg[0] and arg[0]:find "docs/api.lua$" then
  io.write(render())
else
  return render
end
