--- Certificates for specs of TLS, made by openssl in a folder: ca, server (localhost, 127.0.0.1, ::1), wrong (another
--- name), expired, self (signed by itself), client (station-3), other (of a CA that nobody trusts).
local certificates = {}
certificates.__index = certificates

local SCRIPT = [[
set -e
cd "$1"
exec >/dev/null 2>&1
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
ca() { openssl req -x509 $curve -keyout $1.key -out $1.pem -days 30 -subj "/CN=$2"; }
# make NAME CA SUBJECT ALTNAME [more options of openssl x509]
make() {
	name=$1 ca=$2 subject=$3 alt=$4
	shift 4
	openssl req $curve -keyout $name.key -out $name.csr -subj "/CN=$subject"
	printf 'subjectAltName=%s\n' "$alt" >$name.ext
	openssl x509 -req -in $name.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -days 40 -extfile $name.ext \
		-out $name.pem "$@"
}
ca ca "moonrig specs"
ca stranger "another CA"
make server ca localhost DNS:localhost,IP:127.0.0.1,IP:::1
make wrong ca wronghost DNS:wronghost
make client ca station-3 DNS:station-3
make other stranger localhost DNS:localhost,IP:127.0.0.1
openssl req -x509 $curve -keyout self.key -out self.pem -days 40 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1
# An end in the past: openssl ca can do that, x509 cannot.
mkdir demo; touch demo/index; echo 01 >demo/serial
printf '%s\n' [ca] default_ca=d [d] database=demo/index serial=demo/serial new_certs_dir=demo policy=p \
	default_md=sha256 [p] commonName=supplied >demo/config
openssl req $curve -keyout expired.key -out expired.csr -subj /CN=localhost
openssl ca -batch -notext -config demo/config -cert ca.pem -keyfile ca.key -in expired.csr -out expired.pem \
	-startdate 200101000000Z -enddate 210101000000Z -extfile server.ext
chmod 600 *.key
]]

--- Made once for a spec file: keep it, and close it at the end.
function certificates.new()
  local pipe = assert(io.popen "mktemp -d")
  local dir = pipe:read "l"
  pipe:close()
  local script = os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(SCRIPT)
  file:close()
  local ok = os.execute(("sh %s %s"):format(script, dir))
  os.remove(script)
  assert(ok, "openssl could not make the certificates")
  return setmetatable({ dir = dir }, certificates)
end

function certificates:file(name) return self.dir .. "/" .. name end

--- { cert = ..., key = ... }, and the fields of `more`.
function certificates:of(name, more)
  local options = { cert = self:file(name .. ".pem"), key = self:file(name .. ".key") }
  for key, value in pairs(more or {}) do options[key] = value end
  return options
end

function certificates:close() os.execute("rm -rf " .. self.dir) end

return certificates
