//! Ogg Opus files (RFC 7845): header, comments, then pages of about a second, the last one's granule position saying
//! where the audio ends, to the sample.
//!
//! Nothing in a file depends on when or where it was made: the stream's serial number comes from the sample's id. The
//! same audio gives the same bytes.

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Decoder, Encoder, Signal};

use super::clip::Clip;

/// Opus counts time at 48 kHz whatever the rate of the input.
const GRANULE_RATE: u32 = 48_000;
/// Frames of 20 ms.
const FRAMES_PER_SECOND: u32 = 50;
/// How many of them make a page.
const PACKETS_PER_PAGE: usize = 50;
/// Largest packet that Opus makes for one frame, bytes.
const MAX_PACKET: usize = 1_275;
/// Transparent for one voice.
const BITS_PER_SECOND: i32 = 32_000;
/// The transform coder alone. At this rate it sounds as good as the speech coder, costs a third of the time and keeps
/// loudness within 0.2 LU, where the speech coder loses up to 0.5.
const APPLICATION: Application = Application::LowDelay;
/// Of 10: beyond this, speech gains nothing one can hear and encoding takes longer.
const COMPLEXITY: i32 = 5;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum OpusFileError {
    /// The codec refused.
    #[error("opus: {0}")]
    Codec(#[from] opus::Error),
    /// The container could not be written.
    #[error("ogg: {0}")]
    Container(#[from] std::io::Error),
    /// The container could not be read.
    #[error("ogg: {0}")]
    Unreadable(#[from] ogg::OggReadError),
    /// It is not an Ogg Opus file with one channel.
    #[error("not a mono Ogg Opus file: {0}")]
    NotOpus(&'static str),
}

/// Encodes a clip, whose rate must be one that Opus knows ([`Clip::encoding_rate`]), under the name `id`.
/// `comments` are pairs like `("TITLE", "…")`.
///
/// # Errors
/// Where the codec refuses the rate or fails.
pub fn encode(clip: &Clip, id: &str, comments: &[(&str, &str)]) -> Result<Vec<u8>, OpusFileError> {
    let mut encoder = Encoder::new(clip.rate, Channels::Mono, APPLICATION)?;
    encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_signal(Signal::Voice)?;
    let lookahead = usize::try_from(encoder.get_lookahead()?).unwrap_or(0);
    let to_granule = u64::from(GRANULE_RATE / clip.rate);
    let pre_skip = lookahead as u64 * to_granule;
    let serial = serial_of(id);
    let mut writer = PacketWriter::new(Vec::with_capacity(clip.samples.len() / 4));
    writer.write_packet(head(pre_skip, clip.rate), serial, PacketWriteEndInfo::EndPage, 0)?;
    writer.write_packet(tags(comments), serial, PacketWriteEndInfo::EndPage, 0)?;

    // The decoder gives back the lookahead first, so as much silence must follow for the end to come out.
    let frame = (clip.rate / FRAMES_PER_SECOND) as usize;
    let packets = (clip.samples.len() + lookahead).div_ceil(frame).max(1);
    let end = pre_skip + clip.samples.len() as u64 * to_granule;
    let mut input = vec![0.0; frame];
    let mut output = [0; MAX_PACKET];
    for packet in 0..packets {
        let rest = clip.samples.get(packet * frame..).unwrap_or_default();
        let filled = rest.len().min(frame);
        input[..filled].copy_from_slice(&rest[..filled]);
        input[filled..].fill(0.0);
        let length = encoder.encode_float(&input, &mut output)?;
        let granule = (((packet + 1) * frame) as u64 * to_granule).min(end);
        let place = if packet + 1 == packets {
            PacketWriteEndInfo::EndStream
        } else if (packet + 1) % PACKETS_PER_PAGE == 0 {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        writer.write_packet(output[..length].to_vec(), serial, place, granule)?;
    }
    Ok(writer.into_inner())
}

/// Decodes a file of ours, or any mono Ogg Opus file, at 48 kHz.
///
/// # Errors
/// Where the bytes are not such a file.
pub fn decode(bytes: &[u8]) -> Result<Clip, OpusFileError> {
    let mut reader = ogg::PacketReader::new(std::io::Cursor::new(bytes));
    let head = reader.read_packet()?.ok_or(OpusFileError::NotOpus("it is empty"))?.data;
    if head.len() < 19 || !head.starts_with(b"OpusHead") {
        return Err(OpusFileError::NotOpus("it does not begin with an OpusHead"));
    }
    if head[9] != 1 {
        return Err(OpusFileError::NotOpus("it has more than one channel"));
    }
    let pre_skip = usize::from(u16::from_le_bytes([head[10], head[11]]));
    let tags = reader.read_packet()?.ok_or(OpusFileError::NotOpus("it has no OpusTags"))?.data;
    if !tags.starts_with(b"OpusTags") {
        return Err(OpusFileError::NotOpus("it has no OpusTags"));
    }
    let mut decoder = Decoder::new(GRANULE_RATE, Channels::Mono)?;
    let mut samples = Vec::new();
    let mut end = 0;
    // 120 ms, the longest that a packet may hold.
    let mut output = vec![0.0; GRANULE_RATE as usize * 120 / 1000];
    while let Some(packet) = reader.read_packet()? {
        let length = decoder.decode_float(&packet.data, &mut output, false)?;
        samples.extend_from_slice(&output[..length]);
        end = usize::try_from(packet.absgp_page()).unwrap_or(usize::MAX);
    }
    samples.truncate(end);
    samples.drain(..pre_skip.min(samples.len()));
    Ok(Clip { rate: GRANULE_RATE, samples })
}

fn serial_of(id: &str) -> u32 {
    let hash = blake3::hash(id.as_bytes());
    let bytes = hash.as_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn head(pre_skip: u64, rate: u32) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    // Version 1, one channel.
    head.extend([1, 1]);
    head.extend(u16::try_from(pre_skip).unwrap_or(u16::MAX).to_le_bytes());
    head.extend(rate.to_le_bytes());
    // No output gain, channel mapping family 0.
    head.extend([0, 0, 0]);
    head
}

fn tags(comments: &[(&str, &str)]) -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    push_string(&mut tags, "segue");
    tags.extend(u32::try_from(comments.len()).unwrap_or(0).to_le_bytes());
    for (name, value) in comments {
        push_string(&mut tags, &format!("{name}={value}"));
    }
    tags
}

fn push_string(out: &mut Vec<u8>, text: &str) {
    out.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn tone(rate: u32, seconds: f64) -> Clip {
        let samples = (0..(f64::from(rate) * seconds) as usize)
            .map(|frame| (0.3 * (2.0 * PI * 440.0 * frame as f64 / f64::from(rate)).sin()) as f32)
            .collect();
        Clip { rate, samples }
    }

    #[test]
    fn what_was_encoded_comes_back_as_long_as_it_was_at_every_rate() {
        for rate in [8_000, 12_000, 16_000, 24_000, 48_000] {
            for seconds in [0.001, 0.02, 0.5, 1.0, 3.21] {
                let clip = tone(rate, seconds);
                let back =
                    decode(&encode(&clip, "A", &[("TITLE", "tono")]).expect("encodes")).expect("decodes");
                assert!((back.seconds() - clip.seconds()).abs() < 1e-9, "{rate} Hz, {seconds} s");
            }
        }
    }

    #[test]
    fn the_tone_comes_back_in_time_and_level() {
        let back = decode(&encode(&tone(48_000, 1.0), "A", &[]).expect("encodes")).expect("decodes");
        let want = tone(48_000, 1.0);
        let alike = |lag: i64| -> f64 {
            (4_800..43_200_i64)
                .map(|at| f64::from(back.samples[(at + lag) as usize]) * f64::from(want.samples[at as usize]))
                .sum()
        };
        // One wave is 109 samples long; a wrong pre-skip would move it by far more than the codec's own phase.
        let best = (-50..=50).max_by(|a, b| alike(*a).total_cmp(&alike(*b)));
        assert!(best.is_some_and(|lag| lag.abs() <= 5), "shifted by {best:?}");
        let power = |clip: &Clip| clip.samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        assert!((power(&back) / power(&want) - 1.0).abs() < 0.05);
    }

    #[test]
    fn equal_audio_gives_equal_bytes_and_another_id_another_stream() {
        let clip = tone(24_000, 0.7);
        let bytes = encode(&clip, "A", &[]).expect("encodes");
        assert_eq!(bytes, encode(&clip, "A", &[]).expect("encodes"));
        assert_ne!(bytes, encode(&clip, "B", &[]).expect("encodes"));
    }

    #[test]
    fn what_is_not_opus_is_an_error() {
        assert!(decode(b"").is_err());
        assert!(decode(b"RIFF and so on").is_err());
        let mut bytes = encode(&tone(24_000, 0.1), "A", &[]).expect("encodes");
        bytes[30] ^= 0xff;
        assert!(decode(&bytes).is_err());
    }
}
