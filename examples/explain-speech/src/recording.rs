//! Recordings as the network hears them.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use hound::{SampleFormat, WavReader};
use thiserror::Error;

use crate::model::{CHUNK, CONTEXT, RATE};

/// The longest recording, in seconds.
pub const LONGEST: usize = 600;
/// The largest magnitude of a sample; those of whole numbers reach 1.
const LOUDEST: f32 = 16.0;

/// A file that is no recording for the network.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file cannot be opened or read.
    #[error("cannot read the recording: {0}")]
    Read(#[from] std::io::Error),
    /// The file is in another format.
    #[error("no WAV file that can be read: {0}; other formats can be converted, such as by `{CONVERT}`")]
    NotWav(hound::Error),
    /// The network knows one rate only.
    #[error(
        "the recording has {0} samples per second and the network hears {RATE}: resample it, such as by `{CONVERT}`"
    )]
    Rate(u32),
    /// It would take long, and much memory.
    #[error("the recording has {seconds} seconds, and {LONGEST} are read at most: cut out a part of it")]
    TooLong {
        /// Its length.
        seconds: usize,
    },
    /// There is not one whole chunk.
    #[error("the recording has {0} samples, and the network needs {CHUNK} at least, which are 32 ms")]
    TooShort(usize),
    /// The header promises more than the file has, as where a download broke off or a program wrote to a pipe.
    #[error(
        "the header promises {promised} bytes of samples, and the file has {present} bytes in all: it was cut \
         short, or its header was never finished; `{CONVERT}` writes a new one"
    )]
    CutShort {
        /// Bytes of the samples that the header tells of.
        promised: u64,
        /// Bytes of the file.
        present: u64,
    },
    /// A sample is not finite, or far beyond what a sample may be.
    #[error("sample {place} is {value}; samples are from -1 to 1")]
    Sample {
        /// Its number, from 0.
        place: usize,
        /// What it is.
        value: f32,
    },
}

/// What makes a recording for the network of any other.
const CONVERT: &str = "ffmpeg -i FILE -ar 16000 -ac 1 new.wav";

/// A recording of one channel, 16,000 samples per second.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Samples from -1 to 1.
    samples: Vec<f32>,
}

impl Recording {
    /// A recording of these samples.
    ///
    /// # Errors
    /// [`RecordingError`] where there are too few, too many, or one is beyond 16.
    pub fn new(samples: Vec<f32>) -> Result<Self, RecordingError> {
        check_length(samples.len())?;
        samples.iter().enumerate().try_for_each(|(place, sample)| check_sample(place, *sample))?;
        Ok(Self { samples })
    }

    /// The recording in a WAV file: whole numbers of 8 to 32 bits, or floats; of several channels the mean.
    ///
    /// # Errors
    /// [`RecordingError`] says what is wrong and what to do.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Self::read(BufReader::new(file), length)
    }

    /// The same from bytes, of which there are `length`.
    ///
    /// # Errors
    /// As [`Recording::open`].
    pub fn read(bytes: impl Read, length: u64) -> Result<Self, RecordingError> {
        let mut reader = WavReader::new(bytes).map_err(failed)?;
        let (spec, duration) = (reader.spec(), reader.duration());
        if spec.sample_rate as usize != RATE {
            return Err(RecordingError::Rate(spec.sample_rate));
        }
        let promised = u64::from(reader.len()) * u64::from(spec.bits_per_sample.div_ceil(8));
        if promised > length {
            return Err(RecordingError::CutShort { promised, present: length });
        }
        check_length(duration as usize)?;
        let channels = usize::from(spec.channels);
        match spec.sample_format {
            SampleFormat::Float => mixed(reader.samples::<f32>(), channels),
            SampleFormat::Int => {
                let full = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
                let samples = reader.samples::<i32>();
                mixed(samples.map(|sample| sample.map(|sample| sample as f32 / full)), channels)
            }
        }
    }

    /// The samples.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Chunks for which the network says a probability; the last one may have fewer samples than others.
    pub fn chunks(&self) -> usize {
        self.samples.len().div_ceil(CHUNK)
    }

    /// The samples of `count` chunks from `first` on, after the 64 before them; zeros where there are none.
    pub fn window(&self, first: usize, count: usize) -> Vec<f32> {
        // Counted from 64 zeros before the recording.
        let places = first * CHUNK..(first + count) * CHUNK + CONTEXT;
        let sample = |place: usize| self.samples.get(place.checked_sub(CONTEXT)?).copied();
        places.map(|place| sample(place).unwrap_or(0.0)).collect()
    }
}

fn check_length(samples: usize) -> Result<(), RecordingError> {
    match samples {
        0..CHUNK => Err(RecordingError::TooShort(samples)),
        _ if samples > LONGEST * RATE => Err(RecordingError::TooLong { seconds: samples.div_ceil(RATE) }),
        _ => Ok(()),
    }
}

fn check_sample(place: usize, value: f32) -> Result<(), RecordingError> {
    match value.abs() <= LOUDEST {
        true => Ok(()),
        false => Err(RecordingError::Sample { place, value }),
    }
}

/// The mean over the channels, sample by sample.
fn mixed(
    samples: impl Iterator<Item = hound::Result<f32>>,
    channels: usize,
) -> Result<Recording, RecordingError> {
    let (mut mixed, mut sum) = (Vec::new(), 0.0);
    for (place, sample) in samples.enumerate() {
        let value = sample.map_err(failed)?;
        check_sample(place, value)?;
        sum += value;
        if (place + 1) % channels == 0 {
            mixed.push(sum / channels as f32);
            sum = 0.0;
        }
    }
    Ok(Recording { samples: mixed })
}

/// What hound could not read.
fn failed(error: hound::Error) -> RecordingError {
    match error {
        hound::Error::IoError(reason) if reason.kind() != std::io::ErrorKind::Other => reason.into(),
        other => RecordingError::NotWav(other),
    }
}
