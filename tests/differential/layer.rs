//! Layers as plain data.

use burn_xai::kernel::{ConvGeometry, ConvTransposeGeometry, PoolGeometry};
use burn_xai::layer::{Activation, Cut, Elementwise, SoftmaxForm};
use xai_testkit::host::Array;

use super::num::Num;

/// What a node computes. Names and parameters are those of the library's layers.
// `LayerNorm` is its name there.
#[allow(clippy::enum_variant_names)]
#[derive(Debug, Clone)]
pub(crate) enum Layer {
    Linear {
        weight: Array,
        bias: Option<Array>,
    },
    Conv {
        weight: Array,
        bias: Option<Array>,
        geometry: ConvGeometry,
    },
    ConvTranspose {
        weight: Array,
        bias: Option<Array>,
        geometry: ConvTransposeGeometry,
    },
    Average {
        windows: PoolGeometry,
        count_include_pad: bool,
    },
    Extremum {
        windows: PoolGeometry,
        largest: bool,
    },
    Reduce {
        mean: bool,
        axes: Option<Vec<usize>>,
    },
    MatmulBy {
        matrix: Array,
        left: bool,
    },
    BatchNorm {
        mean: Array,
        std: Array,
        scale: Array,
        shift: Array,
    },
    LayerNorm {
        scale: Array,
        shift: Option<Array>,
        epsilon: f64,
    },
    Affine {
        factor: Option<Array>,
        offset: Option<Array>,
    },
    Activation(Activation),
    PRelu {
        slope: Array,
    },
    Elementwise(Elementwise),
    Softmax {
        form: SoftmaxForm,
        dim: usize,
    },
    /// The identity, with a gradient of 0.
    Detach,
    Add,
    Sub,
    Mul,
    Div,
    Matmul,
    Reshape {
        dims: Vec<usize>,
    },
    Permute {
        axes: Vec<usize>,
    },
    Flip {
        axes: Vec<usize>,
    },
    Slice {
        cuts: Vec<Cut>,
    },
    Select {
        dim: usize,
        places: Vec<usize>,
    },
    Pad {
        padding: Vec<(usize, usize)>,
        fill: f64,
    },
    Expand {
        dims: Vec<usize>,
    },
    Repeat {
        dim: usize,
        times: usize,
    },
    Concat {
        dim: usize,
        parts: Vec<Option<Array>>,
    },
}

/// One output element: `constant + sum of coefficient * input[place]`.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) terms: Vec<Term>,
    pub(crate) constant: Num,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    /// Which of the node's inputs, and which element of it.
    pub(crate) input: usize,
    pub(crate) element: usize,
    pub(crate) coefficient: Num,
}

/// An affine map, one row for each element of an output of these sizes.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) dims: Vec<usize>,
    pub(crate) rows: Vec<Row>,
}

impl Layer {
    /// Whether rules for linear maps apply.
    pub(crate) fn is_linear(&self) -> bool {
        use Layer::*;
        matches!(
            self,
            Linear { .. }
                | Conv { .. }
                | ConvTranspose { .. }
                | Average { .. }
                | Reduce { .. }
                | MatmulBy { .. }
        )
    }

    /// Whether coefficients are parameters, which WSquare and Flat replace.
    pub(crate) fn has_weight(&self) -> bool {
        use Layer::*;
        matches!(self, Linear { .. } | Conv { .. } | ConvTranspose { .. } | MatmulBy { .. })
    }

    /// Whether the layer only moves elements.
    pub(crate) fn routes(&self) -> bool {
        use Layer::*;
        matches!(
            self,
            Reshape { .. }
                | Permute { .. }
                | Flip { .. }
                | Slice { .. }
                | Select { .. }
                | Pad { .. }
                | Expand { .. }
                | Repeat { .. }
                | Concat { .. }
        )
    }
}
