local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

-- "S", "R", "Z" (not reaped); nil: no such process
local function state_of(pid)
  local f <close> = io.open("/proc/" .. pid .. "/stat")
  return f and f:read("a"):match "%) (%a)"
end

-- Does pid end, and is it reaped, within a second? (A grandchild is reaped by init.)
local function ends(pid, grandchild)
  local give_up = rig.now() + 1
  local state = state_of(pid)
  while state and not (grandchild and state == "Z") do
    if rig.now() > give_up then return false end
    rig.sleep(0.005)
    state = state_of(pid)
  end
  return true
end

local function all_bytes()
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  return table.concat(all)
end

describe("exec:", function()
  it("carries every byte value both ways", function()
    local p <close> = rig.open "exec:exec cat"
    local all = all_bytes():rep(20)
    p:write(all)
    assert.equal(all, p:read(#all))
  end)

  it("is the terminal of the command, without echo", function()
    local p <close> = rig.open "exec:test -t 0 && test -t 2 && echo yes $(ps -o tty= -p $$) && read x && echo got $x"
    assert.matches("^yes pts/%d+$", p:read_line())
    p:write_line "a line"
    assert.equal("got a line", p:read_line())
  end)

  it("gives all output, then closed with the exit status", function()
    local p <close> = rig.open "exec:seq 100000; exit 3"
    local last, n = nil, 0
    for line in p:lines() do
      last, n = line, n + 1
    end
    assert.same({ 100000, "100000" }, { n, last })
    local err = fails(p.read_line, p)
    assert.equal("closed", err.code)
    assert.matches("exited with status 3", err.message)
    assert.equal(3, err.status)
    assert.is_false(p.is_open)
  end)

  it("keeps output in its buffer until it is read, also after the end", function()
    local p <close> = rig.open "exec:printf 'one\\ntwo'"
    while p.is_open do rig.sleep(0.002) end
    assert.equal("one", p:read_line())
    assert.equal("two", p:read(3))
    assert.matches("exited with status 0", fails(p.read, p, 1).message)
  end)

  it("says which signal ended the command, and when there is none of that name", function()
    local p <close> = rig.open "exec:kill -9 $$"
    assert.matches("ended by signal 9 %(Killed%)", fails(p.read, p, 1).message)
    local q <close> = rig.open "exec:/nonexistent/tool 2>/dev/null"
    assert.matches("status 127 %(no such command%)", fails(q.read, q, 1).message)
    assert.equal("unsupported", fails(rig.open, "exec:").code)
  end)

  it("names a long command in messages by its beginning, so that the reason is not cut off", function()
    local command = "exec:exit 5 # " .. ("long "):rep(100)
    local p <close> = rig.open(command)
    local err = fails(p.read, p, 1)
    assert.equal(command:sub(1, 60) .. "...: exited with status 5", err.message)
    assert.equal(command, err.url)
    local q <close> = rig.open "exec:exit 6\n# second line"
    assert.equal("exec:exit 6...: exited with status 6", fails(q.read, q, 1).message)
  end)

  it("starts the command with default signals and no descriptor of ours", function()
    local p <close> = rig.open "exec:grep Sig[BI] /proc/self/status; ls -l /proc/self/fd"
    assert.matches("^SigBlk:%s+0+$", p:read_line())
    local ignored = tonumber(p:read_line():match "^SigIgn:%s+(%x+)$", 16)
    assert.equal(0, ignored & 0x7fffffff) -- above are the C library's own
    p:read_line()
    for fd = 0, 2 do assert.matches((" %d %%-> /dev/pts/"):format(fd), p:read_line()) end
    assert.matches(" 3 %-> /proc/", p:read_line())
    assert.equal("closed", fails(p.read_line, p).code)
  end)

  it("ends the command with SIGHUP when it is closed, and reaps it", function()
    local p = rig.open "exec:echo $$; exec cat"
    local pid = p:read_line()
    assert.is_truthy(state_of(pid))
    local t0 = rig.now()
    p:close()
    assert.is_true(ends(pid))
    assert.is_true(rig.now() - t0 < 0.4)
  end)

  it("ends a command that ignores SIGHUP too, with its children", function()
    local p = rig.open "exec:trap '' HUP; sleep 1000 & echo $$ $!; wait"
    local pid, child = p:read_line():match "(%d+) (%d+)"
    p:close()
    assert.is_truthy(state_of(pid))
    assert.is_true(ends(pid))
    assert.is_true(ends(child, true))
  end)

  it("leaves nothing behind when it is forgotten", function()
    local pid
    do
      local p = rig.open "exec:trap '' HUP; echo $$; while :; do sleep 0.1; done"
      pid = p:read_line()
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(ends(pid))
  end)

  it("runs the command again with reconnect", function()
    local p <close> = rig.open("exec:echo $$", { reconnect = true })
    local first = p:read_line()
    assert.not_equal(first, p:read_line())
  end)

  it("makes a writer wait when the command does not read", function()
    local p <close> = rig.open "exec:sleep 1000"
    local err = fails(p.write, p, ("x"):rep(1e6), 0.05)
    assert.equal("timeout", err.code)
    assert.is_true(err.written < 64 * 1024)
    assert.is_true(p.out_waiting > 1000)
    p:flush_output()
    assert.equal(0, p.out_waiting)
  end)

  it("has no modem signals and no settings", function()
    local p <close> = rig.open "exec:cat"
    assert.equal("unsupported", fails(function() return p.cts end).code)
    assert.equal("unsupported", fails(function() p.dtr = true end).code)
    assert.equal("unsupported", fails(p.send_break, p).code)
    assert.equal("unsupported", fails(rig.open, "exec:cat", { baudrate = 9600 }).code)
  end)
end)
