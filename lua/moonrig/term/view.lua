-- SPDX-License-Identifier: MIT
-- view.lua: what bytes from a port look like on a screen: as text, with control characters visible, in hex, or raw;
-- with a time before each line. Bytes in, text out: it reads no clock and writes nothing. One view knows where the
-- cursor is, so all that goes to a screen goes through it.
local core = require "moonrig.core"

local view = {}

--- The modes, in the order in which the menu key goes through them.
view.MODES = { "text", "visible", "hex", "raw" }

--- How the time of a line is given: of the day, since the start, since the line before.
view.TIMES = { "clock", "elapsed", "delta" }

--- Seconds of silence after which idle() is to be called.
view.PAUSE = 0.1

local ROW = 16 -- bytes in a row of hex
local SENT, STAMP, NOTE, PLAIN = "\27[36m", "\27[90m", "\27[33m", "\27[39m"

-- What a terminal would hide or obey, but for \a \b \t \n \r and escape sequences: as a picture of its own.
local PICTURES = { ["\127"] = utf8.char(0x2421) }
for c = 0, 31 do PICTURES[string.char(c)] = utf8.char(0x2400 + c) end
local HIDDEN = "[\0-\6\11\12\14-\26\28-\31\127]"

local View = {}
View.__index = View

--- A view. Options: mode ("text"), time (one of TIMES; nil: none), colour, newline ("\r\n" for a raw terminal),
--- redraw (a row of hex is shown at once, and again when it grows), start (from where `elapsed` counts).
---@param options? table
function view.new(options)
  local self = setmetatable({ mode = "text", newline = "\n", start = 0, fresh = true, partial = "", row = "" }, View)
  for key, value in pairs(options or {}) do self[key] = value end
  self.offset = { [true] = 0, [false] = 0 } -- of rows of hex: sent, received
  return self
end

function View:coloured(colour, text) return self.colour and text ~= "" and colour .. text .. PLAIN or text end

-- ---- times

local function clock_text(now)
  local whole = math.floor(now)
  return os.date("%H:%M:%S", whole) .. (".%03d"):format(math.floor((now - whole) * 1000))
end

function View:stamp(now)
  local text = self.time == "clock" and clock_text(now)
    or ("%12.3f"):format(now - (self.time == "delta" and self.last_line or self.start))
  self.last_line = now
  return self:coloured(STAMP, text) .. " "
end

-- Puts a line, or a piece of one, where the cursor is; with the time where that begins a line.
function View:put(line, ending, now)
  local stamp = self.fresh and self.time and self:stamp(now) or ""
  self.fresh = ending
  return stamp .. line .. (ending and self.newline or "")
end

-- ---- text

-- The beginning of a UTF-8 character whose rest has not come.
local function cut_character(bytes)
  for i = 1, math.min(3, #bytes) do
    local c = bytes:byte(-i)
    if c >= 0xC0 then
      local size = c >= 0xF0 and 4 or c >= 0xE0 and 3 or 2
      return i < size and bytes:sub(-i) or ""
    elseif c < 0x80 then
      return ""
    end
  end
  return ""
end

-- Keeps back what cannot be shown before more has come: a "\r" may be the first half of an end of line.
function View:whole(bytes)
  bytes = self.partial .. bytes
  self.partial = bytes:sub(-1) == "\r" and "\r" or self.mode == "visible" and cut_character(bytes) or ""
  return bytes:sub(1, #bytes - #self.partial)
end

-- Lines end with "\n", also without "\r": instruments send that.
function View:text(bytes, now)
  bytes = bytes:gsub(HIDDEN, PICTURES)
  if not self.time then
    if bytes ~= "" then self.fresh = bytes:sub(-1) == "\n" end
    return (bytes:gsub("\r?\n", self.newline))
  end
  local out = {}
  for line, ending in bytes:gmatch "([^\n]*)(\n?)" do
    if ending ~= "" then line = line:gsub("\r$", "") end
    if line ~= "" or ending ~= "" then out[#out + 1] = self:put(line, ending ~= "", now) end
  end
  return table.concat(out)
end

-- Every control character has a name, as in C, and the line goes on below after "\n" or "\r".
function View:visible(bytes, now)
  local out = {}
  for line, ending in bytes:gmatch "([^\r\n]*)(\r?\n?)" do
    if line ~= "" or ending ~= "" then
      out[#out + 1] = self:put(core.codec.escape_terminal(line .. ending), ending ~= "", now)
    end
  end
  return table.concat(out)
end

function View:raw(bytes)
  self.fresh = bytes:sub(-1) == "\n"
  return bytes
end

-- ---- hex

function View:row_text()
  local hex = self.row:gsub(".", function(c) return ("%02x "):format(c:byte()) end)
  local text = ("%s %-48s "):format(self.row_sent and ">" or "<", hex) .. self.row:gsub("[^\32-\126]", ".")
  return self.row_head .. (self.row_sent and self:coloured(SENT, text) or text)
end

function View:end_row()
  if self.row == "" then return "" end
  local text = self.redraw and self.newline or self:row_text() .. self.newline
  self.row, self.fresh = "", true
  return text
end

-- Adds to the row, which is full or all there is.
function View:grow_row(bytes, now, sent)
  if self.row == "" then
    self.row_sent = sent
    self.row_head = self.time and self:stamp(now) or ("%08x  "):format(self.offset[sent])
  end
  local again = self.redraw and self.row ~= "" and "\r" or ""
  self.row = self.row .. bytes
  self.offset[sent] = self.offset[sent] + #bytes
  self.fresh = false
  return (self.redraw and again .. self:row_text() or "") .. (#self.row == ROW and self:end_row() or "")
end

function View:hex(bytes, now, sent)
  local out = { self.row_sent ~= sent and self:end_row() or "" }
  local at = 1
  while at <= #bytes do
    local piece = bytes:sub(at, at + ROW - #self.row - 1)
    out[#out + 1] = self:grow_row(piece, now, sent)
    at = at + #piece
  end
  return table.concat(out)
end

-- ---- for the session

--- What to write when bytes were received, or sent (those are shown in another colour).
---@param bytes string
---@param now number seconds
---@param sent? boolean
function View:show(bytes, now, sent)
  if self.mode == "hex" then return self:hex(bytes, now, sent or false) end
  if self.mode == "raw" then return self:raw(bytes) end
  if not sent then return self[self.mode](self, self:whole(bytes), now) end
  if self.mode == "text" then bytes = bytes:gsub("\r\n?", "\n") end
  return self:flush(now) .. self:coloured(SENT, self[self.mode](self, bytes, now))
end

-- Shows what was kept back.
function View:flush(now)
  local bytes = self.partial
  self.partial = ""
  return bytes == "" and "" or self[self.mode](self, bytes, now)
end

--- What to write after a PAUSE.
function View:idle(now) return self.mode == "hex" and self:end_row() or self:flush(now) end

--- Ends the line that is there.
function View:end_line(now)
  local text = self:idle(now)
  if not self.fresh then text = text .. self.newline end
  self.fresh = true
  return text
end

--- A line of the program's own.
function View:note(text, now)
  return self:end_line(now) .. self:coloured(NOTE, "--- " .. text) .. self.newline
end

return view
