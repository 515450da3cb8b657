-- `moonrig run` (core/main.c).
local program = require "support.program"

describe("moonrig run", function()
  it("tells how it is used", function()
    local p = program.command({ "run", "--help" }):finish()
    assert.equal(0, p.code)
    assert.matches("example: moonrig run ", p.out)
  end)

  it("takes any file name, also that of a command", function()
    local p = program.command({ "run", "LICENSE" }):finish()
    assert.equal(2, p.code)
    assert.matches("^moonrig: LICENSE:1: ", p.err)
    p = program.command({ "run", "ports" }):finish()
    assert.same({ "moonrig: cannot open ports: No such file or directory\n", 2 }, { p.err, p.code })
  end)

  it("tells a wrong option from a wrong command", function()
    assert.matches('no option "%-%-nope"', program.command({ "--nope" }):finish().err)
    assert.matches('no command "nope"', program.command({ "nope" }):finish().err)
  end)
end)
