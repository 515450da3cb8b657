-- Compares lua/moonrig/meta.lua, the API in words, with the live API: every function, method, field
-- and option, both ways.
local rig = require "moonrig"
local luacats = dofile "docs/luacats.lua"

local function read_file(path)
  local handle <close> = assert(io.open(path))
  return handle:read "a"
end

local api = luacats.read(read_file "lua/moonrig/meta.lua")

-- name -> name, of a table's string keys that are not private
local function names(t)
  local out = {}
  for key in pairs(t) do
    if type(key) == "string" and not key:find "^[_%[]" then out[key] = key end
  end
  return out
end

local function of(list, key)
  local out = {}
  for _, item in ipairs(list) do out[item[key or "name"]] = item[key or "name"] end
  return out
end

local function upvalue(fn, name_or_index)
  for i = 1, 60 do
    local name, value = debug.getupvalue(fn, i)
    if not name then return nil end
    if i == name_or_index or name == name_or_index then return value end
  end
end

local function error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function class_name(short) return short == "rig" and "moonrig" or "moonrig." .. short end
local function documented(class) return of(api.classes[class_name(class)].functions) end
local function fields(class) return names(luacats.fields(api, class_name(class))) end

-- Methods of an object whose metatable has a table as __index.
local function methods(object) return names(getmetatable(object).__index) end

-- class -> what proves it: each of these is one test below
local checks = {}

function checks.Port()
  local port <close> = rig.open "loop://"
  local index = getmetatable(port).__index
  assert.same(names(upvalue(index, 4)), documented "Port")
  assert.same(names(upvalue(index, 3)), fields "Port")
end

-- core/port/settings.c tells its names when one is wrong.
function checks.Settings()
  local _, err = rig.try_open("unix:/nowhere", { no_such_option = true })
  local known = {}
  for name in err.message:match "known: (.-)%)":gmatch "%S+" do known[name] = name end
  assert.same(known, fields "Settings")
end

-- The transports' own options stand in lists named own... or ...options.
function checks.OpenOptions()
  local own = {}
  local handle <close> = assert(io.popen "cat core/port/*.c")
  for name, list in handle:read "a":gmatch "static const char %*const ([%w_]+)%[%] = (%b{})" do
    if name:find "^own" or name:find "options$" then
      for option in list:gmatch '"([%w_]+)"' do own[option] = option end
    end
  end
  assert.is_truthy(own.keepalive)
  assert.same(own, of(api.classes["moonrig.OpenOptions"].fields))
end

function checks.Rs485()
  local _, err = rig.try_open("device:/nowhere", { rs485 = { no_such_option = true } })
  local known = {}
  for name in err.message:match "rs485 has (.-)%)":gmatch "[%w_]+" do known[name] = name end
  assert.same(known, fields "Rs485")
end

function checks.LineErrors()
  local port <close> = rig.open "loop://"
  assert.same(names(port.errors), fields "LineErrors")
end

function checks.ExpectOptions()
  local port <close> = rig.open "loop://"
  local known = {}
  for name in error_of(port.expect, port, "x", { no_such_option = true }).message:match "known: (.+)%)"
    :gmatch "[%w_]+" do
    known[name] = name
  end
  assert.same(known, fields "ExpectOptions")
end

function checks.BridgeDescription()
  assert.same(names(upvalue(require "moonrig.bridge".check, "FIELDS")), fields "BridgeDescription")
end

local function a_bridge()
  return rig.bridge { port = rig.open "loop://", listen = { "socket://127.0.0.1:0" }, quiet = true }
end

function checks.Bridge()
  local bridge <close> = a_bridge()
  assert.same(methods(bridge), documented "Bridge")
  assert.same({ name = "name", urls = "urls" }, fields "Bridge")
end

-- Those that are not always there are read from the source.
local function optional(source, set)
  for name in read_file(source):gmatch 'set_text%(L, "([%l_]+)"' do set[name] = name end
  return set
end

function checks.BridgeStatus()
  local bridge <close> = a_bridge()
  local status = names(bridge:status())
  status.reason = "reason"
  assert.same(status, fields "BridgeStatus")
end

function checks.BridgeClient()
  local bridge <close> = a_bridge()
  local client <close> = rig.open(bridge.urls[1]) -- luacheck: ignore client
  while not bridge:status().clients[1] do rig.sleep(0.001) end
  local found = names(bridge:status().clients[1])
  found.signature = optional("core/bind/lbridge.c", {}).signature
  assert.same(found, fields "BridgeClient")
end

function checks.SignalChange()
  local near <close>, far = rig.pair()
  rig.spawn(function() far.rts = false end)
  assert.same(names(near:wait_signals("cts", 1)), fields "SignalChange")
  far:close()
end

-- Each listener names in its error what it knows; those of TLS are read from the source.
function checks.ListenOptions()
  local known = {}
  for _, url in ipairs { "socket://127.0.0.1:0", "unix:/nowhere/socket" } do
    local err = error_of(rig.listen, url, print, { no_such_option = true })
    assert.equal("unsupported", err.code)
    for name in err.message:match "known: ([%l_ ]+)":gmatch "[%l_]+" do known[name] = name end
  end
  for name in read_file("core/port/tls.h"):match 'NAMES "(.-)"':gmatch "[%l_]+" do known[name] = name end
  assert.same(known, fields "ListenOptions")
end

function checks.Listener()
  local listener <close> = rig.listen("socket://127.0.0.1:0", print)
  assert.same(methods(listener), documented "Listener")
  for name in pairs(fields "Listener") do assert.is_truthy(listener[name]) end
end

function checks.Task()
  local task = rig.spawn(print)
  task:cancel()
  assert.same(methods(task), documented "Task")
end

function checks.Group()
  rig.group(function(group) assert.same(methods(group), documented "Group") end)
end

function checks.Queue()
  assert.same(methods(rig.queue()), documented "Queue")
  assert.equal(0, #rig.queue())
  assert.same({ len = "integer" }, api.classes["moonrig.Queue"].operators)
end

function checks.Lock() assert.same(methods(rig.lock()), documented "Lock") end

function checks.Held() assert.same(names(rig.lock():acquire()), documented "Held") end

-- Every field is on some error, and no error has another one.
function checks.Error()
  local near <close> = rig.open "loop://"
  local far <close> = rig.open "loop://"
  local seen = {}
  local function see(err)
    for name in pairs(names(err)) do seen[name] = name end
  end
  see(error_of(near.read_line, near, 0))
  see(error_of(near.write, near, ("x"):rep(4 * 1024 * 1024), 0))
  see(select(2, rig.try_open "unix:/nowhere/socket"))
  see(error_of(rig.sleep, "long"))
  local program <close> = rig.open "exec:exit 3"
  see(error_of(program.read_line, program))
  far:close()
  see(error_of(far.write, far, "x"))
  local sim <close> = rig.sim {}
  local instrument <close> = rig.scpi(sim:connect(), { check = true })
  see(error_of(instrument.write, instrument, "NONSENSE"))
  assert.same(seen, fields "Error")
end

function checks.Scpi()
  local instrument <close> = rig.scpi(rig.open "loop://")
  assert.same(methods(instrument), documented "Scpi")
  for name in pairs(fields "Scpi") do assert.is_not_nil(instrument[name]) end
end

function checks.ScpiOptions()
  assert.same(names(upvalue(upvalue(rig.scpi, "sort_options"), "OWN")),
    of(api.classes["moonrig.ScpiOptions"].fields))
end

function checks.Sim()
  local sim <close> = rig.sim { on = { ["A?"] = function(self)
    for name in pairs(fields "Sim") do assert.is_not_nil(self[name]) end
    return "seen"
  end } }
  assert.same(methods(sim), documented "Sim")
  assert.equal("seen", sim:connect():query "A?")
end

function checks.SimDescription() assert.same(names(upvalue(rig.sim, "FIELDS")), fields "SimDescription") end

function checks.SimSetting()
  local on = getmetatable(rig.sim {}).__index.on
  assert.same(names(upvalue(upvalue(on, "check_setting"), "SETTING")), fields "SimSetting")
end

function checks.FaultOptions()
  local add = getmetatable(require "moonrig.sim.faults"()).__index.add
  assert.same(names(upvalue(add, "FIELDS")), fields "FaultOptions")
end

function checks.SimConsole()
  assert.same(names(upvalue(require "moonrig.sim.console", "CONSOLE")), fields "SimConsole")
end

function checks.Random() assert.same(methods(rig.sim({}).random), documented "Random") end

-- A machine without an adapter has few of them: what the binding can set.
function checks.PortInfo()
  local set = { vid = "vid", pid = "pid" }
  for name in read_file("core/bind/llist.c"):gmatch 'set_text%(L, "([%l_]+)"' do set[name] = name end
  assert.same(set, fields "PortInfo")
  for _, port in ipairs(rig.ports()) do
    for name in pairs(port) do assert.is_truthy(set[name]) end
  end
end

function checks.Json()
  local words = documented "Json"
  for name in pairs(fields "Json") do words[name] = name end
  assert.same(names(rig.json), words)
end

function checks.JsonOptions()
  local values = { sort = false, indent = 2, depth = 3, nonfinite = "null", invalid = "escape" }
  assert.same(names(values), fields "JsonOptions")
  rig.json.encode({}, values)
  assert.equal("unsupported", error_of(rig.json.encode, {}, { no_such_option = true }).code)
end

function checks.Procedures() assert.same(names(rig.test), documented "Procedures") end

-- What the library knows: the upvalue of a function that checks its argument by it.
local function known(module, fn, name) return names(upvalue(require(module)[fn], name)) end

function checks.Procedure() assert.same(known("moonrig.test", "procedure", "PROCEDURE"), fields "Procedure") end

function checks.PhaseOptions()
  assert.same(names(upvalue(upvalue(rig.test.phase, "add"), "PHASE")), fields "PhaseOptions")
end

function checks.GroupOptions() assert.same(names(upvalue(rig.test.group, "GROUP")), fields "GroupOptions") end

function checks.Retry()
  local is_retry = upvalue(rig.test.group, "GROUP").retry[1]
  local given = { limit = 1, delay = 1, ["then"] = "stop" }
  assert.is_true(is_retry(given))
  assert.same(names(given), fields "Retry")
end

function checks.PromptOptions()
  assert.same(names(upvalue(require "moonrig.prompt".new, "OPTIONS")), fields "PromptOptions")
end

function checks.Test()
  local t = require "moonrig.measure".new({ dut = {} }, {}, {}, 1)
  local index = getmetatable(t).__index
  assert.same(names(upvalue(index, "Test")), documented "Test")
  assert.same(names(t), fields "Test")
end

function checks.DeclaredSubunit()
  assert.same(names(upvalue(upvalue(rig.test.procedure, "check_subunits"), "SUBUNIT")), fields "DeclaredSubunit")
end

function checks.Subunit()
  local subunit = require "moonrig.subunits".new({ procedure = {} }, "a", "1", { part = "P", revision = "C" })
  assert.same(names(subunit), fields "Subunit")
end

function checks.Dut()
  local run = upvalue(require "moonrig.runner".run, "start")
  local opts = { serial = "S", revision = "C", batch = "B", station = { name = "ST", instruments = {} },
    record = { start_run = function(_, given) return given.dut end } }
  local started = run({ procedure = { name = "P", part = "X" } }, opts)
  assert.same(names(started.dut), fields "Dut")
end

local function station_fields(name) return names(upvalue(require "moonrig.station".new, name)) end

function checks.StationFile() assert.same(station_fields "STATION", fields "StationFile") end

function checks.StationInstrument()
  local check = upvalue(require "moonrig.station".new, "check_instruments")
  assert.same(names(upvalue(check, "INSTRUMENT")), fields "StationInstrument")
end

function checks.Calibration()
  local check = upvalue(require "moonrig.station".new, "check_instruments")
  assert.same(names(upvalue(check, "CALIBRATION")), fields "Calibration")
end

function checks.Limits() assert.same(known("moonrig.limits", "new", "FIELDS"), fields "Limits") end

describe("meta.lua", function()
  it("has every entry of the public table, and no other", function()
    local live = names(rig)
    for name in pairs(upvalue(getmetatable(rig).__index, "later")) do
      live[name] = name
      assert.is_not_nil(rig[name])
    end
    local words = documented "rig"
    for name in pairs(fields "rig") do words[name] = name end
    assert.same(live, words)
  end)

  for _, class in ipairs(api.classes) do
    local name = class.name:match "(%w+)$"
    if class.name ~= "moonrig" then
      it("has every method and field of " .. name .. ", and no other", function()
        assert(checks[name], "no check for this class in spec/meta_spec.lua")()
      end)
    end
  end

  it("has the error codes of core/base/err.c", function()
    local codes = {}  -- none is the code of success
    for name in read_file "core/base/err.c":match "names%[%] = (%b{})":gmatch '"(%l[%l_]+)"' do
      codes['"' .. name .. '"'] = name ~= "none" and '"' .. name .. '"' or nil
    end
    assert.same(codes, of(api.aliases["moonrig.ErrorCode"].values, "type"))
  end)

  it("names every parameter in its function line, in order", function()
    local text = read_file "lua/moonrig/meta.lua"
    for _, class in ipairs(api.classes) do
      for _, fn in ipairs(class.functions) do
        local list = {}
        for _, param in ipairs(fn.params) do list[#list + 1] = param.name end
        local line = ("function %s%s%s(%s) end"):format(class.holder, fn.method and ":" or ".", fn.name,
          table.concat(list, ", "))
        assert(text:find("\n" .. line .. "\n", 1, true), "the annotations do not say what the code says: " .. line)
      end
    end
  end)

  it("is what docs/api.md was made from (make docs)", function()
    assert.equal(dofile "docs/api.lua"(), read_file "docs/api.md")
  end)
end)
