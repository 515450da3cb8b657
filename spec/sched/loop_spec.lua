-- How programs end: by themselves, by an error that nobody took, by Ctrl-C.
local program = require "support.program"
local rig = require "moonrig"

-- Something to do at the end that waits and does I/O, as a supply being switched off.
local TEARDOWN = [[
  local near, far = rig.pair()
  rig.spawn(function() far:write_line("off: " .. far:read_line()) end)
  local teardown <close> = setmetatable({}, { __close = function()
    near:write_line "OUTP OFF"
    rig.sleep(0.01)
    print(near:read_line())
    io.stdout:flush()
  end })
]]

describe("an error in a task that nobody joins", function()
  it("ends the program at once, with its traceback and exit code 2", function()
    local p = program.run(TEARDOWN .. [[
      local function measure() error "no reply" end
      rig.spawn(function() rig.sleep(0) measure() end)
      rig.sleep(10)
    ]])
    assert.equal(2, p.code)
    assert.equal("off: OUTP OFF\n", p.out)
    assert.matches("nobody joined it: .*:9: no reply", p.err)
    assert.matches("stack traceback:.*in upvalue 'measure'", p.err)
  end)

  it("also counts when a handle is kept, but not joined within a second", function()
    local p = program.run [[
      local began = rig.now()
      local teardown <close> = setmetatable({}, { __close = function() print(rig.now() - began) end })
      local task = rig.spawn(error, "lost", 0)
      rig.sleep(10)
      task:join()
    ]]
    assert.equal(2, p.code)
    assert.is_true(math.abs(tonumber(p.out) - 1) < 0.2)
    assert.matches("lost", p.err)
  end)

  it("is forgiven when it is joined in time, or its handle is joined by another", function()
    local p = program.run [[
      local a, b = rig.spawn(error, "one", 0), rig.spawn(error, "two", 0)
      rig.sleep(0.05)
      print(pcall(a.join, a))
      rig.spawn(function() print(pcall(b.join, b)) end):join()
    ]]
    assert.same({ 0, "false\tone\nfalse\ttwo\n", "" }, { p.code, p.out, p.err })
  end)

  it("is told also when the program ends right after it", function()
    local p = program.run [[
      local task = rig.spawn(error, "late", 0)
      rig.sleep(0)
      return task
    ]]
    assert.equal(2, p.code)
    assert.matches("late", p.err)
  end)

  it("is told when it happens in teardown, after the end of the main task", function()
    local p = program.run [[
      rig.spawn(function()
        local guard <close> = setmetatable({}, { __close = function() rig.sleep(0) error "supply still on" end })
        rig.sleep(10)
      end)
      rig.sleep(0)
    ]]
    assert.equal(2, p.code)
    assert.matches("supply still on", p.err)
  end)

  it("is told when its text cannot be made", function()
    local p = program.run [[
      rig.spawn(error, setmetatable({}, { __tostring = function() error "worse" end }))
      rig.sleep(10)
    ]]
    assert.equal(2, p.code)
    assert.matches("nobody joined it: .*worse", p.err)
    p = program.run [[ error(setmetatable({}, { __tostring = function() return {} end })) ]]
    assert.equal(2, p.code)
    assert.matches("__tostring", p.err)
  end)

  it("does not hide the error of the main task", function()
    local p = program.run [[
      rig.spawn(error, "first", 0)
      pcall(rig.sleep, 10)
      error "second"
    ]]
    assert.equal(2, p.code)
    assert.matches("first.*second", p.err)
  end)

  it("does not count when it is a cancel", function()
    local p = program.run [[
      rig.spawn(function() rig.sleep(10) end):cancel()
      rig.sleep(0.01)
    ]]
    assert.same({ 0, "" }, { p.code, p.err })
  end)
end)

describe("the end of the main task", function()
  it("cancels the others, which may clean up", function()
    local p = program.run [[
      for i = 1, 3 do
        rig.spawn(function()
          local guard <close> = setmetatable({}, { __close = function(_, err)
            rig.sleep(0.01 * i)
            print(i, err.code)
          end })
          rig.sleep(10)
        end)
      end
      rig.sleep(0)
    ]]
    assert.same({ 0, "1\tcancelled\n2\tcancelled\n3\tcancelled\n", "" }, { p.code, p.out, p.err })
  end)

  it("is not held up by a task that only gives way", function()
    local p = program.run [[
      rig.spawn(function() while true do coroutine.yield() end end)
      rig.sleep(0)
    ]]
    assert.same({ 0, "" }, { p.code, p.err })
  end)

  it("gives up on a task that does not end within the budget", function()
    local p = program.run [[
      require("moonrig.core").teardown_budget(0.3)
      rig.spawn(function() while true do pcall(rig.sleep, 10) end end)
      rig.sleep(0)
      print(rig.now())
    ]]
    assert.equal(0, p.code)
  end)
end)

describe("Ctrl-C", function()
  -- Prints "waits" once the main task waits, which it does after this.
  local READY = [[
    local function ready() rig.spawn(function() print "waits" io.stdout:flush() end) end
    local a, b = rig.pair()
  ]]
  local waits = {
    ["sleep"] = "ready() rig.sleep(60)",
    ["a sleep without end"] = "ready() rig.sleep(math.huge)",
    ["join"] = "local task = rig.spawn(rig.sleep, 60) ready() task:join()",
    ["queue pop"] = "ready() rig.queue():pop()",
    ["queue push"] = "local queue = rig.queue(1) queue:push(1) ready() queue:push(2)",
    ["lock"] = "local lock = rig.lock() lock:acquire() ready() lock:acquire()",
    ["group"] = "ready() rig.group(function(g) g:spawn(rig.sleep, 60) g:spawn(rig.sleep, 60) end)",
    ["deadline"] = "ready() rig.deadline(60, rig.sleep, 60)",
    ["read"] = "ready() a:read(1, 60)",
    ["read_some"] = "ready() a:read_some(10, 60)",
    ["read_line"] = "ready() a:read_line(60)",
    ["read_until"] = "ready() a:read_until('>', 60)",
    ["expect"] = "ready() a:expect('login:', 60)",
    ["query"] = "ready() a:query('*IDN?', 60)",
    ["lines"] = "a.timeout = math.huge ready() for line in a:lines() do print(line) end",
    ["try_read_line"] = "ready() a:try_read_line(60)",
    ["write"] = "a.write_timeout = 60 ready() a:write(('x'):rep(1 << 22))",
    ["accept"] = "local l = rig.listen('socket://127.0.0.1:0', print) ready() l:join()",
    ["a socket's read"] = [[
      local l = rig.listen("socket://127.0.0.1:0", function(port) port:read(1, 60) end)
      local c = rig.open(l.url)
      ready()
      c:read(1, 60)
    ]],
  }
  for wait, text in pairs(waits) do
    it("interrupts " .. wait .. ", lets teardown work, and exits with 130", function()
      local p = program.start(READY .. TEARDOWN .. text)
      assert.equal("waits", p:line())
      p:signal "INT"
      p:finish()
      assert.same({ 130, "off: OUTP OFF\n", "" }, { p.code, p.out, p.err })
    end)
  end

  local busy = {
    ["a busy loop"] = "while true do end",
    ["a busy loop of calls"] = "local function f(n) return n > 0 and f(n - 1) or 0 end while true do f(10) end",
    ["a loop of short waits"] = "while true do rig.sleep(0) end",
    ["a loop that never waits for long"] = "local a, b = rig.pair() while true do a:write 'x' b:read(1) end",
    ["a busy loop in a task"] = "rig.spawn(function() while true do end end):join()",
    ["blocking reads"] = "while true do io.read(1) end",
  }
  for what, text in pairs(busy) do
    it("interrupts " .. what, function()
      local p = program.start(TEARDOWN .. "print 'goes' io.stdout:flush() " .. text)
      assert.equal("goes", p:line())
      p:signal "INT"
      p:finish()
      assert.same({ 130, "off: OUTP OFF\n", "" }, { p.code, p.out, p.err })
    end)
  end

  it("ends a task that holds up teardown by computing", function()
    local p = program.start(TEARDOWN .. [[
      rig.spawn(function() rig.sleep(0.005) while true do end end)
      print "goes" io.stdout:flush()
      rig.sleep(60)
    ]])
    assert.equal("goes", p:line())
    p:signal "INT"
    p:finish()
    assert.same({ 130, "off: OUTP OFF\n", "" }, { p.code, p.out, p.err })
  end)

  it("never gets lost, whenever it comes", function()
    for i = 1, 30 do
      local p = program.start [[
        local a, b = rig.pair()
        rig.spawn(function() for line in b:lines() do b:write_line(line) end end)
        local teardown <close> = setmetatable({}, { __close = function() rig.sleep(0) print "end" end })
        print "goes" io.stdout:flush()
        a.timeout = 60
        while true do a:query "x" end
      ]]
      assert.equal("goes", p:line())
      for _ = 1, i * 1000 do math.random() end
      p:signal "INT"
      p:finish()
      assert.same({ 130, "end\n", "" }, { p.code, p.out, p.err })
    end
  end)

  it("reaches a program that waits for one socket only, in the wait and before it", function()
    local listener <close> = rig.listen("socket://127.0.0.1:0", function() end)
    for pause = 0, 8 do
      local p = program.start(([[
        local port = rig.open(%q)
        local teardown <close> = setmetatable({}, { __close = function() rig.sleep(0) print "end" end })
        print "goes" io.stdout:flush()
        port:read(1, 60)
      ]]):format(listener.url))
      assert.equal("goes", p:line())
      for _ = 1, pause * 2000 do math.random() end
      p:signal "INT"
      p:finish()
      assert.same({ 130, "end\n", "" }, { p.code, p.out, p.err })
    end
  end)

  it("is also SIGTERM and SIGHUP; a program started by nohup lives through SIGHUP", function()
    for _, name in ipairs { "TERM", "HUP" } do
      local p = program.start(READY .. TEARDOWN .. "ready() rig.sleep(60)")
      p:line()
      p:signal(name)
      p:finish()
      assert.same({ 130, "off: OUTP OFF\n", "" }, { p.code, p.out, p.err })
    end
    local path = program.file("local rig = require 'moonrig' print 'goes' io.stdout:flush() rig.sleep(0.1) print 'on'")
    local p = program.command({ "run", path }, "nohup")
    p:line()
    p:signal "HUP"
    p:finish()
    os.remove(path)
    assert.same({ 0, "on\n" }, { p.code, p.out })
  end)

  it("can be caught by the script, as an error object", function()
    local p = program.start(READY .. [[
      ready()
      local ok, err = pcall(rig.sleep, 60)
      print(err.code, err.message)
      rig.sleep(0.01)
      print "goes on"
    ]])
    p:line()
    p:signal "INT"
    p:finish()
    assert.same({ 0, "cancelled\tinterrupted\ngoes on\n" }, { p.code, p.out })
  end)

  it("a second time gives up when teardown has used its budget", function()
    local p = program.start(READY .. [[
      require("moonrig.core").teardown_budget(0.2)
      local teardown <close> = setmetatable({}, { __close = function()
        print "tears down" io.stdout:flush()
        rig.sleep(60)
        print "never"
      end })
      ready()
      rig.sleep(60)
    ]])
    assert.equal("waits", p:line())
    p:signal "INT"
    assert.equal("tears down", p:line())
    os.execute "sleep 0.06"
    p:signal "INT"
    p:finish()
    assert.same({ 130, "" }, { p.code, p.out })
    assert.matches("cleaning up for at most 0%.2 s more", p.err)
  end)

  it("a second time ends a program that does not listen", function()
    local p = program.start [[
      require("moonrig.core").teardown_budget(0.2)
      local ok, err = pcall(function()
        print "goes" io.stdout:flush()
        while true do end
      end)
      print(err.code) io.stdout:flush()
      coroutine.wrap(function() while true do end end)()
    ]]
    assert.equal("goes", p:line())
    p:signal "INT"
    assert.equal("cancelled", p:line())
    os.execute "sleep 0.06"                -- else it is the same press
    p:signal "INT"
    p:finish()
    assert.equal(130, p.code)
    assert.matches("the script does not end", p.err)
  end)

  it("leaves teardown its time: a second time does not cancel it", function()
    local p = program.start(READY .. [[
      local teardown <close> = setmetatable({}, { __close = function()
        print "tears down" io.stdout:flush()
        rig.sleep(0.1)
        print "done"
      end })
      ready()
      rig.sleep(60)
    ]])
    p:line()
    p:signal "INT"
    p:line()
    p:signal "INT"
    p:finish()
    assert.same({ 130, "done\n" }, { p.code, p.out })
  end)

  it("comes as the error of an unjoined task only once", function()
    local p = program.start(READY .. [[
      rig.spawn(function() rig.sleep(60) end)
      ready()
      rig.sleep(60)
    ]])
    p:line()
    p:signal "INT"
    p:finish()
    assert.same({ 130, "" }, { p.code, p.err })
  end)
end)

describe("children of the program", function()
  it("do not inherit how it treats signals", function()
    local p = program.run [[ os.execute "cat /proc/self/status" ]]
    local ours = 1 << 0 | 1 << 1 | 1 << 12 | 1 << 13 | 1 << 14          -- HUP, INT, PIPE, ALRM, TERM
    for _, field in ipairs { "SigIgn", "SigBlk", "SigCgt" } do
      assert.equal(0, tonumber(p.out:match(field .. ":%s*(%x+)"), 16) & ours)
    end
  end)
end)

describe("os.exit", function()
  it("does not hide that a task has failed", function()
    local p = program.run [[ rig.spawn(function() error "boom" end) rig.sleep(0.01) os.exit(0) ]]
    assert.equal(2, p.code)
    assert.matches("nobody joined it: .*boom", p.err)
    assert.equal(3, program.run([[ local t = rig.spawn(error, "boom") rig.sleep(0) os.exit(3, t) ]]).code)
  end)
end)

describe("a program that takes long to end", function()
  it("says so", function()
    local p = program.run [[
      require("moonrig.core").teardown_budget(2.2)
      rig.spawn(function() while true do pcall(rig.sleep, 1) end end)
      rig.sleep(0)
    ]]
    assert.matches("^moonrig: the script has ended; 1 task still cleans up, for at most 2.2 s %(.-%)\n$", p.err)
  end)
end)
