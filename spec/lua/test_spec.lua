local bench = require "support.bench"
local plan = require "moonrig.plan"

describe("a procedure file", function()
  local b
  before_each(function() b = bench.new() end)
  after_each(function() b:close() end)

  local function refused(message, text)
    local ok, e = pcall(b.load, b, text)
    assert.is_false(ok, text)
    assert.matches(message, tostring(e), 1, true)
    return e
  end

  it("declares phases in three groups, each with its options", function()
    local loaded = b:load [[
      test.procedure { name = "PSU final", version = "1.4.0", part = "PSU-100", serial = "^PSU%d+$" }
      test.setup(function() end)
      test.phase("a", { retry = 2, timeout = 10 }, function() end)
      test.phase("b", { retry = { limit = 1, delay = 0.5 }, stop_on_fail = true,
        limits = { v = { min = 1, max = 2, unit = "V" } } }, function() end)
      test.setup("air", function() end)
      test.setup(function() end)
      test.teardown(function() end)
    ]]
    assert.same({ name = "PSU final", version = "1.4.0", part = "PSU-100", serial = "^PSU%d+$" }, loaded.procedure)
    assert.same({ "setup", "air", "setup 2" }, { loaded.setup[1].name, loaded.setup[2].name, loaded.setup[3].name })
    assert.same({ "a", 10, { limit = 2, delay = 0 }, false },
      { loaded.main[1].name, loaded.main[1].timeout, loaded.main[1].retry, loaded.main[1].stop_on_fail })
    assert.same({ { limit = 1, delay = 0.5 }, true, "V", { min = 1, max = 2 } }, { loaded.main[2].retry,
      loaded.main[2].stop_on_fail, loaded.main[2].limits.v.unit, loaded.main[2].limits.v.recorded })
    assert.equal("teardown", loaded.teardown[1].name)
    assert.matches("test.procedure", loaded.script, 1, true)
  end)

  it("is refused with the line and the name at fault", function()
    local e = refused('test.procedure: there is no field "verison" (there are', 'test.procedure { verison = "1" }')
    assert.matches("^.*:1: test.procedure", tostring(e))
    assert.equal("unsupported", e.code)
    refused("test.procedure: the field name is missing", "test.procedure {}")
    refused("serial = ^PSU[: wants a Lua pattern", 'test.procedure { name = "P", serial = "^PSU[" }')
    refused('test.procedure: subunits: 2: there is a sub-unit a already',
      'test.procedure { name = "P", subunits = { { name = "a" }, { name = "a" } } }')
    refused('test.procedure: subunits: 1: there is no field "serail" (there are name, part, revision, serial)',
      'test.procedure { name = "P", subunits = { { name = "a", serail = "x" } } }')
    refused("subunits: 1: the field name is missing", 'test.procedure { name = "P", subunits = { { serial = "x" } } }')
    refused("name = a=b: wants a name without = : and ,",
      'test.procedure { name = "P", subunits = { { name = "a=b" } } }')
    refused("meta = table: ", 'test.procedure { name = "P", meta = { a = {} } }')
    refused('this file has one already, "P"', 'test.procedure { name = "P" } test.procedure { name = "Q" }')
    refused('test.phase "a": test.procedure has to come first',
      'test.phase("a", function() end) test.procedure { name = "P" }')
    refused("it has no test.phase", "")
    refused('test.teardown "a": there is a phase of that name already',
      'test.phase("a", function() end) test.teardown("a", function() end)')
    refused("test.phase: expected a name, got function", "test.phase(function() end)")
    refused('test.phase "a": expected a function(t), got nil', 'test.phase("a", {})')
    refused('test.phase "a": expected a table of options, got number', 'test.phase("a", 5, function() end)')
    refused('test.phase "a": there is no option "retries" (there are background,',
      'test.phase("a", { retries = 1 }, function() end)')
    refused('test.phase "a": retry = -1: wants', 'test.phase("a", { retry = -1 }, function() end)')
    refused('test.phase "a": timeout = 0: wants a number above 0', 'test.phase("a", { timeout = 0 }, function() end)')
    refused('test.phase "a": limits: v: max = 1 is below min = 2',
      'test.phase("a", { limits = { v = { min = 2, max = 1 } } }, function() end)')
    refused("attempt to index a nil value (global 'nothing')", "nothing.field = 1")
    refused("<eof> expected near 'end'", "end")
  end)

  it("is refused outside of moonrig test, and when it is not there", function()
    local ok, e = pcall(require "moonrig.test".phase, "a", function() end)
    assert.is_false(ok)
    assert.matches("run it with: moonrig test FILE --dut SERIAL", e.message, 1, true)
    ok, e = pcall(plan.load, "/nonexistent/procedure.lua")
    assert.is_false(ok)
    assert.same({ "not_found", "there is no file /nonexistent/procedure.lua" }, { e.code, e.message })
    ok, e = pcall(plan.load, "/tmp")
    assert.is_false(ok)
    assert.equal("unsupported", e.code)
  end)

  it("starts anew each time it is loaded, and may begin with #!", function()
    local path = os.tmpname()
    local f <close> = assert(io.open(path, "w"))
    f:write [[#!/usr/bin/env -S moonrig test
      local test = require "moonrig".test
      local n = 0
      test.procedure { name = "P" }
      test.phase("a", function() n = n + 1; return n end)
    ]]
    f:flush()
    local first, second = plan.load(path), plan.load(path)
    os.remove(path)
    first.main[1].fn()
    assert.equal(2, first.main[1].fn())
    assert.equal(1, second.main[1].fn())
  end)

  it("says which serial numbers it takes", function()
    local loaded = b:load 'test.procedure { name = "P", serial = "^PSU%d+$" } test.phase("a", function() end)'
    assert.is_nil(plan.check_serial(loaded, "PSU4711"))
    assert.equal('serial number "PSU 1" does not match ^PSU%d+$, the pattern of P', plan.check_serial(loaded, "PSU 1"))
    loaded.procedure.serial = nil
    assert.is_nil(plan.check_serial(loaded, "any thing"))
    assert.matches("empty", plan.check_serial(loaded, ""))
    assert.matches("control characters", plan.check_serial(loaded, "A\27[2J"))
    assert.matches("more than 64", plan.check_serial(loaded, ("x"):rep(65)))
  end)
end)
