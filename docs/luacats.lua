-- SPDX-License-Identifier: MIT
-- luacats.lua: reads the LuaCATS annotations of lua/moonrig/meta.lua into plain tables.  It knows the
-- tags and the style that this file uses, no more; what it does not understand raises.  docs/api.lua
-- makes the reference from them, spec/meta_spec.lua compares them with the live API.
--
--   api.classes[i], api.classes[name] = { name, parents, doc, fields, functions, operators }
--   api.aliases[i], api.aliases[name] = { name, type, values, doc }
--   field = { name, type, optional, doc }       value = { type, doc }
--   function = { name, method, async, doc, raises, params, returns, overloads }; a return = { type, name, doc }

local luacats = {}

local OPENING = { ["("] = true, ["{"] = true, ["<"] = true, ["["] = true }
local CLOSING = { [")"] = true, ["}"] = true, [">"] = true, ["]"] = true }

-- Splits "fun(a: x): y | nil  some text" after the type: type, rest.
local function split_type(text)
  local depth, at, quoted = 0, 1, false
  while at <= #text do
    local c = text:sub(at, at)
    if c == '"' then
      quoted = not quoted
    elseif OPENING[c] and not quoted then
      depth = depth + 1
    elseif CLOSING[c] and not quoted then
      depth = depth - 1
    elseif c == " " and depth == 0 and not quoted then
      local bar = text:match("^ *| *()", at)
      local result = text:sub(at - 1, at - 1):find "[:,]" and text:match("^ *()", at)
      if not bar and not result then break end
      at = (bar or result) - 1
    end
    at = at + 1
  end
  return text:sub(1, at - 1), (text:sub(at):gsub("^%s+", ""))
end

-- "name? type doc"
local function parse_named(text)
  local name, optional, rest = text:match "^([%w_.%[%]]+)(%??)%s+(.+)$"
  if not name then error("luacats: cannot read: " .. text) end
  local kind, doc = split_type(rest)
  return { name = name, optional = optional == "?", type = kind, doc = doc }
end

local tags = {}

function tags.meta() end

function tags.class(block, text)
  local name, parents = text:match "^([%w_.]+):?%s*(.*)$"
  block.class = { name = name, parents = {}, fields = {}, functions = {}, operators = {} }
  for parent in parents:gmatch "[%w_.]+" do table.insert(block.class.parents, parent) end
end

function tags.field(block, text)
  local field = parse_named(text)
  table.insert(block.class.fields, field)
  return field
end

function tags.operator(block, text)
  local name, kind = text:match "^(%w+):%s*(.+)$"
  block.class.operators[name] = kind
end

function tags.alias(block, text)
  local name, rest = text:match "^([%w_.]+)%s*(.*)$"
  local kind, doc = split_type(rest)
  block.alias = { name = name, type = kind ~= "" and kind or nil, doc = doc, values = {} }
  return block.alias
end

function tags.param(block, text)
  local param = parse_named(text)
  table.insert(block.params, param)
  return param
end

tags["return"] = function(block, text)
  local kind, rest = split_type(text)
  local name, doc = rest:match "^([%a_][%w_]*)%s*(.*)$"
  local result = { type = kind, name = name, doc = doc or rest }
  if not name and rest:find "^%.%.%." then result.name, result.doc = "...", rest:sub(4) end
  table.insert(block.returns, result)
  return result
end

function tags.async(block) block.async = true end

function tags.overload(block, text) table.insert(block.overloads, text) end

local function new_block() return { doc = {}, params = {}, returns = {}, overloads = {} } end

local function join(old, new) return old ~= "" and old .. " " .. new or new end

-- One comment line into the block.
local function read_comment(block, text)
  local tag, rest = text:match "^@(%w+)%s*(.*)$"
  if tag then
    block.last = assert(tags[tag], "luacats: unknown tag @" .. tag)(block, rest)
    block.tagged = true
    return
  end
  if text:find "^|" then
    local kind, doc = split_type(text:match "^|%s*(.*)$")
    table.insert(block.alias.values, { type = kind, doc = doc:gsub("^#%s*", "") })
  elseif text:find "^  %s*Raises: " then
    block.raises = text:match "Raises: (.*)$"
    block.last = nil
  elseif block.raises and text:find "^  " then
    block.raises = join(block.raises, text:match "^%s*(.*)$")
  elseif block.tagged and text:find "^  " and block.last then
    block.last.doc = join(block.last.doc, text:match "^%s*(.*)$")
  else
    table.insert(block.doc, (text:gsub("^ ", "")))
  end
end

local function finish(block)
  local doc = table.concat(block.doc, "\n")
  block.doc = doc
  return doc
end

local function add(list, item)
  assert(not list[item.name], "luacats: twice: " .. item.name)
  table.insert(list, item)
  list[item.name] = item
end

-- What stands below a comment: a function, the local that holds a class's functions, or nothing.
local function read_code(api, block, line)
  local holder, dot, name = line:match "^function (%w+)([.:])([%w_]+)%("
  if holder then
    local class = assert(api.holders[holder], "luacats: no class for " .. holder)
    finish(block)
    block.name, block.method = name, dot == ":"
    add(class.functions, block)
    return
  end
  if block.class then
    block.class.doc = finish(block)
    add(api.classes, block.class)
    local variable = line:match "^local (%w+)"
    if variable then
      api.holders[variable] = block.class
      block.class.holder = variable
    end
  elseif block.alias then
    block.alias.doc = join(finish(block), block.alias.doc)
    add(api.aliases, block.alias)
  end
end

--- Reads annotations.
---@param text string  of a meta file
---@return table
function luacats.read(text)
  local api = { classes = {}, aliases = {}, holders = {} }
  local block
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local comment = line:match "^%-%-%-(.*)$"
    if comment then
      block = block or new_block()
      read_comment(block, comment)
    elseif block then
      read_code(api, block, line)
      block = nil
    end
  end
  return api
end

--- A class's fields with those of its parents, by name.
---@param api table
---@param name string
---@return table
function luacats.fields(api, name)
  local class, all = assert(api.classes[name], "no class " .. name), {}
  for _, parent in ipairs(class.parents) do
    if api.classes[parent] then
      for key, field in pairs(luacats.fields(api, parent)) do all[key] = field end
    end
  end
  for _, field in ipairs(class.fields) do all[field.name] = field end
  return all
end

return luacats
