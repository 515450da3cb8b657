local core = require "moonrig.core"
local json = require "moonrig.json"

--- stdout and stderr together, exit code
local function ports(arguments)
  local pipe = assert(io.popen("/proc/$PPID/exe ports " .. arguments .. " 2>&1"))
  local text = pipe:read("a")
  local _, _, code = pipe:close()
  return text, code
end

describe("moonrig ports", function()
  local list = core.list { links = true }

  it("prints a line with tabs for each port, when piped", function()
    local text, code = ports ""
    local names = {}
    for name in text:gmatch "(/[^\t\n]*)\t[^\n]*\n" do names[#names + 1] = name end
    assert.equal(0, code)
    assert.equal(#list, #names)
    for i, p in ipairs(list) do assert.equal(p.device, names[i]) end
  end)

  it("prints pySerial's text with -v", function()
    local want = {}
    for i, p in ipairs(list) do
      want[i] = ("%-20s\n    desc: %s\n    hwid: %s\n"):format(p.device, p.description, p.hwid)
    end
    local text = ports "-v"
    assert.equal(#want > 0 and table.concat(want) or "no serial ports found\n", text)
  end)

  it("prints all fields with --json, null where nothing is known", function()
    local all = json.decode((ports "--json"))
    assert.equal(#list, #all)
    for i, p in ipairs(list) do
      for _, field in ipairs { "device", "name", "description", "hwid", "vid", "pid", "serial_number", "location",
        "manufacturer", "product", "interface", "driver" } do
        local want = p[field]
        if want == nil then want = json.null end
        assert.equal(want, all[i][field])
      end
      assert.same(p.links, all[i].links)
    end
  end)

  it("ends with 1 and says so when nothing matches", function()
    local text, code = ports "'no such port'"
    assert.equal("no port matches no such port\n", text)
    assert.equal(1, code)
  end)

  it("says what is wrong with a pattern", function()
    local text, code = ports "'tty('"
    assert.equal('moonrig ports: bad regular expression "tty(": missing closing parenthesis at its end\n', text)
    assert.equal(64, code)
  end)

  it("has help with an example", function()
    local text, code = ports "--help"
    assert.equal(0, code)
    assert.matches("example: moonrig ports", text, 1, true)
  end)

  it("aligns columns under headings on a terminal", function()
    local pipe = assert(io.popen("exe=$(readlink /proc/$PPID/exe); script -qec \"$exe ports\" /dev/null"))
    local text = pipe:read("a")
    pipe:close()
    if #list == 0 then return assert.matches("no serial ports found", text) end
    assert.matches("^\27%[1mDEVICE +DESCRIPTION +HARDWARE ID +DRIVER\27%[0m\r\n/dev/", text)
  end)
end)
