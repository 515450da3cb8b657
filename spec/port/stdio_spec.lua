-- What stdio: does to a terminal is looked at from outside: a moonrig in a pty (exec:), and stty.
local rig = require "moonrig"

local files

-- A new name; what is there after the test goes.
local function temporary()
  files[#files + 1] = os.tmpname()
  return files[#files]
end

local moonrig = os.getenv "MOONRIG" or "build/moonrig"

-- Runs Lua code in a moonrig of its own: a shell command.
local function program(code)
  local name = temporary()
  local f <close> = io.open(name, "w")
  f:write('local rig = require "moonrig"\n', code)
  return ("%s run %s"):format(moonrig, name)
end

local function output_of(command)
  local p <close> = rig.open("exec:" .. command, { timeout = 10 })
  local all = {}
  for line in p:lines() do all[#all + 1] = line end
  return table.concat(all, "\n"), select(2, p:try_read(1)).message:match "with status (%d+)"
end

local copy = [[
  local io <close> = rig.open "stdio:"
  while true do
    local bytes, err = io:try_read_some(nil, math.huge)
    if not bytes then assert(err.code == "closed") return end
    io:write(bytes)
  end
]]

describe("stdio:", function()
  before_each(function() files = {} end)
  after_each(function()
    for _, name in ipairs(files) do os.remove(name) end
  end)

  it("reads and writes pipes, to the end of the input", function()
    assert.equal("588895", (output_of("seq 100000 | " .. program(copy) .. " | wc -c")))
  end)

  it("reads and writes files and /dev/null, which are always ready", function()
    local big, new = temporary(), temporary()
    output_of(("head -c 1000000 /dev/urandom > %s"):format(big))
    local command = ("%s < %s > %s; cmp %s %s && echo same"):format(program(copy), big, new, big, new)
    assert.equal("same", (output_of(command)))
    assert.equal("0", (output_of(program(copy) .. " < /dev/null | wc -c")))
    assert.same({ "", "0" }, { output_of(("seq 1000 | %s > /dev/null"):format(program(copy))) })
  end)

  it("leaves the descriptors of other programs as they are", function()
    local command = program [[
      local p <close> = rig.open "stdio:"
      for fd = 0, 1 do
        local flags = io.open("/proc/self/fdinfo/" .. fd):read("a"):match "flags:%s+(%d+)"
        p:write(tonumber(flags, 8) & tonumber("4000", 8) == 0 and "blocking\n" or "changed\n")
      end
    ]]
    assert.equal("blocking\nblocking", (output_of(command .. " | cat")))
    assert.equal("blocking\nblocking", (output_of("echo | " .. command)))
  end)

  it("puts a terminal in raw mode and back, whatever way the program ends", function()
    local ends = {
      ["0"] = "p:close()",
      ["3"] = "os.exit(3)",
      ["2"] = "error 'lost'",
      ["130"] = "rig.sleep(10)",
    }
    for status, code in pairs(ends) do
      local command = program(([[
        local p = rig.open "stdio:"
        p:write "raw"
        assert(p:read(1) == "\3")
        p:write "go"
        p.timeout = 10
        %s
      ]]):format(code))
      local shell_command = ("stty sane; echo $$; %s 2>&1; echo status $?; stty -a"):format(command)
      local p <close> = rig.open("exec:" .. shell_command, { timeout = 10 })
      local shell = p:read_line()
      p:expect "raw"
      p:write "\3"
      p:expect "go"
      if status == "130" then rig.open("exec:kill -TERM $(pgrep -P " .. shell .. ")") end
      assert.equal(status, p:expect "status (%d+)")
      local settings = ""
      for line in p:lines() do settings = settings .. " " .. line .. " " end
      for _, setting in ipairs { "isig", "icanon", "echo", "icrnl", "opost" } do
        assert.matches(" " .. setting .. " ", settings)
      end
    end
  end)

  it("does not change the terminal with raw=false", function()
    local command = program [[
      local p = rig.open "stdio:?raw=false"
      p:write "ready\n"
      p:write("line " .. p:read_line() .. "\n")
    ]]
    local p <close> = rig.open("exec:stty sane; " .. command, { timeout = 10 })
    p:expect "ready"
    p:write "abc\r"
    assert.equal("line abc", p:expect "(line %w+)\r\n")
  end)

  it("loses its input, and goes on, when somebody types while it is behind", function()
    local command = program [[
      local p <close> = rig.open "stdio:?raw=false"
      print "ready"
      local line, err = p:try_read_line(math.huge)
      print("read", line, err.code)
    ]]
    local p <close> = rig.open(("exec:set -m; %s & wait $!; echo ended $?"):format(command), { timeout = 10 })
    p:expect "ready"
    p:write "abc\r"
    assert.equal("0", p:expect "read\tnil\tclosed.*ended (%d+)")
  end)

  it("takes a terminal once", function()
    local command = program [[
      local one = rig.open "stdio:"
      local two, err = rig.try_open "stdio:"
      one:write(two and "two" or err.code, "\n")
    ]]
    assert.equal("busy", (output_of(command)))
  end)

  it("raises when nobody reads its output any more", function()
    local command = program [[
      local p <close> = rig.open "stdio:"
      while true do p:write(("x"):rep(1000)) end
    ]]
    assert.matches("writing to stdio: Broken pipe.*2$", (output_of(("{ %s; echo $? >&2; } | true"):format(command))))
  end)
end)
