//! How audio is stored: Opus in Ogg, made in this process, or MP3, made by `lame` or `ffmpeg` where one is installed.
//! MP3 encoders are separate programs on purpose: their licences and their absence are the user's business.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::clip::Clip;

/// A file format for samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Opus in Ogg, 32 kbit/s.
    #[default]
    Opus,
    /// MP3, 64 kbit/s, by an outside program.
    Mp3,
}

impl Format {
    /// Returns the extension of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Mp3 => "mp3",
        }
    }

    /// Returns the media type of its files.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Opus => "audio/ogg",
            Self::Mp3 => "audio/mpeg",
        }
    }
}

/// An installed program that makes MP3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mp3Encoder {
    /// `lame`.
    Lame,
    /// `ffmpeg` with libmp3lame.
    Ffmpeg,
}

/// Why there is no MP3.
#[derive(Debug, thiserror::Error)]
pub enum Mp3Error {
    /// Neither program is there.
    #[error(
        "MP3 needs `lame` or `ffmpeg`, and neither is installed; `apt install lame`, or \"format\": \"opus\""
    )]
    NoEncoder,
    /// The program could not be run.
    #[error("{program} could not be run: {source}")]
    Run {
        /// Which one.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The program failed.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// Which one.
        program: &'static str,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of its error output.
        said: String,
    },
}

impl Mp3Encoder {
    /// Looks for an installed encoder, `lame` first.
    ///
    /// # Errors
    /// Where none is installed.
    pub async fn installed() -> Result<Self, Mp3Error> {
        for encoder in [Self::Lame, Self::Ffmpeg] {
            let mut command = Command::new(encoder.program());
            command.arg(if encoder == Self::Lame { "--version" } else { "-version" });
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().await.is_ok_and(|status| status.success()) {
                return Ok(encoder);
            }
        }
        Err(Mp3Error::NoEncoder)
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Lame => "lame",
            Self::Ffmpeg => "ffmpeg",
        }
    }

    fn command(self, rate: u32) -> Command {
        let mut command = Command::new(self.program());
        match self {
            Self::Lame => {
                let kilohertz = format!("{}.{:03}", rate / 1000, rate % 1000);
                command.args(["--quiet", "-r", "-s", &kilohertz, "--bitwidth", "16", "--signed"]);
                command.args(["--little-endian", "-m", "m", "-b", "64", "-", "-"]);
            }
            Self::Ffmpeg => {
                let rate = rate.to_string();
                command.args(["-v", "error", "-f", "s16le", "-ar", &rate, "-ac", "1", "-i", "pipe:0"]);
                command.args(["-c:a", "libmp3lame", "-b:a", "64k", "-map_metadata", "-1"]);
                command.args(["-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp3", "pipe:1"]);
            }
        }
        command
    }

    /// Encodes a clip, 64 kbit/s mono, through the program's standard streams.
    ///
    /// # Errors
    /// Where the program cannot be run or fails.
    pub async fn encode(self, clip: &Clip) -> Result<Vec<u8>, Mp3Error> {
        let program = self.program();
        let failed = |source| Mp3Error::Run { program, source };
        let raw: Vec<u8> = clip
            .samples
            .iter()
            .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes())
            .collect();
        let mut command = self.command(clip.rate);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let mut input = child.stdin.take();
        let feed = async move {
            match input.as_mut() {
                Some(pipe) => pipe.write_all(&raw).await,
                None => Ok(()),
            }
        };
        let (fed, output) = tokio::join!(feed, child.wait_with_output());
        let output = output.map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).chars().take(300).collect();
            return Err(Mp3Error::Failed { program, status: output.status, said });
        }
        fed.map_err(failed)?;
        Ok(output.stdout)
    }
}
