local external = require "support.external"
local report = require "moonrig.report"
local samples = require "support.sample_runs"

-- An independent reader: reports what is not well nested, what could run or load, doubled ids, a wrong hash of the
-- style sheet; then prints each row of each table as text, and headings.
local READ = [==[
import base64, hashlib, html.parser, re, sys
VOID = {"meta", "img", "col", "br", "hr", "rect", "circle", "line", "polygon", "polyline"}
class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.text, self.policy, self.style, self.links = [], set(), "", "", "", []
    def handle_starttag(self, tag, attributes):
        if tag not in VOID: self.open.append(tag)
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form"): print("BAD element", tag)
        for name, value in attributes:
            if name.startswith("on") or name == "style": print("BAD attribute", name)
            if name in ("src", "href") and not re.match("data:image/|#", value): print("BAD address", value)
            if name == "href": self.links.append(value[1:])
            if name == "id":
                if value in self.ids: print("BAD second id", value)
                self.ids.add(value)
        a = dict(attributes)
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy": self.policy = a["content"]
        if tag in ("tr", "h1", "h2", "title", "li", "p"): self.text = ""
        if tag in ("td", "th", "span", "div"): self.text += "|" if tag in ("td", "th") else " "
    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID: print("BAD empty element", tag)
    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag: print("BAD end of", tag, "in", self.open)
        else: self.open.pop()
        if tag in ("tr", "h1", "h2", "title", "li", "p"):
            print(tag + ": " + re.sub(" ?[|] ?", "|", " ".join(self.text.split())))
    def handle_data(self, data):
        if self.open and self.open[-1] == "style": self.style += data
        else: self.text += data
text = open(sys.argv[1], encoding="utf-8").read()
reader = Reader()
reader.feed(text)
reader.close()
if reader.open: print("BAD left open", reader.open)
if [l for l in reader.links if l not in reader.ids]: print("BAD link", reader.links)
digest = base64.b64encode(hashlib.sha256(reader.style.encode()).digest()).decode()
want = "default-src 'none'; img-src data:; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'" % digest
if reader.policy != want: print("BAD policy", reader.policy)
if re.search(r"url\(|@import|</", reader.style): print("BAD style")
]==]

local function read(text)
  local output, code = external.python(READ, text)
  assert.equal(0, code, output)
  assert.is_nil(("\n" .. output):match "\nBAD[^\n]*")
  return output
end

local function has(output, line)
  assert.is_truthy(("\n" .. output):find("\n" .. line .. "\n", 1, true), line .. "\n" .. output)
end

describe("report html", function()
  it("is well nested, loads nothing, runs nothing", function()
    for _, name in ipairs { "pass", "fail", "aborted", "hostile", "curves" } do
      read(report.render("html", samples[name]()))
    end
    read(report.render("html", { samples.pass(), samples.fail(), samples.hostile() }))
  end)

  it("is read by a reader that finds faults", function()
    local good = report.render("html", samples.fail())
    for from, to in pairs { ["</dl>"] = "", ["<main>"] = "<main><script></script>", ["5.12 V"] = '<b onclick="x">5</b>',
        ["%-%-page: #eef1f4"] = "--page: #eef1f5", ["<h1>"] = '<h1 id="run-13">' } do
      local bad, n = good:gsub(from, to, 1)
      assert.equal(1, n)
      assert.is_truthy(external.python(READ, bad):find "BAD")
    end
  end)

  it("shows the verdict and where it comes from", function()
    local out = read(report.render("html", samples.pass()))
    has(out, "title: PSU4711 PASS, PSU-100 final, run 12")
    has(out, "h1: PSU4711")
    has(out, "p: PASS marginal 11 measurements in 6 phases, none failed, 1 marginal, 1 skipped, 1 attempt repeated")
    local text = report.render("html", samples.pass())
    for word, fact in pairs { Unit = "PSU4711", Part = "PSU-100", Revision = "B", Batch = "2026-27", Version = "1.4.0",
        Station = "bench-3", Site = "left", Operator = "M. Weber", Started = "2026-07-01 12:00:00 UTC",
        Duration = "12.3 s", Attempt = "2 of this unit", Software = "moonrig 0.1.0", Host = "line2" } do
      assert.is_truthy(text:find(("<dt>%s</dt><dd>%s</dd>"):format(word, fact), 1, true), word)
    end
    for word, fact in pairs { Run = "0197c2a0-5b7e-7c3d-8a41-5f6b7c8d9e0f", ["Script SHA-256"] = ("5d"):rep(32) } do
      assert.is_truthy(text:find(('<dt>%s</dt><dd class="mono">%s</dd>'):format(word, fact), 1, true), word)
    end
  end)

  it("shows measurements with limits, and every attempt", function()
    local out = read(report.render("html", samples.pass()))
    has(out, "tr: |Measurement|Value|Low limit|High limit|Value against limits|Verdict")
    has(out, "tr: |v_5v0 measured by dmm|5.12 V \u{b1} 0.0004 V|4.95 V marginal below 4.97 V"
      .. "|5.05 V marginal above 5.03 V||\u{2717} FAIL")
    has(out, "tr: |v_5v0 measured by dmm|5.0412 V \u{b1} 0.0004 V|4.95 V marginal below 4.97 V"
      .. "|5.05 V marginal above 5.03 V||\u{2713} PASS marginal")
    has(out, "tr: |5 V rail \u{b7} 498 ms \u{b7} attempt 2|\u{2713} PASS marginal")
    has(out, 'tr: |model|PSU-100|equals "PSU-100"||\u{2713} PASS')
    has(out, "tr: |v_3v3|3.3187 V|3.3 V \u{b1} 2 %||\u{2713} PASS")
    has(out, "tr: |hipot|-|\u{2013}|5 mA||SKIPPED")
    has(out, "tr: |Is the green LED on?|yes|3.2 s|identify")
    has(out, "tr: |temperature|24.75 \u{b0}C|for information||\u{2713} PASS")
  end)

  it("gives bounds their columns, and says what goes with them once", function()
    local m = samples.measurement
    local out = read(report.render("html", samples.run { phases = { samples.phase { name = "p", measurements = {
      m { name = "a", value = 3.3, unit = "V", limits = { min = 3.2, max = 3.4, nominal = 3.3,
        text = "as the datasheet" } },
      m { name = "b", value = 3.3, unit = "V", limits = { min = 3.135, max = 3.465, nominal = 3.3, within = 5,
        text = "loose" } },
      m { name = "c", value = 1, limits = { text = "odd" } } } } } }))
    has(out, "tr: |a nominal 3.3 V as the datasheet|3.3 V|3.2 V|3.4 V||\u{2713} PASS")
    has(out, "tr: |b|3.3 V|3.3 V \u{b1} 5 %, loose||\u{2713} PASS")
    has(out, "tr: |c|1|odd||\u{2713} PASS")
  end)

  it("draws series, with their limits and what is beyond them", function()
    local text = report.render("html", samples.curves())
    local out = read(text)
    has(out, "tr: |gain worst of 4 points, at frequency 1000 Hz min along a line of 2 points|-9 dB|-6 dB|0 dB||"
      .. "\u{2717} FAIL")
    has(out, "tr: |ripple|2 points|for information||\u{2713} PASS")
    local plots = {}
    for label, drawing in text:gmatch '<svg aria%-label="([^"]*)" class="plot"[^>]*>(.-)</svg>' do
      plots[#plots + 1] = label
      plots[label] = drawing
    end
    assert.same({ "gain, worst of 4 points, at frequency 1000 Hz", "ripple, 2 points", "cut, 1 point",
      "noise, worst of 2 points, at time 0.5 s" }, { table.unpack(plots) })
    local gain = plots[plots[1]]
    -- 10 Hz to 20 kHz, logarithmic: 100 Hz lies 0.303 of the way
    local xs = {}
    for x in gain:match('class="series" points="(.-)"'):gmatch "([%d.]+),[%d.]+" do xs[#xs + 1] = tonumber(x) end
    assert.equal(4, #xs)
    assert.near(1 / math.log(2000, 10), (xs[2] - xs[1]) / (xs[4] - xs[1]), 1e-3)
    local _, marks = gain:gsub('class="signal"', "")
    assert.equal(1, marks)
    assert.is_truthy(gain:find('class="limit%-line" points="[^ ]+ [^ ]+ [^ ]+"'))   -- ends where the limit does
    assert.is_truthy(plots[plots[4]]:find('class="signal"', 1, true))              -- NaN, on the axis
    assert.is_truthy(plots[plots[3]]:find('class="dot"', 1, true))
  end)

  it("draws no more of many points than can be seen, but every peak", function()
    local x, y = {}, {}
    for i = 1, 200000 do x[i], y[i] = i + 0.0, i % 7 + 0.0 end
    y[123456] = 100.0
    local run = samples.run { phases = { samples.phase { name = "p", measurements = {
      samples.measurement { name = "v", value = 100.0, series = { x = x, y = y, x_log = false } } } } } }
    local points = report.render("html", run):match 'class="series" points="(.-)"'
    local count, top = 0, math.huge
    for height in points:gmatch ",([%d.]+)" do count, top = count + 1, math.min(top, tonumber(height)) end
    assert.is_true(count > 1000 and count <= 4 * 900, count)
    assert.is_true(top < 40)
  end)

  it("folds repeated attempts and the log away", function()
    local text = report.render("html", samples.pass())
    assert.matches("<details><summary>5 V rail, attempt 1 was repeated: ", text)
    assert.matches('<details class="more"><summary>Log, 3 lines</summary>', text)
    assert.is_nil(text:find("<details open", 1, true))
  end)

  it("has what a certificate has, on paper too, from the notes of the run", function()
    local run = samples.pass()
    for name, value in pairs { laboratory = "Weber GmbH", address = "Stuttgart", customer = "ACME", order = 4500017,
        humidity = "41 %", deviations = "probe 10:1", waiver = "W-3", method = "IEC 62301", received = "2026-06-30",
        condition = "new", authorized_by = "A. Ito" } do
      run.meta[name] = value
    end
    run.config.limits = { file = "limits.csv", version = "7" }
    run.seal = { seq = 12, prev = ("a"):rep(64), doc = ("b"):rep(64), hash = ("c"):rep(64), key = ("d"):rep(64),
      signature = ("e"):rep(128), head = { seq = 12, hash = ("c"):rep(64) } }
    run.instruments[2].cal_due = "2026-06-30"
    local text = report.render("html", run)
    for word, fact in pairs { Customer = "ACME", Order = "4500017", Fixture = "FX-7", Temperature = "23.4",
        Humidity = "41 %", Ended = "2026-07-01 12:00:12 UTC", Method = "IEC 62301", Received = "2026-06-30",
        Condition = "new", ["Authorized by"] = "A. Ito", Limits = "limits.csv, version 7",
        ["Sealed as"] = "run 12 of station bench-3, signed by " .. ("d"):rep(64) } do
      assert.is_truthy(text:find(("<dt>%s</dt><dd>%s</dd>"):format(word, fact), 1, true), word)
    end
    for word, fact in pairs { Hash = ("c"):rep(64), ["Hash before"] = ("a"):rep(64), Signature = ("e"):rep(128) } do
      assert.is_truthy(text:find(('<dt>%s</dt><dd class="mono">%s</dd>'):format(word, fact), 1, true), word)
    end
    for _, part in ipairs { "<strong>Weber GmbH</strong>, Stuttgart",
        "<strong>Deviations from the procedure.</strong> probe 10:1", "<strong>Waiver.</strong> W-3",
        "<dt>Decision rule</dt><dd>Simple acceptance: a value passes when it is within its limits or equal to one",
        "The results relate only to the unit named above. This report shall not be reproduced except in full",
        '"Page " counter(page) " of " counter(pages)', "End of report " } do
      assert.is_truthy(text:find(part, 1, true), part)
    end
    run.meta.decision_rule = "guarded acceptance, w = U"
    text = report.render("html", run)
    assert.is_truthy(text:find("<dt>Decision rule</dt><dd>guarded acceptance, w = U</dd>", 1, true))
    local out = read(text)
    has(out, "tr: |dmm|Keysight 34465A socket://10.0.0.5:5025|MY60012345|A.03.02|2027-03-31, valid certificate "
      .. "K-2026-0815")
    has(out, "tr: |psu|Rigol DP832 /dev/ttyUSB0?baudrate=115200|DP8C1|00.01.14|2026-06-30, overdue")
    assert.is_nil(report.render("html", samples.fail()):find("<dt>Customer", 1, true))
  end)

  it("says what failed", function()
    local out = read(report.render("html", samples.fail()))
    has(out, "h2: What failed")
    has(out, "li: 5 V rail: efficiency was not measured, limits: >= 85 %")
    has(out, "tr: |load step|NaN V|4.8 V|\u{2013}||\u{2717} FAIL")
    has(out, "tr: |efficiency|not measured|85 %|\u{2013}||\u{2717} UNSET")
    has(read(report.render("html", samples.aborted())), "li: stopped by the operator (Ctrl-C) [cancelled]")
  end)

  it("warns of what makes a verdict worth less", function()
    local run = samples.aborted()
    run.interrupted = true
    run.instruments = { { role = "dmm", simulated = false, cal_due = "2026-06-30" },
      { role = "psu", simulated = false, cal_due = "2026-07-01" } }
    local out = read(report.render("html", run))
    has(out, "p: Simulated. The instruments were simulators; this run says nothing about the unit.")
    has(out, "p: Not a production run. Its mode was debug.")
    has(out, "p: Calibration overdue. dmm was due on 2026-06-30, before this run.")
    assert.is_nil(out:find("psu was due", 1, true))
    assert.is_truthy(out:find("p: Interrupted. ", 1, true))
    assert.is_nil(read(report.render("html", samples.pass())):find "Simulated")
  end)

  it("shows hostile text as text", function()
    local text = report.render("html", samples.hostile())
    assert.is_nil(text:find("<script", 1, true))
    assert.is_nil(text:find "[%z\1-\9\11-\31\127]")
    assert.is_truthy(utf8.len(text))
    assert.is_nil(text:find("\u{202e}", 1, true))
    local shown = "<script>alert(1)</script>\"&'\\x1b]0;x\\x07]]>\\x00\\xff\\u{202e}\\u{9b}\\r -->\\u{ffff}<\u{e9}"
    has(read(text), "h1: " .. shown)
  end)

  it("puts images into the file, and nothing else", function()
    local run = samples.run { attachments = {
      { name = "a.png", mime = "image/png", size = 3, sha256 = ("01"):rep(32) },
      { name = "b.html", mime = "text/html", size = 3, sha256 = ("02"):rep(32) },
      { name = "gone.png", mime = "image/png", size = 3, sha256 = ("03"):rep(32) } } }
    local text = report.render("html", run, { blob = function(sha256)
      return sha256 ~= ("03"):rep(32) and "foo" or nil
    end })
    read(text)
    assert.is_truthy(text:find('<img alt="a.png" src="data:image/png;base64,Zm9v"/>', 1, true))
    local _, images = text:gsub("<img ", "")
    assert.equal(1, images)
    assert.is_truthy(text:find("gone.png", 1, true) and text:find("b.html", 1, true))
  end)

  it("has an index when there are several runs", function()
    local out = read(report.render("html", { samples.pass(), samples.fail(), samples.aborted() }))
    has(out, "title: Test reports: 3 runs")
    has(out, "p: 1 PASS, 1 FAIL, 1 ABORTED")
    has(out, "tr: |\u{2717} FAIL|PSU4712|PSU-100 final 1.4.0|2026-07-01 12:00:00 UTC|12.3 s"
      .. "|5 V rail: v_5v0 = 5.12 V, limits: 4.95 to 5.05 V")
    has(out, "h1: PSU4712")
    assert.is_nil(read(report.render("html", { samples.pass() })):find "Test reports")
  end)

  it("has the run on every printed page", function()
    local text = report.render("html", { samples.pass(), samples.fail() })
    assert.is_truthy(text:find('@page run-13 { margin: 15mm 14mm 18mm; @bottom-left { content: '
      .. '"PSU4712, run 0197c2a1-0000-7000-8000-000000000013"', 1, true))
    assert.is_truthy(text:find('"Page " counter(page) " of " counter(pages)', 1, true))
  end)

  it("takes little time", function()
    local phases = {}
    for p = 1, 50 do
      local list = {}
      for i = 1, 20 do
        list[i] = samples.measurement { name = "m" .. i, value = i / 7, unit = "V", limits = { min = 0, max = 3 } }
      end
      phases[p] = samples.phase { name = "phase " .. p, measurements = list }
    end
    local run = samples.run { phases = phases }
    local before = os.clock()
    local text = report.render("html", run)
    assert.is_true(os.clock() - before < (os.getenv "MOONRIG_SAN" and 20 or 2))
    local _, bars = text:gsub('<svg [^>]*class="bar"', "")
    assert.equal(1000, bars)
  end)
end)
