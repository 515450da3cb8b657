-- reconnect=true: the server goes away and comes back while calls wait.
local rig = require "moonrig"
local core = require "moonrig.core"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

-- Runs fn in a task, until it waits.
local function waiting(fn)
  local task = rig.spawn(fn)
  rig.sleep(0)
  return task
end

for _, kind in ipairs { "socket", "unix" } do
  describe("reconnect on " .. kind, function()
    local url, listener, client, server

    local function come()
      listener = core.listen(url)
      url = listener:url()
    end

    local function leave()
      server:close()
      listener:close()
    end

    local function come_back()
      come()
      server = listener:accept(5)
    end

    before_each(function()
      local path = os.tmpname()
      os.remove(path)
      url = kind == "unix" and "unix:" .. path or "socket://127.0.0.1:0"
      come()
      client = rig.open(url, { reconnect = true })
      server = listener:accept(5)
    end)

    after_each(function()
      client:close()
      leave()
    end)

    it("lets a waiting read go on, with what had arrived before", function()
      local reader = waiting(function() return client:read_line(10) end)
      server:write "lost "
      for _ = 1, 2 do
        leave()
        come_back()
        server:write "and "
      end
      server:write "found\n"
      assert.equal("lost and and found", reader:join())
    end)

    it("lets a write wait until the server is back", function()
      assert.is_nil(client.lost)
      leave()
      assert.equal("timeout", fails(client.read, client, 1, 0.05).code)
      assert.matches("peer closed the connection", client.lost)
      local writer = waiting(function() client:write("hello\n", 10) end)
      come_back()
      writer:join()
      assert.equal("hello", server:read_line())
      assert.is_nil(client.lost)
    end)

    it("goes on with a write that the loss interrupts", function()
      local writer = waiting(function() client:write(("x"):rep(32 * 1024 * 1024), 10) end)
      server:read(1000)
      leave()
      come_back()
      assert.equal(1024 * 1024, #server:read(1024 * 1024))
      writer:cancel()
      assert.equal("cancelled", fails(writer.join, writer).code)
    end)

    it("keeps to the timeout of a call", function()
      leave()
      local t0 = rig.now()
      local err = fails(client.query, client, "*IDN?", 0.1)
      assert.equal("timeout", err.code)
      assert.matches("; being re%-opened, because ", err.message)
      assert.is_true(math.abs(rig.now() - t0 - 0.1) < 0.03)
    end)

    it("ends with close()", function()
      leave()
      local reader = waiting(function() return client:read_line(10) end)
      client:close()
      assert.equal("closed", fails(reader.join, reader).code)
      assert.is_false(client.is_open)
    end)

    it("does not cover the first open", function()
      leave()
      assert.equal(kind == "unix" and "not_found" or "refused", fails(rig.open, url, { reconnect = true }).code)
    end)
  end)
end
