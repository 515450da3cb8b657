#!/bin/sh
# ser2net_conf.sh raw|telnet true|false tcp|tcp(nodelay) PORT TTY [PORT TTY...]: a configuration
# of ser2net.  The second word is its option chardelay: true, as installed, waits for more bytes
# before it sends.  nodelay makes its RFC 2217 open quick and its bulk slow.
[ "$1" = raw ] && accepter=$3 || accepter="telnet(rfc2217),$3"
chardelay=$2
shift 3
printf '%%YAML 1.1\n---\ndefine: &confver 1.0\n'
while [ $# -gt 0 ]; do
	cat <<-END
	connection: &c$1
	  accepter: $accepter,127.0.0.1,$1
	  connector: serialdev,$2,115200n81,local
	  options:
	    chardelay: $chardelay
	    kickolduser: true
	END
	shift 2
done
