-- program.lua: runs moonrig as a process of its own, for specs about whole programs.
--   local p = program.run("print(rig.version)")          p.code, p.out, p.err
--   local p = program.start("..."); p:line(); p:signal "INT"; p:finish()
-- A script given as text begins with `local rig = require "moonrig"`. A program that does not end is
-- killed after 20 s. Reading from it blocks the whole spec: it must not wait for the spec in turn.
local program = {}

--- The program under test.
program.path = os.getenv "MOONRIG" or arg[-1]
--- Whether it is a sanitizer build, which is slow, starts late and does not run under valgrind or strace.
program.sanitized = os.getenv "MOONRIG_SAN" ~= nil

local Program = {}
Program.__index = Program

function program.quote(s) return "'" .. s:gsub("'", [['\'']]) .. "'" end

function program.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

--- A new file with this text, to be removed by the caller.
function program.file(text, suffix)
  local path = os.tmpname()
  local named = path .. (suffix or "")
  assert(os.rename(path, named))
  local file <close> = assert(io.open(named, "wb"))
  file:write(text)
  return named
end

--- Starts `moonrig ARGUMENTS...`; before: shell text in front of the program, e.g. "env A=1".
function program.command(arguments, before)
  local words = {}
  for i, word in ipairs(arguments) do words[i] = program.quote(word) end
  local err = os.tmpname()
  local command = ("echo $$; exec %s %s %s 2>%s"):format(before or "", program.quote(program.path),
    table.concat(words, " "), err)
  local pipe = assert(io.popen("exec timeout -s KILL 20 sh -c " .. program.quote(command)))
  return setmetatable({ pipe = pipe, err_path = err, pid = tonumber(pipe:read "l"), remove = {} }, Program)
end

--- Starts a script given as text, with arguments.
function program.start(text, ...)
  local path = program.file("local rig = require 'moonrig' " .. text, ".lua")
  local self = program.command { path, ... }
  self.remove[1], self.script = path, path
  return self
end

--- The next line of its output.
function Program:line() return self.pipe:read "l" end

function Program:signal(name) assert(os.execute(("kill -%s %d"):format(name, self.pid))) end

--- Waits for its end: code, out (what is left of it), err.
function Program:finish()
  self.out = self.pipe:read "a"
  self.code = select(3, self.pipe:close())
  self.err = program.read(self.err_path)
  os.remove(self.err_path)
  for _, path in ipairs(self.remove) do os.remove(path) end
  return self
end

function program.run(...) return program.start(...):finish() end

return program
