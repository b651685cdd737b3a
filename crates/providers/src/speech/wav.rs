//! Sound as it comes from an engine: mono, 16 bits, and the reader for the WAV files that engines write.

/// Mono sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// What can be wrong with a WAV file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// Another format.
    #[error("it is no WAV file")]
    NotWav,
    /// Another kind of samples.
    #[error("its samples are not 16-bit PCM in one or two channels")]
    Samples,
    /// Nothing in it.
    #[error("there is no sound in it")]
    Empty,
}

impl Wav {
    /// Reads 16-bit PCM, two channels made one. Written through a pipe or sent as a stream, a file's lengths are guesses of
    /// its writer: the samples go on to its end.
    ///
    /// # Errors
    /// [`WavError`].
    pub fn read(bytes: &[u8]) -> Result<Self, WavError> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(WavError::NotWav);
        }
        let mut rest = &bytes[12..];
        let mut format = None;
        while let Some((head, after)) = rest.split_at_checked(8) {
            let length = u32_at(head, 4).ok_or(WavError::NotWav)? as usize;
            // A chunk of odd length is followed by a byte of nothing.
            let next = length.saturating_add(length % 2);
            match &head[..4] {
                b"fmt " => format = Some(Format::read(after)?),
                b"data" => {
                    let format = format.ok_or(WavError::NotWav)?;
                    return format.samples(after.get(..length).unwrap_or(after));
                }
                _ => {}
            }
            rest = after.get(next..).ok_or(WavError::Empty)?;
        }
        Err(WavError::Empty)
    }
}

#[derive(Debug, Clone, Copy)]
struct Format {
    rate: u32,
    channels: usize,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, WavError> {
        let short = |at: usize| chunk.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let (kind, channels, bits) = (short(0), short(2), short(14));
        // 0xfffe: said elsewhere in the chunk; with 16 bits it is PCM all the same.
        let is_pcm = matches!(kind, Some(1 | 0xfffe)) && bits == Some(16);
        let channels =
            channels.filter(|channels| is_pcm && (1..=2).contains(channels)).ok_or(WavError::Samples)?;
        let rate = u32_at(chunk, 4).filter(|rate| *rate > 0).ok_or(WavError::Samples)?;
        Ok(Self { rate, channels: channels.into() })
    }

    fn samples(self, bytes: &[u8]) -> Result<Wav, WavError> {
        let sample = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]);
        let samples: Vec<i16> = match self.channels {
            1 => bytes.chunks_exact(2).map(sample).collect(),
            _ => bytes.chunks_exact(4).map(|both| sample(&both[..2]).midpoint(sample(&both[2..]))).collect(),
        };
        if samples.is_empty() { Err(WavError::Empty) } else { Ok(Wav { rate: self.rate, samples }) }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(channels: u16, length: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\xff\xff\xff\xffWAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
        bytes.extend(channels.to_le_bytes());
        bytes.extend(16_000_u32.to_le_bytes());
        bytes.extend(32_000_u32.to_le_bytes());
        bytes.extend(b"\x02\0\x10\0data");
        bytes.extend(length.to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn samples_are_read_whatever_the_lengths_say() {
        let wav = Ok(Wav { rate: 16_000, samples: vec![1, -1] });
        assert_eq!(Wav::read(&file(1, 4, &[1, 0, 255, 255])), wav);
        assert_eq!(Wav::read(&file(1, u32::MAX, &[1, 0, 255, 255])), wav);
        assert_eq!(Wav::read(&file(1, 4, &[1, 0, 255, 255, 9, 9])), wav);
        assert_eq!(Wav::read(&file(2, 8, &[0, 0, 2, 0, 255, 255, 255, 255])), wav);
    }

    #[test]
    fn what_is_no_sound_is_said() {
        assert_eq!(Wav::read(b"ID3\x04 an MP3 file"), Err(WavError::NotWav));
        assert_eq!(Wav::read(b""), Err(WavError::NotWav));
        assert_eq!(Wav::read(&file(1, 0, &[])), Err(WavError::Empty));
        assert_eq!(Wav::read(&file(6, 4, &[1, 0, 255, 255])), Err(WavError::Samples));
        let whole = file(1, 4, &[1, 0, 255, 255]);
        for end in 0..whole.len() - 2 {
            assert!(Wav::read(&whole[..end]).is_err(), "cut at {end}");
        }
    }
}
