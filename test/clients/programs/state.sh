# curl: sh state.sh BASE_URL. A conversation that goes on from its name, a stream, and the state as a file.
set -e
ask() { curl -sSf -N -H "authorization: Bearer key" -H "content-type: application/json" "$@"; }
ask "$1/chat/completions" -d '{"messages":[{"role":"user","content":"Tell me of a fox."}],"max_tokens":8,"state":"curl"}' | grep -q '"chat.completion"'
ask "$1/chat/completions" -d '{"messages":[{"role":"user","content":"Why?"}],"max_tokens":8,"state":"curl","stream":true}' | grep -q 'data: \[DONE\]'
ask "$1/states/curl/content" -o state.bin
ask -X PUT --data-binary @state.bin -H "content-type: application/octet-stream" "$1/states/copy/content" | grep -q '"kind":"chat"'
ask "$1/states" | grep -q '"id":"copy"'
echo ok
