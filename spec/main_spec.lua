-- The program from outside: what a script finds, how the program ends and what it says (core/main.c).
local program = require "support.program"

-- What a shell command prints.
local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return text, select(3, pipe:close())
end

describe("a script", function()
  it("gets its arguments as ... and arg, as lua gives them", function()
    local p = program.start([[
      print(select("#", ...), ...)
      print(#arg, arg[1], arg[2], arg[0], arg[-1], arg[-2])
    ]], "one", "two words")
    p:finish()
    assert.equal(("2\tone\ttwo words\n2\tone\ttwo words\t%s\t%s\tnil\n"):format(p.script, program.path), p.out)
  end)

  it("is the same behind `moonrig run`, and its options are its own", function()
    local path = program.file("print(arg[0], arg[-1], ...)", ".lua")
    local p = program.command({ "run", path, "--help", "-x" }):finish()
    assert.equal(("%s\trun\t--help\t-x\n"):format(path), p.out)
    os.remove(path)
  end)

  it("may come from standard input", function()
    assert.equal("in\targ\n", (shell(("echo 'print(\"in\", ...)' | %s - arg"):format(program.quote(program.path)))))
  end)

  it("finds what lua5.4 finds: the same package.path, package.cpath and LUA_PATH", function()
    local path = program.file("print(package.path) print(package.cpath)")
    for _, env in ipairs { "env -u LUA_PATH", "env LUA_PATH='/opt/?.lua;;' LUA_CPATH_5_4='/opt/?.so;;'" } do
      local lua = shell(("%s lua5.4 %s"):format(env, path))
      assert.equal(lua, (shell(("%s %s run %s"):format(env, program.quote(program.path), path))))
    end
    os.remove(path)
  end)

  it("can use C modules made for lua5.4", function()
    local p = program.run [[
      local lfs = require "lfs"
      print(lfs.attributes("/dev/null").mode, select(2, pcall(lfs.lock, 1)))
    ]]
    assert.matches("^char device\t.*FILE%* expected", p.out)
  end)

  it("finds nothing in _G that lua5.4 has not, also after it has used everything", function()
    local text = [[
      local names = {}
      for name in pairs(_G) do names[#names + 1] = name end
      table.sort(names)
      print(table.concat(names, " "))
    ]]
    local path = program.file(text)
    local stock = shell("lua5.4 " .. path)
    os.remove(path)
    local p = program.run([[
      for _, name in ipairs { "group", "lock", "listen", "json", "scpi", "sim", "test", "store", "record" } do
        local _ = rig[name]
      end
    ]] .. text)
    assert.same({ 0, stock, "" }, { p.code, p.out, p.err })
  end)

  it("gets nil from the public table for a name that is not in it", function()
    assert.equal("nil\n", program.run("print(rig.no_such_thing)").out)
  end)

  it("starts by itself with #!/usr/bin/env moonrig", function()
    local script = program.file("#!/usr/bin/env moonrig\nprint('by itself', arg[0], ...)\n")
    assert(os.execute("chmod +x " .. script))
    local folder = program.path:match "^(.*)/" or "."
    local out = shell(("PATH=%s:$PATH; %s one"):format(program.quote(folder), script))
    os.remove(script)
    assert.equal(("by itself\t%s\tone\n"):format(script), out)
  end)
end)

describe("the exit code", function()
  local cases = {
    { "0 at the end", "rig.sleep(0)", 0, "^$" },
    { "0 whatever the script returns", "return 3", 0, "^$" },
    { "2 after an error, with line and traceback", "\nlocal function f() error 'boom' end\nf()", 2,
      "^moonrig: [^\n]*%.lua:2: boom\nstack traceback:.*in local 'f'.*%.lua:3: in" },
    { "2 after an error object, with its line", "\nrig.open('socket://127.0.0.1:1')", 2,
      "^moonrig: [^\n]*%.lua:2: [^\n]*refused" },
    { "2 where the script does not compile", "x = = 1", 2, "^moonrig: [^\n]*%.lua:1: unexpected symbol near '='\n$" },
    { "2 after the error of another task's cancel", "local t = rig.spawn(rig.sleep, 9) t:cancel 'why' t:join()", 2,
      "why" },
  }
  for _, case in ipairs(cases) do
    it("is " .. case[1], function()
      local p = program.run(case[2])
      assert.equal(case[3], p.code)
      assert.matches(case[4], p.err)
    end)
  end

  it("is 2 for a script that is not there", function()
    local p = program.command({ "./nowhere.lua" }):finish()
    assert.equal(2, p.code)
    assert.matches("^moonrig: cannot open ./nowhere.lua", p.err)
  end)

  it("is 64 for what is no command, with a hint; 0 for --help and --version", function()
    local p = program.command({ "prots" }):finish()
    assert.equal(64, p.code)
    assert.matches('no command "prots".*%-%-help', p.err)
    assert.equal(64, program.command({}):finish().code)
    p = program.command({ "--help" }):finish()
    assert.equal(0, p.code)
    assert.matches("usage: moonrig FILE%.lua.*commands: .*ports.*example: ", p.out)
    p = program.command({ "--version" }):finish()
    assert.equal(0, p.code)
    assert.matches("^moonrig %d+%.%d+%.%d+ %(Lua 5%.4", p.out)
  end)
end)

describe("os.exit", function()
  local exits = {
    { "from the main task", "os.exit(7)", 7 },
    { "from another task", "rig.spawn(function() os.exit(7) end) rig.sleep(10)", 7 },
    { "from a coroutine", "coroutine.wrap(function() os.exit(7) end)()", 7 },
    { "with true", "os.exit(true)", 0 },
    { "with false", "os.exit(false)", 1 },
    { "with nothing", "os.exit()", 0 },
    { "with false for the state, which is closed all the same", "os.exit(5, false)", 5 },
  }
  for _, case in ipairs(exits) do
    it("ends the program at once, " .. case[1] .. ": output flushed, ports closed, links removed", function()
      local link = os.tmpname()
      os.remove(link)
      local p = program.run(([[
        local port = rig.open("pty:%s")
        local child = rig.open("exec:sleep 60")
        rig.spawn(function() port:read(1, 60) end)
        rig.sleep(0)
        io.write(io.open(%q) and "linked" or "no link")
        %s
      ]]):format(link, link, case[2]))
      assert.same({ case[3], "linked", "" }, { p.code, p.out, p.err })
      assert.is_nil(io.open(link))
    end)
  end
end)

describe("the program", function()
  it("ends, with teardown, when nobody reads its output any more", function()
    local path, err = program.file [[
      local rig = require "moonrig"
      local guard <close> = setmetatable({}, { __close = function() rig.sleep(0) io.stderr:write "teardown " end })
      while true do print "line" end
    ]], os.tmpname()
    local out = shell(("{ %s run %s 2>%s; echo $? >>%s; } | head -n 1"):format(program.quote(program.path), path, err,
      err))
    assert.same({ "line\n", "teardown 130\n" }, { out, program.read(err) })
    os.remove(path)
    os.remove(err)
  end)

  it("starts without standard files, and keeps its own out of their places", function()
    local report = os.tmpname()
    local path = program.file(([[
      local file = io.open(%q, "w")
      print "lost"
      io.stderr:write "lost"
      file:write(tostring(io.read()))
    ]]):format(report))
    assert(os.execute(("%s run %s <&- >&- 2>&-"):format(program.quote(program.path), path)))
    assert.equal("nil", program.read(report))
    os.remove(path)
    os.remove(report)
  end)
end)
