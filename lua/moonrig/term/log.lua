-- SPDX-License-Identifier: MIT
-- log.lua: keeps what a port received in a file, which is only ever appended to: as it came, or in lines with the time
-- of their first byte, without escape sequences and with other control characters by their names.
local core = require "moonrig.core"

local log = {}

--- The formats.
log.FORMATS = { "text", "raw" }

local LONGEST = 4096 -- a line is cut here

local Log = {}
Log.__index = Log

--- Opens a log, or raises the error object that says why not.
---@param path string
---@param format "text"|"raw"
function log.open(path, format)
  local file, reason = io.open(path, "ab")
  if not file then error(core.error { code = "system", message = "log file " .. reason }, 0) end
  file:setvbuf "no"
  return setmetatable({ path = path, file = file, format = format, partial = "" }, Log)
end

local function plain(line)
  line = line:gsub("\27%[[0-?]*[ -/]*[@-~]", ""):gsub("\27%][^\7\27]*\27?[\7\\]", "")
  return core.codec.escape_terminal(line)
end

local function time_text(now)
  local whole = math.floor(now)
  return os.date("%Y-%m-%d %H:%M:%S", whole) .. (".%03d "):format(math.floor((now - whole) * 1000))
end

function Log:line(text)
  self.file:write(time_text(self.began), plain(text), "\n")
  self.partial = ""
end

--- Adds what was received at a time (core.time).
---@param bytes string
---@param now number
function Log:write(bytes, now)
  if self.format == "raw" then return self.file:write(bytes) end
  for text, ending in bytes:gmatch "([^\n]*)(\n?)" do
    if self.partial == "" then self.began = now end
    self.partial = self.partial .. text
    if ending ~= "" then
      self:line((self.partial:gsub("\r+$", "")))
    elseif #self.partial > LONGEST then
      self:line(self.partial)
    end
  end
end

--- Ends the log, with what there is of the last line.
function Log:close()
  if self.partial ~= "" then self:line(self.partial) end
  self.file:close()
end

return log
