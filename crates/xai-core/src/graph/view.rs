//! What a rule sees of a node before anything runs.

use burn_backend::{Backend, DType};

use super::{Graph, NodeId};
use crate::layer::{Interval, Layer};

/// A node with its surroundings, as a rule binds to it: layer, shapes, and what the graph around it
/// tells by the flow of data.
#[derive(Debug, Clone)]
pub struct NodeView<'a, B: Backend> {
    layer: &'a Layer<B>,
    input_dims: Vec<&'a [usize]>,
    output_dims: &'a [usize],
    inputs: Vec<Interval>,
    dtype: Option<DType>,
    is_rectified: bool,
    place: Option<Place<'a, B>>,
}

/// Where a node stands in its graph.
#[derive(Debug)]
struct Place<'a, B: Backend> {
    graph: &'a Graph<B>,
    facts: &'a GraphFacts,
    id: NodeId,
}

impl<B: Backend> Clone for Place<'_, B> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// What is known of all nodes of a graph, found once for all views.
#[derive(Debug)]
pub struct GraphFacts {
    /// The interval of each node's output.
    intervals: Vec<Interval>,
    /// The node that reads each node's output, if there is one only and the output is not the graph's.
    only_readers: Vec<Option<NodeId>>,
    /// Element type of the parameters.
    dtype: Option<DType>,
}

impl GraphFacts {
    /// What is known of the nodes of `graph`.
    pub fn of<B: Backend>(graph: &Graph<B>) -> Self {
        let parameter = graph.nodes().iter().find_map(|node| node.layer().ops().parameters().pop());
        let mut only_readers: Vec<_> = graph
            .consumers()
            .iter()
            .map(|readers| match readers[..] {
                [reader] => Some(reader),
                _ => None,
            })
            .collect();
        only_readers[graph.output().index()] = None;
        Self { intervals: graph.intervals(), only_readers, dtype: parameter.map(|value| value.dtype()) }
    }
}

impl<'a, B: Backend> NodeView<'a, B> {
    /// A layer without a graph around it, with inputs of these sizes and any values.
    pub fn alone(layer: &'a Layer<B>, input_dims: &[&'a [usize]], output_dims: &'a [usize]) -> Self {
        Self {
            layer,
            input_dims: input_dims.to_vec(),
            output_dims,
            inputs: vec![Interval::ANY; input_dims.len()],
            dtype: layer.ops().parameters().pop().map(|value| value.dtype()),
            is_rectified: false,
            place: None,
        }
    }

    /// The node `id` of `graph`; `None` for an id of another graph.
    pub fn of(graph: &'a Graph<B>, facts: &'a GraphFacts, id: NodeId) -> Option<Self> {
        let node = graph.nodes().get(id.index())?;
        let inputs = || node.inputs().iter().map(|input| input.index());
        Some(Self {
            layer: node.layer(),
            input_dims: inputs().map(|input| graph.nodes()[input].dims()).collect(),
            output_dims: node.dims(),
            inputs: inputs().map(|input| facts.intervals[input]).collect(),
            dtype: facts.dtype,
            is_rectified: false,
            place: Some(Place { graph, facts, id }),
        })
    }

    /// The same with inputs that are never negative, if `never` is true.
    pub fn with_non_negative_inputs(self, never: bool) -> Self {
        let interval = if never { Interval::NON_NEGATIVE } else { Interval::ANY };
        Self { inputs: vec![interval; self.inputs.len()], ..self }
    }

    /// The same with or without a [ReLU behind it](Self::is_rectified).
    pub(crate) fn with_rectified(self, is_rectified: bool) -> Self {
        Self { is_rectified, ..self }
    }

    /// Whether nothing but a ReLU reads the node, and no relevance arrives where the ReLU gives 0. A rule may
    /// then read the ReLU's output in place of the node's own ([`Saved::RECTIFIED`](crate::layer::Saved)): it
    /// is kept for the next layer anyway, and has no sign to look at.
    pub fn is_rectified(&self) -> bool {
        self.is_rectified
    }

    /// What the node computes.
    pub fn layer(&self) -> &'a Layer<B> {
        self.layer
    }

    /// Sizes of the inputs, for the graph inputs that the graph was made for.
    pub fn input_dims(&self) -> &[&'a [usize]] {
        &self.input_dims
    }

    /// Sizes of the output, likewise.
    pub fn output_dims(&self) -> &'a [usize] {
        self.output_dims
    }

    /// The interval that each input lies in, whatever the graph's inputs.
    pub fn input_intervals(&self) -> &[Interval] {
        &self.inputs
    }

    /// Whether no input can be negative.
    pub fn inputs_non_negative(&self) -> bool {
        self.inputs.iter().all(Interval::is_non_negative)
    }

    /// The places of the inputs that are gates: their elements lie from 0 to 1.
    pub fn gates(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().enumerate().filter(|(_, interval)| interval.is_gate()).map(|(place, _)| place)
    }

    /// Whether the node reads one value twice, as a product of a value with itself does.
    pub fn reads_a_value_twice(&self) -> bool {
        let inputs =
            self.place.as_ref().map_or(&[][..], |place| place.graph.nodes()[place.id.index()].inputs());
        inputs.iter().enumerate().any(|(place, input)| inputs[..place].contains(input))
    }

    /// The node that gives input `index`; `None` for a layer without a graph.
    pub fn producer(&self, index: usize) -> Option<Self> {
        let Place { graph, facts, id } = self.place.as_ref()?;
        Self::of(graph, facts, *graph.nodes()[id.index()].inputs().get(index)?)
    }

    /// The node that reads the output, if there is one only and the output is not that of the graph; `None` for a
    /// layer without a graph.
    pub fn only_reader(&self) -> Option<Self> {
        let Place { graph, facts, id } = self.place.as_ref()?;
        Self::of(graph, facts, facts.only_readers[id.index()]?)
    }

    /// Element type of the parameters; `None` where neither layer nor graph has any.
    pub fn dtype(&self) -> Option<DType> {
        self.dtype
    }

    /// A number as the element type holds it: 1e39 is infinite in `f32`, 1e-46 is 0.
    pub fn rounded(&self, number: f64) -> f64 {
        match self.dtype {
            Some(DType::F64) => number,
            _ => f64::from(number as f32),
        }
    }
}
