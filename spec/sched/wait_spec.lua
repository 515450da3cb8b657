-- Where a task can wait, where not, and how well it keeps time.
local program = require "support.program"
local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("a task can wait", function()
  local places = {
    ["in a function called by pcall and xpcall"] = function(wait)
      assert(pcall(wait))
      assert(xpcall(wait, debug.traceback))
    end,
    ["in an iterator of a for loop"] = function(wait)
      for value in function(_, last) if not last then return wait() or 1 end end do assert.equal(1, value) end
    end,
    ["in metamethods"] = function(wait)
      local t = setmetatable({}, { __index = wait, __newindex = wait, __call = wait, __add = wait, __lt = wait,
        __concat = wait, __len = wait, __eq = wait })
      t.x = t.x
      t()
      return t + 1, t < t, t .. "", #t, t == setmetatable({}, getmetatable(t))
    end,
    ["in a <close> handler"] = function(wait)
      local guard <close> = setmetatable({}, { __close = wait }) -- luacheck: ignore guard
    end,
    ["in a file run by dofile"] = function(wait)
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write "WAIT()"
      file:close()
      rawset(_G, "WAIT", wait)
      dofile(name)
      rawset(_G, "WAIT", nil)
      os.remove(name)
    end,
  }
  for place, body in pairs(places) do
    it(place, function()
      local waits = 0
      body(function()
        waits = waits + 1
        rig.sleep(0)
      end)
      assert.is_true(waits > 0)
    end)
  end
end)

describe("waiting where Lua cannot yield", function()
  local places = {
    ["table.sort"] = function(wait) table.sort({ 1, 2, 3 }, function() wait() end) end,
    ["string.gsub"] = function(wait) return (("x"):gsub("x", wait)) end,
    ["tostring"] = function(wait) return tostring(setmetatable({}, { __tostring = wait })) end,
    ["load"] = function(wait) error(select(2, load(function() wait() end)), 0) end,
    ["require"] = function(wait)
      package.preload["spec.waits"] = wait
      finally(function() package.preload["spec.waits"] = nil end)
      return require "spec.waits"
    end,
    ["__gc"] = function(wait)
      local err
      do local _ = setmetatable({}, { __gc = function() err = fails(wait) end }) end
      collectgarbage()
      collectgarbage()
      error(err, 0)
    end,
  }
  for place, body in pairs(places) do
    it("raises at once and says why: " .. place, function()
      local near <close>, far = rig.pair()
      for _, wait in ipairs { function() rig.sleep(1) end, function() near:read(1) end,
        function() rig.queue():pop() end } do
        local began = rig.now()
        local err = fails(body, wait)
        if type(err) == "string" then
          assert.matches("cannot wait here", err)
        else
          assert.equal("unsupported", err.code)
          assert.matches("cannot wait here: Lua cannot pause inside .*" .. place:gsub("%p", "%%%0"), err.message)
        end
        assert.is_true(rig.now() - began < 0.5)
      end
      far:write_line "still usable"
      assert.equal("still usable", near:read_line())
      far:close()
    end)
  end

  it("raises at once inside the user's own coroutine, and names rig.spawn", function()
    local err = fails(coroutine.wrap(function() rig.sleep(0) end))
    assert.equal("unsupported", err.code)
    assert.matches("coroutine of your own .*rig%.spawn", err.message)
    local ok
    ok, err = coroutine.resume(coroutine.create(function() return rig.queue():pop() end))
    assert.is_false(ok)
    assert.equal("unsupported", err.code)
  end)

  it("leaves the user's own coroutines alone otherwise", function()
    local generate = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
    rig.sleep(0)
    assert.same({ 1, 2, 3 }, { generate(), generate(), generate() })
  end)

  it("raises in somebody else's hands: a task's coroutine is resumed by the program only", function()
    local thread
    local task = rig.spawn(function()
      thread = coroutine.running()
      return rig.queue():pop()
    end)
    rig.sleep(0)
    local ok, err = coroutine.resume(thread)
    assert.same({ true, "unsupported" }, { ok, err.code })
    task:cancel()
    assert.matches("dead coroutine", fails(task.join, task, 1))
  end)
end)

describe("time", function()
  it("is kept to within 20 ms", function()
    for _, seconds in ipairs { 0.001, 0.01, 0.05, 0.11 } do
      local began = rig.now()
      rig.sleep(seconds)
      local late = rig.now() - began - seconds
      assert.is_true(late > -0.001 and late < 0.02, ("sleep(%g) was off by %g s"):format(seconds, late))
    end
  end)

  it("is kept by many sleepers, in order", function()
    local order, tasks = {}, {}
    for i = 10, 1, -1 do
      tasks[i] = rig.spawn(function()
        rig.sleep(i * 0.008)
        order[#order + 1] = i
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, order)
  end)

  it("is kept by a short wait after a long one, and the reverse", function()
    local near <close>, far = rig.pair()
    far:write "x"
    near:read(1, 60)
    local began = rig.now()
    assert.equal("timeout", fails(near.read, near, 1, 0.02).code)
    assert.is_true(math.abs(rig.now() - began - 0.02) < 0.02)
    fails(near.read, near, 1, 0.001)
    began = rig.now()
    assert.equal("timeout", fails(near.read, near, 1, 0.04).code)
    assert.is_true(math.abs(rig.now() - began - 0.04) < 0.02)
    far:close()
  end)

  it("is exact to less than a clock tick of 4 ms, also for short times", function()
    local best = math.huge
    for _ = 1, 10 do
      local began = rig.now()
      rig.sleep(0.001)
      best = math.min(best, rig.now() - began)
    end
    assert.is_true(best >= 0.001 and best < 0.0025, best)
  end)

  it("is kept by a program that waits for one socket only, also after an earlier timer is overdue", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines() do
        rig.sleep(0.003)
        port:write_line(line)
      end
    end)
    local path = program.file [[
      local rig = require "moonrig"
      local port = rig.open(arg[1])
      for overdue = -0.003, 0.002, 0.00025 do
        -- sets a timer for 10 ms, which is not needed; but on a machine with other work
        if not port:try_query("x", 0.01) then port:read_line(5) end
        local busy_until = rig.now() + 0.01 + overdue
        while rig.now() < busy_until do end
        local began = rig.now()
        local _, err = port:try_read(1, 0.02)
        if math.abs(rig.now() - began - 0.02) > 0.02 then print("off by", rig.now() - began, overdue) end
        assert(err.code == "timeout")
      end
      print "kept"
    ]]
    local child <close> = rig.open(("exec:%s run %s %s"):format(program.path, path, listener.url))
    assert.equal("kept", child:read_line(5))
    os.remove(path)
  end)

  it("refuses what is not seconds", function()
    for _, bad in ipairs { -1, 0 / 0, "1", {}, true } do
      local err = fails(function() rig.sleep(bad) end)
      assert.equal("unsupported", err.code)
      assert.matches("sleep: argument 1: expected seconds", err.message)
    end
  end)
end)
