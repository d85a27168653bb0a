//! What most programs need: `use burn_xai::prelude::*;`.

pub use crate::heatmap::{
    Cell, Colormap, Grid, Normalization, RelevanceMap, maps, picture, picture_over, render, series, volume,
};
pub use crate::record::{record, record_fn};
pub use xai_core::Value;
pub use xai_core::attributor::{
    Attribution, Attributor, Cam, ChannelRanking, Condition, DeepLift, DeepShap, FeatureAblation,
    GradientShap, InputXGradient, IntegratedGradients, KernelShap, Lime, Lrp, Occlusion, Quadrature, Regions,
    Saliency, SmoothGrad,
};
pub use xai_core::composite::{
    Composite, Matcher, Presets, attn_lrp, beta_smooth, cp_lrp, deconv_net, epsilon_alpha2_beta1,
    epsilon_alpha2_beta1_flat, epsilon_gamma_box, epsilon_plus, epsilon_plus_flat, excitation_backprop,
    gradient, guided_backprop, lstm_lrp,
};
pub use xai_core::error::ExplainError;
pub use xai_core::evaluation::{
    Comparison, Completeness, Infidelity, Localisation, MaxSensitivity, Metric, PixelFlipping, Road,
    Sparseness, parameter_randomisation,
};
pub use xai_core::layer::LayerKind;
pub use xai_core::model::{Input, Inputs, Model, Seed, Target};
pub use xai_core::rule::{
    AlphaBeta, Epsilon, Flat, FrozenStd, Gamma, Gradient, Norm, Pass, Rule, SignalTakesAll, Stabilizer,
    TakesMost, Uniform, WSquare, WinnerTakesAll, ZBox, ZPlus,
};
pub use xai_trace::{parameter_owners, randomised};
