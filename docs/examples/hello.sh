#!/bin/sh
# The smallest honest phase service in shell; needs socat, curl and jq. It answers one request from its input:
#   socat TCP-LISTEN:8080,bind=127.0.0.1,reuseaddr,fork EXEC:./hello.sh
while IFS= read -r line && line=${line%"$(printf '\r')"} && [ -n "$line" ]; do
  case $line in [Cc]ontent-[Ll]ength:*) length=${line##*[: ]} ;; esac
done
start=$(head -c "$length")
printf 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
exec >&2   # the answer is out; what follows is the work

printf %s "$start" |
  jq '{jobId, attemptId, phase, success: true, output: {greeting: ("hello " + (.input.name // "world"))}}' |
  curl --silent --show-error --fail --retry 10 --retry-connrefused --json @- \
    --header "Authorization: Bearer $(printf %s "$start" | jq -r .callback.token)" \
    "$(printf %s "$start" | jq -r .callback.url)"
