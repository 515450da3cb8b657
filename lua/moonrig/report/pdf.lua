-- SPDX-License-Identifier: MIT
-- report/pdf.lua: the HTML report printed to a PDF, on A4, by a program that is installed: Chromium or Chrome without
-- a window, else WeasyPrint, without the bars beside the values, which it would draw in black.  (Not wkhtmltopdf: it is
-- kept by nobody since 2023 and does not know what the style sheet is made of.)
-- The page has no script and loads nothing; the program works in a folder of its own, which is removed.

local core = require "moonrig.core"
local file = require "moonrig.report.file"
local html = require "moonrig.report.html"

local document = {}

local SECONDS <const> = 120  -- that a program may take

-- Commands by program. $1 is the folder, for all that a browser leaves behind; one run by root has no sandbox.
local CHROMIUM <const> = [[
export TMPDIR="$1"; root=; [ "$(id -u)" != 0 ] || root=--no-sandbox
exec timeout %d %s --headless --disable-gpu --no-first-run --disable-extensions --disable-background-networking \
  --disable-component-update --disable-sync --disable-dev-shm-usage --host-resolver-rules="MAP * ~NOTFOUND" $root \
  --user-data-dir="$1/profile" --no-pdf-header-footer --print-to-pdf="$1/report.pdf" "file://$1/report.html"]]
local WEASYPRINT <const> = [[
echo ".bar { visibility: hidden; }" >"$1/more.css"
exec timeout %d %s --quiet --stylesheet "$1/more.css" "$1/report.html" "$1/report.pdf"]]

local programs = {
  { "chromium", CHROMIUM }, { "chromium-browser", CHROMIUM }, { "google-chrome-stable", CHROMIUM },
  { "google-chrome", CHROMIUM }, { "weasyprint", WEASYPRINT },
}

local function fail(code, message, ...)
  error(core.error { code = code, message = "pdf: " .. message:format(...) }, 0)
end

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

-- The first line that a shell command prints, or nil.
local function first_line(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "l"
end

local function find()
  local names, commands = {}, {}
  for i, program in ipairs(programs) do names[i], commands[program[1]] = program[1], program[2] end
  local found = first_line(("for p in %s; do command -v $p >/dev/null && echo $p && break; done")
    :format(table.concat(names, " ")))
  if not found then
    fail("not_found", "another program prints it from the HTML report, and there is none here; as root: "
      .. "apt-get install chromium (or weasyprint)")
  end
  return found, commands[found]
end

--- Raises `not_found` when there is no program to print with.
function document.check() find() end

local Folder = { __close = function(folder) os.execute("rm -rf " .. quote(folder.path)) end }

local function new_folder()
  local path = first_line "mktemp -d"
  if not path then fail("system", "cannot make a temporary folder") end
  return setmetatable({ path = path }, Folder)
end

local function read_file(path)
  local handle <close> = io.open(path, "rb")
  return handle and handle:read "a" or ""
end

-- What the program said last, for the error.
local function last_words(text)
  return text:match "([^\n]*[^%s][^\n]*)%s*$" or "it said nothing"
end

---@param runs moonrig.Run[]
---@param context { blob: (fun(sha256: string): string?), many: boolean }
---@param put fun(text: string)
function document.render(runs, context, put)
  local name, command = find()
  local folder <close> = new_folder()
  local paged = { blob = context.blob, many = context.many, paper = "A4" }
  file.write(folder.path .. "/report.html", function(put_html) html.render(runs, paged, put_html) end)
  local _, how, code = os.execute(("sh -c %s sh %s </dev/null >%s 2>&1"):format(quote(command:format(SECONDS, name)),
    quote(folder.path), quote(folder.path .. "/log")))
  local pdf = read_file(folder.path .. "/report.pdf")
  if how == "exit" and code == 0 and pdf:sub(1, 5) == "%PDF-" then return put(pdf) end
  fail("system", "%s %s: %s", name, code == 124 and ("took more than %d s"):format(SECONDS) or "made none",
    last_words(read_file(folder.path .. "/log")))
end

return document
