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
      "share/moonrig/library/moonrig/meta.lua" } do
      assert.is_true(#program.read(root .. "/usr/" .. path) > 0)
    end
    pipe = io.popen(([[cd / && echo 'print(require "lfs"._VERSION)' | %s/usr/bin/moonrig -]]):format(root))
    assert.matches("LuaFileSystem", pipe:read "a")        -- a C module finds Lua in the stripped program
    assert.is_true(pipe:close())
    os.execute("rm -r " .. root)
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
