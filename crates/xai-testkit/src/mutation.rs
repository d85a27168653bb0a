//! Mutation of files: what reads a format must not panic, hang or take memory without bound, whatever a file
//! holds.
//!
//! A test program that uses it has [`PeakAlloc`] as its global allocator.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use std::{env, thread};

pub use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Environment variable for the number of files; [`FILES`] without it.
pub const VARIABLE: &str = "MUTATIONS";
/// Mutated files of one search.
pub const FILES: u64 = 2000;

/// The longest that one file may take.
const LONGEST: Duration = Duration::from_secs(5);
/// The memory that reading a file of this size may take.
const ALLOWED: fn(usize) -> usize = |size| 10 * size + (64 << 20);
/// Only one search counts at a time.
static SEARCHING: Mutex<()> = Mutex::new(());

/// What a search without faults has seen.
#[derive(Debug, Default)]
pub struct Counts {
    /// Files tried.
    pub files: u64,
    /// Those of them that the reader took.
    pub taken: u64,
    /// The most memory that one took.
    pub peak: usize,
    /// The longest that one took.
    pub slowest: Duration,
}

/// What happened to one file.
struct Outcome {
    read: Result<bool, Box<dyn Any + Send>>,
    size: usize,
    peak: usize,
    took: Duration,
}

/// Reads mutants of `files`, always the same ones, until one is at fault; a reader says whether it took the
/// file.
///
/// # Errors
/// The first fault: what happened, the number of the mutant, and its bytes.
pub fn search(
    format: &str,
    files: &[Vec<u8>],
    read: impl Fn(&[u8]) -> bool + Send + 'static,
) -> Result<Counts, String> {
    let count = match env::var(VARIABLE) {
        Ok(text) => text.parse().map_err(|error| format!("{VARIABLE}={text}: {error}"))?,
        Err(_) => FILES,
    };
    let _alone = SEARCHING.lock().unwrap_or_else(PoisonError::into_inner);
    if PeakAlloc.current_usage() == 0 {
        return Err(
            "the program does not count its memory: make `PeakAlloc` its `#[global_allocator]`".into()
        );
    }
    let (sender, receiver) = mpsc::channel();
    let seeds = files.to_vec();
    // Not joined: a reader that hangs never ends.
    thread::spawn(move || {
        for number in 0..count {
            let file = mutant(&seeds, number);
            let before = PeakAlloc.current_usage();
            PeakAlloc.reset_peak_usage();
            let start = Instant::now();
            let read = catch_unwind(AssertUnwindSafe(|| read(&file)));
            let peak = PeakAlloc.peak_usage().saturating_sub(before);
            if sender.send(Outcome { read, size: file.len(), peak, took: start.elapsed() }).is_err() {
                return;
            }
        }
    });
    let mut counts = Counts::default();
    for number in 0..count {
        let fault = |what: &dyn fmt::Display| {
            let file = mutant(files, number);
            let hex: String = file.iter().take(400).map(|byte| format!("{byte:02x}")).collect();
            Err(format!("{format}, mutant {number} of {} bytes: {what}\n{hex}", file.len()))
        };
        let Ok(Outcome { read, size, peak, took }) = receiver.recv_timeout(LONGEST) else {
            return fault(&format!("not read within {LONGEST:?}"));
        };
        match read {
            Ok(taken) => counts.taken += u64::from(taken),
            Err(panic) => return fault(&format!("panicked: {}", said(&*panic))),
        }
        if peak > ALLOWED(size) {
            return fault(&format!("took {peak} bytes"));
        }
        counts.files += 1;
        counts.peak = counts.peak.max(peak);
        counts.slowest = counts.slowest.max(took);
    }
    println!("{format}: {counts:?}");
    Ok(counts)
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("something that is no text")
}

/// What a number may be instead.
const NUMBERS: [&str; 24] = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1",
    "255",
    "1e999",
    "-1e999",
    "1e308",
    "1e-400",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "0xffff",
    "\"1e-6\"",
    "'x'",
    "null",
    "true",
    "[]",
    "{}",
    "[0.5, true]",
    "{\"epsilon\": 1}",
];

/// A file made of one of `files` by one, two or four changes.
fn mutant(files: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(number));
    let mut file = dice.one(files).cloned().unwrap_or_default();
    for _ in 0..1 << dice.below(3) {
        change(&mut file, files, &mut dice);
    }
    file
}

/// One change, of the bytes or of what is text among them.
fn change(file: &mut Vec<u8>, files: &[Vec<u8>], dice: &mut Dice) {
    let (at, range) = (dice.below(file.len() + 1), dice.range(file.len()));
    let random: Vec<u8> = (0..dice.below(16)).map(|_| dice.below(256) as u8).collect();
    match dice.below(12) {
        0 => file.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        1 => {
            let byte = dice.one(&[0, 1, 0x7f, 0x80, 0xfe, 0xff]).copied().unwrap_or_default();
            file.iter_mut().skip(at).take(1).for_each(|old| *old = byte);
        }
        2 => file.truncate(at),
        3 => drop(file.splice(at..at, random)),
        4 => drop(file.drain(range)),
        5 => {
            // The beginning of this file, and the end of another.
            let other = dice.one(files).cloned().unwrap_or_default();
            file.truncate(at);
            file.extend(other.iter().skip(dice.below(other.len() + 1)));
        }
        6 => {
            let copy = file[range].to_vec();
            file.splice(at..at, copy);
        }
        7 => integer(file, dice),
        8 => {
            let text = dice.one(&NUMBERS).copied().unwrap_or_default();
            let span = dice.one(&spans(file, |byte| b"+-.eE0123456789".contains(&byte))).cloned();
            file.splice(span.unwrap_or(at..at), text.bytes());
        }
        9 => {
            let (open, close) =
                dice.one(&[("[", "]"), ("(", ")"), ("{\"a\":", "}")]).copied().unwrap_or_default();
            let depth = 1 << dice.below(10);
            file.splice(range.end..range.end, close.repeat(depth).into_bytes());
            file.splice(range.start..range.start, open.repeat(depth).into_bytes());
        }
        10 => {
            // An entry of a list or a table, or a line, again.
            let span = dice.one(&spans(file, |byte| !b",\n{}".contains(&byte))).cloned().unwrap_or(range);
            let again = [b",", &file[span.clone()], b"\n"].concat().repeat(1 << dice.below(6));
            file.splice(span.end..span.end, again);
        }
        _ => {
            let digits = "9".repeat(1 << dice.below(10));
            let span = dice.one(&spans(file, |byte| byte.is_ascii_digit())).cloned();
            file.splice(span.unwrap_or(at..at), digits.into_bytes());
        }
    }
}

/// Writes an integer that is a limit of something, mostly where headers are.
fn integer(file: &mut [u8], dice: &mut Dice) {
    let end = if dice.below(4) > 0 { file.len().min(64) } else { file.len() };
    let near = [0, 1, 2, file.len() as u64, 100, 8000];
    let base = dice.one(&near).copied().unwrap_or_default();
    let shift = dice.one(&[8u32, 15, 16, 31, 32, 63]).copied().unwrap_or_default();
    let number = if dice.below(2) > 0 { base } else { (1u64 << shift).wrapping_sub(base) };
    let width = 1 << dice.below(4);
    let mut bytes = number.to_le_bytes()[..width].to_vec();
    if dice.below(2) > 0 {
        bytes.reverse();
    }
    let at = dice.below(end + 1);
    file.iter_mut().skip(at).zip(bytes).for_each(|(old, new)| *old = new);
}

/// The runs of such bytes.
fn spans(file: &[u8], belongs: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for at in (0..file.len()).filter(|at| belongs(file[*at])) {
        match spans.last_mut().filter(|last| last.end == at) {
            Some(last) => last.end += 1,
            None => spans.push(at..at + 1),
        }
    }
    spans
}

struct Dice(ChaCha8Rng);

impl Dice {
    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    fn range(&mut self, end: usize) -> Range<usize> {
        let (a, b) = (self.below(end + 1), self.below(end + 1));
        a.min(b)..a.max(b)
    }
}
