--- A pair of ptys joined by socat, for specs: what is written into one comes out of the other.
local ptys = {}
ptys.__index = ptys
ptys.__close = function(self) self:close() end

--- a, b: links to the two slaves. dir: an earlier pair's folder, to make the same names again.
function ptys.new(dir)
  if not dir then
    local pipe = assert(io.popen("mktemp -d"))
    dir = pipe:read("l")
    pipe:close()
  end
  local self = setmetatable({ dir = dir, a = dir .. "/a", b = dir .. "/b" }, ptys)
  self.pipe = assert(io.popen(("echo $$; exec socat -d -d pty,raw,echo=0,link=%s pty,raw,echo=0,link=%s 2>&1")
    :format(self.a, self.b)))
  self.pid = self.pipe:read("l")
  repeat
    local line = assert(self.pipe:read("l"), "socat did not start")
  until line:find("starting data transfer", 1, true)
  return self
end

--- socat ends: both slaves hang up. The folder stays.
function ptys:hang_up()
  if not self.pid then return end
  os.execute("kill " .. self.pid)
  self.pipe:close()
  self.pid = nil
end

function ptys:close()
  self:hang_up()
  os.execute("rm -rf " .. self.dir)
end

return ptys
