std = "lua54"
max_line_length = 120
exclude_files = { "build/", "out/", "spec/bench/peers/", "spec/bench/out/" }
read_globals = { "arg" }
files["spec/"] = { std = "+busted" }
files["spec/run.lua"] = { globals = { "arg", "os" } }
files["lua/moonrig/meta.lua"] = { ignore = { "2", "1" } }
