local rig = require "moonrig"

local moonrig = os.getenv "MOONRIG" or "build/moonrig"

local function all_bytes()
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  return table.concat(all)
end

-- What a command prints, and its exit status.
local function output_of(command)
  local p <close> = rig.open("exec:" .. command .. " 2>&1", { timeout = 10 })
  local lines = {}
  for line in p:lines() do lines[#lines + 1] = line end
  local _, err = p:try_read(1)
  return table.concat(lines, "\n"), tonumber(err.message:match "exited with status (%d+)")
end

describe("moonrig pair", function()
  local link_a, link_b
  before_each(function()
    link_a, link_b = os.tmpname(), os.tmpname()
    os.remove(link_a)
    os.remove(link_b)
  end)

  -- The program that a test has ended removes its links, in its own time.
  after_each(function()
    os.execute(("timeout 5 sh -c 'while [ -L %s ] || [ -L %s ]; do sleep 0.01; done'"):format(link_a, link_b))
  end)

  it("joins two ports that other programs open", function()
    local p <close> = rig.open(("exec:%s pair %s %s"):format(moonrig, link_a, link_b))
    assert.matches("^/dev/pts/%d+ %(" .. link_a:gsub("%p", "%%%0") .. "%)$", p:read_line())
    p:read_line()
    local a <close> = rig.open("device:" .. link_a)
    local b <close> = rig.open("device:" .. link_b .. "?baudrate=115200")
    local all = all_bytes()
    a:write(all)
    assert.equal(all, b:read(256))
    b:write(all)
    assert.equal(all, a:read(256))
  end)

  it("makes a writer wait and loses nothing", function()
    local p <close> = rig.open(("exec:%s pair"):format(moonrig))
    local a <close> = rig.open("device:" .. p:read_line())
    local b <close> = rig.open("device:" .. p:read_line())
    local big = {}
    for i = 1, 200000 do big[i] = ("%07d\n"):format(i) end
    big = table.concat(big)
    local ok, err = pcall(a.write, a, big, 0.5)
    assert.is_false(ok)
    assert.equal("timeout", err.code)
    assert.is_true(err.written < 800 * 1024)
    local writer = rig.spawn(function() a:write(big:sub(err.written + 1), 10) end)
    assert.is_true(b:read(#big, 10) == big)
    writer:join()
  end)

  it("removes its links at the end", function()
    local p = rig.open(("exec:echo $$; exec %s pair %s %s"):format(moonrig, link_a, link_b))
    local pid = p:read_line()
    p:read_line()
    p:read_line()
    rig.open("exec:kill -INT " .. pid):try_read(1)
    local _, err = p:try_read(1)
    assert.matches("exited with status 130", err.message)
    assert.is_nil(io.open(link_a))
    assert.is_nil(io.open(link_b))
  end)

  it("says what is wrong, and shows help with an example", function()
    assert.same({ "moonrig pair: one link is given; give two, or none (moonrig pair --help tells more)", 64 },
      { output_of(moonrig .. " pair " .. link_a) })
    local text, status = output_of(moonrig .. " pair /nonexistent/a /nonexistent/b")
    assert.equal(2, status)
    assert.matches("^moonrig pair: pty:/nonexistent/a: .*No such file or directory$", text)
    text, status = output_of(moonrig .. " pair --help")
    assert.equal(0, status)
    assert.matches("example: moonrig pair", text)
  end)
end)
