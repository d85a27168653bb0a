//! Methods that attribute a model's score to its inputs.
//!
//! A method is made of a [`Model`](crate::model::Model), which all methods share, and all are
//! [`Attributor`]s.
//!
//! | method | relevance of input element `i` | model runs per call |
//! | --- | --- | --- |
//! | [`Lrp`] | propagated by rules | 1 forward, 1 backward |
//! | [`Saliency`] | `df/dx_i` | 1 forward, 1 backward |
//! | [`InputXGradient`] | `x_i df/dx_i` | 1 forward, 1 backward |
//! | [`SmoothGrad`] | mean of `df/dx_i` over noisy inputs, or of its square, or its variance | one of each per sample |
//! | [`IntegratedGradients`] | `(x_i - b_i)` times the mean of `df/dx_i` from `b` to `x` | one of each per step |
//! | [`GradientShap`] | the same over baselines of a background set, by draws | one of each per draw, 1 forward per background sample |
//! | [`DeepLift`] | `(x_i - b_i)` times a multiplier, by differences at every node | 2 forward, 1 backward |
//! | [`DeepShap`] | mean of DeepLIFT over a background set | one of each per background sample, and 1 forward |
//! | [`Cam`] | an inner node's channels, weighted by their gradients, enlarged | 1 forward, 1 backward |
//! | [`Occlusion`] | mean drop of `f` over the windows that hide `i` | 1 forward per window |
//! | [`FeatureAblation`] | drop of `f` when the region of `i` is hidden | 1 forward per region |
//! | [`KernelShap`] | Shapley value of the region of `i`, shared by its elements | 1 forward per coalition |
//! | [`Lime`] | coefficient of the region of `i` in a linear model near `x` | 1 forward per sample |
//!
//! The methods that only run forward, and by `with_largest_batch` SmoothGrad and integrated gradients too, stack copies of the batch, so
//! that one run stands for many: that fills a GPU, while a CPU has enough to do with one copy. The samples of a
//! batch must not depend on each other then. Where the model [reads values](crate::model::Model::reads_values),
//! gradients are taken copy by copy.
//!
//! The gradient methods run the model with its weights as they are. Merging a batch norm into them rounds
//! anew, and a ReLU whose input is next to 0 may then open or close: in f32 one gradient of a deep network
//! in a few differs by a percent of its largest element from that of the unmerged model. Neither is wrong.
//!
//! Neurons and inner layers are explained on parts of a model: [`Model::up_to`](crate::model::Model::up_to) and
//! [`Model::after`](crate::model::Model::after), which every method takes. [`Lrp`] keeps relevance at inner nodes too, and
//! lets it pass through chosen channels only ([`Condition`]).
//!
//! # The score
//! `f` is the score that the [`Target`] selects, for each sample its own: the logit of a class, the
//! difference of two for a contrast, `sum(relevance * output)` for explicit relevance. All methods but
//! [`Lrp`] ignore the target's [`Seed`](crate::model::Seed), for it weights relevance, not scores.
//! Classes and relevance are settled by the unchanged input, once: noisy, scaled or occluded
//! copies are asked for the same class, also where another one is ahead there.

mod attribution;
mod background;
mod baseline;
mod cam;
mod condition;
mod copies;
mod deep_lift;
mod feature_ablation;
mod game;
mod gradient_shap;
mod hidden;
mod input_x_gradient;
mod integrated_gradients;
mod kernel_shap;
mod least_squares;
mod lime;
mod lrp;
mod noise;
mod occlusion;
mod per_input;
mod places;
mod progress;
mod quadrature;
mod regions;
mod run;
mod saliency;
mod score;
mod smooth_grad;
mod summary;
#[cfg(test)]
mod tests;
mod windows;

use burn_backend::Backend;

pub use attribution::Attribution;
pub use baseline::Baseline;
pub use cam::{Cam, Upsampling};
pub use condition::{ChannelRanking, Condition};
pub use deep_lift::{DeepLift, DeepShap};
pub use feature_ablation::FeatureAblation;
pub use gradient_shap::GradientShap;
pub use input_x_gradient::InputXGradient;
pub use integrated_gradients::IntegratedGradients;
pub use kernel_shap::KernelShap;
pub use lime::Lime;
pub use lrp::Lrp;
pub use noise::Noise;
pub use occlusion::Occlusion;
pub(crate) use per_input::PerInput;
pub use progress::Progress;
pub(crate) use progress::{Call, Listener};
pub use quadrature::Quadrature;
pub use regions::Regions;
pub use saliency::Saliency;
pub(crate) use score::Score;
pub use smooth_grad::SmoothGrad;
pub use summary::Summary;
pub use windows::Sizes;
pub(crate) use windows::{InputWindows, each_row};

use crate::error::ExplainError;
use crate::model::{Inputs, Target};

/// A method that attributes a model's score to its inputs.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, IntegratedGradients, Lrp, SmoothGrad};
/// use xai_core::composite::epsilon_plus_flat;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let methods: Vec<Box<dyn Attributor<Flex>>> = vec![
///     Box::new(Lrp::new(&model, epsilon_plus_flat())),
///     Box::new(SmoothGrad::new(&model).with_samples(10).with_seed(7)),
///     Box::new(IntegratedGradients::new(&model)),
/// ];
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// for method in methods {
///     let attribution = method.attribute(x.clone(), Target::argmax())?;
///     println!("{}: {}", method.name(), attribution.relevance::<2>()?);
/// }
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
pub trait Attributor<B: Backend> {
    /// The method's name, for tables and captions.
    fn name(&self) -> &str;

    /// What [`attribute`](Self::attribute) does, for inputs and a target that were converted.
    ///
    /// # Errors
    /// As [`attribute`](Self::attribute).
    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError>;

    /// Attributes the scores of a batch to the inputs of the model.
    ///
    /// # Shapes
    /// The batch first in every input; relevance has the inputs' shapes.
    ///
    /// # Errors
    /// [`ExplainError`], which says what was wrong, where, and what to do.
    fn attribute(
        &self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Attribution<B>, ExplainError>
    where
        Self: Sized,
    {
        self.attribute_inputs(&inputs.into(), &target.into())
    }
}

/// A method in a list of several.
impl<B: Backend, A: Attributor<B> + ?Sized> Attributor<B> for Box<A> {
    fn name(&self) -> &str {
        self.as_ref().name()
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        self.as_ref().attribute_inputs(inputs, target)
    }
}
