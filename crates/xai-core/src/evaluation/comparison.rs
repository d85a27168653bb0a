//! Several methods by several metrics.

use std::time::Instant;

use burn_backend::Backend;

use super::{Estimate, Explained, FlippingCurve, MethodReport, Metric, MetricReport, Report};
use crate::attributor::{Attributor, Listener, Progress};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Target};

/// Explains a batch by several methods, and judges them by several metrics.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{InputXGradient, Saliency};
/// use xai_core::evaluation::{Comparison, PixelFlipping, Sparseness};
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, -1.0, 4.0]], &device);
/// let report = Comparison::new()
///     .with_method("gradient", Saliency::new(&model))
///     .with_method("input x gradient", InputXGradient::new(&model))
///     .with_metric(PixelFlipping::new(&model))
///     .with_metric(("insertion of pairs", PixelFlipping::new(&model).with_insertion().with_region(2)))
///     .with_metric(Sparseness::Gini)
///     .run(x, Target::argmax())?;
/// println!("{report}");
/// assert_eq!(report.methods[1].metrics[2].name, "Gini index");
/// for (method, curve) in report.curves("deletion") {
///     println!("{method}: {:?}", curve.mean);
/// }
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
pub struct Comparison<B: Backend> {
    methods: Vec<(String, Box<dyn Attributor<B>>)>,
    metrics: Vec<(String, Box<dyn Metric<B>>)>,
    listener: Listener,
}

impl<B: Backend> Default for Comparison<B> {
    fn default() -> Self {
        Self { methods: Vec::new(), metrics: Vec::new(), listener: Listener::default() }
    }
}

impl<B: Backend> Comparison<B> {
    /// Of no methods and no metrics yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more method, with its name in the report; `name#2`, `name#3`, .. where it was given before.
    pub fn with_method(mut self, name: impl Into<String>, method: impl Attributor<B> + 'static) -> Self {
        let name = new_name(&name.into(), &self.methods);
        self.methods.push((name, Box::new(method)));
        self
    }

    /// One more metric, under its own name or, with a pair of a name and a metric, that one; likewise where it
    /// was given before.
    pub fn with_metric(mut self, metric: impl Metric<B> + 'static) -> Self {
        let name = new_name(metric.name(), &self.metrics);
        self.metrics.push((name, Box::new(metric)));
        self
    }

    /// Calls `listen` after every explanation and every metric, counting both.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// Explains the batch by every method and judges each explanation by every metric, in their order.
    ///
    /// The time of a method is that of its explanation of the whole batch. The first that needs a graph of the
    /// model waits for the recording: where times matter, explain once before. (This needs a clock, which not every
    /// target of the compiler has.)
    ///
    /// # Errors
    /// [`ExplainError`] of the first method or metric that fails; [`AttributorError::MetricValues`] for a
    /// metric that does not give every sample a value.
    pub fn run(
        &self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Report, ExplainError> {
        let progress = self.listener.begin();
        let (inputs, target) = (&inputs.into(), &target.into());
        let (mut done, total) = (0, self.methods.len() * (1 + self.metrics.len()));
        let mut tell = || {
            done += 1;
            progress.tell(done, total);
        };
        let mut report = Report::default();
        for (name, method) in &self.methods {
            let began = Instant::now();
            let attribution = &method.attribute_inputs(inputs, target)?;
            // A device may still be at work until something is read.
            attribution.relevance_sums()?;
            let seconds = began.elapsed().as_secs_f64();
            tell();
            let explained = Explained { inputs, target, attribution, method: method.as_ref() };
            let judge = |(name, metric): &(String, Box<dyn Metric<B>>)| {
                let (values, curves) = metric.evaluate_with_curves(&explained)?;
                let (got, samples) = (values.len(), explained.samples());
                if got != samples {
                    return Err(AttributorError::MetricValues { metric: name.clone(), got, samples }.into());
                }
                tell();
                Ok(MetricReport {
                    name: name.clone(),
                    higher_is_better: metric.higher_is_better(),
                    estimate: Estimate::of(values.iter().copied()),
                    curve: FlippingCurve::band(&curves),
                    values,
                })
            };
            let metrics = self.metrics.iter().map(judge).collect::<Result<_, ExplainError>>()?;
            report.methods.push(MethodReport { name: name.clone(), seconds, metrics });
        }
        Ok(report)
    }
}

/// `name`, or `name#2`, `name#3`, .. if others have it already.
fn new_name<T>(name: &str, others: &[(String, T)]) -> String {
    let is_new = |name: &String| others.iter().all(|(other, _)| other != name);
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    [name.to_owned()].into_iter().chain(numbered).find(is_new).unwrap_or_default()
}
