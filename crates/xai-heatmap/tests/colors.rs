//! Colours for readers who see them differently.
#![allow(clippy::unwrap_used)]

use xai_heatmap::{Chart, Colormap, Paragraph, Picture};

/// What readers see who lack one kind of cones, on linear light: Machado, Oliveira and Fernandes, "A
/// Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, at full severity.
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];

/// Red, green and blue light, from 0 to 1.
fn linear(color: [u8; 3]) -> [f64; 3] {
    color.map(|byte| {
        let part = f64::from(byte) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn seen(eye: [[f64; 3]; 3], color: [u8; 3]) -> [f64; 3] {
    times(eye, linear(color)).map(|light| light.clamp(0.0, 1.0))
}

/// CIELAB of linear sRGB, white being that of daylight (D65).
fn lab(light: [f64; 3]) -> [f64; 3] {
    let xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
    let [x, y, z] = times(xyz, light);
    let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let [fx, fy, fz] = [f(x / 0.9505), f(y), f(z / 1.089)];
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// How different two colours look: 2 is just noticed side by side.
fn difference(eye: [[f64; 3]; 3], a: [u8; 3], b: [u8; 3]) -> f64 {
    let [a, b] = [a, b].map(|color| lab(seen(eye, color)));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_simulation_confuses_red_and_green() {
    for (eye, green) in [(PROTANOPIA, [90, 110, 0]), (DEUTERANOPIA, [130, 150, 0])] {
        let normal = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let red = [220, 60, 0];
        assert!(difference(eye, red, green) < 0.5 * difference(normal, red, green));
    }
}

#[test]
fn the_signs_of_the_default_map_stay_apart() {
    let map = Colormap::default();
    assert!(map.is_zero_centered());
    for eye in [PROTANOPIA, DEUTERANOPIA] {
        for strength in [0.1, 0.25, 0.5, 0.75, 1.0] {
            let [low, high] = [-strength, strength].map(|value: f32| map.color(0.5 + value / 2.0));
            // A tenth of the scale is a pale colour, to everyone.
            let apart = difference(eye, low, high);
            assert!(apart > 100.0 * f64::from(strength), "{strength}: {apart}");
        }
    }
}

#[test]
fn curves_stay_apart() {
    let colors = curve_colors();
    for eye in [PROTANOPIA, DEUTERANOPIA] {
        for (index, a) in colors.iter().enumerate() {
            for b in &colors[..index] {
                let apart = difference(eye, *a, *b);
                assert!(apart > 15.0, "{a:?} {b:?}: {apart}");
            }
        }
    }
}

/// The colours of seven curves, each found in the chart where it is alone.
fn curve_colors() -> Vec<[u8; 3]> {
    let flat = |value: f64| [(0.0, value), (1.0, value)];
    let chart = |curves: usize| {
        (0..curves).fold(Chart::new("", "").with_size(100, 100), |chart, curve| {
            // All but the last on the top edge.
            chart.with_curve("", flat(if curve + 1 == curves { 0.0 } else { 1.0 }))
        })
    };
    let strip = |picture: &Picture| {
        // The lower axis lies below the last curve.
        let x = picture.width() / 2;
        let column = (picture.height() / 2..picture.height()).map(|y| picture.pixel(x, y).unwrap());
        column.collect::<Vec<_>>()
    };
    let most_colored = |pixels: Vec<[u8; 3]>| {
        let chroma =
            |pixel: &[u8; 3]| pixel.iter().max().unwrap_or(&0).abs_diff(*pixel.iter().min().unwrap_or(&0));
        pixels.into_iter().max_by_key(chroma).unwrap()
    };
    (2..=7).map(|curves| most_colored(strip(&chart(curves).render().unwrap()))).chain([[0; 3]]).collect()
}

/// The contrast of WCAG 2, from 1 to 21.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let light = |color| linear(color).iter().zip([0.2126, 0.7152, 0.0722]).map(|(c, s)| c * s).sum::<f64>();
    let (a, b): (f64, f64) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn texts_can_be_read_on_every_colour() {
    for map in Colormap::ALL {
        let text = Paragraph::new((-10..=10).map(|step| ("x", step as f32))).unwrap();
        let svg = text.with_colors(Default::default(), map).draw().unwrap().svg().unwrap();
        let fill = |line: &str| {
            let (_, hex) = line.split_once("fill=\"#").unwrap();
            [0, 2, 4].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        };
        let lines: Vec<_> = svg.lines().collect();
        let letters = lines.windows(2).filter(|pair| pair[1].contains(">x<"));
        let contrasts: Vec<_> = letters.map(|pair| contrast(fill(pair[0]), fill(pair[1]))).collect();
        assert_eq!(contrasts.len(), 21);
        assert!(contrasts.iter().all(|contrast| *contrast >= 4.5), "{map}: {contrasts:?}");
    }
}
