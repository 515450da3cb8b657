-- SPDX-License-Identifier: MIT
-- prompt.lua: t:prompt: a question to the operator: what may be asked, how it reads, which answers there are.
-- Who is asked is the run's affair: a function(text, timeout) that gives a line.
local core = require "moonrig.core"
local fields = require "moonrig.fields"
local format = require "moonrig.report.format"

local prompt = {}

local KINDS <const> = { text = true, number = true, choice = true, yesno = true, image = true }
local OPTIONS <const> = {
  kind = { function(v) return KINDS[v] end, '"text", "number", "choice", "yesno" or "image"' },
  options = fields.list_of(fields.name, "a list of texts"), min = fields.number, max = fields.number,
  unit = fields.string, matches = fields.pattern, image = { fields.name[1], "the path of a picture" },
  timeout = fields.positive,
}

local function kind_of(opts)
  return opts.kind or opts.options and "choice" or (opts.min or opts.max or opts.unit) and "number"
    or opts.image and "image" or "text"
end

--- Checks a question.
---@return table question { kind, message, options, ... }
---  Raises: unsupported
function prompt.new(message, opts)
  if not fields.name[1](message) then fields.refuse("prompt", "expected a message") end
  opts = opts or {}
  local what = ("prompt %q"):format(message)
  fields.check(what, opts, OPTIONS, "option")
  local question = { message = message }
  for name, value in pairs(opts) do question[name] = value end
  question.kind = kind_of(opts)
  if question.kind == "choice" and not opts.options then fields.refuse(what, "a choice wants options") end
  if question.kind == "image" and not opts.image then fields.refuse(what, "the option image is missing") end
  return question
end

-- ---- answers -------------------------------------------------------------------------------

local answer = {}

function answer.text(question, line)
  if line == "" then return nil, "an answer is needed" end
  if question.matches and not line:find(question.matches) then
    return nil, ("it does not match %s"):format(question.matches)
  end
  return line
end

function answer.number(question, line)
  local number = tonumber((line:gsub("%s", ""):gsub(",", ".", 1)))
  if not number or number ~= number or number - number ~= 0 then return nil, "a number is needed" end
  local low, high = question.min or -math.huge, question.max or math.huge
  if number < low or number > high then
    return nil, ("it has to be from %s to %s"):format(format.number(low), format.number(high))
  end
  return number
end

-- By its number, or by its text as far as that is clear.
function answer.choice(question, line)
  local at = math.tointeger(tonumber(line))
  if at and question.options[at] then return question.options[at] end
  local found = {}
  for _, option in ipairs(question.options) do
    if option == line then return option end
    if line ~= "" and option:lower():sub(1, #line) == line:lower() then found[#found + 1] = option end
  end
  if #found == 1 then return found[1] end
  return nil, "one of the numbers or names is needed"
end

local YES <const>, NO <const> = { y = true, yes = true }, { n = true, no = true }

function answer.yesno(_, line)
  local word = line:lower()
  if not YES[word] and not NO[word] then return nil, "yes or no is needed" end
  return YES[word] or false
end
answer.image = answer.yesno

-- ---- asking --------------------------------------------------------------------------------

--- How a question reads on a terminal.
function prompt.text(question)
  local out = { question.message }
  if question.image then out[#out + 1] = ("\n    picture: %s"):format(question.image) end
  for i, option in ipairs(question.kind == "choice" and question.options or {}) do
    out[#out + 1] = ("\n    %d  %s"):format(i, option)
  end
  local tail = ({ yesno = " (yes/no)", image = " (yes/no)" })[question.kind]
    or question.unit and (" (%s)"):format(question.unit) or ""
  out[#out + 1] = tail .. ": "
  return table.concat(out)
end

--- Asks until there is an answer that is possible.
---@async
---@param question table
---@param ask fun(text: string, timeout: number): string
---@return boolean|number|string
function prompt.ask(question, ask)
  local ends = core.now() + (question.timeout or math.huge)
  local text = prompt.text(question)
  while true do
    local line = ask(text, math.max(0, ends - core.now()))
    local value, why = answer[question.kind](question, line:match "^%s*(.-)%s*$")
    if value ~= nil then return value end
    text = why .. ": "
  end
end

return prompt
