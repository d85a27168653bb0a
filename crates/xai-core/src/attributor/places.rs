//! Which nodes have the channels and the places of an image, a series or a volume.

use burn_backend::Backend;

use crate::graph::{Graph, Node};
use crate::layer::{Layer, Permute};

/// What a node's dimensions mean beside those of the inputs, as far as the layers say so.
#[derive(Clone, PartialEq)]
enum Layout {
    Image(Image),
    /// An image of these sizes under another shape.
    Folded(Image, Vec<usize>),
    /// The same at all places, as the gate of a channel.
    Even,
    /// The input has its features elsewhere, so that its places are none: embedded tokens are `[batch, tokens,
    /// features]`.
    Features,
    Unknown,
}

/// Dimension `i` is dimension `axes[i]` of `[batch, channels, ..]`.
#[derive(Clone, PartialEq)]
struct Image {
    axes: Vec<usize>,
    /// Whether it is a map: some layer treats dimension 1 as channels, and none has mixed the places since.
    is_map: bool,
}

impl Image {
    fn new(rank: usize, is_map: bool) -> Self {
        Self { axes: (0..rank).collect(), is_map }
    }

    fn is_in_order(&self) -> bool {
        self.axes.is_sorted()
    }

    fn permuted(&self, permute: &Permute) -> Self {
        Self { axes: permute.axes().iter().map(|&axis| self.axes[axis]).collect(), is_map: self.is_map }
    }
}

impl Layout {
    fn of<B: Backend>(node: &Node<B>, inputs: &[(&Self, &[usize])]) -> Self {
        let (layer, dims) = (node.layer(), node.dims());
        match layer {
            Layer::Input if dims.len() > 2 => return Self::Image(Image::new(dims.len(), false)),
            Layer::Input => return Self::Unknown,
            Layer::Embedding(_) => return Self::Features,
            _ if inputs.iter().any(|(layout, _)| **layout == Self::Features) => return Self::Features,
            _ => {}
        }
        // An input with other sizes is a gate or a bias for all places, unless all are parts of the output.
        let has_size = |(_, input): &&(&Self, &[usize])| *input == dims;
        let is_part = |_: &&(&Self, &[usize])| !inputs.iter().any(|input| has_size(&input));
        let main = inputs.iter().filter(|input| has_size(input) || is_part(input));
        let main = main.map(|(layout, _)| (*layout).clone()).reduce(Self::merged).unwrap_or(Self::Unknown);
        let same_size = inputs.iter().all(|(_, input)| *input == dims);
        match (layer, main) {
            (_, Self::Features) => Self::Features,
            // Their channels are in dimension 1; if that is another one of the input, it has none there.
            (Layer::Conv(_) | Layer::ConvTranspose(_) | Layer::BatchNorm(_), main) => match main {
                Self::Image(image) if !image.axes.starts_with(&[0, 1]) => Self::Features,
                Self::Image(image) => Self::Image(Image { is_map: true, ..image }),
                _ => Self::Image(Image::new(dims.len(), true)),
            },
            (
                Layer::Pool(_) | Layer::Interpolate(_) | Layer::Custom(_) | Layer::Unsupported(_),
                Self::Image(image),
            ) if image.axes.starts_with(&[0, 1]) && image.axes.len() == dims.len() => {
                Self::Image(Image { is_map: true, ..image })
            }
            (Layer::Expand(_) | Layer::Repeat(_), _) if is_even(inputs) && dims.len() > 2 => Self::Even,
            (Layer::Permute(permute), Self::Image(image)) => Self::Image(image.permuted(permute)),
            (Layer::Reshape(_), main) if same_size => main,
            (Layer::Reshape(_), Self::Folded(image, sizes)) if sizes == dims => Self::Image(image),
            (Layer::Reshape(_), Self::Image(image)) => {
                Self::Folded(image, inputs.first().map_or(Vec::new(), |(_, dims)| dims.to_vec()))
            }
            (Layer::Linear(_), Self::Image(image)) => {
                let keeps = image.axes.last() == Some(&1);
                Self::Image(Image { is_map: image.is_map && keeps, ..image })
            }
            (_, Self::Image(image)) if image.axes.len() != dims.len() => Self::Unknown,
            (Layer::Reduce(_), Self::Image(image)) => Self::Image(Image { is_map: false, ..image }),
            (
                Layer::Pool(_)
                | Layer::Interpolate(_)
                | Layer::Custom(_)
                | Layer::Unsupported(_)
                | Layer::Permute(_)
                | Layer::Reshape(_)
                | Layer::Linear(_)
                | Layer::Reduce(_)
                | Layer::Matmul(_),
                _,
            ) => Self::Unknown,
            (_, Self::Folded(..)) if !same_size => Self::Unknown,
            (_, main) => main,
        }
    }

    /// What both are.
    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Image(one), Self::Image(other)) if one.axes == other.axes => {
                Self::Image(Image { is_map: one.is_map || other.is_map, ..one })
            }
            (Self::Even, other) | (other, Self::Even) => other,
            (one, other) if one == other => one,
            _ => Self::Unknown,
        }
    }
}

/// Whether all inputs have one place.
fn is_even(inputs: &[(&Layout, &[usize])]) -> bool {
    inputs.iter().all(|(_, dims)| dims.iter().skip(2).all(|size| *size == 1))
}

/// The layout of every node.
fn layouts<B: Backend>(graph: &Graph<B>) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let inputs = node.inputs().iter().map(|id| (&layouts[id.index()], graph.nodes()[id.index()].dims()));
        let layout = Layout::of(node, &inputs.collect::<Vec<_>>());
        layouts.push(layout);
    }
    layouts
}

/// Whether the node `[batch, channels, ..]` may have the places of an image in their order: the layers do not say otherwise.
pub(super) fn may_be_map<B: Backend>(graph: &Graph<B>, node: usize) -> bool {
    match &layouts(graph)[node] {
        Layout::Features => false,
        Layout::Image(image) => image.is_in_order(),
        _ => true,
    }
}

/// The last node before the output that is a map of an input: `[batch, channels, ..]` with several places.
pub(super) fn last_map<B: Backend>(graph: &Graph<B>) -> Option<usize> {
    let layouts = layouts(graph);
    let of_input = |dims: &[usize]| {
        let mut inputs = graph.inputs().iter().map(|id| graph.nodes()[id.index()].dims());
        inputs.any(|input| input.len() == dims.len() && input[0] == dims[0])
    };
    let is_map = |layout: &Layout, dims: &[usize]| {
        matches!(layout, Layout::Image(image) if image.is_map && image.is_in_order())
            && dims.len() > 2
            && dims[2..].iter().product::<usize>() > 1
            && of_input(dims)
    };
    let mut nodes = graph.iter().rev().filter(|(id, _)| *id != graph.output());
    nodes.find(|(id, node)| is_map(&layouts[id.index()], node.dims())).map(|(id, _)| id.index())
}
