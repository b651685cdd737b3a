//! The small words: what asks, forbids, puts off, takes back, refers, joins, and what says nothing.

use super::{Join, Term, Way};
use crate::model::Temporal;

/// Phrases by what they are, between commas. A phrase stands here once.
pub(super) const SMALL: &[(Term, &str)] = &[
    (Term::Way(Way::Up), "up"),
    (Term::Way(Way::Down), "down"),
    (
        Term::Adjust,
        "turn up, turn down, turn back up, turn back down, dim, adjust, increase, decrease, raise, \
         lower, reduce, check, move, clean, wipe, focus, zoom, rotate, prepare, test, set up, bring \
         over, open, connect, disconnect, change, fix, look at, watch, monitor the, get ready",
    ),
    (
        Term::Told,
        "you said, he said, she said, they said, somebody said, turned, turns, turning, switched, switches, switching, shutting, putting, brought, bringing, \
         keeping, keeps, kept, leaving, getting, setting, having, flipped",
    ),
    (
        Term::Not,
        "not, do not, never, do not ever, will not, would not, must not, should not, can not, nobody, \
         no one, neither, nor, may not, do not you dare, under no circumstances, by no means",
    ),
    (
        Term::Refrain,
        "hold off, hold off on, hold off with, no need, no need for, no need to, there is no need to, \
         there is no need for, skip, forget, forget about, wait with, wait on, wait for, avoid, \
         refrain from, instead of, rather than, without, do not need, do not want, will not need, \
         will not be needing, not ready for, not needed, is not needed, are not needed, leave alone, \
         never mind the",
    ),
    (
        Term::Enough,
        "no more, enough, enough of, that is enough, done with, finished with, no longer need, \
         through with",
    ),
    (Term::Be, "is, are, was, were, am, been, being, 's, be, looks, seems, sounds, got"),
    (
        Term::BeNot,
        "is not, are not, was not, were not, did not, has not, have not, had not, does not, is never, \
         am not, there is no, there was no",
    ),
    (Term::Aux, "do, does, did, has, had"),
    (Term::Modal, "can, could, would, will, should, shall, may, might, must, ought"),
    (
        Term::MustBe,
        "must be, need to be, needs to be, has to be, have to be, can be, can go, may go, should go, \
         needs to go, has to go, to be, can come, can now be, may be",
    ),
    (
        Term::Want,
        "we will want, i need, we need, need, i want, we want, i would like, we would like, i would like to have, \
         give me, give us, get me, get us, i will need, we will need, i will have, i will take, i \
         will want, can i have, could i have, may i have, can we have, could we have, may we have, \
         can i get, could i get, can we get, could we get, let us have, let me have, i am going to \
         need, we are going to need, i could use, we could use, let us get",
    ),
    (
        Term::Request,
        "can you, could you, would you, will you, can we, could we, you can, you may, you could, we \
         can, go ahead and, let us, i want you to, i need you to, i would like you to, we need to, i \
         want to, i would like to, we would like to, we want to, we have to, you have to, you need \
         to, you must, can someone, could someone, can somebody, could somebody, can anyone, could \
         anyone, can anybody, could anybody, someone, somebody, would somebody, would someone, will \
         someone, i said, i told you to, time to, it is time to, be sure to, feel free to, why do not \
         you, do you mind, would you mind, would someone mind, would somebody mind, would anyone mind, i need to, remember to, you might want to, i am asking you \
         to, would you be so kind and, if you could, if you would, let us just, go and, you should, i \
         would",
    ),
    (
        Term::Ensure,
        "make sure, make sure that, be sure, be sure that, ensure, ensure that, see to it that, i \
         want to see",
    ),
    (
        Term::Asks,
        "check if, check whether, check that, tell me if, tell me whether, see if, see whether, find \
         out if, let me know if, let me know when, let me know whether, know if, know whether, wonder \
         if, wondering if, not sure if, ask if, ask whether, confirm that, confirm, tell me when, \
         know when, say when, sure if, verify, asked if, asking if, ask whether, whether",
    ),
    (Term::Wh, "what, which, who, whose, why, where, how, what about, how about"),
    (Term::Tag, "right, correct, is that right, is that correct"),
    (Term::Subject, "i, we, they, he, she, you, everybody, anybody, anyone, people, someone who, who is"),
    (Term::It, "it, that, this, that one, this one, that thing, the same one"),
    (Term::Both, "both, them, those, these, the two, the both of them, both of them, all of them"),
    (Term::Other, "the other one, the other, other one, that other one"),
    (
        Term::Time(Temporal::Immediately, None),
        "now, right now, immediately, stat, right away, straight away, at once, this instant, \
         instantly, asap, this second",
    ),
    (
        Term::Time(Temporal::InTime, None),
        "soon, shortly, in a moment, in a bit, in a while, in a few minutes, in a few seconds, in a \
         sec, in a second, in a little while, in a few, in a few moments",
    ),
    (Term::Time(Temporal::After, None), "later, later on, afterwards, after that, after this, eventually"),
    (Term::Time(Temporal::Before, None), "before that, beforehand"),
    (
        Term::Time(Temporal::When, None),
        "on my mark, on my count, on my signal, on my word, at the end, at my signal, next time, if \
         not, if so, if it is not, if it is, when ready, if necessary, if needed, when needed, if \
         possible",
    ),
    (Term::Condition(Temporal::After), "after, right after, just after, shortly after, following"),
    (
        Term::Condition(Temporal::When),
        "when, by the time, once, as soon as, if, whenever, in case, the moment, unless, provided, the minute, \
         only if, only when, as long as, next time",
    ),
    (Term::Condition(Temporal::Before), "before, just before, right before, shortly before, prior to"),
    (Term::Condition(Temporal::During), "during, while, whilst, throughout"),
    (Term::Until, "until, till, because, since, so that, now that"),
    (
        Term::Undo,
        "undo, undo that, undo it, undo this, scratch that, scratch it, cancel that, take that back, \
         i take that back, reverse that, revert that, belay that, strike that, undo the last one, \
         undo the last, change it back, change that back",
    ),
    (
        Term::Drop,
        "never mind, nevermind, forget it, forget that, forget i said that, ignore that, disregard, \
         disregard that, do not do that, do not do it, do not bother",
    ),
    (Term::No, "no, nope, no no, no no no, wrong, wrong one, not that, not that one, not this one"),
    (
        Term::Meant,
        "i meant, i mean, correction, make that, i meant to say, i wanted, i was talking about, i \
         meant the one, not that but",
    ),
    (Term::Sorry, "sorry, actually, oops, my mistake, or rather, rather, pardon, excuse me, whoops"),
    (Term::Wait, "wait, hold on, hang on, wait a second, wait a minute, wait a moment, hold it, one moment"),
    (Term::Instead, "instead"),
    (Term::Join(Join::And), "and, plus, and also, as well as, along with, together with"),
    (Term::Join(Join::Then), "then, and then, followed by, and after that then"),
    (Term::Join(Join::But), "but, however, except"),
    (Term::Join(Join::Or), "or"),
    (Term::Please, "please, would you please, if you please, kindly"),
    (
        Term::Filler,
        "for the moment, at the moment, okay, ok, so, i think, all right, well, um, uh, er, erm, hey, hi, just, thanks, thank you, team, \
         guys, everyone, folks, nurse, sister, doctor, quickly, again, back, here, there, yes, yeah, \
         alright then, good, great, perfect, fine, also, too, as well, only, first, next, finally, \
         for me, for us, some, more, a bit, a bit of, a little, a little bit of, any, quick, yet, for \
         now, straight, simply, really, completely, all, main, even, ladies and gentlemen, over \
         there, in here, over here, for a moment, for a second, for a minute, for a bit, ever, dear, \
         anymore, any more, any longer, no longer, mate, circulator, scrub, of course, definitely, \
         immediately please",
    ),
    (Term::Det, "the, a, an, my, our, your, his, her, its, their, another"),
    (
        Term::Prep,
        "of, at, near, in, into, with, by, from, next to, behind, under, over, for, about, through, \
         around, onto, towards, beside, between, inside, against, like, as, above, below",
    ),
    (Term::To, "to"),
    (
        Term::Part,
        "tip, tips, tubing, tube, tubes, alarm, alarms, bag, bags, bottle, fluid, fluids, cable, \
         cables, cord, lens, screen, head, catheter, canister, handle, handles, sleeve, drape, port, \
         needle, settings, setting, pressure, volume, rate, flow, footage, recording, image, images, \
         picture, technician, tech, switch, button, pedal, line, lines, holder, stand, arm, light, \
         gel, cart, trolley, manual, display, sound, noise, reading, readings, numbers, mode, probe, \
         cover, hose, level, filter, battery, plug, power, pen, pad, cleaner, company, training, \
         leak, test, speed, angle, view, operator, time, irrigation bag, blood, water",
    ),
    (Term::Level, "high, low, full, medium, maximum, max, minimum, full power, half power, low power"),
];

/// How verbs of orders change when they tell that something is or was done.
pub(super) const FORMS: &[(&str, &str, &str)] = &[
    ("turn", "turned, turns", "turning"),
    ("switch", "switched, switches", "switching"),
    ("power", "powered, powers", "powering"),
    ("start", "started, starts", "starting"),
    ("stop", "stopped, stops", "stopping"),
    ("activate", "activated, activates", "activating"),
    ("deactivate", "deactivated, deactivates", "deactivating"),
    ("enable", "enabled, enables", "enabling"),
    ("disable", "disabled, disables", "disabling"),
    ("shut", "shuts", "shutting"),
    ("pause", "paused, pauses", "pausing"),
    ("suspend", "suspended", "suspending"),
    ("hold", "held, holds", "holding"),
    ("cut", "cuts", "cutting"),
    ("kill", "killed, kills", "killing"),
    ("fire", "fired", "firing"),
    ("bring", "brought", "bringing"),
    ("begin", "began, begun, begins", "beginning"),
    ("end", "ended, ends", "ending"),
    ("run", "ran, runs", "running"),
    ("resume", "resumed", "resuming"),
    ("restart", "restarted", "restarting"),
    ("put", "puts", "putting"),
    ("boot", "booted", "booting"),
];
