-- The PDF as pdftotext reads it, by each program that is there. Those in a folder of our own stand for ones that fail.
local external = require "support.external"
local program = require "support.program"

local moonrig = os.getenv "MOONRIG" or "build/moonrig"

local function is_there(name) return os.execute(("command -v %s >/dev/null"):format(name)) == true end

-- Runs Lua with a PATH on which there are only the usual tools and the scripts given.
local function with_programs(scripts, code)
  local folder = os.tmpname()
  os.remove(folder)
  local words = { "mkdir", folder }
  for _, tool in ipairs { "sh", "mktemp", "rm", "timeout", "id", "cat", "sleep" } do
    words[#words + 1] = ("&& ln -s $(command -v %s) %s/"):format(tool, folder)
  end
  assert(os.execute(table.concat(words, " ")))
  for name, text in pairs(scripts) do
    local f <close> = assert(io.open(folder .. "/" .. name, "w"))
    f:write("#!/bin/sh\n", text)
  end
  os.execute(("chmod -f +x %s/*"):format(folder))
  local command = ([[PATH=%s exec "$MOONRIG" - <"$1"]]):format(folder)
  local output, status = external.run(("export MOONRIG=$(realpath %s); %s"):format(moonrig, command),
    'package.path = "spec/?.lua;" .. package.path; local report, samples = require "moonrig.report", '
    .. 'require "support.sample_runs"; ' .. code)
  os.execute("rm -r " .. folder)
  return output, status
end

local RENDER <const> = 'local ok, e = pcall(report.render, "pdf", samples.pass()); '
  .. 'print(ok, ok and e or e.code, not ok and e.message or nil)'

describe("report pdf", function()
  for _, name in ipairs { "chromium", "weasyprint" } do
    it("holds what the HTML report does, by " .. name, function()
      if not is_there(name) then return pending(name .. " is not installed") end
      if not is_there "pdftotext" then return pending "pdftotext (poppler-utils) is not installed" end
      local path = assert(io.popen("command -v " .. name)):read "l"
      local out = os.tmpname()
      local output = with_programs({ [name] = ('PATH=/usr/bin:/bin exec %s "$@"\n'):format(path) },
        ('report.write("pdf", { samples.pass(), samples.fail() }, %q)'):format(out))
      assert.equal("", output)
      local text, code = external.run('pdftotext -layout "$1" - && pdfinfo "$1"', program.read(out))
      os.remove(out)
      assert.equal(0, code)
      for _, words in ipairs { "PSU4711", "PASS", "PSU4712", "FAIL", "v_5v0", "5.0412 V", "4.95 V", "5.05 V",
          "Keysight 34465A", "2027%-03%-31, valid", "Is the green LED on%?", "Page 1 of %d", "2 runs",
          "0197c2a0%-5b7e%-7c3d%-8a41%-5f6b7c8d9e0f", "A4", "attempt 1 was repeated", "End of report" } do
        assert.matches(words, text)
      end
    end)
  end

  it("says which packages to install when there is no program", function()
    assert.equal("false\tnot_found\tpdf: another program prints it from the HTML report, and there is none here; as "
      .. "root: apt-get install chromium (or weasyprint)\n", (with_programs({}, RENDER)))
    assert.matches("not_found", (with_programs({}, 'print(select(2, pcall(report.check_format, "pdf")).code)')))
  end)

  it("says what the program did not like", function()
    assert.equal("false\tsystem\tpdf: weasyprint made none: no such font\n",
      (with_programs({ weasyprint = "echo no such font >&2; exit 3" }, RENDER)))
    assert.equal("false\tsystem\tpdf: weasyprint made none: it said nothing\n",
      (with_programs({ weasyprint = "exit 0" }, RENDER)))
    assert.equal("false\tsystem\tpdf: chromium made none: first\n", (with_programs({ chromium = "echo first; exit 1",
      weasyprint = "exit 0" }, RENDER)))
  end)

  it("gives the page to the program and takes what it makes", function()
    local output = with_programs({ chromium = 'for a; do case $a in --print-to-pdf=*) out=${a#*=} ;; esac; done; '
      .. 'case $a in file://*) cat "${a#file://}" >/dev/null && echo "%PDF-1.7 of ${a##*/}" >"$out" ;; esac' }, RENDER)
    assert.equal("true\t%PDF-1.7 of report.html\n\tnil\n", output)
  end)
end)
