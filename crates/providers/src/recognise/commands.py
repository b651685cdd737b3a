"""A recogniser of commands: PocketSphinx with a grammar. lines.py stands before it and speaks with Segue.

In:  {"grammar": "#JSGF...", "partial": false} and the sound.
Out: {"text", "score", "words": [[word, start, end]...], "made_up": {...}}.

An utterance is heard twice: once with the grammar, once with a loop of all sounds. The grammar finds a sentence in any
noise; how much better the loop does, for each hundredth of a second, says whether it was that sentence.
"""
import os
import re
import sys

SOUNDS = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
).split()
# How letters sound, for names that no dictionary has; longest first. Rough, but a name that is said must have some sound.
LETTERS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "tch": "CH", "eau": "OW", "igh": "AY", "sch": "SH",
    "aer": "EH R", "ae": "IY", "ai": "EY", "au": "AO", "aw": "AO", "ay": "EY", "ch": "CH", "ck": "K", "ea": "IY",
    "ee": "IY", "ei": "IY", "eu": "Y UW", "ew": "Y UW", "ey": "IY", "gh": "G", "ie": "IY", "ng": "NG", "oa": "OW",
    "oe": "OW", "oi": "OY", "oo": "UW", "ou": "AW", "ow": "OW", "oy": "OY", "ph": "F", "ps": "S", "qu": "K W",
    "rh": "R", "sh": "SH", "th": "TH", "ts": "T S", "wh": "W", "wr": "R", "a": "AE", "b": "B", "c": "K", "d": "D",
    "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA",
    "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}
NAMES = dict(zip("abcdefghijklmnopqrstuvwxyz", (
    "EY|B IY|S IY|D IY|IY|EH F|JH IY|EY CH|AY|JH EY|K EY|EH L|EH M|EH N|OW|P IY|K Y UW|AA R|EH S|T IY|Y UW|V IY|"
    "D AH B AH L Y UW|EH K S|W AY|Z IY").split("|")))
NAMES.update(zip("0123456789", (
    "Z IH R OW|W AH N|T UW|TH R IY|F AO R|F AY V|S IH K S|S EH V AH N|EY T|N AY N").split("|")))
SPELLINGS = [("our", "or"), ("tre", "ter"), ("ae", "e"), ("oe", "e"), ("ise", "ize"), ("isa", "iza"), ("yse", "yze"),
             ("lling", "ling"), ("ogue", "og")]


def dictionary(path):
    """Words and sounds of a dictionary file, first pronunciation only."""
    words = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            word, _, sounds = line.strip().partition(" ")
            if "(" not in word:
                words.setdefault(word, sounds.strip())
    return words


def pronounced(word, known):
    """Sounds of a word that the dictionary has not got: another spelling, two words in one, letters, or by its look."""
    for old, new in SPELLINGS:
        if old in word and word.replace(old, new) in known:
            return known[word.replace(old, new)]
    for cut in range(3, len(word) - 2):
        first, second = word[:cut], word[cut:]
        if first in known and second in known:
            return known[first] + " " + known[second]
    if len(word) <= 3 or not re.search("[aeiouy]", word) or re.search("[0-9]", word):
        return " ".join(NAMES[letter] for letter in word if letter in NAMES)
    sounds, at = [], 0
    while at < len(word):
        for length in (4, 3, 2, 1):
            part = word[at:at + length]
            if part in LETTERS:
                sounds.append(LETTERS[part])
                at += length
                break
        else:
            at += 1
    return " ".join(sounds)


def grammar_words(grammar):
    """Words that a grammar listens for: what is no rule's name, no mark and no comment."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", grammar, flags=re.S)
    text = re.sub(r"#JSGF[^;]*;|\bgrammar\s+[^;]*;|\bpublic\b|<[^>]*>|\{[^}]*\}|/[\d.]+/", " ", text)
    return sorted(set(re.findall(r"[^\s\[\]()|=;*+]+", text)))


class Recogniser:
    def __init__(self, model):
        from pocketsphinx import Decoder
        files = {"hmm": os.path.join(model, "en-us"), "dict": os.path.join(model, "cmudict-en-us.dict")}
        self.known = dictionary(files["dict"])
        try:
            config = Decoder.default_config()
            for name, value in files.items():
                config.set_string("-" + name, value)
            config.set_string("-logfn", os.devnull)
            self.decoder, self.old = Decoder(config), True
        except AttributeError:
            # The package of 5.0 and later.
            self.decoder, self.old = Decoder(lm=None, logfn=os.devnull, **files), False
        self.grammars = {}
        for sound in SOUNDS:
            self.decoder.add_word("_" + sound.lower(), sound, sound == SOUNDS[-1])
        loop = " | ".join("_" + sound.lower() for sound in SOUNDS)
        self.add("sounds", "#JSGF V1.0;\ngrammar sounds;\npublic <all> = <one>+;\n<one> = " + loop + ";\n")

    def add(self, name, text):
        (self.decoder.set_jsgf_string if self.old else self.decoder.add_jsgf_string)(name, text)

    def use(self, text):
        """The name of the search for a grammar, which is made when it is first asked for."""
        if text in self.grammars:
            return self.grammars[text]
        made_up = {}
        for word in grammar_words(text):
            if word in self.known:
                continue
            sounds = pronounced(word.lower(), self.known)
            if not sounds:
                raise ValueError("the grammar's word %r cannot be said" % word)
            self.decoder.add_word(word, sounds, True)
            self.known[word] = sounds
            made_up[word] = sounds
        name = "grammar%d" % len(self.grammars)
        self.add(name, text)
        self.grammars[text] = (name, made_up)
        return self.grammars[text]

    def search(self, name, sound, partial):
        (self.decoder.set_search if self.old else self.decoder.activate_search)(name)
        self.decoder.start_utt()
        # A sentence that goes on is looked at before its end: after it only whole sentences count.
        self.decoder.process_raw(sound, False, not partial)
        found = self.result() if partial else None
        self.decoder.end_utt()
        return found or self.result()

    def result(self):
        found = self.decoder.hyp()
        return (found.hypstr, found.best_score) if found is not None and found.hypstr else None

    def hear(self, grammar, sound, partial):
        name, made_up = self.use(grammar)
        found = self.search(name, sound, partial)
        answer = {"text": "", "score": None, "words": [], "made_up": made_up}
        if found is None:
            return answer
        frames = max(1, self.decoder.n_frames())
        answer["text"], best = found
        answer["words"] = [[one.word, one.start_frame / 100, (one.end_frame + 1) / 100]
                           for one in self.decoder.seg() if not one.word.startswith(("<", "[", "("))]
        loop = self.search("sounds", sound, partial)
        answer["score"] = None if loop is None else (best - loop[1]) / frames
        return answer


def load():
    try:
        recogniser = Recogniser(sys.argv[1])
    except OSError as error:
        raise OSError("the model in %s (%s)" % (sys.argv[1], error))
    return lambda request, sound: recogniser.hear(request["grammar"], sound, request.get("partial", False))


serve(load)
