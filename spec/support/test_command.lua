-- test_command.lua: `moonrig test` as a program, for specs: its procedure and station in files, its record, and a
-- socket that plays the station's supply and keeps what arrives.
local record = require "moonrig.record"
local rig = require "moonrig"

local here = { moonrig = os.getenv "MOONRIG" or "build/moonrig" }

local files, listener

--- Removes a file when close() is called.
function here.remove_at_end(path) files[#files + 1] = path end

--- A file with a text, until close().
function here.file(text)
  local path = os.tmpname()
  here.remove_at_end(path)
  local f <close> = assert(io.open(path, "w"))
  f:write(text)
  return path
end

--- A new record, and a supply: here.results, here.received.
function here.open()
  files, here.received = {}, {}
  here.results = os.tmpname()
  os.remove(here.results)
  listener = rig.listen("socket://127.0.0.1:0", function(port)
    for line in port:lines() do here.received[#here.received + 1] = line end
  end)
  here.url = listener.url
end

function here.close()
  listener:close()
  for _, path in ipairs(files) do os.remove(path) end
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(here.results .. suffix) end
end

--- The command that tests a unit with a procedure.
---@param text string     the procedure, from its phases on
---@param args? string
function here.command(text, args)
  if not text:find "test.procedure" then text = 'test.procedure { name = "P", serial = "^SN%d+$" } ' .. text end
  local station = here.file(([[return { name = "ST1", results = %q, instruments = {
    psu = { url = %q, driver = "port", safe_state = { "SAFE" } } } }]]):format(here.results, here.url))
  return ("%s test %s --station %s %s"):format(here.moonrig,
    here.file('local rig = require "moonrig"; local test = rig.test; ' .. text), station, args or "--dut SN1")
end

--- Runs a shell command to its end: all that it printed, its exit code.
function here.run(line)
  local port <close> = rig.open(("exec:{ %s; } 2>&1 </dev/null"):format(line), { timeout = 20 })
  local lines = {}
  for text in port:lines() do lines[#lines + 1] = text end
  local _, e = port:try_read(1)
  return table.concat(lines, "\n"), tonumber(e.message:match "exited with status (%d+)")
end

--- The newest run of the record; nil: there is none.
function here.last_run()
  local rec <close> = record.open(here.results)
  local list = rec:runs { last = 1 }
  return list[1] and rec:load(list[1].id)
end

return here
