-- SPDX-License-Identifier: MIT
-- scpi.lua: rig.scpi: an instrument that speaks SCPI over any port.  One exchange at a time (a lock for
-- each instrument); what was asked and not answered is remembered in self.asked until its reply has been
-- read, so that also a cancelled task leaves the truth behind: see scpi/step.lua for what follows.
local core = require "moonrig.core"
local number = require "moonrig.scpi.number"
local text = require "moonrig.scpi.text"

local running <const> = coroutine.running

---@class moonrig.Scpi
---@field port moonrig.Port the port under it
---@field url string
---@field check boolean read the error queue after each command
local Scpi = {}
Scpi.__index = Scpi
Scpi.__name = "moonrig.Scpi"

local function fail(self, code, op, message, fields)
  local err = fields or {}
  err.code, err.op, err.url, err.message = code, op, self.url, ("%s: %s"):format(self.name, message)
  error(core.error(err), 0)
end

--- Keeps other tasks away from the instrument until the result is closed: `local held <close> = psu:hold()`.
--- Every method does so for itself; this is for several in a row.
---@async
function Scpi:hold()
  local me = running()
  if self.holder == me then return nil end
  self.turn:pop()
  self.holder = me
  return self.guard
end

local hold <const> = Scpi.hold

local function command_text(self, op, command)
  if type(self) ~= "table" then
    local message = ("%s: call it with a colon, as in psu:%s(...)"):format(op, op)
    error(core.error { code = "unsupported", op = op, message = message }, 0)
  end
  if type(command) ~= "string" or command == "" then
    fail(self, "unsupported", op, ("%s: argument 1: expected a command, got %s"):format(op,
      command == "" and "an empty string" or type(command)))
  end
end

-- A failed exchange: says what was asked; what is owed stays in self.asked.
local function not_answered(self, command, err)
  self.torn = err.op == "write"
  if err.code == "busy" then self.asked = nil end
  err.query = command
  err.message = ("%s (asked %q)"):format(err.message, command)
  error(err, 0)
end

-- A query of several lines would have several replies, and only one is read.
local function query_text(self, op, command)
  command_text(self, op, command)
  if command:find("[\r\n]%s*%S") then
    fail(self, "unsupported", op, ("%s: argument 1: %q is more than one line; write ; between commands")
      :format(op, command))
  end
end

-- What comes next is the answer to the next query: bytes that nobody has asked for go away.
local function get_ready(self, command, timeout)
  if self.asked then
    require("moonrig.scpi.step").recover(self, timeout, command)
  elseif not self.stale and self.port.in_waiting > 0 then
    self.port:flush_input()
  end
end

-- One command and its reply, a line.  The lock is held.
local function ask(self, command, timeout)
  get_ready(self, command, timeout)
  self.asked, self.torn = command, true
  local line, err = self.port:try_query(command, timeout)
  if line and self.stale then line, err = require("moonrig.scpi.step").skim(self, line, timeout) end
  if not line then not_answered(self, command, err) end
  self.asked, self.torn = nil, false
  return line
end

-- ---- errors ------------------------------------------------------------------------------------

local MOST_ERRORS <const> = 100

local function read_errors(self, timeout)
  local errors = {}
  for _ = 1, MOST_ERRORS do
    local line = ask(self, self.error_query, timeout)
    local code, words = line:match("^%s*([+-]?%d+)%s*,?%s*(.-)%s*$")
    if not code then
      fail(self, "protocol", "check_errors", ("%q was answered %q, which is not an error number")
        :format(self.error_query, line), { received = line })
    end
    if tonumber(code) == 0 then return errors end
    errors[#errors + 1] = { code = tonumber(code), text = text.unquote(words) }
  end
  return errors
end

local function check(self, timeout, after)
  local errors = read_errors(self, timeout)
  if #errors == 0 then return end
  local words = {}
  for i, e in ipairs(errors) do words[i] = ("%d %q"):format(e.code, e.text) end
  if #errors == MOST_ERRORS then words[#words + 1] = "and the queue is not empty" end
  fail(self, "protocol", "check_errors", ("the instrument reports %s%s"):format(table.concat(words, ", "),
    after and (" after %q"):format(after) or ""), { errors = errors, query = after })
end

--- Reads the error queue until it is empty. Raises `protocol` with all of them (field errors: {code, text}).
---@async
---@param timeout? number seconds
function Scpi:check_errors(timeout)
  local _ <close> = hold(self)
  check(self, timeout)
  return self
end

-- ---- commands, queries --------------------------------------------------------------------------

local function send(self, command, timeout)
  local port = self.port
  if self.torn then command = port.eol .. command end -- ends what was left half written
  self.torn = true
  if timeout then port:write_line(command, timeout) else port:write_line(command) end
  self.torn = false
end

--- Sends a command. With the option check, raises what the instrument then has in its error queue.
---@async
---@param command string "VOLT 5;:OUTP ON"
---@param timeout? number seconds
function Scpi:write(command, timeout)
  command_text(self, "write", command)
  local _ <close> = hold(self)
  send(self, command, timeout)
  if self.check then check(self, timeout, command) end
  return self
end

--- Sends a command with a block of bytes after it (IEEE 488.2 definite block).
---@async
---@param command string "DATA:ARB wave,"
---@param bytes string
---@param timeout? number seconds
function Scpi:write_block(command, bytes, timeout)
  command_text(self, "write_block", command)
  local block = type(bytes) == "string" and text.block(bytes)
  if not block then
    fail(self, "unsupported", "write_block", "write_block: argument 2: expected a string of at most 999999999 bytes")
  end
  if not command:match("[%s,]$") then command = command .. " " end
  local _ <close> = hold(self)
  send(self, command .. block, timeout)
  if self.check then check(self, timeout, command) end
  return self
end

--- Sends a query and returns its reply, a line without its end.
---@async
---@param command string "MEAS:VOLT?"
---@param timeout? number seconds
---@return string
function Scpi:query(command, timeout)
  query_text(self, "query", command)
  local _ <close> = hold(self)
  local line = ask(self, command, timeout)
  if self.check then check(self, timeout, command) end
  return line
end

local function to_number(self, op, command, line, part)
  local value, reason = number.parse(part)
  if value then return value end
  fail(self, "protocol", op, ("%q was answered %q: %s%s"):format(command, line,
    part ~= line and ("%q: "):format(part) or "", reason), { received = line, query = command })
end

--- Sends a query and returns its reply as a number: "1.5E-3 V" is 0.0015, 9.91E37 nan, 9.9E37 math.huge.
---@async
---@param command string
---@param timeout? number seconds
---@return number
function Scpi:query_number(command, timeout)
  local line = self:query(command, timeout)
  return to_number(self, "query_number", command, line, line)
end

local function unpack_all(self, command, bytes, format)
  local size = string.packsize(format)
  if #bytes % size ~= 0 then
    fail(self, "protocol", "query_numbers", ("%q was answered with %d bytes, not a multiple of %d (format %q)")
      :format(command, #bytes, size, format))
  end
  local values = {}
  for at = 1, #bytes, size do values[#values + 1] = string.unpack(format, bytes, at) end
  return values
end

--- Sends a query and returns its reply as a list of numbers. With a format (string.unpack's, as ">f" for
--- FORM REAL,32) the reply is a block of them.
---@async
---@param command string
---@param opts? number|{timeout?: number, format?: string}
---@return number[]
function Scpi:query_numbers(command, opts)
  local timeout, format = opts, nil
  if type(opts) == "table" then timeout, format = opts.timeout, opts.format end
  if format then return unpack_all(self, command, self:query_block(command, timeout), format) end
  local line = self:query(command, timeout)
  local values = {}
  local list = line:gsub("^%s*#([1-9])", ""):gsub(";", ",")
  local digits = line:match("^%s*#([1-9])%d")
  if digits then list = list:sub(tonumber(digits) + 1) end -- an ASCII list in a block
  for part in (list .. ","):gmatch "([^,]*)," do
    values[#values + 1] = to_number(self, "query_numbers", command, line, part)
  end
  return values
end

--- Sends a query and returns its reply without the quotes around it.
---@async
---@param command string
---@param timeout? number seconds
---@return string
function Scpi:query_string(command, timeout)
  return text.unquote(self:query(command, timeout))
end

--- Sends a query and returns the bytes of its reply, an IEEE 488.2 block (#42000..., #0...).
---@async
---@param command string "CURV?"
---@param timeout? number seconds without a byte
---@return string
function Scpi:query_block(command, timeout)
  query_text(self, "query_block", command)
  local _ <close> = hold(self)
  get_ready(self, command, timeout)
  self.asked, self.owes_block = command, true
  send(self, command, timeout)
  local bytes = require("moonrig.scpi.block").read(self.port, timeout, self.block_eol)
  self.asked, self.owes_block = nil, nil
  if self.check then check(self, timeout, command) end
  return bytes
end

-- ---- common commands -----------------------------------------------------------------------------

--- Who is it? (*IDN?)
---@async
---@param timeout? number seconds
---@return {maker: string?, model: string?, serial: string?, firmware: string?, raw: string}
function Scpi:idn(timeout)
  local raw = self:query("*IDN?", timeout)
  local maker, rest = raw:match("^%s*([^,]-)%s*,(.*)$")
  local model, serial, firmware = (rest or ""):match("^%s*([^,]-)%s*,%s*([^,]-)%s*,%s*(.-)%s*$")
  return { maker = maker or raw, model = model or rest, serial = serial, firmware = firmware, raw = raw }
end

--- Waits until the commands before have been carried out (*OPC?).
---@async
---@param timeout? number seconds
function Scpi:opc(timeout)
  local line = self:query("*OPC?", timeout)
  if number.parse(line) ~= 1 then
    fail(self, "protocol", "opc", ("*OPC? was answered %q, not 1"):format(line), { received = line })
  end
  return self
end

--- Clears status and error queue (*CLS); first gets back into step.
---@async
---@param timeout? number seconds
function Scpi:clear(timeout)
  local _ <close> = hold(self)
  if self.asked then require("moonrig.scpi.step").recover(self, timeout, "*CLS") end
  return self:write("*CLS", timeout)
end

--- Sets the instrument to its defaults (*RST).
---@async
---@param timeout? number seconds
function Scpi:reset(timeout) return self:write("*RST", timeout) end

--- Takes the instrument for in step although a query was not answered (for resync=false, after a device
--- clear of your own).
function Scpi:forget()
  local _ <close> = hold(self)
  if self.asked then require("moonrig.scpi.step").forget(self) end
  return self
end

--- Waits until all that was sent has left, and what was asked and never answered has been answered: what came after
--- it has been read by the instrument then. Closed before, the connection would be reset by that answer, and what was
--- not read yet would be lost.
---@async
---@param timeout? number seconds
function Scpi:drain(timeout)
  local _ <close> = hold(self)
  self.port:drain(timeout)
  if self.asked then require("moonrig.scpi.step").await(self, timeout) end
  return self
end

-- ---- the end -------------------------------------------------------------------------------------

local CLOSE_BUDGET <const> = 1 -- seconds for another task's exchange, and for each command

-- Not later than the budget, also while another task holds the instrument.
local function send_last(self)
  local mine = self.holder ~= running() and pcall(self.turn.pop, self.turn, CLOSE_BUDGET)
  local ok, err = pcall(function()
    for _, command in ipairs(self.on_close) do send(self, command, CLOSE_BUDGET) end
    self.port:drain(CLOSE_BUDGET)
    if self.asked then self.port:try_read_line(CLOSE_BUDGET) end   -- see drain
  end)
  if mine then self.turn:push(true) end
  return ok, err
end

local function shut(self, cause)
  if self.closed then return end
  self.closed = true
  local ok, err = true, nil
  if #self.on_close > 0 then ok, err = send_last(self) end
  self.port:close()
  if ok then return end
  local words = ("the commands for the end (%s) could not be sent: %s"):format(table.concat(self.on_close, "; "),
    type(err) == "table" and err.message or tostring(err))
  if cause == nil then fail(self, type(err) == "table" and err.code or "system", "close", words) end
  if type(cause) == "table" and cause.message then cause.message = cause.message .. "; and " .. words end
end

--- Sends the commands of on_close, then closes the port. Idempotent; also `<close>`. Raises when they could not be
--- sent; when it closes because of an error, that error's message says so.
---@async
function Scpi:close() shut(self) end

Scpi.__close = shut

function Scpi:__tostring() return "instrument: " .. self.url end

-- ---- twins ---------------------------------------------------------------------------------------

local function outcome(ok, ...)
  if ok then return ... end
  local err = ...
  if type(err) ~= "table" or err.code == "cancelled" or err.code == "unsupported" then error(err, 0) end
  return nil, err
end

for _, name in ipairs { "write", "query", "query_number", "query_numbers", "query_block", "idn", "opc",
  "check_errors" } do
  local method = Scpi[name]
  Scpi["try_" .. name] = function(self, ...) return outcome(pcall(method, self, ...)) end
end

-- ---- making --------------------------------------------------------------------------------------

-- The instrument's own options: what each may be.
local OWN = {
  check = { boolean = true }, on_close = { string = true, table = true }, late = { number = true },
  error_query = { string = true }, block_eol = { boolean = true },
  resync = { auto = true, wait = true, reopen = true, [false] = true, ["function"] = true },
}

local function bad_option(message, ...)
  error(core.error { code = "unsupported", op = "scpi", message = "scpi: " .. message:format(...) }, 0)
end

-- Takes the instrument's own options out of the list: own, those of the port.
local function sort_options(opts)
  local own, rest = {}, {}
  for name, value in pairs(opts or {}) do
    local may_be = OWN[name]
    if may_be and not may_be[type(value)] and not may_be[value] then
      local kinds = {}
      for kind in pairs(may_be) do kinds[#kinds + 1] = tostring(kind) end
      table.sort(kinds)
      bad_option("option %s: expected %s, got %s", name, table.concat(kinds, " or "), tostring(value))
    end
    (may_be and own or rest)[name] = value
  end
  return own, rest
end

local function list_of(commands)
  if type(commands) == "string" then return { commands } end
  return commands or {}
end

--- An instrument that speaks SCPI, at a URL or on a port that is open already (which then belongs to it).
--- Options are the port's (timeout, eol, baudrate...) and:
--- `on_close` commands that are sent before it is closed, whatever happened ("OUTP OFF", or a list);
--- `check` = true reads the error queue after each command;
--- `error_query` instead of "SYST:ERR?"; `block_eol` = false: no line end follows a block;
--- `resync` how to get back into step after a query without an answer: "auto" (wait a moment, then *OPC? or
--- *IDN? as a fence), "wait" (send nothing of one's own), "reopen" (a new connection), a function(port, query), or
--- false (raise until forget() is called); `late` = 5: seconds after which a reply is held for lost, with
--- instruments that answer no fence.
---@async
---@param port moonrig.Port|string
---@param opts? table
---@return moonrig.Scpi
return function(port, opts)
  if type(port) ~= "string" and type(port) ~= "userdata" then
    bad_option("argument 1: expected a URL or a port, got %s", type(port))
  end
  local own, rest = sort_options(opts)
  local opener
  if type(port) == "string" then
    local url, open = port, require("moonrig").open
    function opener() return open(url, rest) end
    port = opener()
  elseif next(rest) then
    port:set(rest)
  end
  local turn = core.queue():push(true)
  local self = setmetatable({
    port = port, opener = opener, url = port.url, name = port.name or port.url, turn = turn,
    check = own.check or false, on_close = list_of(own.on_close), error_query = own.error_query or "SYST:ERR?",
    block_eol = own.block_eol ~= false, resync = own.resync == nil and "auto" or own.resync, late = own.late or 5,
  }, Scpi)
  self.guard = setmetatable({}, { __close = function()
    self.holder = nil
    turn:push(true)
  end })
  return self
end
