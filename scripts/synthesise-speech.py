#!/usr/bin/env python3
"""Writes the recording that examples/explain-speech explains: a few syllables that nobody spoke.

    scripts/synthesise-speech.py examples/explain-speech/recordings/syllables.wav

Needs NumPy. A train of glottal pulses goes through resonators at the formants of vowels (Klatt, "Software for a
cascade/parallel formant synthesizer", JASA 67, 1980), noise through others makes consonants, and light noise lies
under all. The same file comes out each time, up to the last digit of the processor's sines.
"""

import sys
import wave

import numpy as np

RATE = 16_000
CHUNKS = 94  # of 512 samples, 3 seconds
NOISE = 0.0005

# Formants in Hz, of a male voice (Peterson and Barney, JASA 24, 1952).
VOWELS = {
    "a": (730, 1090, 2440, 3400),
    "e": (530, 1840, 2480, 3500),
    "i": (270, 2290, 3010, 3600),
    "o": (570, 840, 2410, 3300),
    "u": (300, 870, 2240, 3300),
    "m": (250, 1100, 2100, 3200),
}
BANDWIDTHS = (80, 100, 140, 200)

# Start in seconds, consonant, the vowels that it glides through, length of these in seconds.
SYLLABLES = [
    (0.50, "", "mae", 0.30),
    (0.84, "s", "i", 0.22),
    (1.10, "t", "oa", 0.26),
    (1.95, "", "mu", 0.24),
    (2.22, "t", "ea", 0.28),
]


def resonate(x, frequencies, bandwidth):
    """A resonator of two poles, whose frequency changes from sample to sample."""
    radius = np.exp(-np.pi * bandwidth / RATE)
    turns = 2 * radius * np.cos(2 * np.pi * frequencies / RATE)
    y, before, last = np.empty_like(x), 0.0, 0.0
    for n, (value, turn) in enumerate(zip(x, turns)):
        before, last = last, (1 - turn + radius**2) * value + turn * last - radius**2 * before
        y[n] = last
    return y


def pulses(count, rng):
    """The flow through the vocal folds, differentiated: its pitch falls, trembles and jitters."""
    time = np.arange(count) / RATE
    pitch = 128 - 30 * time / 0.3 * 0.6 + 2.5 * np.sin(2 * np.pi * 5.5 * time)
    phase = np.cumsum(pitch / RATE * (1 + 0.01 * np.repeat(rng.standard_normal(count // 64 + 1), 64)[:count])) % 1
    # Rosenberg's pulse: opens slowly, closes fast, then stays closed.
    opening = 0.5 * (1 - np.cos(np.pi * phase / 0.4))
    closing = np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    flow = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0.0))
    return np.diff(flow, prepend=0.0) + 0.01 * rng.standard_normal(count) * flow


def voiced(vowels, seconds, rng):
    count = int(seconds * RATE)
    places = np.linspace(0, 1, len(vowels)) if len(vowels) > 1 else np.zeros(1)
    x = pulses(count, rng)
    for number, bandwidth in enumerate(BANDWIDTHS):
        targets = [VOWELS[vowel][number] for vowel in vowels]
        x = resonate(x, np.interp(np.linspace(0, 1, count), places, targets), bandwidth)
    envelope = np.interp(np.arange(count) / RATE, [0, 0.03, seconds - 0.08, seconds], [0, 1, 0.8, 0])
    return x / np.abs(x).max() * envelope


def consonant(name, rng):
    if name == "s":
        count, band, level = int(0.09 * RATE), (5600, 900), 0.18
    else:
        count, band, level = int(0.02 * RATE), (3500, 1500), 0.35
    x = resonate(rng.standard_normal(count), np.full(count, float(band[0])), band[1])
    return level * x / np.abs(x).max() * np.sin(np.pi * np.arange(count) / count) ** 0.5


def main():
    rng = np.random.default_rng(7)
    sound = NOISE * rng.standard_normal(CHUNKS * 512)
    for start, noise, vowels, seconds in SYLLABLES:
        parts = ([consonant(noise, rng)] if noise else []) + [0.45 * voiced(vowels, seconds, rng)]
        at = int(start * RATE) - (len(parts[0]) if noise else 0)
        for part in parts:
            sound[at : at + len(part)] += part
            at += len(part)
    with wave.open(sys.argv[1], "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())


main()
