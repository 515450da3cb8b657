-- bulk.lua URL read|lines|sink|echo BYTES
local rig = require "moonrig"
local url, mode, n = arg[1], arg[2], tonumber(arg[3])
local p <close> = rig.open(url)
p:query("*IDN?")
local start = rig.now()
local work = {}
function work.read()
  p:write_line("SOUR? " .. n)
  local got = 0
  while got < n do got = got + #p:read_some() end
end
function work.lines()
  p:write_line("SOUR? " .. n)
  local left = n // 64
  for _ in p:lines() do
    left = left - 1
    if left == 0 then break end
  end
end
function work.sink()
  local block = ("x"):rep(4096)
  p:write_line("SINK " .. n)
  for _ = 1, n // 4096 do p:write(block) end
  assert(p:read_line() == "OK")
end
function work.echo()
  local block = ("x"):rep(4096)
  p:write_line("ECHO")
  for _ = 1, n // 4096 do
    p:write(block)
    p:read(4096)
  end
end
work[mode]()
print(("%.2f"):format(n / 1e6 / (rig.now() - start)))
