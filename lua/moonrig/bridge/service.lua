-- SPDX-License-Identifier: MIT
-- service.lua: `moonrig bridge` as a service: many bridges from one file, which is read again on SIGHUP so
-- that only what has changed is touched; their status over a unix socket.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local listen = require "moonrig.listen"
local bridge = require "moonrig.bridge"

local service = {}

local Bridges = {}
Bridges.__index = Bridges

-- ---- the file -----------------------------------------------------------------------------------

local function refuse(path, message, ...) fields.refuse(path, message, ...) end

-- The file's list, checked: each has a name of its own.
local function read(path)
  local chunk, why = loadfile(path, "t")
  if not chunk then refuse(path, "%s", why) end
  local list = chunk()
  if type(list) ~= "table" or #list == 0 then
    refuse(path, 'it returns no list: return { { port = "/dev/ttyUSB0", listen = { "rfc2217://127.0.0.1:2217" } } }')
  end
  local names = {}
  for i, spec in ipairs(list) do
    local where = ("%s: bridge %d"):format(path, i)
    if type(spec) ~= "table" then refuse(where, "expected a table, got a %s", type(spec)) end
    local name = spec.name or spec.port
    local ok, err = pcall(bridge.check, spec)
    if not ok then refuse(where .. (spec.name and " (" .. tostring(spec.name) .. ")" or ""), "%s", err.message) end
    if names[name] then refuse(where, "there is a bridge %q already; give it another name", name) end
    names[name] = true
  end
  return list
end

-- Do two descriptions mean the same?
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- The same but for where clients connect?
local function same_but_listen(a, b)
  local x, y = {}, {}
  for key, value in pairs(a) do x[key] = key ~= "listen" and value or nil end
  for key, value in pairs(b) do y[key] = key ~= "listen" and value or nil end
  return same(x, y)
end

-- ---- many bridges -------------------------------------------------------------------------------

-- Who sees the URLs, or READY=1, may send SIGHUP at once.
local function make(path, quiet)
  core.catch_hangup()
  return setmetatable({ path = path, quiet = quiet, list = {} }, Bridges)
end

local function say(self, text, ...)
  if not self.quiet then io.stderr:write("moonrig: ", text:format(...), "\n") end
end

-- given: as the file has it. asked: the real URL of each of its listeners.
local function add(self, spec)
  local full = { quiet = self.quiet }
  for key, value in pairs(spec) do full[key] = value end
  local added = bridge.new(full)
  added.given, added.asked = spec, { table.unpack(added.urls) }
  self.list[#self.list + 1] = added
end

local function remove(self, which)
  for i, known in ipairs(self.list) do
    if known == which then table.remove(self.list, i) end
  end
  which:close()
end

local function find(self, name)
  for _, known in ipairs(self.list) do
    if known.name == name then return known end
  end
end

--- All URLs of listeners, in the order of the file.
function Bridges:urls()
  local urls = {}
  for _, known in ipairs(self.list) do table.move(known.urls, 1, #known.urls, #urls + 1, urls) end
  return urls
end

local function how_many(list) return ("%d bridge%s"):format(#list, #list == 1 and "" or "s") end

--- "3 bridges", for systemctl status.
function Bridges:summary() return how_many(self.list) end

local function message(err) return type(err) == "table" and err.message or tostring(err) end

-- Listeners come and go, clients stay. One that cannot be had is an error, after all others; the next reading
-- tries it again.
local function change_listeners(known, spec)
  local wanted, had, given, failure = {}, {}, {}, nil
  for key, value in pairs(spec) do given[key] = value end
  given.listen = {}
  for _, url in ipairs(spec.listen) do wanted[url] = true end
  for i, url in ipairs(known.given.listen) do had[url] = known.asked[i] end
  for url, real in pairs(had) do
    if not wanted[url] then known:unlisten(real) end
  end
  known.asked, known.given = {}, given
  for _, url in ipairs(spec.listen) do
    local ok, real = true, had[url]
    if not real then ok, real = pcall(known.listen, known, url) end
    if ok then
      table.insert(known.asked, real)
      table.insert(given.listen, url)
    else
      failure = failure or real
    end
  end
  if failure then error(failure, 0) end
end

-- What is not in the file any more goes first: its addresses may be wanted by others. Those that have changed
-- otherwise than in their listeners go too: name -> what they were.
local function remove_old(self, wanted, counts)
  local before = {}
  for _, known in ipairs { table.unpack(self.list) } do
    local spec = wanted[known.name]
    if not spec or not same_but_listen(spec, known.given) then
      local what = spec and "changed" or "gone"
      counts[what] = counts[what] + 1
      before[known.name] = spec and known.given
      remove(self, known)
    end
  end
  return before
end

-- One bridge of the file; before: what it was, if it was removed.
local function put(self, spec, before, counts)
  local known = find(self, spec.name or spec.port)
  if known and same(spec.listen, known.given.listen) then return true end
  if known then
    counts.changed = counts.changed + 1
    return pcall(change_listeners, known, spec)
  end
  local ok, err = pcall(add, self, spec)
  if ok and not before then counts.new = counts.new + 1 end
  if not ok and before then
    local back, why = pcall(add, self, before)
    if not back then err = message(err) .. "; and as it was: " .. message(why) end
  end
  return ok, err
end

-- What cannot be put in force does not hold up the rest: what failed, in words.
local function apply(self, list)
  local wanted, failures = {}, {}
  local counts = { new = 0, changed = 0, gone = 0 }
  for _, spec in ipairs(list) do wanted[spec.name or spec.port] = spec end
  local before = remove_old(self, wanted, counts)
  for _, spec in ipairs(list) do
    local name = spec.name or spec.port
    local ok, err = put(self, spec, before[name], counts)
    if not ok then table.insert(failures, ("bridge %s: %s"):format(name, message(err))) end
  end
  return counts, failures
end

--- Reads the file again. Is something wrong with it, all stays as it was; what cannot be had (an address in use)
--- is told, and the bridge stays as it was, as far as it can.
function Bridges:reload()
  for _, known in ipairs(self.list) do
    local ok, err = pcall(known.reopen_log, known)
    if not ok then say(self, "%s", err.message) end
  end
  if not self.path then return end
  core.notify(("RELOADING=1\nMONOTONIC_USEC=%d"):format(core.now() * 1e6 // 1))
  local ok, list = pcall(read, self.path)
  if not ok then
    say(self, "%s was not put in force: %s", self.path, message(list))
  else
    local counts, failures = apply(self, list)
    say(self, "%s: %d new, %d changed, %d gone, %d in all", self.path, counts.new, counts.changed, counts.gone,
      #self.list)
    if #failures > 0 then say(self, "%s is not all in force: %s", self.path, table.concat(failures, "; ")) end
  end
  core.notify("READY=1\nSTATUS=" .. self:summary())
end

--- Runs until the device of every bridge is closed for good; cancel ends it.
---@async
function Bridges:run()
  core.spawn(function()
    while true do
      core.wait_hangup()
      self:reload()
    end
  end)
  while true do
    local any = false
    for _, known in ipairs { table.unpack(self.list) } do
      if not known.closed and known:status().state ~= "closed" then
        any = true
        known:join()
        break
      end
    end
    if not any and not self.path then return end
    if not any then core.sleep(1) end
  end
end

--- Accepts nobody any more, and ends when all that is under way has arrived.
---@async
function Bridges:drain()
  core.steady()
  for _, known in ipairs(self.list) do
    if not known.closed then known:drain(2) end
  end
end

function Bridges:close()
  for _, known in ipairs(self.list) do known:close() end
end
Bridges.__close = Bridges.close

--- The bridge of a command line.
function service.single(spec)
  local self = make(nil, spec.quiet)
  add(self, spec)
  return self
end

--- Those of a file.
function service.from_file(path, quiet)
  local self = make(path, quiet)
  local ok, err = pcall(apply, self, read(path))
  if not ok then
    self:close()
    error(err, 0)
  end
  return self
end

--- Says what is wrong with a file, or that nothing is.
function service.check(path)
  local list = read(path)
  print(("%s: %s"):format(path, how_many(list)))
  return 0
end

-- ---- status -------------------------------------------------------------------------------------

-- Where --status looks when nothing else is said.
local function default_path()
  local dir = os.getenv "XDG_RUNTIME_DIR"
  return dir and dir .. "/moonrig-bridge.sock" or "/run/moonrig-bridge.sock"
end

--- Answers every client of the control socket with the status, as one line of JSON.
function service.serve_status(bridges, path, quiet)
  local url = "unix:" .. (path or default_path())
  local ok, listener = pcall(listen, url, function(port)
    local all = {}
    for i, known in ipairs(bridges.list) do all[i] = known:status() end
    port:write(require("moonrig.json").encode(all), "\n")
  end)
  if ok then return listener end
  if path then error(listener, 0) end
  if not quiet then
    io.stderr:write("moonrig: no status: ", listener.message, " (--control chooses another socket)\n")
  end
end

local function print_client(client)
  print(("    %-9s %s, %d bytes from it, %d to it%s%s"):format(client.role, client.name, client.received, client.sent,
    client.queued > 0 and (", %d waiting"):format(client.queued) or "",
    client.signature and (", %s"):format(core.codec.escape_bytes(client.signature)) or ""))
end

local function print_bridge(b)
  local on = {}
  for _, name in ipairs { "dtr", "rts", "cts", "dsr", "ri", "cd" } do
    if b.signals[name] then on[#on + 1] = name:upper() end
  end
  print(("%s: %s%s"):format(b.name, b.state, b.reason and " (" .. b.reason .. ")" or ""))
  print(("    %s, flow control %s, signals %s%s"):format(b.settings, b.flow_control,
    #on > 0 and table.concat(on, " ") or "none", b.break_condition and ", break" or ""))
  print(("    %d bytes received, %d sent, policy %s"):format(b.received, b.sent, b.policy))
  for _, url in ipairs(b.listen) do print("    listens on " .. url) end
  for _, client in ipairs(b.clients) do print_client(client) end
end

--- What a running `moonrig bridge` does, for people or as JSON.
function service.print_status(path, as_json)
  local port <close> = core.open("unix:" .. (path or default_path()))
  local text = port:read_line()
  if as_json then
    print(text)
  else
    for _, status in ipairs(require("moonrig.json").decode(text)) do print_bridge(status) end
  end
  return 0
end

return service
