-- Our RFC 2217 server and client before the judges of raw bytes, spec/conformance/.
local program = require "support.program"

local function judged(judge, option, command)
  local pipe = assert(io.popen(("/usr/bin/python3 spec/conformance/%s %s %s 2>&1"):format(judge, option,
    program.quote(command))))
  local text = pipe:read "a"
  pipe:close()
  assert.matches("\n?%d%d+ passed, 0 failed\n$", text)
  assert.is_nil(text:match "FAILED", text)
end

it("the server of moonrig bridge conforms to RFC 2217 in every case", function()
  local control = os.tmpname()
  os.remove(control)
  judged("rfc2217_server.py", "--server",
    ("%s bridge {tty} --listen rfc2217://127.0.0.1:{port} --quiet --control %s.{port}"):format(program.path, control))
end)

it("rfc2217:// stands servers of every kind", function()
  judged("rfc2217_client.py", "--client", program.path .. " spec/conformance/client_moonrig.lua")
end)
