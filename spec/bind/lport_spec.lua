local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a port", function()
  local near, far
  before_each(function() near, far = rig.pair() end)
  after_each(function()
    near:close()
    far:close()
  end)

  it("carries every byte value both ways", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all)
    near:write(all)
    far:write(all)
    assert.equal(all, far:read(256))
    assert.equal(all, near:read(256))
  end)

  it("keeps the bytes of a read that timed out", function()
    far:write("boot")
    local err = fails(near.read, near, 10, 0.01)
    assert.same({ "timeout", "boot", "read", near.url }, { err.code, err.received, err.op, err.url })
    assert.equal("boot", near:read(4))
  end)

  it("shows in a timeout what came instead", function()
    far:write("boot\r\n\0\xff")
    local err = fails(near.read_until, near, "login: ", 0)
    assert.equal([[pair:a: no terminator within 0 s (8 bytes there: "boot\r\n\x00\xff")]], err.message)
    far:write(("x"):rep(100))
    err = fails(near.expect, near, "login: ", 0)
    assert.equal('pair:a: no match within 0 s (108 bytes there, at the end: "' .. ("x"):rep(32) .. '")', err.message)
  end)

  it("searches anew after another task has thrown the input away", function()
    for method, argument in pairs { read_line = 1, expect = "go\n" } do
      far:write(("x"):rep(100))
      local task = rig.spawn(function() return near[method](near, argument, 1) end)
      rig.sleep(0)
      near:flush_input()
      far:write("go\n")
      assert.matches("^go", task:join())
    end
  end)

  it("ends a search in an input that another task closes", function()
    for method, argument in pairs { read_line = 1, expect = "go\n" } do
      local one, other = rig.pair()
      other:write(("x"):rep(5000))
      local task = rig.spawn(function() return one[method](one, argument, 1) end)
      rig.sleep(0)
      one:close()
      assert.are.equal("closed", fails(task.join, task).code)
      other:close()
    end
  end)

  it("gives lines without their end, also with a carriage return", function()
    far:write("one\ntwo\r\n\nlast")
    assert.same({ "one", "two", "" }, { near:read_line(), near:read_line(), near:read_line() })
    far:close()
    local rest = {}
    for line in near:lines() do rest[#rest + 1] = line end
    assert.same({ "last" }, rest)
  end)

  it("reads until a terminator that arrives in pieces", function()
    rig.spawn(function()
      for c in ("ab\r\n> cd"):gmatch "." do
        far:write(c)
        rig.sleep(0)
      end
    end)
    assert.equal("ab\r\n> ", near:read_until("\r\n> "))
    assert.equal("cd", near:read(2))
  end)

  it("expects one of several patterns and returns its captures", function()
    far:write("U-Boot 2023.04 (x)\nlogin: ")
    assert.equal("2023.04", near:expect("U%-Boot (%S+)%s"))
    assert.same({ 2, "login: " }, { near:expect { "password: ", "login: " } })
    assert.equal("timeout", fails(near.expect, near, "never", 0.01).code)
  end)

  it("has twins that return nil and the error", function()
    local value, err = near:try_read_line(0.01)
    assert.is_nil(value)
    assert.equal("timeout", err.code)
    value, err = rig.try_open("socket://127.0.0.1:1")
    assert.is_nil(value)
    assert.equal("refused", err.code)
  end)

  it("makes a writer wait for a slow reader, and says how much went", function()
    local big = ("x"):rep(1024 * 1024)
    local err = fails(near.write, near, big, 0.01)
    assert.equal("timeout", err.code)
    assert.equal(err.written, far.in_waiting)
    assert.is_true(err.written < 300 * 1024)
  end)

  it("gives busy to a second reader", function()
    local first = rig.spawn(function() return near:read_line() end)
    rig.sleep(0)
    assert.equal("busy", fails(near.read_line, near).code)
    far:write_line("for the first")
    assert.equal("for the first", first:join())
  end)

  it("gives busy also when what the first waits for has come and its task has not run yet", function()
    local first = rig.spawn(function() return near:read_line() end)
    rig.sleep(0)
    far:write_line("for the first")
    assert.equal("busy", fails(near.read, near, 3).code)
    assert.equal("for the first", first:join())
  end)

  it("is free at once when its reader is cancelled", function()
    local first = rig.spawn(function() return near:read_line() end)
    rig.sleep(0)
    first:cancel()
    far:write_line("for the second")
    assert.equal("for the second", near:read_line())
    assert.equal("cancelled", fails(first.join, first).code)
  end)

  it("wakes its reader with closed", function()
    local reader = rig.spawn(function() return near:read_line() end)
    rig.sleep(0)
    near:close()
    assert.equal("closed", fails(reader.join, reader).code)
    assert.equal("closed", fails(near.write, near, "x").code)
    assert.is_false(near.is_open)
  end)

  it("finds a 64 KiB line in milliseconds of its own time", function()
    local t0 = os.clock()
    rig.spawn(function() for _ = 1, 65536 do far:write("x") end end)
    assert.equal("timeout", fails(near.expect, near, "(%d+) volts", 0.2).code)
    assert.is_true(os.clock() - t0 < 1)
    assert.equal(65536, near.in_waiting)
  end)
end)

describe("a port that always has bytes", function()
  it("leaves deadlines and other tasks their turn", function()
    local port <close> = rig.open "loop://"
    local turns = 0
    local other = rig.spawn(function()
      while true do
        turns = turns + 1
        rig.sleep(0)
      end
    end)
    local busy = { function() port:query "x" end, function() port:write "x" port:flush_input() end }
    for _, work in ipairs(busy) do
      local before = turns
      assert.equal("timeout", fails(rig.deadline, 0.05, function() while true do work() end end).code)
      assert.is_true(turns > before)
    end
    other:cancel()
  end)
end)
