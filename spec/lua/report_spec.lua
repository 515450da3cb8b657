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
    fails("unsupported", 'there is no report format "pdf"; there are text, json, junit, html', report.render, "pdf",
      samples.pass())
    fails("unsupported", 'no report format "nil"', report.write, nil, samples.pass(), folder .. "/x")
    fails("unsupported", 'no report format "markup"', report.render, "markup", samples.pass())
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
