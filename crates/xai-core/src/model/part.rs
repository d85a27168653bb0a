//! Parts of a model, which are models too: for neurons and inner layers.

use std::sync::Arc;

use burn_backend::Backend;

use super::{GraphSource, Input, InputKind, InputSignature, Inputs, Model, Signature};
use crate::Value;
use crate::error::{ExplainError, InputError};
use crate::graph::{Graph, NodeId};

impl<B: Backend> Model<B> {
    /// The model up to the node `node`, whose output is the output of the part: to explain a neuron or a channel
    /// by any method, with the target [`index`](super::Target::index), or to have activations,
    /// `model.up_to("features.7")?.output(x, 0)`.
    ///
    /// Names are those of the [recorded](super::GraphSource) graph, before anything was merged. Of a model with
    /// several outputs, [`Target::with_output`](super::Target::with_output) says in whose graph the node is.
    ///
    /// ```
    /// # use burn::nn::LinearConfig;
    /// # use burn::tensor::Tensor;
    /// # use burn_flex::Flex;
    /// # use xai_core::graph::GraphBuilder;
    /// # use xai_core::layer::Activation;
    /// use xai_core::attributor::{Attributor, IntegratedGradients};
    /// use xai_core::model::{Model, Target};
    ///
    /// # let device = Default::default();
    /// # let mut builder = GraphBuilder::new();
    /// # let x = builder.input("x", &[1, 4])?;
    /// # let hidden = builder.push("hidden", &LinearConfig::new(4, 3).init::<Flex>(&device), &[x])?;
    /// # let relu = builder.push("relu", Activation::Relu, &[hidden])?;
    /// # let head = builder.push("head", &LinearConfig::new(3, 2).init::<Flex>(&device), &[relu])?;
    /// # let model = Model::from(builder.finish(head)?);
    /// # let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
    /// // What raises the second neuron of the hidden layer?
    /// let hidden = model.up_to("relu");
    /// let of_neuron = IntegratedGradients::new(&hidden).attribute(x.clone(), Target::index([1]))?;
    ///
    /// // Which neurons of the hidden layer raise the answer?
    /// let (rest, neurons) = model.after("relu", x, 0)?;
    /// let of_layer = IntegratedGradients::new(&rest).attribute(neurons, Target::argmax())?;
    /// assert_eq!(of_layer.relevance::<2>()?.dims(), [1, 3]);
    /// # Ok::<(), xai_core::error::ExplainError>(())
    /// ```
    pub fn up_to(&self, node: impl Into<String>) -> Self {
        self.with_source(UpTo { source: self.source.clone(), node: node.into() })
    }

    /// The model after the node `node`, on the way to the output `output`, counted from 0: to attribute a score to
    /// the activations of an inner layer by any method. Also the inputs of this part for the `inputs` of the
    /// model: the output of the node, and, where the model's own inputs reach the output on other ways too, these
    /// as [fixed](Input::Fixed) ones. Token ids are replaced by their rows there.
    ///
    /// The part serves batches of which that of `inputs` is a divisor. Its int and bool inputs are those given
    /// here, and so are values that the model [reads](Self::reads_values) out of its inputs: decisions stay those of
    /// `inputs`, whatever activations the part is given.
    ///
    /// # Errors
    /// As [`graph`](Self::graph); [`GraphError`](crate::error::GraphError) for a name that the model does not have,
    /// with the nearest ones, or that of the output.
    pub fn after(
        &self,
        node: &str,
        inputs: impl Into<Inputs<B>>,
        output: usize,
    ) -> Result<(Self, Inputs<B>), ExplainError> {
        let raw = Self::of(self.source.clone(), Vec::new());
        let inputs = raw.embed(&inputs.into(), output)?;
        let graph = raw.graph(inputs.clone(), output)?;
        let id = graph.find(node)?;
        let activation = match graph.inputs().iter().position(|input| *input == id) {
            Some(place) => inputs.floats().swap_remove(place),
            None => graph.up_to(id)?.forward(&inputs.floats())?,
        };
        let batch = activation.dims().first().copied().unwrap_or(1);
        let others: Vec<_> = others(&graph, id, &graph.after(id)?)?;
        let floats = inputs.floats();
        let fixed = others.iter().map(|place| Input::Fixed(floats[*place].clone()));
        let given = [Input::Float(activation)].into_iter().chain(fixed).collect::<Vec<_>>();
        let name = |id: &NodeId| graph.node(*id).map(|node| (node.name().to_owned(), node.dims().len()));
        let kept = others.iter().map(|place| &graph.inputs()[*place]);
        let signature = [id].iter().chain(kept).map(name).collect::<Result<Vec<_>, _>>()?;
        let signature =
            signature.into_iter().map(|(name, rank)| InputSignature { name, kind: InputKind::Float, rank });
        let part = After {
            source: self.source.clone(),
            node: node.to_owned(),
            output,
            signature: signature.collect(),
            inputs,
            batch,
        };
        Ok((self.with_source(part), given.into()))
    }
}

/// The places of the inputs of `whole` that `rest`, which follows the node `id`, still reads.
fn others<B: Backend>(whole: &Graph<B>, id: NodeId, rest: &Graph<B>) -> Result<Vec<usize>, ExplainError> {
    let mut places = Vec::new();
    for input in rest.inputs() {
        let name = rest.node(*input)?.name();
        let place =
            whole.inputs().iter().position(|own| *own != id && whole.nodes()[own.index()].name() == name);
        places.extend(place);
    }
    Ok(places)
}

/// A model up to a node.
struct UpTo<B: Backend> {
    source: Arc<dyn GraphSource<B>>,
    node: String,
}

impl<B: Backend> GraphSource<B> for UpTo<B> {
    fn signature(&self) -> Signature<B> {
        self.source.signature()
    }

    fn graph(&self, inputs: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError> {
        let whole = self.source.graph(inputs, output)?;
        Ok(whole.up_to(whole.find(&self.node)?)?)
    }

    fn verify(&self, _: Option<(&[Value<B>], &Value<B>)>) -> Result<(), ExplainError> {
        self.source.verify(None)
    }

    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError> {
        let graph = self.graph(inputs, output)?;
        graph.forward(&inputs.embedded(&graph)?.floats())
    }

    fn depends_on_shape(&self) -> bool {
        self.source.depends_on_shape()
    }

    fn depends_on_ids(&self, place: usize) -> bool {
        self.source.depends_on_ids(place)
    }

    fn depends_on_values(&self) -> bool {
        self.source.depends_on_values()
    }
}

/// A model after a node.
struct After<B: Backend> {
    source: Arc<dyn GraphSource<B>>,
    node: String,
    output: usize,
    signature: Vec<InputSignature>,
    /// Inputs of the whole, of one batch.
    inputs: Inputs<B>,
    /// How the output of the node begins for them.
    batch: usize,
}

impl<B: Backend> GraphSource<B> for After<B> {
    fn signature(&self) -> Signature<B> {
        Signature { inputs: self.signature.clone(), ..self.source.signature() }
    }

    fn graph(&self, inputs: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError> {
        if output != 0 {
            return Err(crate::error::TargetError::NoSuchOutput { output, outputs: 1 }.into());
        }
        let (own, batch) = (self.batch, inputs.batch().unwrap_or(self.batch));
        let copies = batch / own.max(1);
        if copies * own != batch {
            return Err(InputError::PartBatch { node: self.node.clone(), batch, own }.into());
        }
        let whole = self.source.graph(&self.inputs.repeated(copies), self.output)?;
        Ok(whole.after(whole.find(&self.node)?)?)
    }

    fn verify(&self, _: Option<(&[Value<B>], &Value<B>)>) -> Result<(), ExplainError> {
        self.source.verify(None)
    }

    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError> {
        self.graph(inputs, output)?.forward(&inputs.floats())
    }

    fn depends_on_shape(&self) -> bool {
        self.source.depends_on_shape()
    }

    fn depends_on_ids(&self, _: usize) -> bool {
        false
    }

    fn depends_on_values(&self) -> bool {
        self.source.depends_on_values()
    }
}
