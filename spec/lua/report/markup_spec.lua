local tag = require "moonrig.report.markup"

describe("report.markup", function()
  it("escapes strings and keeps tags", function()
    assert.equal('<td class="a &quot;b&quot;">5 &lt; 6<b>7</b></td>',
      tostring(tag.td { class = 'a "b"', "5 < 6", tag.b { 7 } }))
  end)

  it("does not take a table that looks like a tag for one", function()
    assert.equal("<b>&lt;i&gt;</b>", tostring(tag.b { { "<i>", text = "<script>" } }))
  end)

  it("leaves out nil and false, and what follows them stays", function()
    assert.equal("<b>12</b>", tostring(tag.b { nil, "1", false, nil, { nil, "2" }, id = false }))
  end)

  it("sorts attributes and closes empty elements as HTML wants it", function()
    assert.equal('<img alt="x" src="y"/>', tostring(tag.img { src = "y", alt = "x" }))
    assert.equal("<td></td>", tostring(tag.td {}))
  end)
end)
