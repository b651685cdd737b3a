//! WAV files as people have them: PCM of 8, 16, 24 or 32 bits or floats, one channel or several, made one.

/// Sound of one channel, from -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Samples per second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<f32>,
}

/// What can be wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// Another format.
    #[error("it is no WAV file")]
    NotWav,
    /// It ends before it has said what is in it.
    #[error("it is cut off")]
    CutOff,
    /// Another kind of samples.
    #[error(
        "its samples are of kind {kind} with {bits} bits in {channels} channels; PCM of 8 to 32 bits or floats are read"
    )]
    Samples {
        /// The format's number.
        kind: u16,
        /// Of a sample.
        bits: u16,
        /// How many.
        channels: u16,
    },
    /// A rate that no speech has.
    #[error("it has {0} samples a second; 8000 to 192000 are read")]
    Rate(u32),
    /// A float that is no number.
    #[error("sample {0} is no number")]
    NotANumber(usize),
    /// Nothing in it.
    #[error("there is no sound in it")]
    Empty,
}

/// Reads a file. Where the lengths in it are longer than the file, as a writer into a pipe leaves them, the samples go on to
/// its end.
///
/// # Errors
/// [`WavError`].
pub fn read(bytes: &[u8]) -> Result<Clip, WavError> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut rest = &bytes[12..];
    let mut format = None;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = number(head, 4).ok_or(WavError::CutOff)? as usize;
        match &head[..4] {
            b"fmt " => format = Some(Format::read(after)?),
            b"data" => {
                let format = format.ok_or(WavError::CutOff)?;
                return format.samples(after.get(..length).unwrap_or(after));
            }
            _ => {}
        }
        // A chunk of odd length is followed by a byte of nothing.
        rest = after.get(length.saturating_add(length % 2)..).ok_or(WavError::CutOff)?;
    }
    Err(WavError::CutOff)
}

#[derive(Debug, Clone, Copy)]
struct Format {
    rate: u32,
    channels: usize,
    bytes: usize,
    float: bool,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, WavError> {
        let short = |at: usize| chunk.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let mut kind = short(0).ok_or(WavError::CutOff)?;
        let (channels, bits) = (short(2).ok_or(WavError::CutOff)?, short(14).ok_or(WavError::CutOff)?);
        // 0xfffe: the kind stands further on.
        if kind == 0xfffe {
            kind = short(24).ok_or(WavError::CutOff)?;
        }
        let is_read = matches!((kind, bits), (1, 8 | 16 | 24 | 32) | (3, 32 | 64));
        if !is_read || !(1..=8).contains(&channels) {
            return Err(WavError::Samples { kind, bits, channels });
        }
        let rate = number(chunk, 4).ok_or(WavError::CutOff)?;
        if !(8_000..=192_000).contains(&rate) {
            return Err(WavError::Rate(rate));
        }
        Ok(Self { rate, channels: channels.into(), bytes: usize::from(bits / 8), float: kind == 3 })
    }

    fn samples(self, bytes: &[u8]) -> Result<Clip, WavError> {
        let mut samples = Vec::with_capacity(bytes.len() / (self.bytes * self.channels));
        for (index, frame) in bytes.chunks_exact(self.bytes * self.channels).enumerate() {
            let sum: f32 = frame.chunks_exact(self.bytes).map(|one| self.sample(one)).sum();
            if !sum.is_finite() {
                return Err(WavError::NotANumber(index));
            }
            samples.push(sum / self.channels as f32);
        }
        if samples.is_empty() { Err(WavError::Empty) } else { Ok(Clip { rate: self.rate, samples }) }
    }

    fn sample(self, bytes: &[u8]) -> f32 {
        match (self.float, bytes) {
            (true, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (true, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
            // Eight bits are the one kind without a sign.
            (false, &[one]) => (f32::from(one) - 128.0) / 128.0,
            (false, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
            (false, &[a, b, c]) => i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0,
            (false, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]) as f32 / 2_147_483_648.0,
            _ => f32::NAN,
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(kind: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\xff\xff\xff\xffWAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data\xff\xff\xff\xff");
        bytes.extend(data);
        bytes
    }

    #[test]
    fn every_kind_of_samples_is_read_alike() {
        let half =
            |bytes: Vec<u8>| assert_eq!(read(&bytes), Ok(Clip { rate: 8_000, samples: vec![0.5, -0.5] }));
        half(file(1, 1, 8_000, 8, &[192, 64]));
        half(file(1, 1, 8_000, 16, &[0, 0x40, 0, 0xc0]));
        half(file(1, 1, 8_000, 24, &[0, 0, 0x40, 0, 0, 0xc0]));
        half(file(1, 1, 8_000, 32, &[0, 0, 0, 0x40, 0, 0, 0, 0xc0]));
        half(file(3, 1, 8_000, 32, &[0.5_f32.to_le_bytes(), (-0.5_f32).to_le_bytes()].concat()));
        half(file(3, 1, 8_000, 64, &[0.5_f64.to_le_bytes(), (-0.5_f64).to_le_bytes()].concat()));
        half(file(1, 2, 8_000, 16, &[0, 0x40, 0, 0x40, 0, 0xc0, 0, 0xc0]));
    }

    #[test]
    fn what_is_no_sound_is_said() {
        assert_eq!(read(b"ID3\x04 an MP3"), Err(WavError::NotWav));
        assert_eq!(read(&file(1, 1, 8_000, 16, &[])), Err(WavError::Empty));
        assert_eq!(read(&file(1, 1, 4_000, 16, &[0, 0])), Err(WavError::Rate(4_000)));
        assert_eq!(read(&file(3, 1, 8_000, 32, &f32::NAN.to_le_bytes())), Err(WavError::NotANumber(0)));
        let alaw = WavError::Samples { kind: 6, bits: 8, channels: 1 };
        assert_eq!(read(&file(6, 1, 8_000, 8, &[0, 0])), Err(alaw));
        assert!(read(&file(1, 0, 8_000, 16, &[0, 0])).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_at_all_break_it(mut bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..80) {
            let _ = read(&bytes);
            let whole = file(1, 2, 44_100, 16, &bytes);
            let _ = read(&whole[..whole.len().min(cut)]);
            bytes.splice(0..0, *b"RIFFxxxxWAVEfmt ");
            let _ = read(&bytes);
        }
    }
}
