-- SPDX-License-Identifier: MIT
-- keys.lua: the keyboard of a terminal in raw mode: what is typed, with special keys apart, and a line to be asked for.
local keys = {}

local ENTER, ESCAPE, INTERRUPT, ERASE, BACKSPACE, KILL = "\r", "\27", "\3", "\127", "\8", "\21"

local Keys = {}
Keys.__index = Keys

--- The keys that come from a port. `special` is a set such as "[\20\29]".
---@param port moonrig.Port
---@param special string
function keys.new(port, special) return setmetatable({ port = port, special = special, typed = "" }, Keys) end

function Keys:take(n)
  local first = self.typed:sub(1, n)
  self.typed = self.typed:sub(n + 1)
  return first
end

function Keys:wait()
  if self.typed == "" then self.typed = self.port:read_some(nil, math.huge) end
end

--- Waits for what is typed next: bytes without special keys, or one of those.
function Keys:run()
  self:wait()
  local at = self.typed:find(self.special)
  return self:take(at == 1 and 1 or at and at - 1 or #self.typed)
end

--- Waits for one byte.
function Keys:key()
  self:wait()
  return self:take(1)
end

-- The text after one more key; and true (done) or false (given up).
local function edit(text, key)
  if key == ENTER or key == "\n" then return text, true end
  if key == ESCAPE or key == INTERRUPT then return text, false end
  if key == ERASE or key == BACKSPACE then return (text:gsub("[^\x80-\xBF][\x80-\xBF]*$", "")) end
  if key == KILL then return "" end
  return key:find "%c" and text or text .. key
end

--- Waits for a line. show(text) is called when it changes. nil: given up with Escape or Ctrl-C.
---@param show fun(text: string)
---@return string?
function Keys:line(show)
  local text = ""
  while true do
    local done
    text, done = edit(text, self:key())
    if done then return text end
    if done == false then
      self.typed = "" -- the rest of an escape sequence: an arrow key
      return nil
    end
    show(text)
  end
end

return keys
