local report = require "moonrig.report"
local samples = require "support.sample_runs"

describe("report", function()
  local folder
  before_each(function()
    local pipe = assert(io.popen "mktemp -d")
    folder = pipe:read "l"
    pipe:close()
  end)
  after_each(function() os.execute(("rm -r '%s'"):format(folder)) end)

  local function fails(code, message, fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    assert.equal(code, e.code)
    assert.is_truthy(e.message:find(message, 1, true), e.message)
  end

  it("renders every format that it names", function()
    for _, format in ipairs(report.formats) do
      if format ~= "pdf" then  -- which needs a program; see pdf_spec.lua
        assert.is_truthy(report.render(format, samples.pass()):find("PSU4711", 1, true))
        local ok, e = pcall(report.render, format, { samples.pass(), samples.pass() })
        assert.is_truthy(ok or e.message:find(format .. " holds one run in a file, not 2", 1, true), format)
      end
    end
  end)

  it("says what formats there are", function()
    fails("unsupported", 'there is no report format "xlsx"; there are text, json, junit, html, pdf, csv, csv-wide, '
      .. "openhtf, wsjf, stdf", report.render, "xlsx", samples.pass())
    fails("unsupported", 'no report format "nil"', report.write, nil, samples.pass(), folder .. "/x")
    fails("unsupported", 'no report format "markup"', report.render, "markup", samples.pass())
  end)

  it("takes no runs at all as no crash", function()
    for _, format in ipairs { "openhtf", "wsjf", "stdf" } do
      fails("unsupported", format .. ": there is no run to write", report.render, format, {})
    end
    assert.matches("^run,[^\n]*\r\n$", report.render("csv", {}))
    assert.matches("^run,[^\n]*\r\n$", report.render("csv-wide", {}))
  end)

  it("knows how many runs a format holds, which are binary, and how files are called", function()
    fails("unsupported", "openhtf holds one run in a file, not 3", report.check_format, "openhtf", 3)
    report.check_format("csv", 3)
    local binary, extensions = {}, {}
    for i, format in ipairs(report.formats) do
      if report.is_binary(format) then binary[#binary + 1] = format end
      extensions[i] = report.extension(format)
    end
    assert.same({ "pdf", "stdf" }, binary)
    assert.equal("txt json xml html pdf csv wide.csv openhtf.json wsjf.json stdf", table.concat(extensions, " "))
  end)

  it("reads one run after the other and writes it", function()
    local runs, events = { samples.pass(), samples.fail() }, {}
    local list = setmetatable({}, { __len = function() return #runs end, __index = function(_, i)
      if runs[i] then events[#events + 1] = "read" end
      return runs[i]
    end })
    for _, format in ipairs { "text", "json", "csv" } do
      events = {}
      local pieces = {}
      report.put(format, list, function(text) events[#events + 1], pieces[#pieces + 1] = "write", text end)
      assert.matches("read write .*read write", table.concat(events, " "), format)
      assert.equal(report.render(format, runs), table.concat(pieces))
    end
  end)

  it("leaves the file that is there when a report cannot be begun, or not be ended", function()
    local path = folder .. "/x.json"
    report.write("json", samples.pass(), path)
    local run = samples.pass()
    run.outcome = nil
    fails("unsupported", "has not ended", report.write, "openhtf", run, path)
    fails("system", "lost", require("moonrig.report.file").write, path, function(put)
      put "half of "
      error(require("moonrig.core").error { code = "system", message = "lost" }, 0)
    end)
    local f <close> = assert(io.open(path, "rb"))
    assert.equal(report.render("json", samples.pass()), f:read "a")
    assert.is_nil(io.open(path .. ".part"))
  end)

  it("writes through a link", function()
    os.execute(("ln -s '%s/real.json' '%s/link.json' && : > '%s/real.json'"):format(folder, folder, folder))
    report.write("json", samples.pass(), folder .. "/link.json")
    local f <close> = assert(io.open(folder .. "/real.json", "rb"))
    assert.equal(report.render("json", samples.pass()), f:read "a")
    assert.is_true((os.execute(("test -L '%s/link.json'"):format(folder))))
  end)

  it("writes files", function()
    local path = folder .. "/a report.json"
    report.write("json", samples.pass(), path)
    local f <close> = assert(io.open(path, "rb"))
    assert.equal(report.render("json", samples.pass()), f:read "a")
  end)

  it("says why it cannot write", function()
    local path = folder .. "/no/x.html"
    fails("not_found", path .. ": No such file", report.write, "html", samples.pass(), path)
    fails("system", folder .. ": Is a directory", report.write, "html", samples.pass(), folder)
    fails("system", "/dev/full: No space left", report.write, "html", samples.pass(), "/dev/full")
  end)
end)
