-- SPDX-License-Identifier: MIT
-- other.lua: the URLs that C does not open by itself: schemes written in Lua, sim:, alt://, VISA resource
-- names; and the error for what is none of them.
local core = require "moonrig.core"
local in_c = require "moonrig.scheme".in_c

local other = {}

-- scheme -> function(url, opts) that returns a port
local openers = {}

-- ---- URLs ---------------------------------------------------------------------------------------

local function decode(value)
  return (value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Takes a URL apart as base/url.c does.
---@param url string
---@return string scheme lower case
---@return string rest between scheme and query
---@return table<string, string> options of the query; "" for a bare flag
function other.parse(url)
  local name, rest = url:match("^(%a[%w+.-]+):(.*)$")
  if not name then name, rest = "device", url end
  rest = rest:gsub("^//", "")
  local options = {}
  local before, query = rest:match("^([^?]*)%?(.*)$")
  if not query then return name:lower(), rest, options end
  local inner = query:match("^url=(.*)$") or query:match("&url=(.*)$")
  if inner then
    options.url = inner
    query = query:gsub("&?url=.*$", "")
  end
  for part in query:gmatch "[^&]+" do
    local key, value = part:match("^([^=]*)=(.*)$")
    options[key or part] = decode(value or "")
  end
  return name:lower(), before, options
end

local function unsupported(url, message, ...)
  error(core.error { code = "unsupported", op = "open", url = url, message = message:format(...) }, 0)
end

-- ---- schemes in Lua ------------------------------------------------------------------------------

-- What rig.open sets on the port that an opener returned.
local PORT_OPTIONS = {}
other.PORT_OPTIONS = PORT_OPTIONS
for name in ([[baudrate bytesize parity stopbits timeout write_timeout inter_byte_timeout xonxoff rtscts dsrdtr rs485
  low_latency eol dtr rts window output_delay output_line_delay]]):gmatch "%S+" do PORT_OPTIONS[name] = true end

local function check_port(name, port)
  local class = getmetatable(port)
  if type(class) == "table" and class.__name == "moonrig.Port" then return port end
  unsupported(nil, "scheme %s: its opener returned %s, not a port", name, type(port))
end

-- Calls an opener with all options in one table, then sets those that every port has.
local function open_with(opener, name, url, opts)
  local _, _, all = other.parse(url)
  for key, value in pairs(opts or {}) do all[key] = value end
  local settings = {}
  for key, value in pairs(all) do
    if PORT_OPTIONS[key] then settings[key] = value end
  end
  local port = check_port(name, opener(url, all))
  if port.url:find "^pair:" then core.name(port, url) end
  if next(settings) then
    local ok, err = pcall(port.set, port, settings)
    if not ok then
      port:close()
      error(err, 0)
    end
  end
  return port
end

--- Makes a scheme: rig.open("NAME:...") calls opener(url, opts), which returns a port: one that it opened, or one end
--- of rig.pair() with a task at the other. opts holds the options of the call and of the URL's query; those that every
--- port has (timeout, eol, baudrate...) are set on the returned port, the others are the opener's own.
--- alt://URL?class=NAME opens URL with it too.
---@param name string letters, digits, + - .
---@param opener fun(url: string, opts: table): moonrig.Port
function other.register(name, opener)
  if type(name) ~= "string" or not name:match("^%a[%w+.-]+$") then
    unsupported(nil, "register_scheme: argument 1: expected a name of 2 or more letters, digits, + - .; got %q",
      tostring(name))
  end
  if type(opener) ~= "function" then
    unsupported(nil, "register_scheme: argument 2: expected a function, got %s", type(opener))
  end
  name = name:lower()
  if in_c[name] or name == "device" then unsupported(nil, "register_scheme: %s is a scheme of moonrig's own", name) end
  openers[name] = function(url, opts) return open_with(opener, name, url, opts) end
end

-- ---- alt, VISA -----------------------------------------------------------------------------------

-- pySerial's own classes: here all of them are the same engine.
local PYSERIAL = { serial = true, posixpollserial = true, vtimeserial = true }

--- alt://URL?class=NAME: NAME's opener for URL.
function openers.alt(url, opts)
  local _, rest, query = other.parse(url)
  local class = opts and opts.class or query.class or "Serial"
  local inner = url:gsub("^%a+:/?/?", "", 1):gsub("([?&])class=[^&]*&?", "%1", 1):gsub("[?&]$", "")
  local others = {}
  for key, value in pairs(opts or {}) do
    if key ~= "class" then others[key] = value end
  end
  if rest == "" then unsupported(url, "%s: nothing to open; write alt://URL?class=NAME", url) end
  if PYSERIAL[class:lower()] then return require("moonrig.scheme").open(inner, others) end
  local opener = openers[class:lower()]
  if not opener then
    unsupported(url, "%s: there is no class %q; rig.register_scheme makes one", url, class)
  end
  return opener(inner, others)
end

local NOT_MAPPED = { TCPIP = true, USB = true, GPIB = true, VXI = true, PXI = true }

-- VISA resource names -> URL, or nil when it is none.
local function from_visa(name)
  local kind = name:match("^(%a+)%d*.*::%a+$")
  kind = kind and kind:upper()
  if kind == "ASRL" then
    local where = name:match("^%a+(.-)::[Ii][Nn][Ss][Tt][Rr]$")
    if not where then return nil end
    local number = tonumber(where)
    return number and ("/dev/ttyS%d"):format(number - 1) or where:gsub("^::", "")
  end
  local host, port = name:match("^[Tt][Cc][Pp][Ii][Pp]%d*::(.+)::(%d+)::[Ss][Oo][Cc][Kk][Ee][Tt]$")
  if host then
    if host:find(":", 1, true) and not host:find("[", 1, true) then host = "[" .. host .. "]" end
    return ("socket://%s:%s"):format(host, port)
  end
  if NOT_MAPPED[kind] and name:match("^%a+%d*::") then
    unsupported(name, "%s: of VISA names, ASRL...::INSTR and TCPIP::host::port::SOCKET can be opened", name)
  end
end

--- sim:SCRIPT.lua: one end of a pair, the simulator at the other.
function openers.sim(url, opts)
  return open_with(require("moonrig.sim.script").open, "sim", url, opts)
end

-- ---- opening -------------------------------------------------------------------------------------

--- The names of all schemes, in one line.
---@return string
function other.names()
  local names = core.schemes()
  for name in pairs(openers) do
    if not in_c[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, " ")
end

-- spy:// and record: around a scheme that C does not open: what is inside is opened here, the taps come after.
local function open_inside(url, opts)
  local inner, inner_opts, taps = core.unwrap(url, opts)
  local port = require("moonrig.scheme").open(inner, inner_opts)
  core.attach(port, taps)
  return port
end

openers.spy, openers.record = open_inside, open_inside

-- What others call a scheme of ours.
local ALIKE = { tcp = "socket://", serial = "device:", file = "device:", tty = "device:" }

--- Opens it: with its opener, or what stands for the VISA name.
---@async
---@param url string
---@param opts? table
---@return moonrig.Port
function other.open(url, opts)
  if opts ~= nil and type(opts) ~= "table" then
    unsupported(url, "open: argument 2: expected a table of options, got %s", type(opts))
  end
  local name = url:match("^(%a[%w+.-]+):")
  local opener = name and openers[name:lower()]
  if opener then return opener(url, opts) end
  local mapped = from_visa(url)
  if name and not mapped and not in_c[name:lower()] then
    local alike = ALIKE[name:lower()]
    local hint = alike and "; write " .. alike or ""
    unsupported(url, "unknown scheme %q in %s%s (known: %s)", name, url, hint, other.names())
  end
  return core.open(mapped or url, opts)
end

--- The same, but returns nil and the error object.
---@async
---@param url string
---@param opts? table
---@return moonrig.Port?
---@return moonrig.Error?
function other.try_open(url, opts)
  local ok, port = pcall(other.open, url, opts)
  if ok then return port end
  if type(port) ~= "table" or port.code == "cancelled" then error(port, 0) end
  return nil, port
end

return other
