-- embed.lua: writes C source that holds Lua files as bytecode.  Build time only.
--   lua5.4 core/embed.lua LUAC BUILDDIR FILE...  > embed.c
-- lua/moonrig/a/b.lua becomes the module "moonrig.a.b" (init.lua: its folder),
-- scripts/NAME.lua the command "moonrig.command.NAME".  Line numbers stay in.
-- argparse, which the commands use, is taken from the machine that builds.
local luac, build = arg[1], arg[2]

local function module_name(path)
  local command = path:match("^scripts/(.+)%.lua$")
  if command then return "moonrig.command." .. command:gsub("/", ".") end
  return (path:match("^lua/(.+)%.lua$"):gsub("/init$", ""):gsub("/", "."))
end

local files = {}
for i = 3, #arg do files[#files + 1] = { name = module_name(arg[i]), path = arg[i] } end
files[#files + 1] = { name = "argparse", path = assert(package.searchpath("argparse", package.path)) }
table.sort(files, function(a, b) return a.name < b.name end)

local out = { '#include "bind/embed.h"\n' }
for i, f in ipairs(files) do
  local tmp = build .. "/embed.luac"
  if not os.execute(("%s -o '%s' '%s'"):format(luac, tmp, f.path)) then os.exit(1) end
  local h = assert(io.open(tmp, "rb"))
  local code = h:read("a")
  h:close()
  os.remove(tmp)
  f.size = #code
  out[#out + 1] = ("static const unsigned char m%d[] = {"):format(i)
  out[#out + 1] = code:gsub(".", function(c) return c:byte() .. "," end)
  out[#out + 1] = "};\n"
end
out[#out + 1] = "const struct embedded embedded_modules[] = {\n"
for i, f in ipairs(files) do
  out[#out + 1] = ('\t{ "%s", m%d, %d },\n'):format(f.name, i, f.size)
end
out[#out + 1] = "};\nconst unsigned embedded_count = " .. #files .. ";\n"
io.write(table.concat(out))
