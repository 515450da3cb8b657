-- SPDX-License-Identifier: MIT
-- cli.lua: what the commands share.  scripts/NAME.lua is embedded as
-- moonrig.command.NAME and returns function(args) -> exit code.
local cli = {}

--- Exit codes of every command.
cli.PASS, cli.FAIL, cli.ERROR, cli.USAGE, cli.ABORTED = 0, 1, 2, 64, 130

-- What leaves a command early, through its <close> handlers.
local Exit = {}

--- A parser for `moonrig NAME`: --help prints what it does and an example; a wrong argument prints
--- one line and ends with exit code 64.
---@param name string
---@param description string
---@param example string
function cli.parser(name, description, example)
  local parser = require "argparse" ("moonrig " .. name, description, "example: " .. example)
  function parser.error(_, message)
    io.stderr:write(("moonrig %s: %s (moonrig %s --help tells more)\n"):format(name, message, name))
    error(setmetatable({ code = cli.USAGE }, Exit), 0)
  end
  return parser
end

--- Gives the memory of parsers back, in a command that runs for months. Parsers have to be out of scope.
function cli.settle()
  package.loaded.argparse = nil
  collectgarbage()
end

--- Ends the command with a message on stderr.
function cli.fail(code, message, ...)
  io.stderr:write("moonrig: ", select("#", ...) > 0 and message:format(...) or message, "\n")
  error(setmetatable({ code = code }, Exit), 0)
end

local EPIPE <const> = 32 -- the loop ends the program then, without a word

--- Writes what the command was asked for to standard output. When that cannot be (disk full), the command ends with
--- an error.
---@param text string
function cli.write(text)
  local ok, why, number = io.stdout:write(text)
  if ok then ok, why, number = io.stdout:flush() end
  if not ok and number ~= EPIPE then cli.fail(cli.ERROR, "cannot write to standard output: %s", why) end
end

--- Runs a command with the program's arguments; called by main.c.
---@param name string
---@return integer exit_code
function cli.run(name)
  local command = require("moonrig.command." .. name)
  local args = table.move(arg, 1, #arg, 1, {})
  local ok, result = xpcall(command, function(err)
    if getmetatable(err) == Exit or type(err) == "table" then return err end
    return debug.traceback(err, 2)
  end, args)
  if ok then return result or cli.PASS end
  if getmetatable(result) == Exit then return result.code end
  if type(result) == "table" and result.code and result.code ~= "cancelled" then
    io.stderr:write("moonrig ", name, ": ", result.message or tostring(result), "\n")
    return result.code == "unsupported" and cli.USAGE or cli.ERROR -- a bad URL, option or pattern was given
  end
  error(result, 0)
end

return cli
