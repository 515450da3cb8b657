-- records.lua: records for the specs of seals: made, edited by hand as somebody would who owns the file, and checked
-- by `moonrig verify` and by docs/verify.py.
local key = require "moonrig.record.key"
local program = require "support.program"
local record = require "moonrig.record"
local rig = require "moonrig"

local records = {}

--- The program that runs this, whatever the folder.
records.moonrig = "/proc/" .. io.open("/proc/self/stat"):read("a"):match("^%d+") .. "/exe"

--- Records a run with something of every kind in it; its end is left to the caller when `open`.
function records.run(rec, n, open)
  local run = rec:start_run { station = "ST1", operator = "M. Weber", site = "left", config = { n = n },
    dut = { serial = ("PSU%04d"):format(n), part = "PSU-100", revision = "B", batch = "7",
      subunits = { { name = "board", serial = "MB" .. n, part = "MB-100", revision = "C" } } },
    procedure = { name = "final", version = "1.0", script = "return 1" }, meta = { order = "a\xff" } }
  run:instrument { role = "dmm", maker = "Rigol", model = "DM3058", serial = "DM3", firmware = "1", url = "loop://" }
  run:log { level = "info", message = "begin \u{fc} \xff \1 \127 \\ \" \0 \n", source = "final.lua:3" }
  run:subunit { name = "radio", serial = "R\xff" }
  local phase = run:phase { name = "5 V" }
  for i, v in ipairs { 5.01 + n / 1000, 0 / 0, math.huge, -0.0, math.maxinteger, 1e-7, 2 ^ -44, true, "a\0b" } do
    phase:measurement { name = "v" .. i, value = v, unit = "V", outcome = "PASS", instrument = "dmm",
      limits = { min = -math.huge, max = 5.05, equals = 2 ^ 53, one_of = { 1, "x" } }, uncertainty = 1e-9 }
  end
  phase:measurement { name = "unset", outcome = "UNSET" }
  phase:attachment { name = "scope.bin", mime = "application/octet-stream", data = ("scope %d\0"):format(n) }
  phase:prompt({ message = "LED?", kind = "choice", options = { "yes", "no" } }):answer "yes"
  run:prompt { message = "never answered" }
  local series = phase:series { name = "curve", unit = "V", x_name = "time", x_unit = "s", columns = "x y" }
  series:points(("<dd"):pack(1, n))
  series:points(("<dddd"):pack(2, n + 1, 3, n + 2))
  phase:measurement { name = "curve", value = n, unit = "V", outcome = "PASS", series = series }
  phase:finish { outcome = "PASS" }
  if not open then run:finish { outcome = "PASS", message = "good" } end
  return run
end

--- Makes a record of n runs.
---@param opts { key: string? }?
function records.make(path, n, opts)
  local rec <close> = record.open(path, opts)
  for i = 1, n do records.run(rec, i) end
end

function records.remove(path)
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
end

--- Edits it with the sqlite3 program, its triggers dropped before and there again after.
function records.edit(path, sql)
  local db = require("moonrig.core").store.open(path)
  local lines, again = { "PRAGMA foreign_keys = OFF;", "BEGIN;" }, {}
  for row in db:rows "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'" do
    lines[#lines + 1] = ("DROP TRIGGER %s;"):format(row.name)
    again[#again + 1] = row.sql .. ";"
  end
  db:close()
  local script = program.file(("%s\n%s;\n%s\nCOMMIT;\n"):format(table.concat(lines, "\n"), sql,
    table.concat(again, "\n")))
  local pipe = assert(io.popen(("sqlite3 -bail '%s' < '%s' 2>&1"):format(path, script)))
  local output = pipe:read "a"
  assert(pipe:close(), output)
  os.remove(script)
  return output
end

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "a"
  return text, select(3, pipe:close())
end

local peer

--- What docs/verify.py says of a record, and its exit code.
---@param options string?
function records.second_check(path, options)
  peer = peer or rig.open("exec:python3 spec/support/verify_peer.py", { timeout = 60 })
  peer:write_line(("'%s' %s"):format(path, options or ""))
  local lines = {}
  while true do
    local line = peer:read_line()
    local code = line:match "^exit (%d+)$"
    if code then return table.concat(lines), tonumber(code) end
    lines[#lines + 1] = line .. "\n"
  end
end

--- Ends the process of second_check, when there is one.
function records.close()
  if peer then peer:close() end
  peer = nil
end

--- What both programs say of it: output and exit code of each.
---@param options string?  --key and --head with digits, which both take
function records.verify(path, options)
  local ours, our_code = run(("%s verify '%s' %s"):format(records.moonrig, path, options or ""))
  local theirs, their_code = records.second_check(path, options)
  return ours, our_code, theirs, their_code
end

--- A key at `path`: its public digits.
function records.key(path)
  os.remove(path)
  return key.create(path)
end

return records
