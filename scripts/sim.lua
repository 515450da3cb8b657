-- SPDX-License-Identifier: MIT
-- sim.lua: `moonrig sim FILE --listen URL...`: a simulated instrument behind real endpoints, in a process
-- of its own.  Prints one URL for each endpoint, ports and pseudo-terminals filled in, and runs until Ctrl-C.
local rig = require "moonrig"
local cli = require "moonrig.cli"
local script = require "moonrig.sim.script"

local function make_parser()
  local parser = cli.parser("sim", "Runs a simulated instrument (a file that returns rig.sim{...}) and prints the URL "
    .. "of each of its endpoints, one in a line. All who connect meet the same instrument. Ends on Ctrl-C or SIGTERM.",
    "moonrig sim examples/sims/psu.lua --listen socket://127.0.0.1:0 --listen pty:/tmp/psu -- --load 10")
  parser:argument("script", "file of the simulator")
  parser:argument("options", "options of the file itself, after --: --NAME VALUE or NAME=VALUE"):args "*"
  parser:option("-l --listen", "endpoint: socket://HOST:PORT (0 picks a free port), rfc2217://HOST:PORT, unix:/PATH, "
    .. "pty:[LINK]; several are possible (default: socket://127.0.0.1:0)"):argname "URL":count "*"
  parser:option("-f --fault", "let something go wrong: drop, garble, cut, stall, wrong or disconnect, with count=, "
    .. "probability=, seconds=, match=, reply= after commas"):argname "KIND[,NAME=VALUE...]":count "*"
  parser:option("--delay", "seconds before each reply"):convert(tonumber)
  parser:option("--rate", "bytes per second in replies"):convert(tonumber)
  parser:flag("--insecure", "listen on other than loopback addresses too")
  parser:flag("-v --verbose", "print commands and replies to stderr")
  return parser
end

-- { "--supply", "URL", "load=10" } -> { supply = "URL", load = "10" }
local function options_of(parser, words)
  local options, i = {}, 1
  while words[i] do
    local name, value = words[i]:match("^%-*([%w_]+)=(.*)$")
    if not name then
      name, value = words[i]:match("^%-%-([%w_]+)$"), words[i + 1]
      i = i + 1
    end
    if not name or not value then
      parser:error(("%q is no option: write --NAME VALUE or NAME=VALUE"):format(words[i] or words[i - 1]))
    end
    options[name] = value
    i = i + 1
  end
  return options
end

-- "wrong,match=IDN,reply=A,B,count=2" -> "wrong", { match = "IDN", reply = "A,B", count = "2" }
local function parse_fault(parser, text)
  local kind, rest = text:match "^([^,]*),?(.*)$"
  local options, last = {}, nil
  for part in rest:gmatch "[^,]+" do
    local name, value = part:match "^(%l+)=(.*)$"
    if name then
      options[name], last = value, name
    elseif last == "reply" or last == "match" then
      options[last] = options[last] .. "," .. part
    else
      parser:error(("--fault %s: %q is no option: write NAME=VALUE"):format(text, part))
    end
  end
  return kind, options
end

local function order_fault(parser, sim, text)
  local ok, err = pcall(sim.fault, sim, parse_fault(parser, text))
  if not ok then parser:error(err.message) end
end

local function trace(command, reply)
  local core = require "moonrig.core"
  io.stderr:write("> ", core.codec.escape_bytes(command), "\n")
  if reply then io.stderr:write("< ", core.codec.escape_bytes(reply), "\n") end
end

return function(args)
  local parser = make_parser()
  local given = parser:parse(args)
  local sim <close> = script.load(given.script, options_of(parser, given.options))
  for _, text in ipairs(given.fault) do order_fault(parser, sim, text) end
  sim.delay, sim.rate = given.delay or sim.delay, given.rate or sim.rate
  if given.verbose then sim.observer = trace end
  local urls = #given.listen > 0 and given.listen or { "socket://127.0.0.1:0" }
  for _, url in ipairs(urls) do
    print(sim:listen(url, given.insecure and { insecure = true } or nil).url)
  end
  io.stdout:flush()
  local _, err = pcall(rig.sleep, math.huge)
  if type(err) == "table" and err.code == "cancelled" then return cli.PASS end
  error(err, 0)
end
