"""Whisper as a process that reads and writes JSON lines, as commands.py does.

In:  {"id": 1, "language": "en", "prompt": "...", "samples": N} and then N samples of 16 bits at 16 kHz, little endian.
Out: {"ready": true} once, then {"id": 1, "segments": [[text, start, end, mean log probability]...]}.
"""
import json
import os
import sys


def main():
    words, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        import numpy
        from faster_whisper import WhisperModel
    except ImportError as error:
        say({"missing": "the Python module %s" % error.name})
        return
    if not os.path.exists(os.path.join(sys.argv[1], "model.bin")):
        say({"missing": "the model %s" % sys.argv[1]})
        return
    # From this folder only: without a network nothing is fetched, and with one neither.
    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", local_files_only=True)
    say({"ready": True})
    for line in words:
        request = json.loads(line)
        sound = numpy.frombuffer(words.read(2 * request["samples"]), dtype="<i2").astype(numpy.float32) / 32768
        try:
            found, _ = model.transcribe(sound, language=request["language"], initial_prompt=request["prompt"] or None,
                                        beam_size=1, condition_on_previous_text=False)
            answer = {"segments": [[one.text, one.start, one.end, one.avg_logprob] for one in found
                                   if one.no_speech_prob < 0.6]}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        answer["id"] = request["id"]
        say(answer)


main()
