-- SPDX-License-Identifier: MIT
-- bridge.lua: `moonrig bridge URL --listen URL...`: serves a port to the network, to other programs, to
-- several of them; with --config many ports in one process.
local rig = require "moonrig"
local core = require "moonrig.core"
local cli = require "moonrig.cli"
local service = require "moonrig.bridge.service"

local function make_parser()
  local parser = cli.parser("bridge", "Serves a port: joins it to the clients that connect to the URLs of --listen, "
    .. "and prints these URLs, one in a line. Runs until Ctrl-C or SIGTERM. With --config it serves all ports of a "
    .. "file, and reads the file again on SIGHUP.", "moonrig bridge /dev/ttyUSB0?baudrate=115200 "
    .. "--listen rfc2217://127.0.0.1:2217 --listen pty:/tmp/ttyV0")
  parser:argument("port", "URL of the port to serve"):args "?"
  parser:option("-l --listen", "where clients connect: socket://HOST:PORT, socket+tls://, rfc2217://, rfc2217+tls://, "
    .. "unix:/PATH, pty:[LINK]; port 0 picks a free one; several are possible"):argname "URL":count "*"
  parser:option("-p --policy", "who may write: writer (one, the others read; the default), shared (all), kick (the "
    .. "last one to come)"):argname "POLICY"
  parser:option("--clients", "at most so many at once (default: 32)"):argname "N":convert(math.tointeger)
  parser:option("--allow", "networks that may connect; several are possible"):argname "NETWORK":count "*"
  parser:option("--cert", "TLS: certificate of the server"):argname "FILE"
  parser:option("--key", "TLS: its key"):argname "FILE"
  parser:option("--ca", "TLS: clients must have a certificate of one of these CAs"):argname "FILE"
  parser:flag("--insecure", "listen without TLS on other than loopback addresses too")
  parser:option("--idle-timeout", "seconds of silence after which a client is closed (default: none)")
    :argname "SECONDS":convert(tonumber)
  parser:option("--frame-gap", "gather what the device sends until it is silent for so long, in seconds")
    :argname "SECONDS":convert(tonumber)
  parser:option("--log", "append all traffic to a file, with microseconds"):argname "FILE"
  parser:option("-c --config", "a Lua file that returns a list of bridges"):argname "FILE"
  parser:flag("--check", "only check the file of --config")
  parser:option("--control", "socket for --status (default: in $XDG_RUNTIME_DIR or /run)"):argname "PATH"
  parser:flag("--status", "print what a running `moonrig bridge` does")
  parser:flag("--json", "... as JSON")
  parser:flag("-q --quiet", "do not say who comes and goes")
  return parser
end

local function description(given)
  return { port = given.port, listen = given.listen, policy = given.policy, clients = given.clients,
    allow = #given.allow > 0 and given.allow or nil, cert = given.cert, key = given.key, ca = given.ca,
    insecure = given.insecure, idle_timeout = given.idle_timeout, frame_gap = given.frame_gap, log = given.log,
    quiet = given.quiet }
end

local function read_arguments(args)
  local parser = make_parser()
  local given = parser:parse(args)
  if given.status then return given end
  if given.config and (given.port or #given.listen > 0) then
    parser:error "--config describes all bridges: leave the port and --listen out"
  end
  if given.check and not given.config then parser:error "--check needs --config" end
  if given.config then return given end
  if not given.port then parser:error "which port? Give its URL (moonrig ports lists the serial ports)" end
  if #given.listen == 0 then parser:error "where shall clients connect? Give --listen URL" end
  return given
end

return function(args)
  local given = read_arguments(args)
  if given.status then return service.print_status(given.control, given.json) end
  if given.check then return service.check(given.config) end
  cli.settle()
  local bridges <close> = given.config and service.from_file(given.config, given.quiet)
    or service.single(description(given))
  for _, url in ipairs(bridges:urls()) do print(url) end
  io.stdout:flush()
  local control <close> = service.serve_status(bridges, given.control, given.quiet)
  core.notify("READY=1\nSTATUS=" .. bridges:summary())
  local ok, err = pcall(bridges.run, bridges)
  if ok then return cli.ERROR end -- every device is closed for good
  if type(err) ~= "table" or err.code ~= "cancelled" then error(err, 0) end
  core.notify "STOPPING=1"
  if control then control:close() end
  rig.spawn(bridges.drain, bridges):join()
  return cli.PASS
end
