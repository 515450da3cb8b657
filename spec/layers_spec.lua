-- The rules of the house (docs/architecture.md) that a program can check: who includes whom,
-- the one yield, no mutable globals, sizes.
local program = require "support.program"

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

local sources = lines_of "find core -name '*.[ch]' | sort"

-- Calls fn(line, number, path) for each line of the C sources; what it returns is listed as found.
local function each_line(fn)
  local found = {}
  for _, path in ipairs(sources) do
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      local what = fn(line, number, path)
      if what then found[#found + 1] = ("%s:%d: %s"):format(path, number, what) end
    end
  end
  return found
end

local function layer_of(path) return path:match "^core/(%w+)/" or "main" end

describe("a layer includes only those to its left:", function()
  -- base < proto < port < serve, store | sched | bind < main: sched knows no ports, ports know no Lua.
  local may = {
    base = { base = true },
    proto = { base = true, proto = true },
    port = { base = true, proto = true, port = true },
    serve = { base = true, proto = true, port = true, serve = true },
    store = { base = true, store = true },
    sched = { base = true, sched = true },
  }

  it("our own headers", function()
    assert.same({}, each_line(function(line, _, path)
      local included = line:match '^#include "(%w+)/'
      local allowed = may[layer_of(path)]
      if included and allowed and not allowed[included] then return line end
      if line:match '^#include "[^/]*"' then return line .. " (write it with its folder)" end
    end))
  end)

  -- header -> the layers and files that may include it
  local libraries = {
    ["^lua%.h$"] = { "sched/", "bind/", "main.c" },
    ["^lauxlib%.h$"] = { "sched/", "bind/", "main.c" },
    ["^lualib%.h$"] = { "sched/", "bind/", "main.c" },
    ["^event2/"] = { "port/", "serve/", "sched/", "store/postgres" },
    ["^termios%.h$"] = { "port/device", "port/pty", "port/stdio" },
    ["^asm/termbits%.h$"] = { "port/device", "port/termios2", "port/linger", "port/ptyserve" },
    ["^sqlite3%.h$"] = { "store/sqlite" },
    ["^libpq%-fe%.h$"] = { "store/postgres" },
    ["^pcre2%.h$"] = { "port/hwgrep" },
    ["^openssl/"] = { "port/openssl", "port/tls", "base/ed25519" },
  }
  it("those of libraries", function()
    assert.same({}, each_line(function(line, _, path)
      local included = line:match "^#include <([^>]*)>"
      for header, places in pairs(libraries) do
        if included and included:match(header) then
          for _, place in ipairs(places) do
            if path:sub(6, 5 + #place) == place then return end
          end
          return line
        end
      end
    end))
  end)
end)

it("there is one place where a task yields", function()
  local found = each_line(function(line) return line:match "lua_yieldk?%s*%(" and line end)
  assert.equal(1, #found)
  assert.matches("^core/sched/wait%.c:", found[1])
end)

it("nothing mutable is global outside main.c and sched/loop.c", function()
  if program.sanitized then return pending "objects of the sanitizer build hold its own variables" end
  local folder = program.path:match "^(.*)/" .. "/core"
  local found, objects = {}, 0
  local object
  local is_source = {}
  for _, path in ipairs(sources) do is_source[path:match "^core/(.*)%.c$" or ""] = true end
  for _, line in ipairs(lines_of(("find '%s' -name '*.o' | xargs objdump -t"):format(folder))) do
    local file = line:match "^(%S+):%s+file format"
    if file then
      object, objects = file:match "core/(.*)%.o$", objects + 1
    end
    local section, name = line:match "%sO (%.%S+)%s+%x+%s.-(%S+)$"
    if section and not section:match "^%.rodata" and not section:match "^%.data%.rel%.ro" and is_source[object] then
      found[#found + 1] = object .. ": " .. name
    end
  end
  assert.is_true(objects > 30)
  table.sort(found)
  local allowed = { main = true, ["sched/loop"] = true }
  local others = {}
  for _, name in ipairs(found) do
    if not allowed[name:match "^[^:]*"] then others[#others + 1] = name end
  end
  assert.same({}, others)
  assert.is_true(#found > 0, "the search finds those that are allowed")
end)

it("files and functions are short enough to be read at once", function()
  local began
  assert.same({}, each_line(function(line, number)
    if line == "{" or line:match "^%S.*%) {$" then began = number end
    if line == "}" and began then
      local size = number - began - 1
      began = nil
      if size > 60 then return ("a function of %d lines (60)"):format(size) end
    end
    if number == 601 then return "more than 600 lines" end
  end))
end)

it("each file says what it is, under which license", function()
  assert.same({}, each_line(function(line, number, path)
    local comment = path:match "%.c$" and "// " or "/* "
    local name = path:match "[^/]*$"
    if number == 1 and line:sub(1, 3 + 28) ~= comment .. "SPDX-License-Identifier: MIT" then return line end
    if number == 2 and not line:find(name .. ":", 1, true) then return line end
  end))
end)

it("nothing is left for later", function()
  local words = table.concat({ "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }, "\\|")
  assert.same({}, lines_of(("grep -rnw '%s' core lua scripts examples docs spec Makefile"):format(words)))
end)
