-- SPDX-License-Identifier: MIT
-- operator.lua: the person at the terminal: asks on it, reads lines from standard input, which may also be a file or
-- a pipe with the answers.
local core = require "moonrig.core"
local rig = require "moonrig"

local operator = {}

local function refuse(code, message) error(core.error { code = code, message = message }, 0) end

--- A function that asks, for runner.run.
---@param out file*  where questions go
---@return fun(text: string, timeout: number): string
function operator.new(out)
  local input
  return function(text, timeout)
    out:write(text)
    out:flush()
    input = input or rig.open "stdio:?raw=false"
    local line, err = input:try_read_line(timeout)
    if line and not core.is_terminal(0) then out:write(core.codec.escape_terminal(line), "\n") end
    if line then return line end
    out:write "\n"
    if err.code == "timeout" then refuse("timeout", "nobody has answered the question in time") end
    if err.code == "closed" then refuse("closed", "nobody answers the question: standard input has ended") end
    error(err, 0)
  end
end

--- The same person, who is told which site a question is about.
---@param site string
---@param ask fun(text: string, timeout: number): string
function operator.at(site, ask)
  return function(text, timeout) return ask(("site %s: %s"):format(site, text), timeout) end
end

return operator
