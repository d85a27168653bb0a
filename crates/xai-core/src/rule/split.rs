//! Inputs cut in two parts, each with a weight of its own: `x_1 W+ + x_2 W-`.

use burn_backend::Backend;

use crate::Value;
use crate::graph::NodeView;
use crate::layer::LinearMap;

/// How the parts `x_1` and `x_2` of an input pass through a linear map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// There is no second part.
    One,
    /// One after the other.
    Apart,
    /// Side by side, `[x_1 x_2] [V; W]`: the same products and sums in one pass, without an
    /// addition of two outputs. The dimensions are those of [`LinearMap::summed_dims`].
    Joined { input: usize, weight: usize },
}

impl Split {
    /// Two parts, side by side if the map allows it.
    pub(super) fn two<B: Backend>(map: &dyn LinearMap<B>, node: &NodeView<'_, B>) -> Self {
        let rank = node.input_dims().first().map_or(0, |dims| dims.len());
        match map.weight().and(map.summed_dims(rank)) {
            Some([input, weight]) => Self::Joined { input, weight },
            None => Self::Apart,
        }
    }

    /// The positive and the negative part of `x`, or `x` itself as the only part.
    pub(super) fn by_sign<B: Backend>(self, x: &Value<B>) -> Vec<Value<B>> {
        match self {
            Self::One => vec![x.clone()],
            _ => self.arrange(x.positive(), x.negative()),
        }
    }

    /// Two parts, as they pass through the map.
    pub(super) fn arrange<B: Backend>(self, first: Value<B>, second: Value<B>) -> Vec<Value<B>> {
        match self {
            Self::One => vec![first],
            Self::Apart => vec![first, second],
            Self::Joined { input, .. } => vec![Value::cat(vec![first, second], input)],
        }
    }

    /// The map's weight by sign, for these parts.
    pub(super) fn weights<B: Backend>(self, map: &dyn LinearMap<B>) -> Weights<B> {
        let by_sign = map.weight().map(|weight| [weight.positive(), weight.negative()]);
        Weights { parts: self, by_sign }
    }

    /// `sum_k x_k c_k`: the relevance of the parts, given what the adjoints made of each.
    pub(super) fn relevance<B: Backend>(
        self,
        x: Vec<Value<B>>,
        shares: impl IntoIterator<Item = (usize, Value<B>)>,
    ) -> Option<Value<B>> {
        let mut sums: Vec<Option<Value<B>>> = vec![None; x.len()];
        for (part, share) in shares {
            sums[part] = Some(match sums[part].take() {
                Some(sum) => sum + share,
                None => share,
            });
        }
        // The sum first: it has no other owner, so the product takes its place in memory.
        let products = x.into_iter().zip(sums).filter_map(|(x, sum)| Some(sum? * x));
        let relevance = products.reduce(|sum, product| sum + product)?;
        let Self::Joined { input, .. } = self else { return Some(relevance) };
        let mut dims = relevance.dims();
        dims[input] /= 2;
        let (before, each) = (dims[..input].iter().product(), dims[input..].iter().product());
        Some(relevance.reshape(&[before, 2, each]).sum_dim(1).reshape(&dims))
    }
}

/// The positive and the negative part of a map's weight; `None` for a map without weight, whose
/// coefficients are all positive.
pub(super) struct Weights<B: Backend> {
    parts: Split,
    by_sign: Option<[Value<B>; 2]>,
}

impl<B: Backend> Weights<B> {
    /// `x_1 W+ + x_2 W-`.
    pub(super) fn positive_first(&self) -> Products<B> {
        match &self.by_sign {
            Some([positive, negative]) => self.terms([positive, negative]),
            None => Products { parts: self.parts, terms: vec![(0, None)] },
        }
    }

    /// `x_1 W- + x_2 W+`.
    pub(super) fn negative_first(&self) -> Products<B> {
        match &self.by_sign {
            Some([positive, negative]) => self.terms([negative, positive]),
            None if self.parts == Split::One => Products { parts: self.parts, terms: Vec::new() },
            None => Products { parts: self.parts, terms: vec![(1, None)] },
        }
    }

    fn terms(&self, [first, second]: [&Value<B>; 2]) -> Products<B> {
        let (first, second) = (first.clone(), second.clone());
        let weights = match self.parts {
            Split::One => vec![first],
            Split::Apart => vec![first, second],
            Split::Joined { weight, .. } => vec![Value::cat(vec![first, second], weight)],
        };
        Products { parts: self.parts, terms: weights.into_iter().map(Some).enumerate().collect() }
    }
}

/// A sum of products: the number of the input's part and the weight it meets (`None` for a map
/// without weight).
#[derive(Debug, Clone)]
pub(super) struct Products<B: Backend> {
    parts: Split,
    terms: Vec<(usize, Option<Value<B>>)>,
}

impl<B: Backend> Products<B> {
    /// The sum, if it has any term.
    pub(super) fn sum(&self, map: &dyn LinearMap<B>, x: &[Value<B>]) -> Option<Value<B>> {
        let products = self.terms.iter().map(|(part, weight)| map.apply(&x[*part], weight.as_ref()));
        products.reduce(|sum, product| sum + product)
    }

    /// For each term the number of its part and `A_W^T s`; `dims` are those of the whole input.
    pub(super) fn adjoint(
        &self,
        map: &dyn LinearMap<B>,
        s: &Value<B>,
        dims: &[usize],
    ) -> Vec<(usize, Value<B>)> {
        let mut dims = dims.to_vec();
        if let Split::Joined { input, .. } = self.parts {
            dims[input] *= 2;
        }
        let of_term = |(part, weight): &(usize, Option<Value<B>>)| {
            (*part, map.adjoint(s.clone(), weight.as_ref(), &dims))
        };
        self.terms.iter().map(of_term).collect()
    }
}
