//! Whatever is in a WAV file, reading it gives samples or an error: no panic, no hang, no memory without bound.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;

use explain_speech::recording::{LONGEST, Recording, RecordingError};
use hound::{SampleFormat, WavSpec, WavWriter};
use xai_testkit::mutation::{PeakAlloc, search};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MONO: WavSpec =
    WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };

fn read(file: &[u8]) -> Result<Recording, RecordingError> {
    Recording::read(file, file.len() as u64)
}

fn wav(spec: WavSpec, samples: &[f32]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for sample in samples {
        match spec.sample_format {
            SampleFormat::Float => writer.write_sample(*sample).unwrap(),
            SampleFormat::Int => {
                let full = 2f64.powi(i32::from(spec.bits_per_sample) - 1);
                writer.write_sample((f64::from(*sample) * full) as i32).unwrap();
            }
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

fn wave(length: usize) -> Vec<f32> {
    (0..length).map(|place| (place as f32 * 0.1).sin() / 2.0).collect()
}

/// Where the header has the bytes of all samples.
fn length_of(file: &[u8]) -> usize {
    file.windows(4).position(|name| name == b"data").unwrap() + 4
}

fn message(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

#[test]
fn mutations_of_wav() {
    let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO };
    let formats = [MONO, WavSpec { bits_per_sample: 24, ..MONO }, float, WavSpec { channels: 2, ..MONO }];
    let files: Vec<_> = formats.iter().map(|spec| wav(*spec, &wave(1200))).collect();
    for file in &files {
        assert!(read(file).is_ok(), "a file as it should be is refused");
    }
    let counts = search("WAV", &files, |file| read(file).is_ok()).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(counts.taken > 0 && counts.taken < counts.files, "{counts:?}");
}

#[test]
fn every_format_has_the_same_samples() {
    let want = wave(600);
    for bits in [8, 16, 24, 32] {
        let file = wav(WavSpec { bits_per_sample: bits, ..MONO }, &want);
        let recording = read(&file).unwrap();
        assert_eq!(recording.samples().len(), want.len());
        let furthest = recording.samples().iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest <= 1.01 / 2f32.powi(i32::from(bits).min(24) - 1), "{bits} bits: {furthest}");
    }
    let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO };
    assert_eq!(read(&wav(float, &want)).unwrap().samples(), want);
    // The mean of both channels.
    let both: Vec<f32> = want.iter().flat_map(|sample| [sample * 1.5, sample * 0.5]).collect();
    let stereo = read(&wav(WavSpec { channels: 2, ..float }, &both)).unwrap();
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
    assert!(stereo.samples().len() == want.len() && stereo.samples().iter().zip(&want).all(near));
}

#[test]
fn windows_have_zeros_around_the_recording() {
    let recording = Recording::new((1..=600).map(|place| place as f32 / 1000.0).collect()).unwrap();
    assert_eq!(recording.chunks(), 2);
    let window = recording.window(0, 2);
    assert_eq!(window.len(), 64 + 1024);
    assert_eq!((window[63], window[64], window[663], window[664]), (0.0, 0.001, 0.6, 0.0));
    assert_eq!(recording.window(1, 1)[..3], [0.449, 0.45, 0.451]);
}

#[test]
fn what_is_no_recording_is_refused_with_advice() {
    assert!(matches!(read(b""), Err(RecordingError::NotWav(_))));
    assert!(message(b"OggS, and so on").contains("no WAV file"), "{}", message(b"OggS, and so on"));

    let fast = message(&wav(WavSpec { sample_rate: 44_100, ..MONO }, &wave(1200)));
    assert!(fast.contains("44100 samples per second") && fast.contains("resample"), "{fast}");
    let short = message(&wav(MONO, &wave(511)));
    assert!(short.contains("511 samples") && short.contains("512"), "{short}");
    // The length is looked at before any sample is.
    let mut file = wav(MONO, &wave(1200));
    let place = length_of(&file);
    file[place..place + 4].copy_from_slice(&(2 * LONGEST as u32 * 16_000 + 2).to_le_bytes());
    let long = Recording::read(file.as_slice(), u64::MAX).unwrap_err().to_string();
    assert!(long.contains("601 seconds") && long.contains("cut out a part"), "{long}");

    let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO };
    for wrong in [f32::NAN, f32::NEG_INFINITY, 1e9] {
        let mut samples = wave(600);
        samples[77] = wrong;
        assert!(message(&wav(float, &samples)).contains("sample 77 is"));
    }
}

#[test]
fn headers_that_promise_too_much_are_refused() {
    let mut file = wav(MONO, &wave(1200));
    let place = length_of(&file);
    // The last is what programs write that do not know the length yet.
    for promised in [4000, 1 << 30, u32::MAX - 1] {
        file[place..place + 4].copy_from_slice(&promised.to_le_bytes());
        assert!(matches!(read(&file), Err(RecordingError::CutShort { .. })), "{promised}");
    }
    assert!(message(&file).contains("promises 4294967294 bytes"), "{}", message(&file));
    // One that ends within its header.
    assert!(read(&file[..30]).is_err());
}
