-- spec of scripts/bridge.lua: `moonrig bridge` as a program and as a service.
local rig = require "moonrig"
local program = require "support.program"
local ptys = require "support.ptys"

local json = rig.json

local function wait_for(what, condition)
  local give_up = rig.now() + 10
  while true do
    local value = condition()
    if value then return value end
    assert(rig.now() < give_up, what .. " did not come")
    rig.sleep(0.01)
  end
end

local function temporary()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

-- What a command prints, and its exit status.
local function output_of(arguments, before)
  local p = program.command(arguments, before):finish()
  return p.out, p.code, p.err
end

describe("moonrig bridge", function()
  local pair, control, running

  before_each(function()
    pair, control = ptys.new(), temporary()
  end)
  after_each(function()
    if running then
      pcall(running.signal, running, "TERM")
      running:finish()
    end
    running = nil
    pair:close()
  end)

  local function start(arguments, before)
    table.insert(arguments, 1, "bridge")
    table.insert(arguments, "--control")
    table.insert(arguments, control)
    running = program.command(arguments, before)
    return running
  end

  local function status()
    return json.decode((output_of { "bridge", "--status", "--json", "--control", control }))
  end

  it("prints where it listens, serves the port, and ends on SIGTERM when all has arrived", function()
    local p = start { pair.a, "--listen", "socket://127.0.0.1:0", "-l", "rfc2217://127.0.0.1:0" }
    local raw, remote = p:line(), p:line()
    assert.matches("^socket://127%.0%.0%.1:%d+$", raw)
    assert.matches("^rfc2217://127%.0%.0%.1:%d+$", remote)
    local far <close> = rig.open(pair.b, { timeout = 5 })
    local client <close> = rig.open(remote, { baudrate = 115200, timeout = 5 })
    local observer <close> = rig.open(raw, { timeout = 5 })
    client:write "*IDN?\n"
    assert.equal("*IDN?", far:read_line())
    far:write(("x"):rep(4000))
    assert.equal(4000, #observer:read(4000))
    p:signal "TERM"
    assert.equal(4000, #client:read(4000))
    p:finish()
    running = nil
    assert.equal(0, p.code)
    assert.matches("connected; only reads, because 127%.0%.0%.1:%d+ writes", p.err)
  end)

  it("shows what it does", function()
    local p = start { pair.a, "-l", "rfc2217://127.0.0.1:0", "-q" }
    local client <close> = rig.open(p:line(), { baudrate = 57600, timeout = 5 })
    client:write "12345"
    local b = wait_for("the bytes", function()
      local s = status()[1]
      return s.sent == 5 and s
    end)
    assert.same({ "open", "57600 8N1", "writer", 1 }, { b.state, b.settings, b.policy, #b.clients })
    assert.same({ "writer", pair.a }, { b.clients[1].role, b.port })
    local text = output_of { "bridge", "--status", "--control", control }
    assert.matches(pair.a:gsub("%p", "%%%0") .. ": open\n    57600 8N1, flow control none, signals DTR RTS\n", text)
    assert.matches("    writer    127%.0%.0%.1:%d+, %d+ bytes from it", text)
  end)

  it("gives an old program a remote port whose baud rate works, through two bridges", function()
    local link = temporary()
    local first = start { pair.a, "-l", "rfc2217://127.0.0.1:0", "-q" }
    local second = program.command { "bridge", first:line(), "-l", "pty:" .. link, "-q", "--control", temporary() }
    assert.equal("device:" .. link, second:line())
    local far <close> = rig.open(pair.b, { timeout = 5 })
    local old <close> = rig.open("device:" .. link, { baudrate = 115200, timeout = 5 })
    wait_for("the rate", function() return status()[1].settings == "115200 8N1" end)
    old:write "hello\n"
    assert.equal("hello", far:read_line())
    far:write "welcome\n"
    assert.equal("welcome", old:read_line())
    second:signal "INT"
    assert.equal(0, second:finish().code)
    assert.is_nil(io.open(link))
  end)

  describe("with a file", function()
    local config
    before_each(function() config = temporary() end)
    after_each(function() os.remove(config) end)

    it("serves all of it, and on SIGHUP changes only what has changed", function()
      local other <close> = ptys.new()
      local function describe_all(first, second)
        write(config, ([[return {
          { name = "one", port = %q, listen = { %s } },
          %s
        }]]):format(pair.a, first, second))
      end
      local two = ('{ name = "two", port = %q, listen = { "socket://127.0.0.1:0" } },'):format(other.a)
      describe_all('"socket://127.0.0.1:0"', two)
      local p = start { "--config", config }
      local url_one, url_two = p:line(), p:line()
      local one <close> = rig.open(url_one, { timeout = 5 })
      local two_client <close> = rig.open(url_two, { timeout = 5 })
      local far <close> = rig.open(pair.b, { timeout = 5 })
      one:write "before\n"
      assert.equal("before", far:read_line())

      describe_all('"socket://127.0.0.1:0", "rfc2217://127.0.0.1:0"', "")
      p:signal "HUP"
      wait_for("the change", function() return #status() == 1 and #status()[1].listen == 2 end)
      assert.equal(url_one, status()[1].listen[1])
      one:write "after\n"
      assert.equal("after", far:read_line())
      assert.equal("closed", select(2, two_client:try_read(1)).code)

      for text, words in pairs { ["return { { port = 5 } }"] = "bridge 1", ["return {"] = "<eof>" } do
        write(config, text)
        p:signal "HUP"
        wait_for("the error", function() return program.read(p.err_path):find("was not put in force: .*" .. words) end)
      end
      one:write "still\n"
      assert.equal("still", far:read_line())

      write(config, ('return { { name = "one", port = %q, policy = "shared", listen = { "socket://127.0.0.1:0" } } }')
        :format(pair.a))
      p:signal "HUP"
      wait_for("the policy", function() return status()[1].policy == "shared" end)
      assert.equal("closed", select(2, one:try_read(1)).code)
      p:signal "TERM"
      p:finish()
      running = nil
      assert.equal(0, p.code)
      assert.matches("0 new, 1 changed, 1 gone, 1 in all", p.err)
    end)

    it("takes a SIGHUP as soon as its URL is there", function()
      write(config, ('return { { name = "one", port = %q, listen = { "socket://127.0.0.1:0" } } }'):format(pair.a))
      for _ = 1, 10 do
        local p = start { "--config", config }
        p:line()
        p:signal "HUP"
        wait_for("the reload", function() return program.read(p.err_path):find("0 changed", 1, true) end)
        p:signal "TERM"
        assert.equal(0, p:finish().code)
      end
      running = nil
    end)

    it("on SIGHUP keeps what it has where the new cannot be had, and puts the rest in force", function()
      local other <close> = ptys.new()
      local third <close> = ptys.new()
      local busy <close> = rig.listen("socket://127.0.0.1:0", print)
      local function describe_all(one, two, more)
        write(config, ([[return {
          { name = "one", port = %q, listen = { %s } },
          { name = "two", port = %q, policy = %q, listen = { %s } }, %s
        }]]):format(pair.a, one, other.a, two and "shared" or "writer", two or '"socket://127.0.0.1:0"', more or ""))
      end
      local quoted = ("%q"):format(busy.url)
      local path = temporary()
      local first = ('"unix:%s"'):format(path)
      describe_all(first)
      local p = start { "--config", config }
      p:line()
      p:line()

      local three = ('{ name = "three", port = %q, listen = { "socket://127.0.0.1:0" } }'):format(third.a)
      describe_all(quoted, quoted, three)
      p:signal "HUP"
      wait_for("the error", function() return program.read(p.err_path):find("not .*in force: .*in use.*in use") end)
      local now = {}
      for _, b in ipairs(status()) do now[b.name] = b end
      assert.same({ 0, 1, 1 }, { #now.one.listen, #now.two.listen, #now.three.listen })
      assert.equal("writer", now.two.policy)

      describe_all(first)                      -- as it was
      p:signal "HUP"
      wait_for("the first state", function() return #status() == 2 end)
      for _, b in ipairs(status()) do assert.equal(1, #b.listen, b.name) end
      local far <close> = rig.open(pair.b, { timeout = 5 })
      local c <close> = rig.open("unix:" .. path)
      c:write "served\n"
      assert.equal("served", far:read_line())
    end)

    it("checks the file, and says what is wrong and where", function()
      for text, words in pairs {
        ["return {"] = "unexpected symbol near <eof>", ["return {}"] = "returns no list",
        ["return { { port = 'a', listen = { 'unix:/x' }, polcy = 'x' } }"] = 'bridge 1: .*no field "polcy"',
        ["return { { port = 'a', listen = { 'x' } }, { port = 'a', listen = { 'y' } } }"] =
          'bridge 2: there is a bridge "a" already',
      } do
        write(config, text)
        local _, code, err = output_of { "bridge", "--config", config, "--check" }
        assert.equal(64, code)
        assert.matches(words, err)
      end
      write(config, "return { { port = '/dev/ttyUSB0', listen = { 'rfc2217://127.0.0.1:2217' } } }")
      local out, code = output_of { "bridge", "--config", config, "--check" }
      assert.same({ config .. ": 1 bridge\n", 0 }, { out, code })
    end)
  end)

  it("tells systemd when it is ready, reads its file again, and ends", function()
    local socket, config = temporary(), temporary()
    write(config, ('return { { port = %q, listen = { "socket://127.0.0.1:0" } } }'):format(pair.a))
    local systemd <close> = rig.open("exec:exec socat -u UNIX-RECV:" .. socket .. " -", { timeout = 10 })
    wait_for("the socket", function() return os.rename(socket, socket) end)
    local p = start({ "--config", config }, "env NOTIFY_SOCKET=" .. socket)
    p:line()
    systemd:expect "READY=1\r?\nSTATUS=1 bridge"
    p:signal "HUP"
    systemd:expect "RELOADING=1\r?\nMONOTONIC_USEC=%d+READY=1"
    p:signal "TERM"
    systemd:expect "STOPPING=1"
    p:finish()
    running = nil
    os.remove(config)
    os.remove(socket)
  end)

  it("keeps a log, with microseconds, and opens it anew on SIGHUP", function()
    local path = temporary()
    local p = start { pair.a, "-l", "socket://127.0.0.1:0", "--log", path }
    p:line()
    local far <close> = rig.open(pair.b)
    far:write "nobody is here\n"
    wait_for("the line", function() return program.read(path):find("nobody is here", 1, true) end)
    assert(os.rename(path, path .. ".1"))
    p:signal "HUP"
    wait_for("the new file", function() return io.open(path) end)
    os.remove(path)
    os.remove(path .. ".1")
  end)

  it("says what is missing or wrong, and shows help with an example", function()
    for words, arguments in pairs {
      ["which port%?"] = { "bridge" }, ["where shall clients connect"] = { "bridge", "/dev/ttyS0" },
      ["leave the port and %-%-listen out"] = { "bridge", "x", "--config", "y" },
      ['policy = all: wants "writer", "shared" or "kick"'] = { "bridge", "loop://", "-l", "unix:/x", "-p", "all" },
      ["unknown scheme"] = { "bridge", "nonsense://", "-l", "socket://127.0.0.1:0" },
    } do
      local _, code, err = output_of(arguments)
      assert.equal(64, code, err)
      assert.matches(words, err)
    end
    local _, code, err = output_of { "bridge", "loop://", "-l", "socket://0.0.0.0:0" }
    assert.same({ 2, true }, { code, err:find "insecure" ~= nil }, err)
    _, code, err = output_of { "bridge", "--status", "--control", "/nowhere.sock" }
    assert.same({ 2, true }, { code, err:find "/nowhere.sock" ~= nil }, err)
    local out
    out, code = output_of { "bridge", "--help" }
    assert.equal(0, code)
    assert.matches("example: moonrig bridge", out)
  end)
end)
