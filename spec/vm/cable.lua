--- Two USB adapters on a null-modem cable: usbnull, inside the lab's VM.
local core = require "moonrig.core"
local rig = require "moonrig"

local cable = {}
cable.__index = cable

local TIMEOUT = 20
local count = 0

local function wait_for(what, condition)
  local give_up = rig.now() + TIMEOUT
  while true do
    local value = condition()
    if value then return value end
    assert(rig.now() < give_up, "the lab: " .. what .. " did not come")
    rig.sleep(0.02)
  end
end

local function device_of(serial)
  local found = core.list { pattern = "SER=" .. serial .. " " }
  return found[1] and found[1].device
end

--- Plugs two adapters in. kinds: "ftdi", "pl2303", "cp210x", "acm".
function cable.new(kind_a, kind_b)
  count = count + 1
  local self = setmetatable({ fifo = ("/tmp/cable%d"):format(count), serial = {} }, cable)
  self.serial[0], self.serial[1] = ("A%dx"):format(count), ("B%dx"):format(count)
  local pipe = assert(io.popen(("/lab/usbnull -c %s %s:%s %s:%s >/dev/null & echo $!"):format(
    self.fifo, kind_a, self.serial[0], kind_b, self.serial[1])))
  self.pid = pipe:read("l")
  pipe:close()
  self.a, self.b = self:device(0), self:device(1)
  return self
end

--- The name that adapter n (0, 1) has now, once it is there.
function cable:device(n)
  return wait_for("adapter " .. n, function() return device_of(self.serial[n]) end)
end

function cable:command(text)
  local fifo <close> = assert(io.open(self.fifo, "w"))
  fifo:write(text, "\n")
end

function cable:unplug(n)
  self:command("unplug " .. n)
  wait_for("the unplug", function() return not device_of(self.serial[n]) end)
end

function cable:plug(n)
  self:command("plug " .. n)
  return self:device(n)
end

function cable:close()
  os.execute("kill " .. self.pid)
  wait_for("the end of both adapters", function()
    return not device_of(self.serial[0]) and not device_of(self.serial[1])
  end)
end

cable.wait_for = wait_for

return cable
