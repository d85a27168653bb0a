//! A rule bound to a layer.

use std::cell::RefCell;
use std::fmt;

use burn_backend::Backend;

use crate::Value;
use crate::error::LayerError;
use crate::layer::{BackwardContext, Layer, LedgerTerm, NodeValues, Saved};

type Propagate<B> =
    dyn Fn(&BackwardContext<'_, B>, Value<B>) -> Result<Vec<Value<B>>, LayerError> + Send + Sync;

/// A rule bound to a layer.
pub struct BoundRule<B: Backend> {
    saved: Saved,
    support: Support,
    propagate: Box<Propagate<B>>,
}

/// On which elements of its inputs a rule can put relevance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Support {
    /// On any of them.
    #[default]
    Anywhere,
    /// On those that are not 0: `R_in = x c`.
    Nonzero,
    /// If relevance arrives only where the output is not 0: on inputs that are not 0. Layers that move
    /// elements or keep a 0 a 0, and rules that pass relevance back along with them.
    AsArrived,
}

/// What one layer passes on, and what it keeps.
#[derive(Debug)]
pub struct Passed<B: Backend> {
    /// Relevance of each input, of its shape.
    pub relevance: Vec<Value<B>>,
    /// Relevance that reaches no input: one number for each index of dimension 0.
    pub absorbed: Vec<(LedgerTerm, Value<B>)>,
}

impl<B: Backend> BoundRule<B> {
    /// A bound rule that reads the values `saved` of a node and turns the relevance of its output into the
    /// relevance of each input, of the inputs' shapes.
    pub fn new(
        saved: Saved,
        propagate: impl Fn(&BackwardContext<'_, B>, Value<B>) -> Result<Vec<Value<B>>, LayerError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { saved, support: Support::default(), propagate: Box::new(propagate) }
    }

    /// The same with this statement of where relevance can be, on which other rules rely.
    pub fn with_support(self, support: Support) -> Self {
        Self { support, ..self }
    }

    /// On which elements of the inputs relevance can be.
    pub fn support(&self) -> Support {
        self.support
    }

    /// Which forward values of a node the rule reads.
    pub fn saved(&self) -> Saved {
        self.saved
    }

    /// Relevance of each input from the relevance of the output.
    ///
    /// # Errors
    /// [`LayerError`] when a value that the rule reads was not kept.
    pub fn propagate(
        &self,
        context: &BackwardContext<'_, B>,
        relevance: Value<B>,
    ) -> Result<Vec<Value<B>>, LayerError> {
        (self.propagate)(context, relevance)
    }

    /// The same for `layer` by itself, without a graph: for a rule that passes relevance on in
    /// parts, each a layer with a rule of its own, and for tests of rules.
    ///
    /// `layer` is the one that the rule was bound to, `output` what it gives for `inputs`.
    ///
    /// ```
    /// # use burn::tensor::Tensor;
    /// # use burn_flex::Flex;
    /// # use xai_core::Value;
    /// use xai_core::graph::NodeView;
    /// use xai_core::layer::{Layer, Linear};
    /// use xai_core::rule::{Epsilon, PropagationRule};
    ///
    /// # let value = |data: [f32; 2]| Tensor::<Flex, 1>::from_floats(data, &Default::default());
    /// let weight = Value::from(value([2.0, 3.0])).reshape(&[2, 1]);
    /// let layer: Layer<Flex> = Linear::new(weight, None)?.into();
    /// let bound = Epsilon::new(0.0).bind(&NodeView::alone(&layer, &[&[1, 2]], &[1, 1]))?;
    ///
    /// let x = Value::from(value([1.0, -2.0])).reshape(&[1, 2]);
    /// let output = layer.ops().forward(vec![x.clone()])?;
    /// let passed = bound.propagate_alone(&layer, &[&x], &output, output.clone())?;
    /// assert_eq!(passed.relevance[0].to_data()?.to_vec::<f32>().unwrap(), [2.0, -6.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`propagate`](Self::propagate).
    pub fn propagate_alone(
        &self,
        layer: &Layer<B>,
        inputs: &[&Value<B>],
        output: &Value<B>,
        relevance: Value<B>,
    ) -> Result<Passed<B>, LayerError> {
        let dims: Vec<_> = inputs.iter().map(|input| input.dims()).collect();
        let terms = RefCell::default();
        let context = BackwardContext {
            layer,
            input_dims: dims.iter().map(Vec::as_slice).collect(),
            values: NodeValues {
                inputs: inputs.iter().map(|input| self.saved.inputs.then_some(*input)).collect(),
                output: self.saved.output.then_some(output),
                rectified: None,
            },
            reference: None,
            terms: Some(&terms),
        };
        let relevance = self.propagate(&context, relevance)?;
        let absorbed = LedgerTerm::ALL.into_iter().zip(terms.into_inner());
        Ok(Passed { relevance, absorbed: absorbed.filter_map(|(term, sum)| Some((term, sum?))).collect() })
    }
}

impl<B: Backend> fmt::Debug for BoundRule<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundRule").field("saved", &self.saved).finish_non_exhaustive()
    }
}
