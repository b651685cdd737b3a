#!/bin/sh
# The smallest honest phase service in shell; needs socat, curl and jq. It answers one request from its input:
#   socat TCP-LISTEN:8080,bind=127.0.0.1,reuseaddr,fork EXEC:./hello.sh
answer() { printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1"; }

read -r method path version
while IFS= read -r line && line=${line%"$(printf '\r')"} && [ -n "$line" ]; do
  case $line in [Cc]ontent-[Ll]ength:*) length=${line##*[: ]} ;; esac
done
start=$(head -c "${length:-0}")
[ "$method $path" = "POST /start" ] || { answer '404 Not Found'; exit; }
token=$(printf %s "$start" | jq -er .callback.token) || { answer '400 Bad Request'; exit; }
answer '202 Accepted'
exec >&2   # the answer is out; what follows is the work

callback=$(printf %s "$start" |
  jq '{jobId, attemptId, phase, success: true, output: {greeting: ("hello " + (.input.name // "world"))}}')
for wait in 1 2 4 8 16 32; do
  status=$(printf %s "$callback" | curl --silent --output /dev/null --write-out '%{http_code}' --json @- \
    --header "Authorization: Bearer $token" "$(printf %s "$start" | jq -r .callback.url)")
  case $status in [234]??) exit ;; esac   # it is taken, or nobody wants it
  sleep "$wait"
done
