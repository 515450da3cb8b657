-- Our RFC 2217 server before the judge of raw bytes, spec/conformance/rfc2217_server.py.
local program = require "support.program"

it("the server of moonrig bridge conforms to RFC 2217 in every case", function()
  local control = os.tmpname()
  os.remove(control)
  local server = program.path .. " bridge {tty} --listen rfc2217://127.0.0.1:{port} --quiet --control " .. control
  local pipe = assert(io.popen("/usr/bin/python3 spec/conformance/rfc2217_server.py --server "
    .. program.quote(server) .. " 2>&1"))
  local text = pipe:read "a"
  pipe:close()
  assert.matches("\n?%d%d+ passed, 0 failed\n$", text)
  assert.is_nil(text:match "FAILED", text)
end)
