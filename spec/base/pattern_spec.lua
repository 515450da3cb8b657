-- spec of core/base/pattern.c: string.find is the reference.
local codec = require("moonrig.core").codec

-- What both find, in one table: {false, message} or the results.
local function results(...)
  local all = table.pack(pcall(...))
  if not all[1] and type(all[2]) == "table" then all[2] = all[2].message end
  return all
end

local function split(text, cuts)
  local pieces, from = {}, 1
  for _, at in ipairs(cuts) do
    pieces[#pieces + 1] = text:sub(from, at)
    from = at + 1
  end
  pieces[#pieces + 1] = text:sub(from)
  return pieces
end

local function bytes_of(text)
  local pieces = {}
  for i = 1, #text do pieces[i] = text:sub(i, i) end
  return pieces
end

-- A generator of its own, so that a failure repeats.
local function random_source(seed)
  local state = seed
  return function(n)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % n + 1
  end
end

local ATOMS = {
  "a", "b", "c", ".", "%a", "%d", "%s", "%S", "%w", "%W", "%l", "%u", "%p", "%c", "%x", "%g", "[ab]", "[^a]", "[]]",
  "[^]]", "[a-c]", "[%d ]", "[a-]", "[%a-c]", "[a-%%]", "[--%]b]", "%.", "%%", "%(", "%q", "\0", "\xff", " ", "1",
  "[\0-\x7f]",
}
local OTHERS = { "()", "%b()", "%bab", "%baa", "%f[ab]", "%f[%W]", "%f[^%z\0]", "%1", "%2", "$", "^", "*", "-", "]" }
local FAULTS = { "(", ")", "%", "[", "%b", "%f", "%0", "%3" }
local REPEATS = { "", "", "", "*", "+", "-", "?" }
local SUBJECT = { "a", "a", "b", "b", "c", " ", "1", "(", ")", ".", "A", "]", "-", "%", "\0", "\n", "\xff", "^", "$" }

local function random_pattern(random)
  local parts = { random(8) == 1 and "^" or "" }
  local open = 0
  for _ = 1, random(6) do
    local dice = random(20)
    if dice <= 3 then
      parts[#parts + 1] = OTHERS[random(#OTHERS)]
    elseif dice == 4 and random(3) == 1 then
      parts[#parts + 1] = FAULTS[random(#FAULTS)]
    elseif dice <= 6 then
      parts[#parts + 1] = "("
      open = open + 1
    elseif dice <= 8 and open > 0 then
      parts[#parts + 1] = ")"
      open = open - 1
    else
      parts[#parts + 1] = ATOMS[random(#ATOMS)] .. REPEATS[random(#REPEATS)]
    end
  end
  parts[#parts + 1] = (")"):rep(open)
  if random(6) == 1 then parts[#parts + 1] = "$" end
  return table.concat(parts)
end

local function random_subject(random)
  local parts = {}
  local kinds = random(2) == 1 and 5 or #SUBJECT
  for i = 1, random(16) - 1 do parts[i] = SUBJECT[random(kinds)] end
  return table.concat(parts)
end

local function random_cuts(random, len)
  local cuts = {}
  for at = 1, len - 1 do
    if random(3) == 1 then cuts[#cuts + 1] = at end
  end
  return cuts
end

local MESSAGES = {
  ["malformed pattern (ends with '%')"] = true,
  ["malformed pattern (missing ']')"] = true,
  ["malformed pattern (missing arguments to '%b')"] = true,
  ["missing '[' after '%f' in pattern"] = true,
  ["unfinished capture"] = true,
  ["invalid pattern capture"] = true,
  ["invalid capture index %0"] = true,
  ["invalid capture index %1"] = true,
  ["invalid capture index %2"] = true,
  ["invalid capture index %3"] = true,
}

-- What string.find says after each piece: the first time that it finds something.
local function find_growing(pieces, pattern)
  local text = ""
  for used, piece in ipairs(pieces) do
    text = text .. piece
    local found = table.pack(string.find(text, pattern))
    if found[1] then return used, found end
  end
end

local function shown(pattern, subject)
  return ("pattern %q on %q"):format(pattern, subject)
end

describe("pattern_find", function()
  it("finds what string.find finds, in thousands of random cases", function()
    local random = random_source(20240229)
    local found, missed, malformed = 0, 0, 0
    for _ = 1, 10000 do
      local pattern, subject = random_pattern(random), random_subject(random)
      local init = random(3) == 1 and random(20) - 6 or 1
      local want = results(string.find, subject, pattern, init)
      local got = results(codec.pattern_find, subject, pattern, init)
      if not want[1] then
        assert.are.same(want, got, shown(pattern, subject))
        malformed = malformed + 1
      elseif not got[1] then     -- string.find did not get as far as the fault
        assert.is_true(MESSAGES[got[2]], shown(pattern, subject) .. ": " .. tostring(got[2]))
        malformed = malformed + 1
      elseif want[2] == nil then
        assert.is_nil(got[2], shown(pattern, subject))
        missed = missed + 1
      else
        assert.are.same(want, got, shown(pattern, subject))
        found = found + 1
      end
    end
    assert.is_true(found > 2000 and missed > 1000 and malformed > 500,
      ("%d found, %d missed, %d malformed"):format(found, missed, malformed))
  end)

  it("says of a malformed pattern what Lua says", function()
    local cases = { "%", "a%", "[", "[^", "[]", "[^]", "[%", "[a%", "[a-", "%b", "%bx", "%f", "%fa", "(", "(a", "(()",
      "a()(", "%1", "%0", "(%1)", "(a)%2", "%9", "a-)", "(a))", "[a]%", ("()"):rep(33) }
    for _, pattern in ipairs(cases) do
      local want = results(string.find, ("a"):rep(40), pattern)
      assert.is_false(want[1], pattern)
      assert.are.same(want, results(codec.pattern_find, "", pattern), pattern)
    end
  end)

  it("searches for the bytes themselves with plain", function()
    local random = random_source(7)
    for _ = 1, 5000 do
      local subject = random_subject(random) .. random_subject(random)
      local from = random(#subject + 1)
      local needle = random(2) == 1 and subject:sub(from, from + random(4)) or random_subject(random):sub(1, 3)
      local init = random(#subject + 2) - 1
      local begin, last = codec.pattern_find(subject, needle, init, true)
      local want_begin, want_last = string.find(subject, needle, init, true)
      assert.are.equal(want_begin, begin, shown(needle, subject))
      if want_begin then assert.are.equal(want_last, last, shown(needle, subject)) end
    end
  end)

  it("matches each of the 256 bytes as each class does", function()
    for _, class in ipairs { "a", "c", "d", "g", "l", "p", "s", "u", "w", "x", "q", "z", "." } do
      for _, pattern in ipairs { "%" .. class, "%" .. class:upper(), "[%" .. class .. "]", "[^%" .. class .. "]" } do
        for byte = 0, 255 do
          local subject = string.char(byte)
          assert.are.equal((string.find(subject, pattern)), (codec.pattern_find(subject, pattern)),
            shown(pattern, subject))
        end
      end
    end
  end)
end)

describe("pattern_feed", function()
  it("finds at the first piece at which string.find finds, however the input is cut", function()
    local random = random_source(99)
    local late = 0
    for _ = 1, 10000 do
      local pattern, subject = random_pattern(random), random_subject(random)
      if pcall(codec.pattern_find, "", pattern) then
        local pieces = split(subject, random_cuts(random, #subject))
        local want_used, want = find_growing(pieces, pattern)
        local got = table.pack(codec.pattern_feed(pieces, pattern))
        assert.are.equal(want_used, got[1], shown(pattern, table.concat(pieces, "|")))
        if want then
          table.move(got, 3, got.n, 1)
          got.n = got.n - 2
          for i = 1, want.n do
            assert.are.equal(want[i], got[i], shown(pattern, table.concat(pieces, "|")) .. " result " .. i)
          end
          assert.are.equal(want.n, got.n)
          if want_used > 1 then late = late + 1 end
        end
      end
    end
    assert.is_true(late > 400, late .. " found after the first piece")
  end)

  it("declares nothing dead that more input makes match", function()
    local random = random_source(5)
    local tried = 0
    for _ = 1, 10000 do
      local pattern, subject, more = random_pattern(random), random_subject(random), random_subject(random)
      if pcall(codec.pattern_find, "", pattern) then
        local begin, resume = codec.pattern_find(subject, pattern)
        local later = string.find(subject .. more, pattern)
        if not begin then
          assert.is_true(resume >= 1 and resume <= #subject + 1)
          if later then
            assert.is_true(later >= resume, shown(pattern, subject .. "|" .. more))
            tried = tried + 1
          end
        end
      end
    end
    assert.is_true(tried > 400, tried .. " tried")
  end)

  it("says whether more input might have made another match", function()
    local function open(text, pattern) return (select(2, codec.pattern_feed({ text }, pattern))) end
    assert.is_true(open("v 12", "%d+"))
    assert.is_false(open("v 12 ", "%d+"))
    assert.is_false(open("login: ", "login: "))
    assert.is_true(open("# ", "# $"))
    assert.is_true(open("word", "%f[%w]%w*"))
    assert.is_true(open("a", "ab?"))
    assert.is_false(open("a", "ab-"))
    assert.is_false(open("(x)", "%b()"))
  end)

  it("resumes a plain search within the needle", function()
    assert.are.same({ nil, 4 }, { codec.pattern_find("xyzab", "abc", 1, true) })
    assert.are.same({ nil, 6 }, { codec.pattern_find("xyzax", "abc", 1, true) })
    assert.are.same({ 3, false, 6, 10 }, { codec.pattern_feed({ "abab", "bba", "bab" }, "babab", true) })
  end)
end)

describe("the cost of a search", function()
  local letters = bytes_of(("a"):rep(65536))
  local log = {}
  for i = 1, 1600 do log[i] = ("[%10.3f] usb %d: new high-speed device\n"):format(i / 7, i) end
  local lines = bytes_of(table.concat(log):sub(1, 65536))

  -- 64 KiB byte by byte cost 5 to 20 ms here; quadratic search costs seconds, so a second tells them apart.
  local function assert_linear(pieces, pattern, plain)
    local start = os.clock()
    assert.is_nil((codec.pattern_feed(pieces, pattern, plain)))
    assert.is_true(os.clock() - start < 1, pattern .. ": " .. os.clock() - start .. " s")
  end

  it("is linear in the input, for any pattern without %b and %1", function()
    for _, pattern in ipairs { "login: ", "U%-Boot (%S+)%s", "(.-)\r\n", "(%w+)!", "[%w_]+@[%w_]+", "^OK",
      "%f[%w]login%f[%W]", ".-.-.-.-!", ".*.*.*.*.*.*!", "%s*%w*%s*%w*!", "(.*)(.*)(.*)!" } do
      assert_linear(letters, pattern)
      assert_linear(lines, pattern)
    end
    assert_linear(letters, ("a"):rep(5000) .. "b", true)
    assert_linear(lines, "%b<>")
    assert_linear(bytes_of((" "):rep(65536)), "%s*!")
  end)

  it("ends in an error where it would grow without bound", function()
    for pattern, text in pairs { ["%b()"] = ("("):rep(65536), ["(.+)%1!"] = ("ab"):rep(32768),
      ["(.-)(.-)(.-)%1%2!"] = ("a"):rep(65536) } do
      local start = os.clock()
      assert.are.same({ false, "pattern too complex for these bytes", n = 2 },
        results(codec.pattern_find, text, pattern))
      assert.is_true(os.clock() - start < 10)
    end
  end)
end)
