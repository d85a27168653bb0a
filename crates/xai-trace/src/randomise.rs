//! Copies of a module that have forgotten what they learned.

use burn::module::{AutodiffModule, HasAutodiffModule, Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::attributor::Noise;
use xai_core::error::ExplainError;

use crate::backend::Traced;
use crate::convert::attach;
use crate::error::TraceError;

/// A copy of a module in which the float parameters of the submodules `paths` are drawn at random, with the mean
/// and the standard deviation that the elements of each parameter have: normal ones, or log-normal ones where
/// none is negative, such as running variances, which stay so.
///
/// A path is that of a submodule or a parameter, `features.0.conv` or `features.0.conv.weight`, and stands for
/// all below it; the empty path is the whole module. A parameter whose elements are all the same, such as a bias
/// of one element, stays as it is. Draws come from a generator on the host and follow from `seed` and the
/// parameter's place in the module: in a cascade a layer keeps what it drew. The module itself is not changed,
/// its running statistics neither.
///
/// It is what [`parameter_randomisation`](xai_core::evaluation::parameter_randomisation) needs; Adebayo et al.,
/// "Sanity Checks for Saliency Maps", NeurIPS 2018. A cascade from the output to the input:
///
/// ```
/// # use burn::module::Module;
/// # use burn::nn::{Linear, LinearConfig, Relu};
/// # use burn::tensor::{Tensor, backend::Backend};
/// # use burn_flex::Flex;
/// # use xai_core::error::ExplainError;
/// use xai_core::attributor::InputXGradient;
/// use xai_core::evaluation::parameter_randomisation;
/// use xai_trace::{parameter_owners, randomised, record};
///
/// # #[derive(Module, Debug)]
/// # struct Net<B: Backend> { hidden: Linear<B>, head: Linear<B> }
/// # impl<B: Backend> Net<B> {
/// #     fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
/// #         self.head.forward(Relu::new().forward(self.hidden.forward(x)))
/// #     }
/// # }
/// # let device = Default::default();
/// # let (hidden, head) = (LinearConfig::new(4, 8).init(&device), LinearConfig::new(8, 3).init(&device));
/// # let net = Net::<Flex> { hidden, head };
/// # let x = Tensor::<Flex, 2>::ones([1, 4], &device);
/// let layers = parameter_owners(&net);
/// assert_eq!(layers, ["hidden", "head"]);
/// let mut cascade = Vec::new();
/// for first in (0..layers.len()).rev() {
///     let model = record(&randomised(&net, &layers[first..], 0)?, Net::forward);
///     cascade.push((layers[first].clone(), InputXGradient::new(&model)));
/// }
/// let method = InputXGradient::new(&record(&net, Net::forward));
/// for (layer, similarity) in parameter_randomisation(&method, cascade, x, 0)? {
///     println!("down to {layer}: {:?}", similarity.spearman);
/// }
/// # Ok::<(), ExplainError>(())
/// ```
///
/// # Errors
/// [`ExplainError::Method`] with [`TraceError::NoParameters`] for a path without float parameters,
/// [`ExplainError::Backend`] when the backend cannot be read.
pub fn randomised<B, M, P>(module: &M, paths: &[P], seed: u64) -> Result<M, ExplainError>
where
    B: Backend,
    M: Module<B> + HasAutodiffModule<Traced<B>>,
    P: AsRef<str>,
{
    let known = parameters(module);
    let has_none = |path: &&P| !known.iter().any(|(parameter, _)| lies_in(parameter, path.as_ref()));
    if let Some(path) = paths.iter().find(has_none) {
        let (path, owners) = (path.as_ref().to_owned(), parameter_owners(module));
        return Err(ExplainError::Method(Box::new(TraceError::NoParameters { path, owners })));
    }
    // A plain clone would share the running statistics.
    let copy = attach::<B, M>(module).valid();
    let is_chosen = |parameter: &[String]| paths.iter().any(|path| lies_in(parameter, path.as_ref()));
    let chosen = known.iter().enumerate().filter(|(_, (parameter, _))| is_chosen(parameter));
    let chosen = chosen.map(|(place, (_, id))| (*id, place)).collect();
    let mut mapper = Randomise { chosen, seed, failed: None };
    let copy = copy.map(&mut mapper);
    match mapper.failed {
        None => Ok(copy),
        Some(error) => Err(error),
    }
}

/// Paths of the submodules that own float parameters, `features.0.conv`, in the order of the fields, which most
/// modules have from the input to the output; empty for the module itself.
pub fn parameter_owners<B: Backend>(module: &impl Module<B>) -> Vec<String> {
    let mut owners = Vec::new();
    for (path, _) in parameters(module) {
        let owner = path[..path.len().saturating_sub(1)].join(".");
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

/// The float parameters with their paths, each where it comes first.
fn parameters<B: Backend>(module: &impl Module<B>) -> Vec<(Vec<String>, ParamId)> {
    let mut visitor = Paths::default();
    module.visit(&mut visitor);
    visitor.found
}

/// Whether a parameter is at a path or below it.
fn lies_in(parameter: &[String], path: &str) -> bool {
    path.is_empty() || (1..=parameter.len()).any(|length| parameter[..length].join(".") == path)
}

#[derive(Default)]
struct Paths {
    path: Vec<String>,
    found: Vec<(Vec<String>, ParamId)>,
}

impl<B: Backend> ModuleVisitor<B> for Paths {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if self.found.iter().all(|(_, id)| *id != param.id) {
            self.found.push((self.path.clone(), param.id));
        }
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

struct Randomise {
    /// The parameters to draw, with their places in the module. A tied one is drawn alike everywhere.
    chosen: Vec<(ParamId, usize)>,
    seed: u64,
    failed: Option<ExplainError>,
}

impl<B: Backend> ModuleMapper<B> for Randomise {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, tensor, mapper) = param.consume();
        let place = self.chosen.iter().find(|(chosen, _)| *chosen == id).map(|(_, place)| *place);
        let drawn = place.map(|place| drawn(&tensor, Noise::new(self.seed, place, 1)));
        let tensor = match drawn.transpose() {
            Ok(drawn) => drawn.unwrap_or(tensor),
            Err(error) => {
                self.failed.get_or_insert(error);
                tensor
            }
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// Random numbers of the mean and the deviation that the elements of `tensor` have.
fn drawn<B: Backend, const D: usize>(
    tensor: &Tensor<B, D>,
    mut noise: Noise,
) -> Result<Tensor<B, D>, ExplainError> {
    let value = Value::from(tensor.clone());
    let data = value.to_data().map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
    let elements: Vec<f64> = data.iter::<f64>().collect();
    let count = elements.len() as f64;
    let mean = elements.iter().sum::<f64>() / count;
    let deviation = (elements.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    let normal = noise.draw(elements.len()).into_iter();
    let drawn: Vec<f64> = match mean > 0.0 && elements.iter().all(|x| *x >= 0.0) {
        false => normal.map(|z| mean + deviation * z).collect(),
        // The logarithm of such a number has the variance ln(1 + s^2 / m^2) and the mean ln m less half of that.
        true => {
            let variance = (deviation / mean).powi(2).ln_1p();
            normal.map(|z| mean * (variance.sqrt() * z - variance / 2.0).exp()).collect()
        }
    };
    let data = TensorData::new(drawn, value.dims()).convert_dtype(value.dtype());
    let drawn = Value::from_data(data, &value.device()).into_tensor();
    Ok(drawn.unwrap_or_else(|| tensor.clone()))
}

#[cfg(test)]
mod tests {
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
    use burn_flex::Flex;

    use super::*;

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        hidden: Linear<B>,
        norm: BatchNorm<B>,
        heads: Vec<Linear<B>>,
        head: Linear<B>,
    }

    fn net() -> Net<Flex> {
        let device = Default::default();
        let linear = |input, output| LinearConfig::new(input, output).init(&device);
        let norm = BatchNormConfig::new(300).init(&device);
        let variances: Vec<f32> = (0..300).map(|i| 0.5 + i as f32 / 300.0).collect();
        let variances = Tensor::from_floats(variances.as_slice(), &device);
        norm.running_var.update(variances);
        Net {
            hidden: linear(40, 300),
            norm,
            heads: vec![linear(300, 5), linear(300, 5)],
            head: linear(300, 7),
        }
    }

    fn elements<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
        tensor.into_data().to_vec().unwrap()
    }

    fn moments(elements: &[f32]) -> (f64, f64) {
        let count = elements.len() as f64;
        let mean = elements.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let variance = elements.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    #[test]
    fn owners_are_named_in_order() {
        assert_eq!(parameter_owners(&net()), ["hidden", "norm", "heads.0", "heads.1", "head"]);
        let linear: Linear<Flex> = LinearConfig::new(2, 2).init(&Default::default());
        assert_eq!(parameter_owners(&linear), [""]);
    }

    #[test]
    fn only_what_was_asked_for_is_drawn() {
        let net = net();
        let head = elements(net.head.weight.val());
        let copy = randomised(&net, &["head", "heads.1.weight"], 3).unwrap();
        assert_ne!(elements(copy.head.weight.val()), head);
        assert_ne!(elements(copy.heads[1].weight.val()), elements(net.heads[1].weight.val()));
        // A name that begins alike is another one.
        assert_eq!(elements(copy.heads[0].weight.val()), elements(net.heads[0].weight.val()));
        assert_eq!(elements(copy.hidden.weight.val()), elements(net.hidden.weight.val()));
        let bias = |linear: &Linear<Flex>| elements(linear.bias.as_ref().unwrap().val());
        assert_eq!(bias(&copy.heads[1]), bias(&net.heads[1]));
        assert_eq!(elements(net.head.weight.val()), head);
    }

    #[test]
    fn draws_follow_from_the_seed_and_the_place() {
        let net = net();
        let head = |paths: &[&str], seed| elements(randomised(&net, paths, seed).unwrap().head.weight.val());
        assert_eq!(head(&["head"], 1), head(&["hidden", "head"], 1));
        assert_eq!(head(&["head"], 1), head(&[""], 1));
        assert_ne!(head(&["head"], 1), head(&["head"], 2));
        let copy = randomised(&net, &[""], 1).unwrap();
        assert_ne!(elements(copy.heads[0].weight.val()), elements(copy.heads[1].weight.val()));
    }

    #[test]
    fn mean_and_deviation_stay() {
        let net = net();
        let shifted = net.hidden.weight.val() + 3.0 * net.hidden.weight.val().abs().max().into_scalar();
        let negated = shifted.clone().neg();
        for weight in [net.hidden.weight.val(), shifted, negated] {
            let mut net = net.clone();
            net.hidden.weight = Param::from_tensor(weight.clone());
            let copy = randomised(&net, &["hidden.weight"], 5).unwrap();
            let ((mean, deviation), drawn) = (moments(&elements(weight)), elements(copy.hidden.weight.val()));
            let of_drawn = moments(&drawn);
            // Five standard errors of 12,000 elements; a little more for the deviation of a log-normal one.
            assert!((of_drawn.0 - mean).abs() < 5.0 * deviation / 12e3f64.sqrt(), "{of_drawn:?}");
            assert!((of_drawn.1 / deviation - 1.0).abs() < 5.0 * 1.2 / 24e3f64.sqrt(), "{of_drawn:?}");
        }
    }

    #[test]
    fn variances_stay_positive_and_the_module_as_it_is() {
        let net = net();
        let before = elements(net.norm.running_var.value_sync());
        let copy = randomised(&net, &["norm"], 0).unwrap();
        let drawn = elements(copy.norm.running_var.value());
        assert_ne!(drawn, before);
        assert!(drawn.iter().all(|variance| *variance > 0.0));
        assert_eq!(elements(net.norm.running_var.value()), before);
        // All the same, so there is nothing to draw.
        assert_eq!(elements(copy.norm.gamma.val()), [1.0; 300]);
    }

    #[test]
    fn a_path_without_parameters_is_an_error() {
        let error = randomised(&net(), &["head", "tail"], 0).unwrap_err().to_string();
        assert!(error.contains("`tail`") && error.contains("heads.0"), "{error}");
        let unchanged = randomised(&net(), &[""; 0], 0);
        assert!(unchanged.is_ok());
    }
}
