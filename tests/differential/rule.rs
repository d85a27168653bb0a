//! Rules from their formulas, output element by output element.

use burn_xai::rule::{self, Bound, Rule, ZBox};

use super::function::{centring, line, normalised};
use super::layer::{Layer, Row, Rows, Term};
use super::num::{Num, Nums, places};
use super::rows::window;

/// How denominators are moved away from 0.
#[derive(Debug, Clone)]
pub(crate) struct Stabilizer {
    pub(crate) epsilon: f64,
    pub(crate) clip: bool,
    /// The dimensions over which epsilon is scaled by the root mean square; empty list: all but the first.
    pub(crate) rms: Option<Vec<usize>>,
}

/// A rule with its parameters; names as in the library.
#[derive(Debug, Clone)]
pub(crate) enum Recipe {
    Epsilon {
        st: Stabilizer,
        zero_bias: bool,
    },
    ZPlus {
        st: Stabilizer,
        zero_bias: bool,
    },
    AlphaBeta {
        alpha: f64,
        beta: f64,
        st: Stabilizer,
        zero_bias: bool,
    },
    Gamma {
        gamma: f64,
        st: Stabilizer,
        zero_bias: bool,
    },
    ZBox {
        low: Bound,
        high: Bound,
        st: Stabilizer,
    },
    WSquare {
        st: Stabilizer,
        zero_bias: bool,
    },
    Flat {
        st: Stabilizer,
    },
    Norm {
        st: Stabilizer,
    },
    FrozenStd {
        st: Stabilizer,
    },
    Uniform {
        st: Stabilizer,
    },
    /// On quotients: what is a gate depends on the graph.
    SignalTakesAll,
    Pass,
    WinnerTakesAll,
    TakesMost {
        beta: f64,
    },
    Gradient,
    ReluDeconvNet,
    ReluGuidedBackprop,
    ReluBetaSmooth {
        beta: f64,
    },
}

/// A node with what the forward pass left.
pub(crate) struct At<'a> {
    pub(crate) layer: &'a Layer,
    pub(crate) rows: Option<&'a Rows>,
    pub(crate) inputs: &'a [&'a Nums],
    pub(crate) output: &'a Nums,
}

/// What became of the relevance of each output element, and what reaches the input elements.
pub(crate) struct Passed {
    /// For each input, for each element, the parts that it gets.
    pub(crate) parts: Vec<Vec<Vec<Num>>>,
    /// Bias, stabilizer, dropped: for each output element the amounts.
    pub(crate) absorbed: [Vec<Vec<Num>>; 3],
}

const BIAS: usize = 0;
const STABILIZER: usize = 1;
const DROPPED: usize = 2;

impl Passed {
    fn give(&mut self, term: &Term, amount: Num) {
        self.parts[term.input][term.element].push(amount);
    }
}

impl Stabilizer {
    /// `st(z)` of all outputs.
    fn apply(&self, z: &Nums) -> Vec<Num> {
        let all = places(&z.dims);
        let stable = |(place, &value): (&Vec<usize>, &Num)| {
            let mut epsilon = Num::from(self.epsilon);
            if let Some(dims) = &self.rms {
                let over = |axis: usize| if dims.is_empty() { axis > 0 } else { dims.contains(&axis) };
                let alike = |other: &&usize| {
                    (0..place.len()).all(|axis| over(axis) || all[**other][axis] == place[axis])
                };
                let same: Vec<usize> = (0..all.len()).collect();
                let same: Vec<Num> = same.iter().filter(alike).map(|&other| z.data[other]).collect();
                let squares = Num::sum(same.iter().map(|&value| value * value));
                epsilon = (epsilon * (squares / Num::from(same.len() as f64)).sqrt()).max(Num::from(1e-20));
            }
            if epsilon.value == 0.0 {
                return value;
            }
            let sign = if value.compare(0.0).is_lt() { -Num::ONE } else { Num::ONE };
            if self.clip { sign * value.abs().max(epsilon) } else { value + sign * epsilon }
        };
        all.iter().zip(&z.data).map(stable).collect()
    }

    pub(crate) fn library(&self) -> rule::Stabilizer {
        let plain = rule::Stabilizer::from(self.epsilon);
        let clipped = if self.clip { plain.with_clip() } else { plain };
        match &self.rms {
            None => clipped,
            Some(dims) if dims.is_empty() => clipped.with_rms(),
            Some(dims) => clipped.with_rms_over(dims.clone()),
        }
    }
}

/// A form of linear rule: outputs give relevance in proportion to numerators.
struct Form<'a> {
    /// The numerator of a term, of input `x` and coefficient `w`.
    numerator: &'a dyn Fn(usize, Num, Num) -> Num,
    /// What the bias adds to the denominator.
    bias: &'a dyn Fn(Num) -> Num,
    st: &'a Stabilizer,
}

impl Recipe {
    /// Hands the relevance of the outputs on.
    pub(crate) fn propagate(&self, at: &At<'_>, relevance: &[Num]) -> Passed {
        let parts = at.inputs.iter().map(|input| vec![Vec::new(); input.data.len()]).collect();
        let mut passed =
            Passed { parts, absorbed: std::array::from_fn(|_| vec![Vec::new(); relevance.len()]) };
        let x = at.inputs[0];
        let bias_or_none = |zero: &bool| if *zero { no_bias } else { same as fn(Num) -> Num };
        match self {
            Self::Epsilon { st, zero_bias } => {
                at.share(
                    Form { numerator: &|_, x, w| x * w, bias: &bias_or_none(zero_bias), st },
                    relevance,
                    &mut passed,
                );
            }
            Self::ZPlus { st, zero_bias } => {
                at.alpha_beta([1.0, 0.0], st, *zero_bias, relevance, &mut passed)
            }
            Self::AlphaBeta { alpha, beta, st, zero_bias } => {
                at.alpha_beta([*alpha, *beta], st, *zero_bias, relevance, &mut passed);
            }
            Self::Gamma { gamma, st, zero_bias } => {
                // `w + gamma w+` and `w + gamma w-`.
                let more = |w: Num| w + w.positive() * *gamma;
                let less = |w: Num| w + w.negative() * *gamma;
                let up = |x: Num, w: Num| x.positive() * more(w) + x.negative() * less(w);
                let down = |x: Num, w: Num| x.positive() * less(w) + x.negative() * more(w);
                // The sign is that of the output, with its bias.
                let mut sides = [vec![Num::ZERO; relevance.len()], vec![Num::ZERO; relevance.len()]];
                for (j, &r) in relevance.iter().enumerate() {
                    match at.output.data[j].compare(0.0) {
                        std::cmp::Ordering::Greater => sides[0][j] = r,
                        std::cmp::Ordering::Less => sides[1][j] = r,
                        std::cmp::Ordering::Equal => passed.absorbed[DROPPED][j].push(r),
                    }
                }
                let kept = bias_or_none(zero_bias);
                let bias = |b: Num| more(kept(b));
                at.share(Form { numerator: &|_, x, w| up(x, w), bias: &bias, st }, &sides[0], &mut passed);
                let bias = |b: Num| less(kept(b));
                at.share(Form { numerator: &|_, x, w| down(x, w), bias: &bias, st }, &sides[1], &mut passed);
            }
            Self::ZBox { low, high, st } => {
                let (low, high) = (bounds(low, &x.dims), bounds(high, &x.dims));
                let numerator =
                    |i: usize, x: Num, w: Num| x * w - low[i] * w.positive() - high[i] * w.negative();
                at.share(Form { numerator: &numerator, bias: &no_bias, st }, relevance, &mut passed);
            }
            Self::WSquare { st, zero_bias } => {
                let kept = bias_or_none(zero_bias);
                let weight = at.layer.has_weight();
                // Maps without a weight have nothing to square.
                let numerator = |_, _, w: Num| if weight { w * w } else { w };
                at.share(
                    Form { numerator: &numerator, bias: &|b| kept(b) * kept(b), st },
                    relevance,
                    &mut passed,
                );
            }
            Self::Flat { st } => {
                let weight = at.layer.has_weight();
                let numerator = |_, _, w: Num| if weight { Num::ONE } else { w };
                at.share(Form { numerator: &numerator, bias: &no_bias, st }, relevance, &mut passed);
            }
            Self::Norm { st } => {
                let stable = st.apply(at.output);
                let jacobian = at.layer.jacobian(at.rows, at.inputs, at.output);
                for (j, &r) in relevance.iter().enumerate() {
                    let Some(s) = quotient(r, stable[j], j, &mut passed) else { continue };
                    for term in &jacobian[j] {
                        passed.give(term, at.inputs[term.input].data[term.element] * (term.coefficient * s));
                    }
                    // Constants of every affine layer, not of the linear ones only.
                    let constant = match at.layer {
                        // What the linear expansion leaves of it.
                        Layer::Softmax { .. } => {
                            let x = |term: &Term| at.inputs[term.input].data[term.element];
                            at.output.data[j]
                                - Num::sum(jacobian[j].iter().map(|term| x(term) * term.coefficient))
                        }
                        _ => at.rows.map_or(Num::ZERO, |rows| rows.rows[j].constant),
                    };
                    passed.absorbed[BIAS][j].push(constant * s);
                    passed.absorbed[STABILIZER][j].push((stable[j] - at.output.data[j]) * s);
                }
            }
            Self::FrozenStd { st } => {
                let Layer::LayerNorm { scale, shift, epsilon } = at.layer else {
                    unreachable!("layer norms only")
                };
                let (stable, features) = (st.apply(at.output), scale.data.len());
                for (j, &r) in relevance.iter().enumerate() {
                    let Some(s) = quotient(r, stable[j], j, &mut passed) else { continue };
                    let (_, std) = normalised(x, j, *epsilon);
                    for k in line(j, &x.dims, x.dims.len() - 1) {
                        let slope = centring(j, k, features) / std * scale.data[j % features];
                        passed.parts[0][k].push(x.data[k] * (slope * s));
                    }
                    let shift = shift.as_ref().map_or(0.0, |shift| shift.data[j % features]);
                    passed.absorbed[BIAS][j].push(s * shift);
                    passed.absorbed[STABILIZER][j].push((stable[j] - at.output.data[j]) * s);
                }
            }
            Self::SignalTakesAll => {
                for (j, &r) in relevance.iter().enumerate() {
                    passed.parts[0][j].push(r);
                }
            }
            Self::Uniform { .. } if matches!(at.layer, Layer::Mul) => {
                for (j, &r) in relevance.iter().enumerate() {
                    passed.parts.iter_mut().for_each(|parts| parts[j].push(r * 0.5));
                }
            }
            Self::Uniform { st } => {
                let stable = st.apply(at.output);
                let jacobian = at.layer.jacobian(at.rows, at.inputs, at.output);
                for (j, &r) in relevance.iter().enumerate() {
                    let Some(s) = quotient(r, stable[j], j, &mut passed) else { continue };
                    for term in &jacobian[j] {
                        let product = at.inputs[term.input].data[term.element] * (term.coefficient * s);
                        passed.give(term, product * 0.5);
                    }
                    passed.absorbed[STABILIZER][j].push((stable[j] - at.output.data[j]) * s);
                }
            }
            Self::Pass if !at.layer.routes() => {
                relevance.iter().enumerate().for_each(|(j, &r)| passed.parts[0][j].push(r));
            }
            Self::Pass | Self::Gradient | Self::WinnerTakesAll => {
                let jacobian = at.layer.jacobian(at.rows, at.inputs, at.output);
                for (j, &r) in relevance.iter().enumerate() {
                    jacobian[j].iter().for_each(|term| passed.give(term, term.coefficient * r));
                    // On a border or a constant between inputs, and in windows without an element.
                    let column = match (self, at.layer) {
                        (Self::Pass, Layer::Pad { .. } | Layer::Concat { .. }) => Some(BIAS),
                        (Self::WinnerTakesAll, _) => Some(DROPPED),
                        _ => None,
                    };
                    if let (Some(column), true) = (column, jacobian[j].is_empty()) {
                        passed.absorbed[column][j].push(r);
                    }
                }
            }
            Self::TakesMost { beta } => {
                let Layer::Extremum { windows, largest } = at.layer else { unreachable!("pools only") };
                let sign = if *largest { 1.0 } else { -1.0 };
                for (j, place) in places(&at.output.dims).iter().enumerate() {
                    let elements = window(windows, &x.dims, place).0;
                    if elements.is_empty() {
                        passed.absorbed[DROPPED][j].push(relevance[j]);
                        continue;
                    }
                    // Relative to the largest, so that nothing overflows.
                    let best = elements.iter().map(|&i| x.data[i] * sign).reduce(Num::max).unwrap();
                    let weights: Vec<Num> =
                        elements.iter().map(|&i| ((x.data[i] * sign - best) * *beta).exp()).collect();
                    let sum = Num::sum(weights.iter().copied());
                    for (&i, &weight) in elements.iter().zip(&weights) {
                        passed.parts[0][i].push(weight / sum * relevance[j]);
                    }
                }
            }
            Self::ReluDeconvNet => {
                relevance.iter().enumerate().for_each(|(j, r)| passed.parts[0][j].push(r.positive()));
            }
            Self::ReluGuidedBackprop => {
                let jacobian = at.layer.jacobian(at.rows, at.inputs, at.output);
                for (j, r) in relevance.iter().enumerate() {
                    passed.parts[0][j].push(r.positive() * jacobian[j][0].coefficient);
                }
            }
            Self::ReluBetaSmooth { beta } => {
                for (j, &r) in relevance.iter().enumerate() {
                    passed.parts[0][j].push((x.data[j] * *beta).sigmoid() * r);
                }
            }
        }
        passed
    }

    pub(crate) fn library(&self) -> Rule {
        let st = |st: &Stabilizer| st.library();
        match self {
            Self::Epsilon { st: e, zero_bias } => {
                rule::Epsilon { epsilon: st(e), zero_bias: *zero_bias }.into()
            }
            Self::ZPlus { st: e, zero_bias } => {
                rule::ZPlus { stabilizer: st(e), zero_bias: *zero_bias }.into()
            }
            Self::AlphaBeta { alpha, beta, st: e, zero_bias } => {
                let (alpha, beta) = (*alpha, *beta);
                rule::AlphaBeta { alpha, beta, stabilizer: st(e), zero_bias: *zero_bias }.into()
            }
            Self::Gamma { gamma, st: e, zero_bias } => {
                rule::Gamma { gamma: *gamma, stabilizer: st(e), zero_bias: *zero_bias }.into()
            }
            Self::ZBox { low, high, st: e } => {
                ZBox { stabilizer: st(e), ..ZBox::new(low.clone(), high.clone()) }.into()
            }
            Self::WSquare { st: e, zero_bias } => {
                rule::WSquare { stabilizer: st(e), zero_bias: *zero_bias }.into()
            }
            Self::Flat { st: e } => rule::Flat { stabilizer: st(e) }.into(),
            Self::Norm { st: e } => rule::Norm { stabilizer: st(e) }.into(),
            Self::FrozenStd { st: e } => rule::FrozenStd { stabilizer: st(e) }.into(),
            Self::Uniform { st: e } => rule::Uniform { stabilizer: st(e) }.into(),
            Self::SignalTakesAll => rule::SignalTakesAll::default().into(),
            Self::Pass => rule::Pass.into(),
            Self::WinnerTakesAll => rule::WinnerTakesAll.into(),
            Self::TakesMost { beta } => rule::TakesMost { beta: *beta }.into(),
            Self::Gradient => rule::Gradient.into(),
            Self::ReluDeconvNet => rule::ReluDeconvNet.into(),
            Self::ReluGuidedBackprop => rule::ReluGuidedBackprop.into(),
            Self::ReluBetaSmooth { beta } => rule::ReluBetaSmooth { beta: *beta }.into(),
        }
    }
}

fn same(bias: Num) -> Num {
    bias
}

fn no_bias(_: Num) -> Num {
    Num::ZERO
}

/// `R / st(z)`; nothing, and the relevance dropped, where the denominator is 0.
fn quotient(relevance: Num, stable: Num, j: usize, passed: &mut Passed) -> Option<Num> {
    if stable.is_zero() {
        passed.absorbed[DROPPED][j].push(relevance);
        return None;
    }
    Some(relevance / stable)
}

impl At<'_> {
    /// `R_i = sum_j n_ij R_j / st(sum_i n_ij + b_j)`.
    fn share(&self, form: Form<'_>, relevance: &[Num], passed: &mut Passed) {
        let (x, Some(Rows { dims, rows })) = (&self.inputs[0].data, self.rows) else {
            unreachable!("linear layers only")
        };
        let numerator = |term: &Term| (form.numerator)(term.element, x[term.element], term.coefficient);
        let denominator =
            |row: &Row| Num::sum(row.terms.iter().map(numerator).chain([(form.bias)(row.constant)]));
        let z = Nums { dims: dims.clone(), data: rows.iter().map(denominator).collect() };
        let stable = form.st.apply(&z);
        for (j, row) in rows.iter().enumerate() {
            // Where nothing arrives, a doubtful denominator does no harm.
            if relevance[j].value == 0.0 && relevance[j].error == [0.0; 2] {
                continue;
            }
            let Some(s) = quotient(relevance[j], stable[j], j, passed) else { continue };
            row.terms.iter().for_each(|term| passed.give(term, numerator(term) * s));
            passed.absorbed[BIAS][j].push((form.bias)(row.constant) * s);
            passed.absorbed[STABILIZER][j].push((stable[j] - z.data[j]) * s);
        }
    }

    /// `alpha` times the positive contributions' share less `beta` times that of the negative ones.
    fn alpha_beta(
        &self,
        [alpha, beta]: [f64; 2],
        st: &Stabilizer,
        zero_bias: bool,
        relevance: &[Num],
        passed: &mut Passed,
    ) {
        let kept = |b: Num| if zero_bias { Num::ZERO } else { b };
        let scaled = |factor: f64| relevance.iter().map(|&r| r * factor).collect::<Vec<_>>();
        let gain = |_, x: Num, w: Num| x.positive() * w.positive() + x.negative() * w.negative();
        let form = Form { numerator: &gain, bias: &|b| kept(b).positive(), st };
        self.share(form, &scaled(alpha), passed);
        if beta != 0.0 {
            let loss = |_, x: Num, w: Num| x.positive() * w.negative() + x.negative() * w.positive();
            let form = Form { numerator: &loss, bias: &|b| kept(b).negative(), st };
            self.share(form, &scaled(-beta), passed);
        }
    }
}

/// The bound of every input element.
fn bounds(bound: &Bound, x: &[usize]) -> Vec<Num> {
    match bound {
        Bound::Number(number) => vec![Num::from(*number); x.iter().product()],
        Bound::Tensor { dims, values } => {
            let at = |place: Vec<usize>| {
                let inner: Vec<usize> = place[1..].iter().zip(dims).map(|(at, size)| at % size).collect();
                values[super::num::flat(&inner, dims)].into()
            };
            places(x).into_iter().map(at).collect()
        }
    }
}
