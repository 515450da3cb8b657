-- spec of core/proto/telnet.c, rfc2217.c, rfc2217_server.c, rfc2217_client.c: golden byte files in
-- spec/fixtures, cut at every byte.
local codec = require("moonrig.core").codec

local function bytes(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end))
end

-- A fixture: side, input, what is said or asked first, the events and the bytes out that are expected.
local function read(path)
  local f = { input = {}, first = {}, events = {}, out = {} }
  for line in io.lines(path) do
    local word, rest = line:match "^(%S+) ?(.*)$"
    if word == "side" then
      f.side = rest
    elseif word == "in" then
      f.input[#f.input + 1] = bytes(rest)
    elseif word == "want" then
      local code, side, on = rest:match "(%d+) (%a+) (%a+)"
      f.first[#f.first + 1] = { tonumber(code), side == "ours", on == "on" }
    elseif word == "ask" then
      local item, value = rest:match "(%d+) (%d+)"
      f.first[#f.first + 1] = { tonumber(item), tonumber(value) }
    elseif word == "=" then
      f.events[#f.events + 1] = rest
    elseif word == "out" then
      f.out[#f.out + 1] = bytes(rest)
    else
      assert(word == "#" or not word, path .. ": " .. line)
    end
  end
  f.input, f.out = table.concat(f.input), table.concat(f.out)
  return f
end

local run = { telnet = codec.telnet, server = codec.rfc2217_server, client = codec.rfc2217_client }

local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local function fixtures()
  local list = {}
  for path in io.popen "ls spec/fixtures/telnet/*.txt spec/fixtures/rfc2217/*.txt":lines() do list[#list + 1] = path end
  return list
end

describe("the golden file", function()
  for _, path in ipairs(fixtures()) do
    it(path:match "fixtures/(.*)%.txt$" .. " gives the same, cut at every byte", function()
      local f = read(path)
      local function check(pieces)
        local events, out = run[f.side](pieces, f.first)
        assert.same(f.events, events)
        assert.equal(hex(f.out), hex(out))
      end
      check { f.input }
      for cut = 1, #f.input - 1 do check { f.input:sub(1, cut), f.input:sub(cut + 1) } end
      local single = {}
      for i = 1, #f.input do single[i] = f.input:sub(i, i) end
      check(single)
    end)
  end
end)

describe("telnet", function()
  it("doubles FF in what it sends, and says CR NUL where BINARY is refused", function()
    assert.equal("a\255\255b\r\n", codec.telnet_data "a\255b\r\n")
    assert.equal("\255\255\255\255", codec.telnet_data "\255\255")
    assert.equal("a\rb", codec.telnet_data "a\rb")
    assert.equal("a\r\0b\r\nc\r\0\255\255", codec.telnet_data("a\rb\r\nc\r\255", true))
    assert.equal("", codec.telnet_data "")
  end)

  it("reads back what it sends, whatever the bytes", function()
    local all = {}
    for i = 0, 255 do
      for j = 0, 255, 5 do all[#all + 1] = string.char(i, j) end
    end
    all = table.concat(all)
    for _, nvt in ipairs { true, false } do
      local sent = codec.telnet_data(all, nvt)
      local read_back = codec.telnet({ nvt and "" or "\255\251\0", sent })
      local data = read_back[#read_back]:match "^data (.*)"
      assert.equal(all, bytes(data))
    end
  end)

  it("cuts a subnegotiation that is too long, and goes on behind it", function()
    local long = ("x"):rep(5000)
    local transcript = codec.telnet { "\255\250\44\0" .. long .. "\255\240after" }
    assert.equal(2, #transcript)
    assert.equal("cut 44 00" .. ("78"):rep(255), transcript[1])
    assert.equal("data 6166746572", transcript[2])
  end)

  -- Each is told all that the other has said so far: what it says last is new.
  local function talk(first_words, rounds)
    local said = { {}, {} }
    local heard = { first_words, "" }
    for round = 1, rounds do
      for side = 1, 2 do
        local _, out = codec.telnet({ heard[side] }, side == 1 and { { 44, true, true }, { 0, true, true } } or
          { { 0, true, true }, { 0, false, true } })
        said[side] = out
      end
      local quiet = heard[1] == first_words .. said[2] and heard[2] == said[1]
      heard[1], heard[2] = first_words .. said[2], said[1]
      if quiet then return round end
    end
    return nil
  end

  it("comes to an end with another of its kind, whatever a third has thrown in", function()
    local verbs = "\251\252\253\254"
    local long
    for seed = 1, 300 do
      math.randomseed(seed)
      local words = {}
      for i = 1, math.random(12) do
        local v = math.random(4)
        words[i] = "\255" .. verbs:sub(v, v) .. string.char(({ 0, 1, 3, 44, 99 })[math.random(5)])
      end
      words = table.concat(words)
      long = long or not talk(words, 20) and words
    end
    -- Such loops end where the changes of an option do, all alike; one is waited for.
    assert.is_truthy(talk(long, 1100), "the exchange goes on for ever")
  end)
end)

describe("an HTTP request line", function()
  it("is known for what it is, in any pieces", function()
    for _, line in ipairs { "GET / HTTP/1.1\r\n", "POST /OUTP%20ON HTTP/1.0\n", "OPTIONS * HTTP/1.1\r\n",
      "HEAD /a?b=c HTTP/1.1\r\nHost: x", "PUT /x HTTP/2.0\r", "DELETE /" .. ("x"):rep(70000) } do
      assert.equal("yes", codec.httpline { line })
      for cut = 1, math.min(#line - 1, 12) do
        assert.equal("yes", codec.httpline { line:sub(1, cut), line:sub(cut + 1) })
      end
    end
  end)

  it("is not what instruments are told", function()
    for _, line in ipairs { "*IDN?\n", "GET VOLT\n", "G28\n", "GETX /\n", "POST\n", "GET /dev/null\n",
      "GET / HTTP/x.y\n", "\255\251\44", "MEAS:VOLT?\n", "P\n", "get / http/1.1\n" } do
      assert.equal("no", codec.httpline { line }, line)
    end
    assert.equal("hardly", codec.httpline { "G" })
    assert.equal("hardly", codec.httpline { "POST " })
    assert.equal("likely", codec.httpline { "POST /x" })
  end)
end)
