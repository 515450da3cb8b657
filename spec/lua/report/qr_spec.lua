local external = require "support.external"
local program = require "support.program"
local qr = require "moonrig.report.qr"

local ID <const> = "0197c2a0-5b7e-7c3d-8a41-5f6b7c8d9e0f"

-- The dark modules of a drawing, row by row.
local function modules_of(svg)
  local size = math.tointeger(tonumber(svg:match 'viewBox="%-4 %-4 (%d+) '))
  local rows = {}
  for y = 1, size - 8 do rows[y] = (" "):rep(size - 8) end
  for x, y, width in svg:gmatch "M(%d+) (%d+)h(%d+)v1h%-%d+z" do
    x, y, width = tonumber(x), tonumber(y), tonumber(width)
    rows[y + 1] = rows[y + 1]:sub(1, x) .. ("#"):rep(width) .. rows[y + 1]:sub(x + width + 1)
  end
  return table.concat(rows, "\n")
end

describe("a QR code", function()
  it("is what qrencode draws, whatever it draws it with", function()
    if not os.execute "command -v qrencode >/dev/null" then return pending "qrencode is not installed" end
    local svg = tostring(qr.svg(ID, "QR code of the run"))
    local xpm, code = external.run(("qrencode -t XPM -s 1 -m 0 -l M -o - '%s'"):format(ID))
    assert.equal(0, code, xpm)
    local rows = {}
    for row in xpm:gmatch '"([FB]+)"' do rows[#rows + 1] = row:gsub("F", "#"):gsub("B", " ") end
    assert.is_true(#rows >= 21)
    assert.equal(table.concat(rows, "\n"), modules_of(svg))
    assert.matches('aria-label="QR code of the run"', svg, 1, true)
  end)

  it("is left out without qrencode, and of what is no id", function()
    assert.is_nil(qr.svg("'; touch x; '", "x"))
    local output, code = external.run(('PATH=/nonexistent exec "%s" "$1"'):format(program.path), [[
      local report, samples = require "moonrig.report", dofile "spec/support/sample_runs.lua"
      print(report.render("html", samples.pass()):find('class="qr"', 1, true))]])
    assert.same({ "nil\n", 0 }, { output, code })
  end)
end)
