-- Runs the code in the documents, so that they say what is true. How a document is written:
--   A lua block that begins with "-- NAME.lua" is a file, which sh blocks run. Any other is run by
--     itself, below the lines of PRELUDE.
--   A sh block is run in the document's folder, which has the repository's examples in it, with moonrig
--     in PATH. One that begins "# in a second terminal" goes on until the document ends.
--   A text block below one of these is what it prints; "..." stands for anything.
--   /dev/ttyUSB0 and ttyUSB1 stand for a simulated power supply, also at 127.0.0.1:5025; this and each other port of
--   127.0.0.1 for a free one, /tmp for the folder.
--   What cannot be run here (see UNRUN) is checked: make targets, commands and options have to exist.
local rig = require "moonrig"
local shell = require "support.shell"

local DOCUMENTS = { "README.md", "docs/guide.md", "docs/recipes.md", "docs/bridge.md", "docs/rfc2217.md",
  "docs/security.md", "docs/events.md", "docs/statistics.md", "docs/record.md" }

local PRELUDE = 'local rig = require "moonrig"\n'

local ENTER <const> = "cd %s && PATH=$PWD/bin:$PATH XDG_RUNTIME_DIR=$PWD && export PATH XDG_RUNTIME_DIR && "

local UNRUN = { "^git ", "^make", "^sudo ", "^moonrig term " }

local function read_file(path)
  local handle <close> = assert(io.open(path))
  return handle:read "a"
end

local function write_file(path, text)
  local handle <close> = assert(io.open(path, "w"))
  handle:write(text)
end

-- The fenced blocks of a document: { language, text, line }.
local function blocks_of(text)
  local blocks, open, number = {}, nil, 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if open and line == "```" then
      open.text = table.concat(open, "\n") .. "\n"
      blocks[#blocks + 1] = open
      open = nil
    elseif open then
      open[#open + 1] = line
    elseif line:find "^```" then
      open = { language = line:sub(4), line = number }
    end
  end
  return blocks
end

-- Without what differs each time, or does not count: times of day, how wide a column is.
local function normal(text)
  return (text:gsub("%d+%-%d%d%-%d%dT[%d:.]+Z", "TIME"):gsub(" +", " "):gsub(" \n", "\n"))
end

-- Does output look as the document says? "..." is anything, alone in a line any lines.
local function looks_like(output, expected)
  output, expected = normal(output), normal(expected)
  local pattern = expected:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
  pattern = pattern:gsub("%f[^\n\0]%%%.%%%.%%%.\n", "\1"):gsub("%%%.%%%.%%%.", "[^\n]-"):gsub("\1", ".-")
  return output:find("^" .. pattern .. "$") ~= nil
end

-- One document being run: a folder, and what goes on in it.
local Session = {}
Session.__index = Session

local function new_session()
  local folder = assert(io.popen("mktemp -d")):read "l"
  local here = os.getenv "PWD"
  os.execute(("ln -s %s/examples %s/examples"):format(here, folder))
  os.execute(("mkdir %s/bin && ln -s %s /usr/bin/python3 %s/bin"):format(folder, shell.moonrig, folder))
  return setmetatable({ folder = folder, background = {} }, Session)
end

local function free_address()
  local listener <close> = rig.listen("socket://127.0.0.1:0", print)
  return listener.url:match "//(.*)$"
end

-- The document's text with names of this session.
function Session:localize(text)
  local names = { ["/dev/ttyUSB"] = self.folder .. "/ttyUSB", ["127.0.0.1:5025"] = free_address(),
    ["/tmp/"] = self.folder .. "/" }
  for address in text:gmatch "127%.0%.0%.1:%d+" do names[address] = names[address] or free_address() end
  local supply = ("moonrig sim examples/sims/psu.lua --listen pty:%s0 --listen pty:%s1")
    :format(names["/dev/ttyUSB"], names["/dev/ttyUSB"])
  if not text:find("--listen socket://127.0.0.1:5025", 1, true) then
    supply = supply .. " --listen socket://" .. names["127.0.0.1:5025"]
  end
  self:start(supply)
  return (text:gsub("/tmp/", names):gsub("/dev/ttyUSB", names):gsub("127%.0%.0%.1:%d+", names))
end

function Session:close()
  for _, port in ipairs(self.background) do port:close() end
  os.execute("rm -rf " .. self.folder)
end

-- Runs a command line in the folder: what it printed, and its exit status.
function Session:run(command)
  write_file(self.folder .. "/.command", command)
  local _, status = shell.run((ENTER .. "sh -e .command > .output 2>&1"):format(self.folder))
  return read_file(self.folder .. "/.output"), status
end

-- Starts a command that goes on; it is ready when it says where.
function Session:start(command)
  local port = shell.start((ENTER .. "exec %s"):format(self.folder, command))
  self.background[#self.background + 1] = port
  return port:read_line() .. "\n"
end

local function is_unrun(line)
  for _, pattern in ipairs(UNRUN) do
    if line:find(pattern) then return true end
  end
end

-- A line that is not run: do its make targets, its command and its options exist?
local function check_line(session, line)
  for target in (line:match "make ([^#]+)" or ""):gmatch "%f[%w][%w%-]+%f[^%w%-=]" do
    assert(("\n" .. read_file "Makefile"):find("\n" .. target .. ":", 1, true), "no make target " .. target)
  end
  local command = line:match "^moonrig (%l+)"
  if not command then return end
  local help, status = session:run(("moonrig %s --help"):format(command))
  assert(status == 0, help)
  for option in line:gmatch " (%-%-?%a[%w-]*)" do assert(help:find(option, 1, true), "no option " .. option) end
end

local function run_sh(session, block)
  local background = block.text:match "^# in a second terminal\n(.+)\n$"
  if background then return session:start(background) end
  local lines = {}
  for line in block.text:gmatch "[^\n]+" do
    if is_unrun(line) then
      check_line(session, line)
    else
      lines[#lines + 1] = line
    end
  end
  if #lines == 0 then return nil end
  local output, status = session:run(table.concat(lines, "\n") .. "\n")
  assert(status == 0, ("exit status %s: %s"):format(status, output))
  return output
end

local function run_lua(session, block)
  local name = block.text:match "^%-%- ([%w_/]+%.lua)\n"
  if name then
    write_file(session.folder .. "/" .. name, block.text)
    assert(load(block.text))
    return nil
  end
  write_file(session.folder .. "/.block.lua", PRELUDE .. block.text)
  local output, status = session:run "moonrig ./.block.lua"
  assert(status == 0, output)
  return output
end

local run = { sh = run_sh, lua = run_lua, json = function(_, block) rig.json.decode(block.text) end }

-- Runs the blocks of a document in order: what was wrong.
local function problems_of(path, session)
  local problems, output = {}, nil
  for _, block in ipairs(blocks_of(session:localize(read_file(path)))) do
    local problem
    if block.language == "text" then
      if not output then
        problem = "nothing was run above this output"
      elseif not looks_like(output, block.text) then
        problem = ("expected\n%sgot\n%s"):format(block.text, output)
      end
      output = nil
    elseif not run[block.language] then
      problem = "blocks are lua, sh, json or text"
    else
      local done, result = pcall(run[block.language], session, block)
      output, problem = done and result or nil, not done and tostring(result) or nil
    end
    if problem then problems[#problems + 1] = ("%s:%d: %s"):format(path, block.line, problem) end
  end
  return table.concat(problems, "\n")
end

describe("the code in", function()
  for _, path in ipairs(DOCUMENTS) do
    it(path .. " does what it says", function()
      local session = new_session()
      local ok, problems = pcall(problems_of, path, session)
      session:close()
      assert(ok, problems)
      assert.equal("", problems)
    end)

    it(path .. " leads to files that exist", function()
      local text = read_file(path)
      for target in text:gmatch "%]%(([^)]+)%)" do
        local file = target:match "^[^#]+"
        if file and not target:find "^%a+:" then
          local from = path:match "^(.*/)" or ""
          assert(io.open(from .. file), path .. ": no such file: " .. target):close()
        end
      end
    end)
  end

  it("docs/architecture.md names files that exist", function()
    for name in read_file "docs/architecture.md":gmatch "`(%l+/[%w_/.]+)`" do
      assert(io.open(name) or name:find "NAME" or name:find "/l$", "no such file: " .. name)
    end
  end)
end)
