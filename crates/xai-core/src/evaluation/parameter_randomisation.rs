//! Whether an explanation depends on what the model has learned.

use burn_backend::Backend;

use super::{Explained, Similarity};
use crate::attributor::Attributor;
use crate::error::ExplainError;
use crate::model::{Inputs, Target};

/// Parameter randomisation: how alike explanations stay when parameters of the model are drawn at random, by
/// the name of each randomised model, in their order.
///
/// An explanation that stays the same cannot come from what the model has learned, so a low [`Similarity`] is
/// better; but that a map changes does not show that it is right. `randomised` are methods like `method`, made
/// of models with random parameters: in a cascade those of the layers from the output down to one, or those
/// of each layer alone. They are taken one after the other, so an iterator holds one at a time. `xai-trace` makes
/// such models of Burn modules (`randomised`). All are asked for the class that
/// `method` settles.
///
/// Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", NeurIPS 2018, arXiv
/// 1810.03292; on what a cascade from the output leaves in place: Binder, Weber, Lapuschkin, Montavon, Müller,
/// Samek, "Shortcomings of Top-Down Randomization-Based Sanity Checks for Evaluations of Deep Neural Network
/// Explanations", CVPR 2023.
///
/// # Errors
/// [`ExplainError`] of the methods; [`AttributorError`](crate::error::AttributorError) for relevance of other shapes.
///
/// ```
/// # use burn::nn::{Linear, LinearConfig};
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// # use xai_core::error::ExplainError;
/// use xai_core::attributor::InputXGradient;
/// use xai_core::evaluation::parameter_randomisation;
/// use xai_core::model::Model;
///
/// # let device = Default::default();
/// # let new = || {
/// #     let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// #     let mut builder = GraphBuilder::new();
/// #     let x = builder.input("x", &[1, 4])?;
/// #     let y = builder.push("dense", &dense, &[x])?;
/// #     Ok::<_, ExplainError>(Model::from(builder.finish(y)?))
/// # };
/// # let (model, other) = (new()?, new()?);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let randomised = [("dense", InputXGradient::new(&other))];
/// for (layer, similarity) in parameter_randomisation(&InputXGradient::new(&model), randomised, x, 1)? {
///     println!("{layer}: {:?}", similarity.spearman);
/// }
/// # Ok::<(), ExplainError>(())
/// ```
pub fn parameter_randomisation<B: Backend, A: Attributor<B>>(
    method: &dyn Attributor<B>,
    randomised: impl IntoIterator<Item = (impl Into<String>, A)>,
    inputs: impl Into<Inputs<B>>,
    target: impl Into<Target<B>>,
) -> Result<Vec<(String, Similarity)>, ExplainError> {
    let (inputs, target) = (&inputs.into(), &target.into());
    let reference = method.attribute_inputs(inputs, target)?;
    let target = &target.settled(reference.classes(), reference.contrast_classes());
    let reference = Explained { inputs, target, attribution: &reference, method }.relevance();
    let similarity = |(name, randomised): (_, A)| {
        let attribution = &randomised.attribute_inputs(inputs, target)?;
        let relevance = Explained { inputs, target, attribution, method: &randomised }.relevance();
        Ok((Into::into(name), Similarity::of(relevance, reference.clone())?))
    };
    randomised.into_iter().map(similarity).collect()
}
