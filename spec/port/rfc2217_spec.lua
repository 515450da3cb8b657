-- rfc2217:// against servers made here of raw bytes, that behave in every way but well. Real peers are in
-- spec/interop/rfc2217_spec.lua.
local rig = require "moonrig"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local IAC, SB, SE = "\255", "\250", "\240"
local function sub(...) return IAC .. SB .. "\44" .. table.concat { ... } .. IAC .. SE end
local function escape(s) return (s:gsub(IAC, IAC .. IAC)) end
local function be32(n) return string.pack(">I4", n) end

-- What a server says to one command, as a good one would.
local function answer(code, value)
  if code == 0 then return value == "" and sub("\100test server") or "" end
  if code <= 5 or code >= 10 then return sub(string.char(code + 100), escape(value)) end
  return ""
end

local AGREE = IAC .. "\253\44" .. IAC .. "\253\0" .. IAC .. "\251\0" .. IAC .. "\253\3" .. IAC .. "\251\3"

-- Cuts what a client sends into words: "option VERB CODE", or the code and value of a command, or data.
local function words(port)
  local buffer = ""
  return function()
    while true do
      local word, rest = buffer:match "^(\255[\251-\254].)(.*)$"
      if word then
        buffer = rest
        return { verb = word:byte(2), option = word:byte(3) }
      end
      local payload
      payload, rest = buffer:match "^\255\250\44(.-)\255\240(.*)$"
      if payload then
        buffer = rest
        payload = payload:gsub("\255\255", "\255")
        return { code = payload:byte(1), value = payload:sub(2) }
      end
      local data
      data, rest = buffer:match "^([^\255]+)(.*)$"
      if data then
        buffer = rest
        return { data = data }
      end
      buffer = buffer .. port:read_some(nil, 10)
    end
  end
end

describe("rfc2217://", function()
  local listener, said

  -- A server: replies(word) gives the bytes to send, or nil for those of a good server.
  local function serve(replies, opening)
    said = {}
    listener = rig.listen("socket://127.0.0.1:0", function(port)
      if opening then port:write(opening) end
      for word in words(port) do
        said[#said + 1] = word
        local reply = replies and replies(word, port)
        if not reply then
          reply = word.code and answer(word.code, word.value) or ""
          if word.verb == 251 and word.option == 44 then reply = AGREE end
        end
        port:write(reply)
      end
    end)
    return (listener.url:gsub("^socket", "rfc2217"))
  end
  after_each(function() listener:close() end)

  local function commands()
    local list = {}
    for _, word in ipairs(said) do
      if word.code then list[#list + 1] = word.code end
    end
    return list
  end

  local function forget() for i = #said, 1, -1 do said[i] = nil end end

  it("says all in one flight, and is open when all is answered", function()
    local seen = {}
    local url = serve(function(word, port)
      if #seen == 0 then seen[1] = port.in_waiting end -- what is there beside the first word
      return nil, word
    end)
    local port <close> = rig.open(url, { baudrate = 115200, bytesize = 7, parity = "E", stopbits = 2, rtscts = true,
      dtr = false, rts = true })
    assert.same({ 1, 2, 3, 4, 5, 5, 5, 10, 11 }, commands())
    assert.same({ be32(115200), "\7", "\3", "\2", "\3", "\9", "\11" }, (function()
      local values = {}
      for _, word in ipairs(said) do
        if word.code and word.code < 10 then values[#values + 1] = word.value end
      end
      return values
    end)())
    assert.same({ 115200, 7, "E", 2, true, false, true }, { port.baudrate, port.bytesize, port.parity, port.stopbits,
      port.rtscts, port.dtr, port.rts })
  end)

  it("sends only what changed, one round trip for all of it", function()
    local port <close> = rig.open(serve())
    forget()
    port:set { baudrate = 19200, parity = "O", timeout = 3 }
    assert.same({ 1, 3 }, commands())
    forget()
    port:set { baudrate = 19200 }
    port.timeout = 4
    assert.same({}, commands())
    port.rts = false
    assert.same({ 5 }, commands())
    assert.equal("\12", said[1].value)
  end)

  it("knows DTR and RTS without setting them, from servers that tell", function()
    local url = serve(function(word)
      if word.code == 5 and (word.value == "\7" or word.value == "\10") then
        return sub("\105", word.value == "\7" and "\8" or "\12")
      end
    end)
    local port <close> = rig.open(url)
    assert.same({ true, false }, { port.dtr, port.rts })
    for _, word in ipairs(said) do assert.is_falsy(word.code == 5 and word.value:find "[\8\9\11\12]") end
    local silent <close> = rig.open(serve(function(word)
      if word.code == 5 and (word.value == "\7" or word.value == "\10") then return "" end
    end))
    silent.dtr = true
    assert.same({ true, false }, { silent.dtr, silent.rts })
  end)

  it("doubles FF, in data and in values", function()
    local url = serve(function(word)
      if word.data then return word.data end
    end)
    local port <close> = rig.open(url, { baudrate = 65280 })
    assert.equal(65280, port.baudrate)
    local rates = {}
    for _, word in ipairs(said) do
      if word.code == 1 then rates[#rates + 1] = word.value end
    end
    assert.same({ be32(65280) }, rates)
  end)

  it("says what was asked and what is in force when the server answers another value", function()
    local url = serve(function(word)
      if word.code == 1 then return sub("\101", be32(9600)) end
    end)
    local err = fails(rig.open, url, { baudrate = 115200 })
    assert.equal("unsupported", err.code)
    assert.matches("baudrate 115200 was asked for, 9600 is in force", err.message)
    local port <close> = rig.open(url)
    err = fails(port.set, port, { baudrate = 4800, parity = "E" })
    assert.matches("baudrate 4800 was asked for, 9600 is in force", err.message)
    assert.same({ 9600, "N" }, { port.baudrate, port.parity })
    assert.equal("\1", said[#said].value) -- the parity was set back
  end)

  it("takes a rate that is as good as the one asked for", function()
    local port <close> = rig.open(serve(function(word)
      if word.code == 1 then return sub("\101", be32(115942)) end
    end), { baudrate = 115200 })
    assert.equal(115200, port.baudrate)
  end)

  it("says what was awaited when an answer does not come", function()
    local silent
    local url = serve(function(word)
      if word.code and word.code == silent then return "" end
    end)
    silent = 3
    local err = fails(rig.open, url, { timeout = 0.1 })
    assert.same({ "timeout", true }, { err.code, err.message:find "no answer to SET%-PARITY" ~= nil }, err.message)
    silent = nil
    local port <close> = rig.open(url, { timeout = 0.1 })
    silent = 12
    err = fails(port.flush_input, port)
    assert.matches("no answer to PURGE%-DATA", err.message)
    silent = 1
    assert.matches("no answer to SET%-BAUDRATE", fails(port.set, port, { baudrate = 300 }).message)
    silent = nil
    port.baudrate = 600
    assert.equal(600, port.baudrate)
  end)

  it("says so when nobody speaks Telnet there", function()
    local url = serve(function() return "" end)
    local err = fails(rig.open, url, { timeout = 0.1 })
    assert.equal("timeout", err.code)
    assert.matches("no answer to the offer of the COM%-PORT%-OPTION", err.message)
  end)

  it("says so when the server refuses the option, at once", function()
    for _, verb in ipairs { "\254", "\252" } do
      local url = serve(function(word)
        if word.verb == 251 and word.option == 44 then return IAC .. verb .. "\44" .. IAC .. "\254\44" end
        return ""
      end)
      local err = fails(rig.open, url, { timeout = 2 })
      assert.equal("unsupported", err.code)
      assert.matches("refuses the COM%-PORT%-OPTION.*socket://", err.message)
      listener:close()
    end
  end)

  it("does not open where BINARY is refused: bytes would be changed", function()
    local url = serve(function(word)
      if word.verb and word.option == 0 then return IAC .. (word.verb == 251 and "\254" or "\252") .. "\0" end
      if word.verb == 251 and word.option == 44 then return IAC .. "\253\44" end
    end)
    local err = fails(rig.open, url, { timeout = 2 })
    assert.equal("unsupported", err.code)
    assert.matches("BINARY", err.message)
  end)

  it("does without an answer about BINARY", function()
    local port <close> = rig.open(serve(function(word)
      if word.verb == 251 and word.option == 44 then return IAC .. "\253\44" end
    end), { timeout = 2 })
    assert.is_true(port.is_open)
  end)

  it("says all again to a server that threw away what came before it agreed", function()
    local agreed
    local url = serve(function(word)
      if word.verb == 251 and word.option == 44 then
        agreed = true
        return ""
      end
      if word.verb and agreed == true then return "" end
      if word.code and agreed == true then
        if word.code == 11 then
          agreed = "now"
          return AGREE
        end
        return ""
      end
    end)
    local port <close> = rig.open(url, { baudrate = 57600, timeout = 3 })
    assert.equal(57600, port.baudrate)
  end)

  it("is not confused by answers that come late, doubled, in another order, cut, or for nothing", function()
    local held
    local mode = "good"
    local url = serve(function(word)
      if not word.code then return end
      local good = answer(word.code, word.value)
      if mode == "doubled" then return good .. good end
      if mode == "late" and word.code == 1 then
        held = good
        return ""
      end
      if mode == "swapped" then
        if word.code == 1 then
          held = good
          return ""
        end
        return good .. (held or "")
      end
      if mode == "cut" then return sub("\101", "\0\1") .. sub "\102" .. sub "" .. good end
      if mode == "noise" then return sub("\101", be32(1)) .. sub "\112\1" .. sub "\105\5" .. good end
    end)
    local port <close> = rig.open(url, { timeout = 0.2 })
    mode = "doubled"
    port:set { baudrate = 1200, bytesize = 7 }
    port:set { baudrate = 2400, bytesize = 8 }
    assert.same({ 2400, 8 }, { port.baudrate, port.bytesize })
    mode = "swapped"
    port:set { baudrate = 4800, bytesize = 7 }
    assert.same({ 4800, 7 }, { port.baudrate, port.bytesize })
    mode = "cut"
    port:set { baudrate = 9600 }
    assert.equal(9600, port.baudrate)
    mode = "late"
    assert.equal("timeout", fails(port.set, port, { baudrate = 300 }).code)
    local late = held
    mode = "good"
    listener.late = late
    port:set { bytesize = 8 }
    assert.equal(8, port.bytesize)
  end)

  it("a late answer is none to the next request", function()
    local held = ""
    local late = true
    local url = serve(function(word)
      if word.code ~= 1 or word.value == be32(9600) then return end
      local good = answer(1, word.value)
      if late then
        late, held = false, good
        return ""
      end
      return held .. good
    end)
    local port <close> = rig.open(url, { timeout = 0.1 })
    assert.equal("timeout", fails(port.set, port, { baudrate = 300 }).code)
    port.timeout = 2
    port.baudrate = 600
    assert.equal(600, port.baudrate)
  end)

  it("tells of signals as they change, and of errors on the line", function()
    local server
    local url = serve(function(_, port) server = port end)
    local port <close> = rig.open(url, { timeout = 2 })
    assert.equal("protocol", fails(function() return port.cts end).code)
    server:write(sub "\107\240")
    assert.same({ "cts", "dsr", "ri", "cd" }, port:wait_signals().changed)
    server:write(sub "\107\161")
    local change = port:wait_signals()
    assert.same({ "cts", "ri" }, change.changed)
    assert.same({ false, true, false, true }, { port.cts, port.dsr, port.ri, port.cd })
    server:write(sub "\106\30", sub "\106\16", "x")
    port:read(1)
    assert.same({ parity = 1, framing = 1, overrun = 1, breaks = 2 }, port.errors)
  end)

  it("is silent while the server has suspended it, and goes on then", function()
    local server
    local url = serve(function(word, port)
      server = port
      if word.data and word.data:find "^stop" then return sub "\108" end
    end)
    local port <close> = rig.open(url, { timeout = 1 })
    port:write "stop"
    while true do
      local ok, err = pcall(port.write, port, "x", 0.05)
      if not ok then
        assert.equal("timeout", err.code)
        assert.matches("wrote 0 of 1 bytes in time; the server has suspended us", err.message)
        break
      end
    end
    forget()
    local err = fails(port.set, port, { baudrate = 300, timeout = 0.1 })
    assert.matches("FLOWCONTROL%-SUSPEND", err.message)
    assert.same({}, said)
    server:write(sub "\109")
    port.timeout = 2
    port.baudrate = 600
    port:write "go"
    while not (said[#said] and said[#said].data) do rig.sleep(0.001) end
    assert.equal("go", said[#said].data)
  end)

  it("suspends the server and lets it go on", function()
    local port <close> = rig.open(serve())
    forget()
    port:suspend():resume()
    port.baudrate = 300
    assert.same({ 8, 9, 1 }, commands())
  end)

  it("throws away what came before the answer to a purge, and nothing else", function()
    local url = serve(function(word)
      if word.code == 12 then return "old" .. sub("\112", word.value) .. "new" end
    end)
    local port <close> = rig.open(url, { timeout = 1 })
    port:flush_input()
    assert.equal("new", port:read(3))
    port:flush_output()
    assert.equal("oldnew", port:read(6))
  end)

  it("breaks for the time that is asked, and both signals go in one step", function()
    local at = {}
    local url = serve(function(word)
      if word.code == 5 then at[#at + 1] = { word.value:byte(), rig.now() } end
    end)
    local port <close> = rig.open(url, { timeout = 1 })
    at = {}
    port:send_break(0.05)
    port:pulse("dtr", 0.02, false)
    port:set { dtr = true, rts = false }
    local codes = {}
    for i, event in ipairs(at) do codes[i] = event[1] end
    assert.same({ 5, 6, 9, 8, 8, 12 }, codes)
    assert.is_true(at[2][2] - at[1][2] >= 0.049)
    assert.is_true(at[4][2] - at[3][2] >= 0.019)
    port.break_condition = true
    assert.is_true(port.break_condition)
    port.break_condition = false
    assert.is_false(port.break_condition)
  end)

  it("takes banner text and options in any order for what they are", function()
    local url = serve(function(word)
      if word.verb == 251 and word.option == 44 then
        return "hello " .. IAC .. "\253\24" .. IAC .. "\251\1" .. AGREE .. IAC .. "\253\44" .. "world"
      end
    end, IAC .. "\253\31" .. "banner ")
    local port <close> = rig.open(url, { timeout = 2 })
    assert.equal("banner hello world", port:read(18))
    port:drain()
    local answers = {}
    for _, word in ipairs(said) do
      if word.verb == 252 or word.verb == 254 then answers[#answers + 1] = word.verb .. " " .. word.option end
    end
    assert.same({ "252 31", "252 24", "254 1" }, answers)
  end)

  it("stays alive under a signature of 1 MiB and 40 unknown options", function()
    local many = {}
    for i = 50, 89 do many[#many + 1] = IAC .. "\253" .. string.char(i) end
    local url = serve(function(word)
      if word.code == 0 then
        return IAC .. SB .. "\44\100" .. ("s"):rep(1024 * 1024) .. IAC .. SE .. table.concat(many) .. "after"
      end
    end)
    local port <close> = rig.open(url, { timeout = 2 })
    forget()
    assert.equal(("s"):rep(255), port.signature)
    assert.equal("after", port:read(5))
    port:drain()
    local refusals = 0
    for _, word in ipairs(said) do refusals = refusals + (word.verb == 252 and 1 or 0) end
    assert.equal(40, refusals)
  end)

  it("ends with a reason when the server goes away, in the middle of anything", function()
    local url = serve(function(word, port)
      if word.code == 1 and word.value == be32(300) then
        port:write(IAC .. SB .. "\44\101\0")
        port:close()
        return ""
      end
    end)
    local port <close> = rig.open(url, { timeout = 2 })
    local err = fails(port.set, port, { baudrate = 300 })
    assert.equal("closed", err.code)
    assert.equal("closed", fails(port.read, port, 1).code)
  end)

  it("opens again with reconnect, with settings and signals as they were", function()
    local server
    local url = serve(function(_, port) server = port end)
    local port <close> = rig.open(url, { timeout = 3, reconnect = true, baudrate = 57600 })
    port:set { dtr = false, parity = "E" }
    forget()
    local reader = rig.spawn(function() return port:read(5) end)
    rig.sleep(0.01)
    server:close()
    while not (said[#said] and said[#said].code == 11) do rig.sleep(0.005) end
    server:write "again"
    assert.equal("again", reader:join())
    assert.same({ 5, 1, 2, 3, 4, 5, 5, 10, 11 }, commands()) -- RTS was not set by us: it is asked for
    assert.same({ 57600, "E", false }, { port.baudrate, port.parity, port.dtr })
  end)

  it("closes without waiting", function()
    local port = rig.open(serve())
    local began = os.clock()
    port:close()
    assert.is_true(os.clock() - began < 0.01)
    assert.equal("closed", fails(port.set, port, { baudrate = 1 }).code)
  end)

  it("reads on for an answer also when nobody reads the data before it", function()
    local url = serve(function(word)
      if word.code == 1 and word.value == be32(300) then
        return ("d"):rep(1024 * 1024) .. answer(1, word.value)
      end
    end)
    local port <close> = rig.open(url, { timeout = 5 })
    port.baudrate = 300
    assert.equal(1024 * 1024, #port:read(1024 * 1024))
  end)

  it("has one kind of flow control at a time", function()
    local port <close> = rig.open(serve())
    assert.equal("unsupported", fails(port.set, port, { rtscts = true, xonxoff = true }).code)
    port.dsrdtr = true
    assert.is_true(port.dsrdtr)
    assert.equal("\18", said[#said].value)
  end)
end)
