//! Rules in matrix form, in f64 on the host.
//!
//! A layer is nothing but a matrix here, found by feeding it unit vectors. Slow and obvious: what
//! the library computes with convolutions and adjoints is checked against a few sums.

use crate::host::Array;

/// `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    inputs: usize,
    elements: Vec<f64>,
}

impl Matrix {
    /// The slope of `f` at `at`, one column per input element: exact for affine functions with
    /// `step` 1, and for piecewise linear ones if no kink lies within `step`.
    pub(super) fn slope(f: impl Fn(&[Array]) -> Array, at: &[Array], step: f64) -> Self {
        let start = f(at).data;
        let places = (0..at.len()).flat_map(|input| (0..at[input].data.len()).map(move |i| (input, i)));
        let columns: Vec<Vec<f64>> = places
            .map(|(input, element)| {
                let mut moved = at.to_vec();
                moved[input].data[element] += step;
                f(&moved).data.iter().zip(&start).map(|(end, start)| (end - start) / step).collect()
            })
            .collect();
        let inputs = columns.len();
        let elements = (0..start.len() * inputs).map(|i| columns[i % inputs][i / inputs]).collect();
        Self { inputs, elements }
    }

    pub(super) fn each(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { inputs: self.inputs, elements: self.elements.iter().map(|&w| f(w)).collect() }
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.elements.chunks(self.inputs).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    }

    fn transposed(&self, s: &[f64]) -> Vec<f64> {
        let mut c = vec![0.0; self.inputs];
        for (row, s) in self.elements.chunks(self.inputs).zip(s) {
            c.iter_mut().zip(row).for_each(|(c, w)| *c += w * s);
        }
        c
    }
}

/// What rules need to know of one sample at one layer.
pub(super) struct Sample<'a> {
    /// `y = w x + bias`, around the sample if the layer is not affine.
    pub(super) w: &'a Matrix,
    pub(super) bias: &'a [f64],
    /// The layer with all weights 1 and no bias; of max and min pools, other than 0 where an element
    /// is in a window.
    pub(super) ones: &'a Matrix,
    /// The layer with all weights squared and no bias.
    pub(super) squared: &'a Matrix,
    /// All inputs, one after the other.
    pub(super) x: &'a [f64],
    pub(super) y: &'a [f64],
    pub(super) r: &'a [f64],
}

/// `z + sign(z) epsilon`, with `sign(0) = 1`.
pub(super) fn stable(z: f64, epsilon: f64) -> f64 {
    if z < 0.0 { z - epsilon } else { z + epsilon }
}

fn plus(x: f64) -> f64 {
    x.max(0.0)
}

fn minus(x: f64) -> f64 {
    x.min(0.0)
}

fn each(x: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    x.iter().map(|&x| f(x)).collect()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

/// Shares `r` out by `terms`, products of an input and a matrix each: `sum_k x_k W_k^T s` with
/// `s = r / st(sum_k W_k x_k + bias)`.
fn share_out(terms: &[(Vec<f64>, Matrix)], bias: &[f64], r: &[f64], epsilon: f64) -> Vec<f64> {
    let z = terms.iter().fold(bias.to_vec(), |z, (x, w)| add(&z, &w.apply(x)));
    let s: Vec<f64> = r.iter().zip(&z).map(|(r, &z)| r / stable(z, epsilon)).collect();
    let shares = terms.iter().map(|(x, w)| times(x, &w.transposed(&s)));
    shares.reduce(|sum, share| add(&sum, &share)).expect("a rule has terms")
}

/// The rules; `keep_bias` is 1, or 0 to leave the bias out of the denominators.
impl Sample<'_> {
    fn bias(&self, keep_bias: f64, f: impl Fn(f64) -> f64) -> Vec<f64> {
        each(self.bias, |b| keep_bias * f(b))
    }

    pub(super) fn epsilon(&self, epsilon: f64, keep_bias: f64) -> Vec<f64> {
        share_out(&[(self.x.to_vec(), self.w.clone())], &self.bias(keep_bias, |b| b), self.r, epsilon)
    }

    pub(super) fn z_plus(&self, epsilon: f64, keep_bias: f64) -> Vec<f64> {
        let terms = [(each(self.x, plus), self.w.each(plus)), (each(self.x, minus), self.w.each(minus))];
        share_out(&terms, &self.bias(keep_bias, plus), self.r, epsilon)
    }

    pub(super) fn alpha_beta(&self, alpha: f64, beta: f64, epsilon: f64, keep_bias: f64) -> Vec<f64> {
        let terms = [(each(self.x, minus), self.w.each(plus)), (each(self.x, plus), self.w.each(minus))];
        let loss = share_out(&terms, &self.bias(keep_bias, minus), self.r, epsilon);
        add(&each(&self.z_plus(epsilon, keep_bias), |r| alpha * r), &each(&loss, |r| -beta * r))
    }

    pub(super) fn gamma(&self, gamma: f64, epsilon: f64, keep_bias: f64) -> Vec<f64> {
        let side = |is_here: fn(f64) -> bool, own: fn(f64) -> f64, other: fn(f64) -> f64| {
            let favoured = |part: fn(f64) -> f64| self.w.each(|w| w + gamma * part(w));
            let terms = [(each(self.x, plus), favoured(own)), (each(self.x, minus), favoured(other))];
            let r: Vec<f64> =
                self.r.iter().zip(self.y).map(|(r, &y)| if is_here(y) { *r } else { 0.0 }).collect();
            share_out(&terms, &self.bias(keep_bias, |b| b + gamma * own(b)), &r, epsilon)
        };
        add(&side(|y| y > 0.0, plus, minus), &side(|y| y < 0.0, minus, plus))
    }

    pub(super) fn z_box(&self, low: f64, high: f64, epsilon: f64) -> Vec<f64> {
        let terms = [
            (self.x.to_vec(), self.w.clone()),
            (vec![-low; self.x.len()], self.w.each(plus)),
            (vec![-high; self.x.len()], self.w.each(minus)),
        ];
        share_out(&terms, &vec![0.0; self.bias.len()], self.r, epsilon)
    }

    pub(super) fn w_square(&self, epsilon: f64, keep_bias: f64) -> Vec<f64> {
        let terms = [(vec![1.0; self.x.len()], self.squared.clone())];
        share_out(&terms, &self.bias(keep_bias, |b| b * b), self.r, epsilon)
    }

    pub(super) fn flat(&self, epsilon: f64) -> Vec<f64> {
        let terms = [(vec![1.0; self.x.len()], self.ones.clone())];
        share_out(&terms, &vec![0.0; self.bias.len()], self.r, epsilon)
    }

    pub(super) fn norm(&self, epsilon: f64) -> Vec<f64> {
        let s: Vec<f64> = self.r.iter().zip(self.y).map(|(r, &y)| r / stable(y, epsilon)).collect();
        times(self.x, &self.w.transposed(&s))
    }

    pub(super) fn takes_most(&self, beta: f64) -> Vec<f64> {
        let mut c = vec![0.0; self.x.len()];
        for ((row, &y), r) in self.ones.elements.chunks(self.ones.inputs).zip(self.y).zip(self.r) {
            // The output is the window's maximum or minimum, whichever the pool takes.
            let weight = |i: usize| if row[i] == 0.0 { 0.0 } else { (-beta * (self.x[i] - y).abs()).exp() };
            let sum: f64 = (0..c.len()).map(weight).sum();
            c.iter_mut().enumerate().for_each(|(i, c)| *c += weight(i) / sum * r);
        }
        c
    }

    pub(super) fn gradient(&self) -> Vec<f64> {
        self.w.transposed(self.r)
    }
}
