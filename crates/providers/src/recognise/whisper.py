"""Whisper as a process that reads and writes JSON lines, as commands.py does.

In:  {"id": 1, "language": "en", "prompt": "...", "beam": 1, "samples": N} and then N samples of 16 bits at 16 kHz, little
     endian.
Out: {"ready": true} once, then {"id": 1, "segments": [[text, start, end, mean log probability, no speech]...]}
     or {"id": 1, "error": "..."}.

The hint is a list, and a model that is given a list likes to go on with it: marks within a sentence are not allowed, nor is
the same said again and again, nor more words than a mouth can say in the time.

Decoded once, at temperature 0: trying again at others makes a hard sentence take six times as long and its answer a matter
of luck. What is too unlikely is thrown away by whoever asked.
"""
import json
import os
import sys


MARKS = {",", ";", ":", "-", "--", "...", "!"}


def hear(model, marks, request, sound):
    # An utterance is shorter than the model's window, so its own time marks say no more than we know.
    length = len(sound) / 16000
    found, _ = model.transcribe(sound, language=request["language"], initial_prompt=request["prompt"] or None,
                                beam_size=request["beam"], temperature=0.0, condition_on_previous_text=False,
                                without_timestamps=True, suppress_tokens=[-1] + marks, no_repeat_ngram_size=4,
                                max_new_tokens=8 + int(6 * length), log_prob_threshold=None, no_speech_threshold=None,
                                compression_ratio_threshold=None)
    return [[one.text, min(one.start, length), min(one.end, length), one.avg_logprob, one.no_speech_prob]
            for one in found]


def main():
    words, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What the library prints must not stand between the answers.
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
    # The tokenizer, too: without it the library would fetch one.
    for name in ("model.bin", "tokenizer.json"):
        if not os.path.exists(os.path.join(sys.argv[1], name)):
            say({"missing": "the model: there is no %s in '%s'" % (name, sys.argv[1])})
            return
    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=int(sys.argv[2]),
                         local_files_only=True)
    marks = [number for text, number in model.hf_tokenizer.get_vocab().items() if text.strip("\u0120") in MARKS]
    say({"ready": True})
    for line in words:
        request = json.loads(line)
        sound = numpy.frombuffer(words.read(2 * request["samples"]), dtype="<i2").astype(numpy.float32) / 32768
        try:
            answer = {"segments": hear(model, marks, request, sound)}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        answer["id"] = request["id"]
        say(answer)


main()
