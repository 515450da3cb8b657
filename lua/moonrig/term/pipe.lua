-- SPDX-License-Identifier: MIT
-- pipe.lua: the terminal without a terminal: sends standard input, prints what comes, and ends when nothing more does.
local core = require "moonrig.core"
local log = require "moonrig.term.log"
local rig = require "moonrig"
local view = require "moonrig.term.view"

local pipe = {}

local TAIL = 4096 -- bytes before new ones in which `wanted` may begin

local function send_all(state)
  while true do
    local bytes, err = state.stdio:try_read_some(nil, math.huge)
    if not bytes then
      if err.code == "closed" then return end
      error(err, 0)
    end
    state.port:write(state.eol and bytes:gsub("\r?\n", state.eol) or bytes)
  end
end

-- Prints until what is wanted has come, or the port has no more.
local function print_all(state)
  local tail = ""
  while not state.found do
    local bytes, err = state.port:try_read_some(nil, view.PAUSE)
    if bytes then
      state.last = rig.now()
      if state.log then state.log:write(bytes, core.time()) end
      tail = tail:sub(-TAIL) .. bytes
      state.found = state.wanted and tail:find(state.wanted) and true
    elseif err.code ~= "timeout" then
      state.closed = err
      return
    end
    local text = bytes and state.view:show(bytes, core.time()) or state.view:idle(core.time())
    if text ~= "" then state.stdio:write(text, math.huge) end
  end
end

-- Waits until nothing has come for `idle` seconds, or a task ends.
local function wait_quiet(state, idle)
  state.last = rig.now()
  while true do
    local left = state.last + idle - rig.now()
    if left <= 0 then return end
    local ok, err = pcall(state.ended.pop, state.ended, left)
    if ok then return end
    if err.code ~= "timeout" then error(err, 0) end
  end
end

-- Runs both; what went wrong is in `failures`, by the function.
local function run(state, idle)
  local failures, tasks = {}, {}
  local function start(fn)
    tasks[#tasks + 1] = rig.spawn(function()
      local ok, err = pcall(fn, state)
      if not ok then failures[fn] = err end
      state.ended:push(fn)
    end)
  end
  start(send_all)
  start(print_all)
  if state.ended:pop() == send_all and not failures[send_all] then wait_quiet(state, idle) end
  for _, task in ipairs(tasks) do
    task:cancel()
    task:join()
  end
  return failures
end

-- Raises what is worth telling. Nobody reading our output any more is not.
local function raise(failures)
  for _, err in pairs(failures) do
    if type(err) ~= "table" then error(err, 0) end
    if err.code ~= "cancelled" and err.url ~= "stdio:" then error(err, 0) end
  end
end

--- Runs until standard input was sent and nothing more came for `idle` seconds, or the port was closed.
--- Options: idle, wanted (a pattern that ends it), eol (sent for "\n"), mode, time, log, log_format.
--- Returns true, or false and the reason when what was wanted did not come.
---@async
---@param port moonrig.Port
---@param options table
---@return boolean, string?
function pipe.run(port, options)
  local stdio <close> = rig.open "stdio:"
  local state = {
    port = port, stdio = stdio, ended = rig.queue(), wanted = options.wanted, eol = options.eol,
    view = view.new { mode = options.mode, time = options.time, start = core.time() },
  }
  state.log = options.log and log.open(options.log, options.log_format)
  local failures = run(state, options.idle)
  if state.log then state.log:close() end
  raise(failures)
  if not options.wanted or state.found then return true end
  return false, state.closed and state.closed.message or ("nothing more came for %g s"):format(options.idle)
end

return pipe
