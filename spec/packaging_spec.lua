-- make install, and the man page.
local program = require "support.program"

describe("make install", function()
  it("puts the program, its man page, the examples and the annotations below PREFIX", function()
    if program.sanitized then return end
    local root = os.tmpname()
    os.remove(root)
    local build = program.path:match "^(.*)/moonrig$"
    local pipe = io.popen(("make -s install BUILD=%s DESTDIR=%s PREFIX=/usr 2>&1"):format(program.quote(build), root))
    assert.equal("", pipe:read "a")
    assert.is_true(pipe:close())
    for _, path in ipairs { "share/man/man1/moonrig.1", "share/doc/moonrig/examples/query.lua",
      "share/moonrig/library/moonrig/meta.lua", "share/doc/moonrig/bridge.lua", "lib/udev/rules.d/60-cp2110.rules" } do
      assert.is_true(#program.read(root .. "/usr/" .. path) > 0)
    end
    assert.matches("\nExecStart=/usr/bin/moonrig bridge ",
      program.read(root .. "/usr/lib/systemd/system/moonrig-bridge.service"))
    pipe = io.popen(([[cd / && echo 'print(require "lfs"._VERSION)' | %s/usr/bin/moonrig -]]):format(root))
    assert.matches("LuaFileSystem", pipe:read "a")        -- a C module finds Lua in the stripped program
    assert.is_true(pipe:close())
    os.execute("rm -r " .. root)
  end)
end)

describe("the service", function()
  it("has a configuration to begin with that is right", function()
    local p = program.command({ "bridge", "--config", "packaging/bridge.lua", "--check" }):finish()
    assert.same({ "packaging/bridge.lua: 1 bridge\n", 0 }, { p.out, p.code }, p.err)
  end)

  it("is started with arguments that are known", function()
    local unit = program.read "packaging/moonrig-bridge.service"
    local help = program.command({ "bridge", "--help" }):finish().out
    for option in unit:match "\nExecStart=([^\n]*)":gmatch "%-%-%l+" do
      assert.is_truthy(help:find(option, 1, true), option)
    end
  end)
end)

describe("the man page", function()
  local page = program.read "packaging/moonrig.1"

  it("has every command that there is", function()
    local commands = program.command({ "--help" }):finish().out:match "commands: ([^\n]*)"
    for command in commands:gmatch "%S+" do
      assert.is_truthy(page:find("\n.It Cm " .. command .. "\n", 1, true), command)
    end
  end)

  it("names the exit codes that commands use", function()
    local cli = require "moonrig.cli"
    for _, code in ipairs { cli.PASS, cli.FAIL, cli.ERROR, cli.USAGE, cli.ABORTED } do
      assert.is_truthy(page:find("\n.It " .. code .. "\n", 1, true))
    end
  end)
end)
