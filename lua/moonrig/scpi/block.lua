-- SPDX-License-Identifier: MIT
-- block.lua: reads a block of bytes from an instrument's port (IEEE 488.2, 8.7.9 definite "#42000...",
-- 8.7.10 indefinite "#0..." up to the end of the message).  Any byte may be in it.
-- A byte stream does not say where a message ends: after "#0" it is taken for ended when a line end
-- is followed by silence.
local core = require "moonrig.core"

local block = {}

local SILENCE <const> = 0.1 -- seconds after the line end of an indefinite block

local function bad(port, what, received)
  error(core.error { code = "protocol", op = "query_block", url = port.url, received = received,
    message = ("%s: %s"):format(port.name, what) }, 0)
end

-- size bytes; the timeout is for the next bytes to come, not for all of them.
local function read_all(port, size, timeout)
  local pieces, have = {}, 0
  while have < size do
    local piece = port:read_some(size - have, timeout)
    pieces[#pieces + 1] = piece
    have = have + #piece
  end
  return #pieces == 1 and pieces[1] or table.concat(pieces)
end

local function read_definite(port, digits, timeout, eol_follows)
  local text = port:read(digits, timeout)
  if not text:match("^%d+$") then bad(port, ("a block's length is %q, not a number"):format(text), text) end
  local data = read_all(port, tonumber(text), timeout)
  if eol_follows then
    local rest = port:read_until(port.eol:sub(-1), timeout)
    if rest:match("%S") then
      bad(port, ("%q follows after the %d bytes of the block"):format(rest:sub(1, 40), #data), rest)
    end
  end
  return data
end

local function read_indefinite(port, timeout)
  local eol, pieces, tail = port.eol, {}, ""
  while true do
    local piece
    if tail == eol then
      piece = port:try_read_some(nil, SILENCE)
      if not piece then return table.concat(pieces):sub(1, -#eol - 1) end
    else
      piece = port:read_some(nil, timeout)
    end
    pieces[#pieces + 1] = piece
    tail = (tail .. piece):sub(-#eol)
  end
end

--- Reads one block, after its query was sent.
---@param port moonrig.Port
---@param timeout? number seconds without a byte
---@param eol_follows boolean a line end stands after a definite block
---@return string bytes
function block.read(port, timeout, eol_follows)
  local stop = port.eol:sub(-1):gsub("%W", "%%%0")
  local which, found = port:expect({ ("^[^#%s]*#(%%d)"):format(stop), ("^([^%s]*)%s"):format(stop, stop) }, timeout)
  if which == 2 then bad(port, ("expected a block (#...), got %q"):format(found:sub(1, 80)), found) end
  if found == "0" then return read_indefinite(port, timeout) end
  return read_definite(port, tonumber(found), timeout, eol_follows)
end

return block
