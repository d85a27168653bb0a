//! Class activation maps: the channels of an inner node, weighted by their gradients.

use burn_backend::Backend;
use burn_backend::ops::{InterpolateMode, InterpolateOptions};

use super::lrp::Keep;
use super::places::may_be_map;
use super::score::Score;
use super::{Attribution, Attributor, Lrp};
use crate::Value;
use crate::composite::{gradient, guided_backprop};
use crate::error::{AttributorError, ExplainError};
use crate::graph::{Graph, NodeId};
use crate::model::{Input, Inputs, Model, Start, Target};

/// Class activation maps at a node with the output `A`, `[batch, channels, ..]`, and the gradient `g = df/dA`:
///
/// | constructor | map at the place `p` |
/// | --- | --- |
/// | [`grad_cam`](Self::grad_cam) | `max(sum_k mean_q(g_kq) A_kp, 0)` |
/// | [`grad_cam_plus_plus`](Self::grad_cam_plus_plus) | the same with the weights `sum_q max(g_kq, 0) g_kq^2 / (2 g_kq^2 + g_kq^3 sum_r A_kr)` |
/// | [`layer_cam`](Self::layer_cam) | `max(sum_k max(g_kp, 0) A_kp, 0)` |
/// | [`hi_res_cam`](Self::hi_res_cam) | `sum_k g_kp A_kp` |
/// | [`guided_grad_cam`](Self::guided_grad_cam) | Grad-CAM, enlarged, times guided backpropagation |
///
/// The map is enlarged to the input's size by linear interpolation, and the relevance of an input element is the map
/// there divided by the number of channels, so that the sum over channels is the map. As it was at the node,
/// `[batch, 1, ..]`, it is [`Attribution::relevance_at`] the node.
///
/// Of several explained images the first that leads to the node has the map. Guided Grad-CAM takes two passes of each kind.
///
/// What it cannot tell: where in the receptive field of a place the evidence lies, and, but for HiResCAM, what
/// lowers the score. Grad-CAM may show places that the model did not use, because it averages the gradient;
/// HiResCAM does not. Of a model that is linear after the node, the sum of HiResCAM is the score less the bias.
///
/// Selvaraju et al., "Grad-CAM", ICCV 2017, arXiv 1610.02391; Chattopadhay et al., "Grad-CAM++", WACV 2018,
/// arXiv 1710.11063; Jiang et al., "LayerCAM", IEEE Transactions on Image Processing 30:5875-5888, 2021;
/// Draelos, Carin, "Use HiResCAM instead of Grad-CAM", arXiv 2011.08891, 2020.
#[derive(Debug, Clone)]
pub struct Cam<B: Backend> {
    form: Form,
    gradient: Lrp<B>,
    guided: Option<Lrp<B>>,
    mode: Upsampling,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    GradCam,
    GradCamPlusPlus,
    LayerCam,
    HiResCam,
}

/// How a map is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Upsampling {
    /// Straight lines between the centres of the map's elements (the default).
    #[default]
    Linear,
    /// The nearest element.
    Nearest,
}

impl<B: Backend> Cam<B> {
    fn new(model: &Model<B>, form: Form) -> Self {
        let gradient = Lrp::new(&model.unmerged(), gradient()).keeping(Keep::LastMap);
        Self { form, gradient, guided: None, mode: Upsampling::default() }
    }

    /// Grad-CAM: each channel weighted by the mean of its gradient.
    pub fn grad_cam(model: &Model<B>) -> Self {
        Self::new(model, Form::GradCam)
    }

    /// Grad-CAM++: the gradient weighted by its second and third order terms, for several objects of one class.
    pub fn grad_cam_plus_plus(model: &Model<B>) -> Self {
        Self::new(model, Form::GradCamPlusPlus)
    }

    /// LayerCAM: each element weighted by its positive gradient; for earlier nodes too.
    pub fn layer_cam(model: &Model<B>) -> Self {
        Self::new(model, Form::LayerCam)
    }

    /// HiResCAM: each element weighted by its gradient, with both signs.
    pub fn hi_res_cam(model: &Model<B>) -> Self {
        Self::new(model, Form::HiResCam)
    }

    /// Guided Grad-CAM: the details of guided backpropagation where Grad-CAM is high. For models whose only
    /// rectifiers are ReLUs.
    pub fn guided_grad_cam(model: &Model<B>) -> Self {
        let guided = Some(Lrp::new(&model.unmerged(), guided_backprop()));
        Self { guided, ..Self::new(model, Form::GradCam) }
    }

    /// Takes the node of this name, `[batch, channels, ..]` with as many dimensions as an input. Otherwise it is the
    /// last one before the output with more than one place behind a convolution, a pool or a batch norm of the
    /// input, and not where layers in between took another dimension for the channels: of embedded tokens `[batch,
    /// tokens, features]` and of the tokens of a vision transformer there is no map.
    pub fn with_node(self, node: impl Into<String>) -> Self {
        Self { gradient: self.gradient.keeping(Keep::Node(node.into())), ..self }
    }

    /// How the map is enlarged to the input's size.
    pub fn with_upsampling(self, mode: Upsampling) -> Self {
        Self { mode, ..self }
    }

    /// The map at the node, `[batch, 1, ..]`.
    fn map(&self, activation: &Value<B>, gradient: &Value<B>) -> Value<B> {
        let of_places = |mut value: Value<B>| {
            (2..activation.rank()).for_each(|dim| value = value.clone().sum_dim(dim));
            value
        };
        let places = activation.dims()[2..].iter().product::<usize>() as f64;
        let weights = match self.form {
            Form::GradCam => of_places(gradient.clone()) / places,
            Form::GradCamPlusPlus => {
                // `g^2 / (2 g^2 + g^3 sum A)`, without the squares of small gradients.
                let below = gradient * of_places(activation.clone()) + 2.0;
                let share = (below.full_like(&below.dims(), 1.0) / &below).where_nonzero(&below);
                of_places(gradient.positive() * share)
            }
            Form::LayerCam => gradient.positive(),
            Form::HiResCam => gradient.clone(),
        };
        let map = (weights * activation).sum_dim(1);
        if self.form == Form::HiResCam { map } else { map.positive() }
    }
}

/// The first explained input, among all float values, that `node` is a map of.
fn mapped_input<B: Backend>(graph: &Graph<B>, node: usize, inputs: &Inputs<B>) -> Option<usize> {
    let dims = graph.nodes()[node].dims();
    let mut leads = vec![false; graph.nodes().len()];
    leads[node] = true;
    for place in (0..=node).rev().filter(|_| dims.len() > 2 && may_be_map(graph, node)) {
        if leads[place] {
            graph.nodes()[place].inputs().iter().for_each(|input| leads[input.index()] = true);
        }
    }
    let is_explained = inputs.iter().flat_map(|input| {
        let is_image = matches!(input, Input::Float(_));
        vec![is_image; input.floats().len()]
    });
    let fits = |(id, is_explained): (&NodeId, bool)| {
        let input = graph.nodes()[id.index()].dims();
        is_explained && leads[id.index()] && input.len() == dims.len() && input[0] == dims[0]
    };
    graph.inputs().iter().zip(is_explained).position(fits)
}

/// `map`, `[batch, 1, ..]`, in the sizes of `input` after its channels.
fn enlarge<B: Backend>(map: Value<B>, input: &[usize], mode: Upsampling) -> Value<B> {
    let options = InterpolateOptions::new(match mode {
        Upsampling::Linear => InterpolateMode::Bilinear,
        Upsampling::Nearest => InterpolateMode::Nearest,
    });
    let options = options.with_align_corners(false);
    // One dimension after the other, each as the width of images of height 1.
    (2..input.len()).fold(map, |map, dim| {
        let mut axes: Vec<_> = (0..input.len()).collect();
        axes.swap(dim, input.len() - 1);
        let (map, width) = (map.permute(&axes), input[dim]);
        let mut dims = map.dims();
        let rows = dims[..dims.len() - 1].iter().product();
        let images = map.reshape(&[rows, 1, 1, dims[dims.len() - 1]]).into_primitive();
        let images = Value::<B>::from_primitive(B::interpolate(images, [1, width], options.clone()));
        dims.splice(dims.len() - 1.., [width]);
        images.reshape(&dims).permute(&axes)
    })
}

impl<B: Backend> Attributor<B> for Cam<B> {
    fn name(&self) -> &str {
        match (&self.guided, self.form) {
            (Some(_), _) => "guided Grad-CAM",
            (_, Form::GradCam) => "Grad-CAM",
            (_, Form::GradCamPlusPlus) => "Grad-CAM++",
            (_, Form::LayerCam) => "LayerCAM",
            (_, Form::HiResCam) => "HiResCAM",
        }
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let inputs = &self.gradient.model().embed(inputs, target.output())?;
        let run = self.gradient.run(inputs, target.output())?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let node = run.first_kept().ok_or(AttributorError::NoPlaces)?;
        let first = mapped_input(run.graph(), node, inputs);
        let seed = score.gradient(&output, 1)?;
        let start = Start { seed, classes: None, contrast: None, saturated: None };
        let kept = run.attribution(inputs, start, false)?;
        let (Some((name, activation)), Some(gradient)) =
            (kept.activations.first_key_value(), kept.relevance_at.values().next())
        else {
            return Err(AttributorError::NoPlaces.into());
        };
        let floats = inputs.floats();
        let Some(first) = first else {
            return Err(AttributorError::NodePlaces { node: name.clone(), dims: activation.dims() }.into());
        };
        let map = self.map(activation, gradient);
        let relevance_at = kept.relevance_at.keys().map(|name| (name.clone(), map.clone())).collect();
        let guide = match &self.guided {
            None => None,
            Some(guided) => {
                let run = guided.run(inputs, target.output())?;
                let seed = score.gradient(run.output(), 1)?;
                Some(run.relevance(seed)?)
            }
        };
        let large = enlarge(map, &floats[first].dims(), self.mode);
        let relevance = floats.iter().enumerate().map(|(place, x)| match &guide {
            _ if place != first => x.full_like(&x.dims(), 0.0),
            None => (large.clone() / x.dims()[1] as f64).expand(&x.dims()).laid_out(),
            Some(guide) => &guide[place] * &large,
        });
        let attribution = score.attribution(inputs, relevance.collect(), output)?;
        Ok(Attribution { relevance_at, activations: kept.activations, ..attribution })
    }
}
