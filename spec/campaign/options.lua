-- options.lua: what the campaigns share on their command lines, and how they tell their figures.
local options = {}

--- Reads --rounds N --seed N --keep. The seed is the time unless said.
function options.parse(name, defaults)
  local given, i = { rounds = defaults.rounds, seed = os.time() % 1000000, keep = false }, 1
  while arg[i] do
    local word = arg[i]:match "^%-%-(%l+)$"
    if word == "keep" then
      given.keep = true
    elseif (word == "rounds" or word == "seed") and math.tointeger(tonumber(arg[i + 1])) then
      i = i + 1
      given[word] = math.tointeger(tonumber(arg[i]))
    else
      io.stderr:write(("%s: %s: there are --rounds N, --seed N and --keep\n"):format(name, arg[i]))
      os.exit(64)
    end
    i = i + 1
  end
  return given
end

--- A function like math.random, from the seed.
function options.random(seed)
  math.randomseed(seed)
  return math.random
end

--- Prints the figures.
function options.tell(name, given, totals, failed)
  local names = {}
  for each in pairs(totals) do names[#names + 1] = each end
  table.sort(names)
  for _, each in ipairs(names) do print(("%7d  %s"):format(totals[each], each)) end
  print(("%s: %d rounds, %d failed (--seed %d)"):format(name, given.rounds, failed, given.seed))
end

return options
