local results = require "moonrig.results"

describe("results.open", function()
  local folder
  before_each(function()
    local pipe = assert(io.popen "mktemp -d")
    folder = pipe:read "l"
    pipe:close()
  end)
  after_each(function() os.execute(("rm -r '%s'"):format(folder)) end)

  it("takes a file name, sqlite:FILE and sqlite://FILE", function()
    for _, prefix in ipairs { "", "sqlite:", "sqlite://" } do
      local rec <close> = results.open(prefix .. folder .. "/r.db")
      assert.equal(folder .. "/r.db", rec.path)
    end
  end)

  it("names a scheme that it does not know", function()
    local ok, e = pcall(results.open, "postgresql://host/db")
    assert.is_false(ok)
    assert.equal("unsupported", e.code)
    assert.is_truthy(e.message:find('there is no scheme "postgresql"', 1, true))
  end)

  it("passes options on", function()
    local ok, e = pcall(results.open, folder .. "/none.db", { readonly = true })
    assert.is_false(ok)
    assert.equal("not_found", e.code)
  end)
end)
