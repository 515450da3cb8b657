-- external.lua: asks another program about a text that ours wrote.
local external = {}

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

--- Runs a shell command in which "$1", "$2"... are files with the texts given.
---@return string output  stdout and stderr
---@return integer code
function external.run(command, ...)
  local names, words = {}, {}
  for i, text in ipairs { ... } do
    names[i] = os.tmpname()
    words[i] = quote(names[i])
    local f <close> = assert(io.open(names[i], "wb"))
    f:write(text)
  end
  local pipe = assert(io.popen(("sh -c %s sh %s 2>&1"):format(quote(command), table.concat(words, " "))))
  local output = pipe:read "a"
  local _, _, code = pipe:close()
  for _, name in ipairs(names) do os.remove(name) end
  return output, code
end

--- Runs a Python program; sys.argv[1], sys.argv[2]... are files with the texts given. The Python is Debian's, for
--- which the packages of scripts/deps.sh are.
function external.python(program, ...) return external.run("/usr/bin/python3 -c " .. quote(program) .. ' "$@"', ...) end

return external
