-- moonrig term runs on a pty (exec:), which is its terminal; the port that it talks to has its far end here.
local core = require "moonrig.core"
local rig = require "moonrig"

local moonrig = os.getenv "MOONRIG" or "build/moonrig"
local MENU, QUIT = "\20", "\29"

local files, open

local function temporary()
  files[#files + 1] = os.tmpname()
  return files[#files]
end

local function contents(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

local function write_file(path, text)
  local f <close> = assert(io.open(path, "wb"))
  f:write(text)
end

-- Kept open until the end of the test.
local function keep(port)
  open[#open + 1] = port
  return port
end

-- A command on a terminal.
local function on_terminal(command)
  local script = [[exec:stty sane -echo; NO_COLOR=1 sh -c "echo pid \$\$; exec %s"; echo status $?; stty -a]]
  return keep(rig.open(script:format(command), { timeout = 10 }))
end

local function term(arguments)
  local t = on_terminal(("%s term %s"):format(moonrig, arguments))
  local pid = t:expect "pid (%d+)"
  t:expect "%-%-%- [^\n]* quits, [^\n]* shows the keys\r\n"
  return t, pid
end

-- The far end of a serial line, and its name. With a link it can go and come back.
local function device(link)
  local far = keep(rig.open("pty:" .. (link or ""), { timeout = 10 }))
  return far, link or far.name
end

local function quit(t)
  t:write(QUIT)
  return t:expect "status (%d+)"
end

-- What a command without a terminal prints, and its exit status.
local function output_of(command)
  local p <close> = rig.open(("exec:{ %s; } 2>&1 | cat"):format(command), { timeout = 10 })
  local lines = {}
  for line in p:lines() do lines[#lines + 1] = line end
  return table.concat(lines, "\n")
end

local function status_of(command)
  local p <close> = rig.open(("exec:{ %s; } >/dev/null 2>&1"):format(command), { timeout = 10 })
  local _, err = p:try_read(1)
  return tonumber(err.message:match "exited with status (%d+)")
end

describe("moonrig term", function()
  before_each(function() files, open = {}, {} end)
  after_each(function()
    for _, port in ipairs(open) do port:close() end
    for _, name in ipairs(files) do os.remove(name) end
  end)

  it("shows what comes and sends what is typed, Enter as CR", function()
    local far, name = device()
    local t = term(name .. " 115200")
    far:write "login: "
    t:expect "login: "
    t:write "root\r"
    assert.equal("root\r", far:read(5))
    far:write "a\nb\r\n"
    t:expect "a\r\nb\r\n"
    assert.equal(115200, far.baudrate)
    assert.equal("0", quit(t))
  end)

  it("gives every key to the port but two", function()
    local far, name = device()
    local t = term(name)
    local all = {}
    for c = 0, 255 do
      if c ~= 20 and c ~= 29 then all[#all + 1] = string.char(c) end
    end
    all = table.concat(all)
    t:write(all, MENU, MENU, MENU, QUIT)
    assert.equal(all .. MENU .. QUIT, far:read(256))
    assert.equal("0", quit(t))
  end)

  it("puts the terminal back, however it ends", function()
    local ends = {
      ["0"] = function(t) t:write(MENU, "q") end,
      ["2"] = function(_, far) far:close() end,
      ["130"] = function(_, _, pid) rig.open("exec:kill -TERM " .. pid):try_read(1) end,
    }
    for status, stop in pairs(ends) do
      local far, name = device()
      local t, pid = term("device:" .. name .. " --no-reconnect")
      stop(t, far, pid)
      assert.equal(status, t:expect "status (%d+)")
      local settings = ""
      for line in t:lines() do settings = settings .. line .. " " end
      for _, setting in ipairs { "isig", "icanon", "icrnl", "opost" } do
        assert.matches(" " .. setting .. " ", settings)
      end
    end
  end)

  it("has a menu that shows its keys", function()
    local _, name = device()
    local t = term(name .. " --menu-key a --exit-key x")
    t:write "\1?"
    t:expect "Ctrl%-X quits%. After Ctrl%-A:"
    t:expect "  b  sends a break"
    t:write "\1@" -- no such key: a bell
    t:expect "\7"
    t:write "\24"
    assert.equal("0", t:expect "status (%d+)")
  end)

  it("changes settings, and says why where it cannot", function()
    local far, name = device()
    local t = term(name)
    t:write(MENU, "s")
    t:expect "9600 8N1"
    t:write "5760x\1270 8N2\r"
    t:expect "/dev/pts/%d+, 57600 8N2\r\n"
    assert.same({ 57600, 2 }, { far.baudrate, far.stopbits })
    for typed, answer in pairs { ["7E1"] = "bytesize 7 was asked for", ["fast"] = '"fast" is no setting' } do
      t:write(MENU, "s", typed, "\r")
      t:expect(answer)
    end
    t:write(MENU, "s", "9600\27[A") -- an arrow key: given up
    t:expect "9600\r\n"
    t:write "x"
    assert.equal("x", far:read(1))
    assert.equal(57600, far.baudrate)
  end)

  it("sets signals, pulses them, and sends a break", function()
    local t = term "loop:// --set dtr=off"
    t:write(MENU, "i")
    t:expect "DTR off, RTS on, CTS on, DSR off, RI off, CD on"
    t:write(MENU, "d", MENU, "r", MENU, "i")
    t:expect "DTR on\r\n.*RTS off\r\n.*CTS off, DSR on"
    t:write(MENU, "p")
    t:expect "DTR pulsed"
    t:write(MENU, "b")
    t:expect "break sent"
    assert.equal("0", quit(t))
    local _, name = device()
    t = term(name)
    t:write(MENU, "d")
    t:expect "has no modem signals"
    assert.equal("0", quit(t))
  end)

  it("shows bytes in hex, control characters, and the time of lines", function()
    local far, name = device()
    local t = term(name .. " --hex --eol crlf --echo")
    far:write "ACME\0"
    t:expect "00000000  < 41 43 4d 45 00 +ACME%."
    t:write "\r"
    t:expect "00000000  > 0d 0a +%.%.\r\n" -- ends after a pause
    t:write(MENU, "v", MENU, "v")
    t:expect "view raw.*view text"
    t:write(MENU, "v")
    t:expect "view visible"
    far:write "\27[1mµ\r\n"
    t:expect "\\e%[1mµ\\r\\n\r\n"
    t:write(MENU, "t", MENU, "v", MENU, "v", MENU, "v")
    t:expect "view text\r\n"
    far:write "on time\n"
    t:expect "%d%d:%d%d:%d%d%.%d%d%d on time\r\n"
    assert.equal("0", quit(t))
  end)

  it("sends bytes given in hex, and files", function()
    local far, name = device()
    local t = term(name)
    t:write(MENU, "x", "01 0x03,ff00\r")
    assert.equal("\1\3\xff\0", far:read(4))
    t:write(MENU, "x", "123\r")
    t:expect '"123" is not hex'
    local path, all = temporary(), {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all):rep(200)
    write_file(path, all)
    t:write(MENU, "f", path, "\r")
    assert.is_true(far:read(#all) == all)
    t:expect("sent " .. path:gsub("%p", "%%%0") .. ": 51200 bytes in")
    write_file(path, ("x"):rep(1e6)) -- nobody reads so much: it stops when asked
    t:write(MENU, "f", path, "\r")
    t:expect "sends"
    t:write(MENU, "f")
    t:expect "stopped"
    t:write(MENU, "f", "/nonexistent\r")
    t:expect "/nonexistent: No such file"
    assert.equal("0", quit(t))
  end)

  it("lets the user out when the port takes nothing", function()
    local _, name = device()
    local path = temporary()
    write_file(path, ("x"):rep(1e6))
    local t = term(name)
    t:write(MENU, "f", path, "\r", ("typed"):rep(60000))
    t:expect "\7"
    assert.equal("0", quit(t))
  end)

  it("lets the user out when the screen takes nothing", function()
    local t, pid = term "exec:yes"
    while t.in_waiting < 128 * 1024 do rig.sleep(0.01) end -- and no more, as nobody reads here
    t:write(QUIT)
    local give_up = rig.now() + 5
    while io.open("/proc/" .. pid .. "/stat") do
      assert.is_true(rig.now() < give_up, "it does not end")
      rig.sleep(0.01)
    end
    t:expect("status 0", { window = 1024 * 1024 })
  end)

  it("appends what was received to a log", function()
    local path, raw = temporary(), temporary()
    write_file(path, "kept\n")
    local far, name = device()
    local t = term(name .. " --log " .. path)
    far:write "one\27[1m \27[0mline\r\n\0two\n"
    t:expect "two"
    t:write(MENU, "l")
    t:expect "ended"
    far:write "not logged\n"
    t:expect "not logged"
    assert.matches("^kept\n%d+%-%d%d%-%d%d %d%d:%d%d:%d%d%.%d%d%d one line\n[^\n]+ \\x00two\n$", contents(path))
    assert.equal("0", quit(t))
    t = term(name .. " --log-format raw")
    t:write(MENU, "l", raw, "\r")
    t:expect "logs to"
    far:write "\0\1\r\n\xff"
    t:expect "\xff"
    assert.equal("\0\1\r\n\xff", contents(raw))
    assert.equal("0", quit(t))
    assert.equal(2, status_of(("%s term %s --log /nonexistent/log </dev/null"):format(moonrig, name)))
  end)

  it("waits for the port to come back, and says so", function()
    local link = temporary()
    os.remove(link)
    local far = device(link)
    local t = term(link .. " 19200")
    far:write "before\n"
    t:expect "before"
    far:close()
    t:expect "lost: [^\n]*; waits for it to come back\r\n"
    t:write "lost"
    t:expect "\7"
    far = device(link)
    t:expect("back: [^\n]*, 19200 8N1\r\n")
    far:write "after\n"
    t:expect "after"
    t:write "hello"
    assert.equal("hello", far:read(5))
    assert.equal(19200, far.baudrate)
    assert.equal("0", quit(t))
  end)

  it("sends LF to a socket, and reconnects to it", function()
    local listener = core.listen "socket://127.0.0.1:0"
    local url = listener:url()
    local t = term(url)
    local server = keep(listener:accept(5))
    t:write "*IDN?\r"
    assert.equal("*IDN?\n", server:read(6))
    server:close()
    listener:close()
    t:expect "lost: [^\n]*peer closed"
    listener = core.listen(url)
    server = keep(listener:accept(5))
    t:expect "back: "
    server:write "here again"
    t:expect "here again"
    assert.equal("0", quit(t))
    listener:close()
  end)

  it("ends with the port where that cannot come back", function()
    local t = on_terminal(moonrig .. " term 'exec:echo started; exit 3'")
    t:expect "started\r\n"
    t:expect "moonrig term: exec:[^\n]*exited with status 3\r\n"
    assert.equal("2", t:expect "status (%d+)")
    t = on_terminal(moonrig .. " term 'exec:echo started'")
    assert.equal("0", t:expect "started\r\nstatus (%d+)")
  end)

  it("keeps what comes while it asks, and shows it after", function()
    local far, name = device()
    local t = term(name)
    t:write(MENU, "x41")
    t:expect "in hex: 41"
    far:write "meanwhile"
    t:write " 42\r"
    assert.equal("", t:expect "in hex: 41 42\r\n(.-)meanwhile")
    assert.equal("AB", far:read(2))
  end)

  it("waits for a port that is not there yet", function()
    local link = temporary()
    os.remove(link)
    local t = on_terminal(("%s term --wait %s"):format(moonrig, link))
    t:expect "waits: "
    local far = device(link)
    t:expect "shows the keys\r\n"
    far:write "here\n"
    t:expect "here"
    assert.equal("0", quit(t))
  end)

  it("is coloured on a terminal only, and not with NO_COLOR", function()
    local t = on_terminal("env NO_COLOR= " .. moonrig .. " term loop://")
    t:expect "\27%[33m%-%-%- loop"
    assert.equal("0", quit(t))
  end)

  it("asks which port when none is named", function()
    assert.equal(64, status_of(moonrig .. " term </dev/null"))
    assert.matches("name a port: moonrig term URL", output_of(moonrig .. " term </dev/null"))
  end)

  it("says what is wrong", function()
    for arguments, case in pairs {
      ["/dev/ttyNONE7"] = { 2, "^moonrig term: /dev/ttyNONE7" },
      ["socket://127.0.0.1:1"] = { 2, "Connection refused$" },
      ["loop:// 96oo"] = { 64, '"96oo" is no number of bits per second' },
      ["loop:// --set 9X1"] = { 64, '"9X1" is no setting' },
      ["loop:// --view octal"] = { 64, "'text', 'visible', 'hex', 'raw'" },
      ["loop:// --until '('"] = { 64, "malformed pattern" },
      ["loop:// --menu-key 5"] = { 64, '"5" is no letter' },
      ["speed://x"] = { 64, "unknown scheme" },
    } do
      local command = ("%s term %s </dev/null"):format(moonrig, arguments)
      assert.equal(case[1], status_of(command), arguments)
      assert.matches(case[2], output_of(command))
    end
    assert.matches("example: moonrig term", output_of(moonrig .. " term --help"))
  end)
end)

describe("moonrig term in a pipe", function()
  local listener
  before_each(function()
    files, open = {}, {}
    listener = rig.listen("socket://127.0.0.1:0", function(port)
      for line in port:lines(math.huge) do
        if line == "*IDN?" then port:write_line "ACME,PSU-100,7,1.0" end
        if line == "bye" then return end
      end
    end)
  end)
  after_each(function()
    listener:close()
    for _, name in ipairs(files) do os.remove(name) end
  end)

  local function piped(input, arguments)
    return ("printf '%s' | %s term %s %s"):format(input, moonrig, listener.url, arguments or "")
  end

  it("sends its input, prints the reply, and ends when it is quiet", function()
    local t0 = rig.now()
    assert.equal("ACME,PSU-100,7,1.0", output_of(piped("*IDN?\\n", "--idle 0.2")))
    assert.is_true(rig.now() - t0 >= 0.2)
    assert.equal(0, status_of(piped("*IDN?\\n", "--idle 0.2")))
  end)

  it("ends when the port has no more", function()
    assert.equal("ACME,PSU-100,7,1.0", output_of(piped("*IDN?\\nbye\\n", "--idle 9")))
    assert.equal(0, status_of(piped("bye\\n", "--idle 9")))
  end)

  it("ends when what is wanted has come, and fails when it does not", function()
    assert.equal(0, status_of(piped("*IDN?\\n", "--idle 9 --until 'PSU%-(%d+)'")))
    assert.equal(1, status_of(piped("*IDN?\\n", "--idle 0.1 --until DMM")))
    assert.matches('"DMM" did not come: nothing more came for 0.1 s$',
      output_of(piped("*IDN?\\n", "--idle 0.1 --until DMM")))
    assert.matches("did not come: .*peer closed", output_of(piped("bye\\n", "--idle 9 --until DMM")))
  end)

  it("carries every byte, and much of it", function()
    local path, all = temporary(), {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all):rep(8192) -- 2 MiB
    write_file(path, all)
    local out = temporary()
    assert.equal(0, status_of(("%s term exec:cat --idle 0.5 <%s >%s"):format(moonrig, path, out)))
    status_of(("%s term exec:cat --idle 0.5 <%s | cmp - %s"):format(moonrig, path, path))
    assert.equal(0, status_of(("sh -c '%s term exec:cat --idle 0.5 <%s | cmp - %s'"):format(moonrig, path, path)))
  end)

  it("sends the end of line that was asked for", function()
    assert.equal("00000000  < 41 0d 0a 42 0d 0a                                A..B..",
      output_of(("printf 'A\\nB\\n' | %s term exec:cat --eol crlf --hex --idle 0.2"):format(moonrig)))
  end)

  it("logs, and ends quietly when nobody reads its output", function()
    local path = temporary()
    assert.equal("1", output_of(("%s term 'exec:seq 100000' --log %s --log-format raw </dev/null | head -n 1"):format(
      moonrig, path)))
    assert.matches("^1\n2\n3\n", contents(path))
  end)

  it("fails when the port does not take its input", function()
    assert.equal(2, status_of(("head -c 1000000 /dev/zero | %s term 'exec:sleep 9' --set timeout=0.2"):format(moonrig)))
  end)
end)
