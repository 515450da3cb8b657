-- python.lua: a calculation done again by python3, which knows nothing of ours.
local python = {}

function python.is_there() return (os.execute "python3 -c 'import sqlite3, statistics' >/dev/null 2>&1") end

--- The numbers that a program prints on its one line.
---@param program string   a pattern of string.format
function python.numbers(program, ...)
  local name = os.tmpname()
  local file <close> = assert(io.open(name, "w"))
  file:write(program:format(...))
  file:close()
  local pipe = assert(io.popen("python3 " .. name))
  local text = pipe:read "a"
  pipe:close()
  os.remove(name)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = assert(tonumber(word), text) end
  return table.unpack(list)
end

return python
