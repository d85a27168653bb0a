//! LRP-z^B: for inputs that lie in a box, such as pixels.

use burn::tensor::TensorData;
use burn_backend::{Backend, DType};
use serde::{Deserialize, Serialize};

use super::fixed::batch_of;
use super::split::Split;
use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer, check_number, linear_map, require_linear};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::layer::Saved;
use crate::recent::Recent;

/// `R_in = x W^T s - l W+^T s - h W-^T s` with `s = R / st(x W - l W+ - h W-)`: contributions are
/// counted from the corner of the box `l <= x <= h` where the output is least.
///
/// The bias cancels. Outside the input, in zero padding, the bounds are 0 too. One forward and one
/// adjoint, two of each on layers that cannot take two inputs side by side, such as convolutions in
/// groups. Montavon et al., Pattern Recognition 65:211-222, 2017.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZBox {
    /// Lower end of the inputs' range.
    pub low: Bound,
    /// Upper end of the inputs' range.
    pub high: Bound,
    /// Stabilizes the denominator; default 1e-6.
    #[serde(default)]
    pub stabilizer: Stabilizer,
}

/// One end of the box of [`ZBox`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// The same for all inputs.
    Number(f64),
    /// One value per input, in row-major order. `dims` are the input's dimensions without the
    /// batch, 1 where the bound does not vary: `[3, 1, 1]` for one bound per colour channel.
    Tensor {
        /// Sizes.
        dims: Vec<usize>,
        /// Values.
        values: Vec<f64>,
    },
}

impl From<f64> for Bound {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl Bound {
    /// One bound for each channel of images, `[batch, channels, height, width]`: the ends of the
    /// pixels' range after a normalisation by channel.
    ///
    /// ```
    /// use xai_core::rule::{Bound, ZBox};
    ///
    /// let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    /// let end = |pixel: f64| Bound::per_channel(mean.iter().zip(std).map(|(mean, std)| (pixel - mean) / std));
    /// let rule = ZBox::new(end(0.0), end(1.0));
    /// ```
    pub fn per_channel(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        Self::Tensor { dims: vec![values.len(), 1, 1], values }
    }

    fn values(&self) -> &[f64] {
        match self {
            Self::Number(number) => std::slice::from_ref(number),
            Self::Tensor { values, .. } => values,
        }
    }

    fn check<B: Backend>(&self, parameter: &'static str, node: &NodeView<'_, B>) -> Result<(), RuleError> {
        for &value in self.values() {
            check_number(node, parameter, value, "finite", |_| true)?;
        }
        let Self::Tensor { dims, values } = self else { return Ok(()) };
        let input = node.input_dims().first().and_then(|dims| dims.get(1..)).unwrap_or_default();
        let fits = dims.len() == input.len()
            && dims.iter().zip(input).all(|(size, of)| *size == 1 || size == of)
            && dims.iter().product::<usize>() == values.len();
        if fits {
            return Ok(());
        }
        Err(RuleError::Bound {
            bound: parameter,
            dims: dims.clone(),
            values: values.len(),
            input: input.to_vec(),
        })
    }

    /// The bound for inputs of the sizes `of`, with the element type and device of `x`.
    ///
    /// # Errors
    /// [`LayerError::Bound`] when a bound per element is meant for inputs of other sizes.
    pub(super) fn expanded<B: Backend>(&self, x: &Value<B>, of: &[usize]) -> Result<Value<B>, LayerError> {
        match self {
            Self::Number(number) => Ok(x.full_like(of, *number)),
            Self::Tensor { dims, values } => {
                let dims = [&[1], dims.as_slice()].concat();
                if dims.len() != of.len() || dims.iter().zip(of).any(|(size, of)| *size != 1 && size != of) {
                    return Err(LayerError::Bound { bound: dims[1..].to_vec(), input: of.to_vec() });
                }
                let data = TensorData::new(values.clone(), dims).convert_dtype(x.dtype());
                Ok(Value::from_data(data, &x.device()).expand(of))
            }
        }
    }
}

impl ZBox {
    /// The same box for all inputs.
    pub fn new(low: impl Into<Bound>, high: impl Into<Bound>) -> Self {
        Self { low: low.into(), high: high.into(), stabilizer: Stabilizer::default() }
    }

    pub(super) fn check<B: Backend>(&self, node: &NodeView<'_, B>) -> Result<Stabilizer, RuleError> {
        self.low.check("low", node)?;
        self.high.check("high", node)?;
        let comparable = match (&self.low, &self.high) {
            (Bound::Tensor { dims: low, .. }, Bound::Tensor { dims: high, .. }) => low == high,
            _ => true,
        };
        let (lows, highs) = (self.low.values(), self.high.values());
        let mut pairs = lows.iter().cycle().zip(highs.iter().cycle()).take(lows.len().max(highs.len()));
        match pairs.find(|(low, high)| comparable && low > high) {
            Some((&value, _)) => {
                Err(RuleError::Parameter { parameter: "low", value, range: "no more than high" })
            }
            None => self.stabilizer.check(node),
        }
    }
}

/// Lower and upper bound of every input, for one input shape.
type Corners<B> = Recent<(Vec<usize>, DType), [Value<B>; 2]>;

impl<B: Backend> PropagationRule<B> for ZBox {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let parts = Split::two(map, node);
        let terms = parts.weights(map).positive_first();
        let (rule, st) = (self.clone(), self.check(node)?);
        let corners = Corners::new(1);
        Ok(BoundRule::new(Saved::INPUTS, move |context, relevance| {
            let (map, x, dims) = (linear_map(context)?, context.input(0)?, context.dims()?);
            let key = (batch_of(map, dims), x.dtype());
            let [low, high] = match corners.find(|other| *other == key) {
                Some(corner) => corner,
                None => {
                    let corner = [rule.low.expanded(x, &key.0)?, rule.high.expanded(x, &key.0)?];
                    corners.insert(key, corner.clone());
                    corner
                }
            };
            // `x W - l W+ - h W-`, with the distances from the corner taken first: none of these products
            // is negative, so nothing cancels, and a bias, however large, takes no digits away.
            let distances = parts.arrange(x - low, x - high);
            let z =
                terms.sum(map, &distances).ok_or(LayerError::NotSaved { what: "any term of the rule" })?;
            let s = divide(context, relevance, z, None, (&st, Sign::Any));
            Ok(parts.relevance(distances, terms.adjoint(map, &s, dims)).into_iter().collect())
        }))
    }
}
