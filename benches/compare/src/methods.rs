//! The methods, by the names that both sides use.

use burn::tensor::{Tensor, backend::Backend};
use burn_xai::kmeans::{ClusterExplainer, ClusterRule};
use burn_xai::model::Inputs;
use burn_xai::prelude::*;

use crate::Result;

/// Runs of the model that the averaging methods take.
const RUNS: usize = 5;
/// The ends of the range of the inputs.
const BOX: [f64; 2] = [-3.0, 3.0];

/// How much more the nearest of the other clusters get.
const BETA: f64 = 0.1;

/// A method on a model, with what is asked of it.
pub(crate) struct Prepared<B: Backend> {
    pub(crate) name: String,
    attributor: Box<dyn Attributor<B>>,
    lrp: Option<Lrp<B>>,
    target: Target<B>,
}

impl<B: Backend> Prepared<B> {
    pub(crate) fn new(name: &str, model: &Model<B>) -> Result<Self> {
        let composite = match name {
            "gradient" => Some(gradient()),
            "epsilon" => Some(epsilon_everywhere()),
            "epsilon-plus-flat" => Some(epsilon_plus_flat()),
            "epsilon-gamma-box" => Some(epsilon_gamma_box(BOX[0], BOX[1])),
            "epsilon-alpha2-beta1-flat" => Some(epsilon_alpha2_beta1_flat()),
            "attn-lrp" => Some(attn_lrp()),
            _ => None,
        };
        let lrp = composite.map(|composite| Lrp::new(model, composite));
        let attributor: Box<dyn Attributor<B>> = match (name, &lrp) {
            (_, Some(lrp)) => Box::new(lrp.clone()),
            ("integrated-gradients", _) => Box::new(IntegratedGradients::new(model).with_steps(RUNS)),
            ("smoothgrad", _) => Box::new(SmoothGrad::new(model).with_samples(RUNS)),
            _ => return Err(format!("no method is called {name}").into()),
        };
        let seed = if name == "gradient" { Seed::One } else { Seed::default() };
        Ok(Self { name: name.to_owned(), attributor, lrp, target: Target::class(0).with_seed(seed) })
    }

    /// A method on the clusters of centroids; explains for each point the cluster it belongs to.
    pub(crate) fn of_clusters(name: &str, centroids: Tensor<B, 2>) -> Result<Self> {
        let rule = match name {
            "cluster-epsilon" => ClusterRule::epsilon(BETA),
            "cluster-midpoint" => ClusterRule::midpoint(BETA),
            _ => return Err(format!("no method on clusters is called {name}").into()),
        };
        let attributor = Box::new(ClusterExplainer::new(centroids, rule)?);
        Ok(Self { name: name.to_owned(), attributor, lrp: None, target: Target::argmax() })
    }

    /// Explains the first `count` classes in one call.
    pub(crate) fn explain_classes(&self, inputs: &Inputs<B>, count: usize) -> Result<()> {
        let lrp = self.lrp.as_ref().ok_or("only relevance propagation takes several targets")?;
        lrp.attribute_targets(inputs.clone(), (0..count).map(Target::class))?;
        Ok(())
    }

    /// Relevance of the first explained input.
    pub(crate) fn explain(&self, inputs: &Inputs<B>) -> Result<Value<B>> {
        let attribution = self.attributor.attribute_inputs(inputs, &self.target)?;
        let explained = attribution.relevances().iter().flatten().next();
        explained.cloned().ok_or_else(|| "nothing was explained".into())
    }
}

/// Epsilon on every layer with a weight, and on sums.
fn epsilon_everywhere() -> Composite {
    epsilon_plus().named("epsilon").prepend([LayerKind::Conv, LayerKind::Linear], Epsilon::default())
}
