"""Whisper, for free speech. lines.py stands before it and speaks with Segue.

In:  {"language": "en", "prompt": "...", "beam": 1} and the sound.
Out: {"segments": [[text, start, end, mean log probability, no speech]...]}.

The hint is a list, and a model that is given a list likes to go on with it: marks within a sentence are not allowed, nor is
the same said again and again, nor more words than a mouth can say in the time.

Decoded once, at temperature 0: trying again at others makes a hard sentence take six times as long and its answer a matter
of luck. What is too unlikely is thrown away by whoever asked.
"""
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


def load():
    import numpy
    from faster_whisper import WhisperModel
    # The tokenizer, too: without it the library would fetch one.
    for name in ("model.bin", "tokenizer.json"):
        if not os.path.exists(os.path.join(sys.argv[1], name)):
            raise OSError("the model: there is no %s in '%s'" % (name, sys.argv[1]))
    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=int(sys.argv[2]),
                         local_files_only=True)
    marks = [number for text, number in model.hf_tokenizer.get_vocab().items() if text.strip("\u0120") in MARKS]

    def answer(request, sound):
        samples = numpy.frombuffer(sound, dtype="<i2").astype(numpy.float32) / 32768
        return {"segments": hear(model, marks, request, samples)}

    return answer


serve(load)
