//! The methods that the example sets side by side.

use burn::tensor::backend::Backend;
use burn_xai::prelude::*;
use burn_xai::rule::ReluGuidedBackprop;

use example_common::progress;
use explain_image::photo;

/// A method, and what is asked of it.
pub(crate) struct Method<B: Backend> {
    pub(crate) name: &'static str,
    attributor: Box<dyn Attributor<B>>,
    pub(crate) kind: Kind,
}

/// What becomes of a method in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Relevance propagation: held against the plain forward pass and random orders.
    Lrp,
    /// A method on gradients: held against random orders.
    Gradients,
    /// Explains the difference of two scores, where the others explain one.
    Contrast,
}

impl<B: Backend> Method<B> {
    fn new(name: &'static str, kind: Kind, attributor: impl Attributor<B> + 'static) -> Self {
        Self { name, attributor: Box::new(attributor), kind }
    }

    /// Explains the best class, the contrast against the second best.
    pub(crate) fn explain(&self, input: &Value<B>) -> Result<Attribution<B>, ExplainError> {
        let target = match self.kind {
            Kind::Contrast => Target::argmax().with_contrast_to_runner_up(),
            Kind::Gradients => Target::argmax().with_seed(Seed::One),
            Kind::Lrp => Target::argmax(),
        };
        self.attributor.attribute_inputs(&input.clone().into(), &target)
    }
}

/// All methods, in the order of the picture. Those that run the model many times show their progress.
pub(crate) fn all<B: Backend>(model: &Model<B>, samples: usize, steps: usize) -> Vec<Method<B>> {
    let lrp = |rules| Lrp::new(model, rules);
    let (black, white) = photo::pixel_box();
    // The preset serves ReLU, as the paper has it; here every activation is a ReLU6.
    let relu6 = Matcher::Activations(vec!["relu6".into()]);
    let guided = lrp(guided_backprop().prepend(relu6, ReluGuidedBackprop));
    let integrated = IntegratedGradients::new(model).with_steps(steps);
    let smooth = SmoothGrad::new(model).with_samples(samples);
    vec![
        Method::new("epsilon-plus-flat", Kind::Lrp, lrp(epsilon_plus_flat())),
        Method::new("epsilon-gamma-box", Kind::Lrp, lrp(epsilon_gamma_box(black, white))),
        Method::new("epsilon-alpha2-beta1-flat", Kind::Lrp, lrp(epsilon_alpha2_beta1_flat())),
        // With a seed of one: gradients of the score, however large it is.
        Method::new("guided backprop", Kind::Gradients, guided),
        Method::new(
            "integrated gradients",
            Kind::Gradients,
            integrated.with_progress(progress::bar("integrated gradients")),
        ),
        Method::new("smoothgrad", Kind::Gradients, smooth.with_progress(progress::bar("smoothgrad"))),
        Method::new("contrast", Kind::Contrast, lrp(epsilon_plus_flat())),
    ]
}
