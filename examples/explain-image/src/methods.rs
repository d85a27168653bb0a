//! The methods that the example sets side by side.

use burn::tensor::{TensorData, backend::Backend};
use burn_xai::attributor::Noise;
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
    /// A method on gradients or differences: held against random orders.
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
        self.attribute(input.clone(), Target::argmax())
    }
}

impl<B: Backend> Attributor<B> for Method<B> {
    fn name(&self) -> &str {
        self.name
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let target = match self.kind {
            Kind::Contrast => target.clone().with_contrast_to_runner_up(),
            // Gradients of the score, however large it is.
            Kind::Gradients => target.clone().with_seed(Seed::One),
            Kind::Lrp => target.clone(),
        };
        self.attributor.attribute_inputs(inputs, &target)
    }
}

/// Noise instead of relevance: what every method has to beat.
pub(crate) struct Random<B: Backend>(pub(crate) Model<B>);

impl<B: Backend> Attributor<B> for Random<B> {
    fn name(&self) -> &str {
        "random"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let output = self.0.output(inputs.clone(), target.output())?;
        let noise = |x: &Value<B>| {
            let dims = x.dims();
            let drawn = Noise::new(0, 0, dims[0]).draw(dims[1..].iter().product());
            Value::from_data(TensorData::new(drawn, dims).convert_dtype(x.dtype()), &x.device())
        };
        let relevance: Vec<_> = inputs.floats().iter().map(noise).collect();
        let start = target.clone().resolve(&output)?;
        Ok(Attribution::new(inputs, relevance, output, start))
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
        Method::new("guided backprop", Kind::Gradients, guided),
        Method::new(
            "integrated gradients",
            Kind::Gradients,
            integrated.with_progress(progress::bar("integrated gradients")),
        ),
        Method::new("smoothgrad", Kind::Gradients, smooth.with_progress(progress::bar("smoothgrad"))),
        Method::new("DeepLIFT", Kind::Gradients, DeepLift::new(model)),
        Method::new("Grad-CAM", Kind::Gradients, Cam::grad_cam(model)),
        Method::new("LayerCAM", Kind::Gradients, Cam::layer_cam(model)),
        Method::new("HiResCAM", Kind::Gradients, Cam::hi_res_cam(model)),
        Method::new("contrast", Kind::Contrast, lrp(epsilon_plus_flat())),
    ]
}
