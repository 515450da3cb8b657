-- SPDX-License-Identifier: MIT
-- measure/note.lua: what else a phase has recorded: t:log, t:attach, t:prompt, t:subunit.
local core = require "moonrig.core"
local prompt = require "moonrig.prompt"
local states = require "moonrig.measure.state"
local subunits = require "moonrig.subunits"

local refuse = states.refuse

local Test = {}

-- "psu_final.lua:12", the line of the procedure
local function where()
  for level = 3, 20 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and info.source:sub(1, 13) ~= "@lua/moonrig/" then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
end

local LEVELS = { debug = true, info = true, warning = true, error = true }

--- Adds a line to the log of the run.
---@param message string
---@param level? "debug"|"info"|"warning"|"error"   "info" unless said
function Test:log(message, level)
  local state = states.of(self)
  state:check_going_on()
  level = level or "info"
  if not LEVELS[level] then
    refuse("log: there is no level %q (there are debug, info, warning, error)", tostring(level))
  end
  local line = { level = level, message = tostring(message), source = where() }
  state:record("log", line)
  state:tell { event = "log", log = line }
end

local MIME <const> = { csv = "text/csv", txt = "text/plain", log = "text/plain", json = "application/json",
  html = "text/html", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", svg = "image/svg+xml",
  pdf = "application/pdf", pcapng = "application/vnd.tcpdump.pcap" }

--- Adds a file to the record: its bytes, kept once however often they are attached.
---@param name string   with its extension, which says what it is: "scope.png"
---@param data string   the bytes
---@param mime? string  when the extension does not say it
---  Raises: unsupported, system
function Test:attach(name, data, mime)
  local state = states.of(self)
  state:check_going_on()
  if type(name) ~= "string" or name == "" then refuse("attach: expected a name such as \"scope.png\"") end
  if type(data) ~= "string" then refuse("attach %q: expected the bytes as a string, got %s", name, type(data)) end
  local extension = (name:match "%.(%w+)$" or ""):lower()
  local file = { name = name, data = data, mime = mime or MIME[extension] or "application/octet-stream" }
  state:record("attachment", file)
  state:tell { event = "attachment", attachment = { name = name, mime = file.mime, size = #data } }
end

--- Asks the operator, and waits for the answer, which is recorded.
---@async
---@param message string
---@param opts? moonrig.PromptOptions
---@return boolean|number|string answer
---  Raises: timeout, closed (nobody is there), unsupported
function Test:prompt(message, opts)
  local state = states.of(self)
  state:check_going_on()
  local run, question = state.run, prompt.new(message, opts)
  if not run.ask then
    error(core.error { code = "closed", message = "nobody can be asked: this run has no operator" }, 0)
  end
  local held <close> = run.asking:acquire() -- luacheck: ignore held
  local entry = state:record("prompt", { kind = question.kind, message = message, options = question.options })
  state:tell { event = "prompt", prompt = question }
  local answer = prompt.ask(question, run.ask)
  if entry then state:record("answer", answer, entry) end
  state:tell { event = "answer", prompt = question, answer = answer }
  return answer
end

--- Says that the unit has a part with a serial number of its own, as it was read from it. Said again it does no harm.
---@param name string    its place in the unit: "radio"
---@param serial string
---@param more? { part: string?, revision: string? }
---  Raises: unsupported (another one was named before), system
function Test:subunit(name, serial, more)
  local state = states.of(self)
  state:check_going_on()
  local run, subunit = state.run, subunits.new(state.run.plan, name, serial, more)
  for _, known in ipairs(run.dut.subunits) do
    if known.name == name then
      if known.serial == serial then return end
      refuse("sub-unit %q: it is %s, and now %s", name, known.serial, serial)
    end
  end
  state:record("subunit", subunit, run.entry)
  table.insert(run.dut.subunits, subunit)
  state:tell { event = "subunit", subunit = subunit }
end

return Test
