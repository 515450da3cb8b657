-- board.lua: a driver for a board with a console: a prompt, commands, and a boot loader that DTR and a key reach. In a
-- station file: dut_console = { url = "/dev/ttyUSB0", driver = "drivers.board", options = { baudrate = 115200,
-- eol = "\r" } }. The model for devices without SCPI: the driver works with the port itself.
local Board = {}
Board.__index = Board

local PROMPT <const>, LOADER <const> = "mr1# ", "mr1> "

--- Sends a command, and gives what it printed.
---@param text string
---@param timeout? number  seconds
---@return string output
function Board:command(text, timeout)
  self.port:flush_input()
  self.port:write_line(text)
  local prompt = self.in_loader and LOADER or PROMPT
  local printed = self.port:expect("^[^\n]*\n(.-)[^\n]*" .. prompt, { timeout = timeout })
  return (printed:gsub("\r", ""):gsub("\n$", ""))
end

--- Resets the board by DTR, and lets it boot.
function Board:reset()
  self.port:pulse("dtr", 0.05)
  self.in_loader = false
  self.port:expect(PROMPT, { timeout = 10 })
end

--- Resets the board and stops it in its boot loader.
function Board:enter_loader()
  self.port:pulse("dtr", 0.05)
  self.port:expect("stop autoboot", { timeout = 10 })
  self.port:write " "
  self.port:expect(LOADER)
  self.in_loader = true
end

--- Leaves the boot loader.
function Board:boot()
  self.port:write_line "boot"
  self.in_loader = false
  self.port:expect(PROMPT, { timeout = 10 })
end

return { open = function(port) return setmetatable({ port = port, in_loader = false }, Board) end }
