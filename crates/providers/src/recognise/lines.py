"""How a recogniser speaks with Segue: a process that reads and writes JSON lines. It stands before the recogniser's own file.

In:  {"id": 1, "samples": N, ...} and then N samples of 16 bits at 16 kHz, little endian.
Out: {"ready": true} once, or {"missing": "..."} and the end; then {"id": 1, ...} or {"id": 1, "error": "..."}.
"""
import json
import os
import sys


def serve(load):
    """Loads what it takes, which gives what hears: of a request and its bytes it makes an answer."""
    words, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a library prints must not stand between the answers.
    os.dup2(2, 1)

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        hear = load()
    except ImportError as error:
        return say({"missing": "the Python module %s" % error.name})
    except OSError as error:
        return say({"missing": str(error)})
    say({"ready": True})
    for line in words:
        request = json.loads(line)
        sound = words.read(2 * request["samples"])
        try:
            answer = hear(request, sound)
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        answer["id"] = request["id"]
        say(answer)


