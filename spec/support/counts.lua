-- counts.lua: busted output: a dot for each test, the failures, and at the end
-- "N passed, N failed" alone on a line.
return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local plain = require "busted.outputHandlers.plainTerminal"(options)
  plain:subscribe(options)
  busted.subscribe({ "exit" }, function()
    local failed = plain.failuresCount + plain.errorsCount
    io.write(("%d passed, %d failed\n"):format(plain.successesCount, failed))
    return nil, true
  end)
  function handler.subscribe() end
  return handler
end
