//! How well the recogniser hears, on this machine: sentences said by synthetic voices, clean and in noise of 10 dB, through
//! the same detection, recogniser and rules as in the service. Prints a table in Markdown and, with `--each`, every sentence.
//!
//! ```text
//! cargo run --release -p theatre --example speech_measure -- [--each] [--tuning] [--hibari PROGRAM] [--voice NAME]
//!     [--noise clean|room|white] [--options JSON]
//! ```
//!
//! With `--tuning` the sentences are those by which settings are chosen; what is reported is measured with the others.
//!
//! The options are those of the service, `{"engine": "whisper", "whisper": {"model": "…", "python": "…"}}`.

#![expect(clippy::print_stdout, reason = "a measurement is for whoever runs it")]

mod noise;
mod score;

use std::{error::Error, process::Command, sync::Arc, time::Instant};

use score::{Case, Tally};
use theatre::{
    asr::{
        detect::{Detection, Detector, Found},
        ear::Ear,
        resample::whole,
        service::AsrOptions,
        wav,
    },
    surgery::Library,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Seconds of silence, or of noise alone, before and after a sentence.
const AROUND: f32 = 0.8;

/// A voice: its name, and how it is made to speak into a file.
struct Voice {
    name: &'static str,
    program: String,
    arguments: &'static [&'static str],
}

impl Voice {
    fn say(&self, text: &str) -> Outcome<Vec<f32>> {
        let file = std::env::temp_dir().join(format!("speech-measure-{}.wav", std::process::id()));
        let path = file.display().to_string();
        let arguments = self.arguments.iter().map(|one| match *one {
            "TEXT" => text,
            "FILE" => &path,
            other => other,
        });
        let made = Command::new(&self.program).args(arguments).output()?;
        if !made.status.success() {
            return Err(
                format!("{} cannot speak: {}", self.name, String::from_utf8_lossy(&made.stderr)).into()
            );
        }
        let clip = wav::read(&std::fs::read(&file)?)?;
        std::fs::remove_file(&file)?;
        Ok(whole(&clip.samples, clip.rate))
    }
}

fn voices(hibari: Option<&String>) -> Vec<Voice> {
    let voice = |name, program: &str, arguments| Voice { name, program: program.to_owned(), arguments };
    let mut voices = vec![
        voice("flite slt", "flite", &["-voice", "slt", "-t", "TEXT", "-o", "FILE"][..]),
        voice("flite rms", "flite", &["-voice", "rms", "-t", "TEXT", "-o", "FILE"][..]),
        voice("espeak-ng", "espeak-ng", &["-v", "en-us", "-s", "140", "-w", "FILE", "--", "TEXT"][..]),
    ];
    voices.extend(hibari.map(|program| voice("hibari", program, &["--seed", "1", "-o", "FILE", "TEXT"][..])));
    voices
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let each = arguments.iter().any(|one| one == "--each");
    let after =
        |name: &str| arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1));
    let library = Library::built_in()?;
    let options: AsrOptions = serde_json::from_str(after("--options").map_or("{}", String::as_str))?;
    let ear = options.ear(&library)?;
    // Its start is not what is measured.
    ear.hear(Arc::from([0; 1600]), ear.tuning(None)).await?;
    let judging = !arguments.iter().any(|one| one == "--tuning");
    let list = if judging { include_str!("sentences.tsv") } else { include_str!("tuning.tsv") };
    let cases = score::cases(list)?;
    println!("{}", Tally::HEAD);
    let wanted = |voice: &Voice| after("--voice").is_none_or(|name| *name == voice.name);
    for voice in voices(after("--hibari")).into_iter().filter(wanted) {
        let kinds = [None, Some(noise::Kind::Room), Some(noise::Kind::White)];
        let chosen =
            |kind: &_| after("--noise").is_none_or(|name| noise::name(*kind).starts_with(name.as_str()));
        for kind in kinds.into_iter().filter(chosen) {
            let mut tally = Tally::default();
            for (number, case) in cases.iter().enumerate() {
                let sound = noise::around(&voice.say(&case.sentence)?, AROUND, kind, number as u64 + 1);
                let heard = listen(&ear, case, &sound, &mut tally).await?;
                let surgery = library.get(&case.surgery).ok_or("a surgery that is not there")?;
                let right = tally.count(case, surgery, &heard);
                if each {
                    println!(
                        "  {} {:?}: {} -> {heard:?}",
                        if right { "ok " } else { "BAD" },
                        kind,
                        case.sentence
                    );
                }
            }
            println!("{}", tally.row(voice.name, noise::name(kind)));
        }
    }
    Ok(())
}

/// Hears what is in a sound, as the service does.
async fn listen(ear: &Ear, case: &Case, sound: &[f32], tally: &mut Tally) -> Outcome<Vec<String>> {
    let mut detector = Detector::new(Detection::default());
    let found = detector.push(sound).into_iter().filter_map(|found| match found {
        Found::Ended(utterance) => Some(utterance),
        Found::Began { .. } => None,
    });
    let mut utterances: Vec<_> = found.collect();
    utterances.extend(detector.finish());
    let mut texts = Vec::new();
    for utterance in utterances {
        let began = Instant::now();
        let heard = ear.hear(utterance.samples.into(), ear.tuning(Some(&case.surgery))).await?;
        tally.took.push(began.elapsed().as_secs_f64() * 1000.0);
        texts.extend((!heard.text.is_empty()).then_some(heard.text));
    }
    Ok(texts)
}
