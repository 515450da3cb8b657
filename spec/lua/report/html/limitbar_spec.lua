local limitbar = require "moonrig.report.html.limitbar"

local function draw(value, limits, outcome, marginal)
  local bar = limitbar { name = "m", value = value, limits = limits, outcome = outcome or "PASS",
    marginal = marginal or false }
  return bar and tostring(bar)
end

-- x and width of the band of a class, in a drawing that is 140 wide.
local function band(svg, class)
  local x, width = svg:match(('<rect class="%s" height="8" width="([%%d.]+)" x="([%%d.]+)"'):format(class))
  return tonumber(width), tonumber(x)
end

local function marks(svg)
  return svg:match '<circle class="(%w+)" cx="([%d.-]+)"'
end

describe("report.html.limitbar", function()
  it("draws the value where it is between the limits", function()
    local svg = draw(5, { min = 4.95, max = 5.05 })
    local x, width = band(svg, "between")
    local class, at = marks(svg)
    assert.equal("pass", class)
    assert.near(70, tonumber(at), 0.05)
    assert.near(70, x + width / 2, 0.11)
    assert.near(140 / 1.7, width, 0.06)
    local _, edge = marks(draw(5.05, { min = 4.95, max = 5.05 }))
    assert.near(x + width, tonumber(edge), 0.11)
  end)

  it("draws marginal zones inside of the limits", function()
    local svg = draw(4.96, { min = 4.95, max = 5.05, marginal_min = 4.97, marginal_max = 5.04 }, "PASS", true)
    local zones = {}
    for width, x in svg:gmatch '<rect class="zone" height="8" width="([%d.]+)" x="([%d.]+)"' do
      zones[#zones + 1] = { tonumber(x), tonumber(width) }
    end
    local x, width = band(svg, "between")
    assert.equal(2, #zones)
    assert.equal(x, zones[1][1])
    assert.near(width / 5, zones[1][2], 0.11)
    assert.near(width / 10, zones[2][2], 0.11)
    assert.near(x + width, zones[2][1] + zones[2][2], 0.11)
    assert.equal("marginal", (marks(svg)))
  end)

  it("draws one bound", function()
    local x, width = band(draw(0.5, { max = 1 }), "between")
    assert.same({ 0.0, 105.0 }, { x, width })
    x, width = band(draw(1.5, { min = 1 }), "between")
    assert.same({ 35.0, 105.0 }, { x, width })
    assert.is_truthy(draw(1, { min = 0 }))
    assert.is_truthy(draw(0, { max = 0 }))
  end)

  it("draws a percentage of a nominal value", function()
    local svg = draw(3.3, { nominal = 3.3, within = 5 })
    assert.equal("70.0", (select(2, marks(svg))))
    assert.is_truthy(svg:find('class="nominal"', 1, true))
  end)

  it("gives failures another shape, and points to values off the drawing", function()
    assert.matches('<polygon class="fail" points="1%d%d%.%d,4', draw(5.06, { min = 4.95, max = 5.05 }, "FAIL"))
    assert.matches('<polygon class="fail" points="147%.0,11', draw(99, { min = 4.95, max = 5.05 }, "FAIL"))
    assert.matches('<polygon class="fail" points="%-7%.0,11', draw(-99, { min = 4.95, max = 5.05 }, "FAIL"))
    assert.matches('<polygon class="pass" points="147%.0,11', draw(math.huge, { min = 1 }))
  end)

  it("draws nothing where there is nothing to draw", function()
    for _, case in ipairs { { "text", { min = 1 } }, { 1, nil }, { 1, { equals = 1 } }, { 0 / 0, { min = 1 } },
        { nil, { min = 1 } }, { 1, { min = 2, max = 1 } }, { 1, { min = -math.huge, max = math.huge } },
        { 1, { min = -1.7e308, max = 1.7e308 } }, { true, { min = 1 } } } do
      assert.is_false(draw(case[1], case[2]))
    end
  end)

  it("draws every pair of limits within the drawing, with no number that is none", function()
    local numbers = { -1e300, -5.5, -1e-300, 0.0, 5e-324, 1e-9, 1, 5.05, 1e15, 1e300, math.huge }
    local drawn = 0
    for _, low in ipairs(numbers) do
      for _, high in ipairs(numbers) do
        for _, value in ipairs(numbers) do
          for _, limits in ipairs { { min = low, max = high }, { min = low, marginal_min = high },
              { max = low, marginal_max = high }, { nominal = low, within = high } } do
            local svg = draw(value, limits)
            if svg then
              drawn = drawn + 1
              assert.is_nil(svg:find "nan" or svg:find "inf" or svg:find 'width="%-', svg)
            end
          end
        end
      end
    end
    assert.is_true(drawn > 1000)
  end)
end)
