-- Runs a shell command beside the spec's own tasks (io.popen would stop them), for specs that play the
-- other end themselves. Output and error output come together.
local rig = require "moonrig"
local program = require "support.program"

local shell = {}

-- The program under test, absolute.
shell.moonrig = program.path:find "^/" and program.path or os.getenv "PWD" .. "/" .. program.path

--- Starts a command: a port on which it runs.
function shell.start(command) return rig.open("exec:" .. command, { timeout = 20 }) end

--- The output of a started command to its end, and its exit status.
function shell.finish(port)
  local output = {}
  local some, err = port:try_read_some()
  while some do
    output[#output + 1] = some
    some, err = port:try_read_some()
  end
  port:close()
  return table.concat(output), err.status or err.message
end

--- Runs a command to its end.
function shell.run(command) return shell.finish(shell.start(command)) end

--- Runs an example of the repository.
function shell.example(name, ...)
  local words = { program.quote(shell.moonrig), "examples/" .. name }
  for _, word in ipairs { ... } do words[#words + 1] = program.quote(word) end
  return shell.start(table.concat(words, " "))
end

return shell
