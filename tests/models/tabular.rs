//! Tables: categories beside numbers, interactions of features, experts.

use burn::module::Module;
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Embedding, EmbeddingConfig, Linear, LinearConfig,
};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use crate::data::Given::{Floats, Ids};
use crate::harness::{ALL, networks};
use crate::methods::NO_MAP;

networks! {
    category_embeddings: Tabular, |net, (categories, numbers)| net.forward(categories, numbers),
        [Ids(&[3], 5), Floats(&[4])],
        ALL, refused by NO_MAP;
    deep_fm: DeepFm, |net, (fields, numbers)| net.forward(fields, numbers),
        [Ids(&[3], 5), Floats(&[3])],
        ALL, refused by NO_MAP;
    soft_experts: Experts, |net, x| net.forward(x),
        [Floats(&[5])],
        ALL, refused by NO_MAP;
}

/// An embedding for each category, a batch norm for numbers, an MLP.
#[derive(Module, Debug)]
struct Tabular<B: Backend> {
    embeddings: Vec<Embedding<B>>,
    norm: BatchNorm<B>,
    hidden: Linear<B>,
    dropout: Dropout,
    head: Linear<B>,
}

impl<B: Backend> Tabular<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            embeddings: (0..3).map(|_| EmbeddingConfig::new(5, 2).init(device)).collect(),
            norm: BatchNormConfig::new(4).init(device),
            hidden: LinearConfig::new(10, 12).init(device),
            dropout: DropoutConfig::new(0.2).init(),
            head: LinearConfig::new(12, 2).init(device),
        }
    }

    fn forward(&self, categories: Tensor<B, 2, Int>, numbers: Tensor<B, 2>) -> Tensor<B, 2> {
        let embed = |(column, embedding): (usize, &Embedding<B>)| {
            embedding.forward(categories.clone().narrow(1, column, 1)).flatten::<2>(1, 2)
        };
        let mut columns: Vec<_> = self.embeddings.iter().enumerate().map(embed).collect();
        columns.push(self.norm.forward(numbers));
        let hidden = relu(self.hidden.forward(Tensor::cat(columns, 1)));
        self.head.forward(self.dropout.forward(hidden))
    }
}

/// Linear terms, products of pairs by the difference of squares, and an MLP.
#[derive(Module, Debug)]
struct DeepFm<B: Backend> {
    weights: Embedding<B>,
    factors: Embedding<B>,
    number_factors: Linear<B>,
    linear: Linear<B>,
    deep_1: Linear<B>,
    deep_2: Linear<B>,
}

impl<B: Backend> DeepFm<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            weights: EmbeddingConfig::new(15, 1).init(device),
            factors: EmbeddingConfig::new(15, 4).init(device),
            number_factors: LinearConfig::new(3, 4).with_bias(false).init(device),
            linear: LinearConfig::new(3, 1).init(device),
            deep_1: LinearConfig::new(16, 8).init(device),
            deep_2: LinearConfig::new(8, 1).init(device),
        }
    }

    fn forward(&self, fields: Tensor<B, 2, Int>, numbers: Tensor<B, 2>) -> Tensor<B, 2> {
        // One table for all fields, each with its own rows.
        let offsets = Tensor::<B, 1, Int>::from_ints([0, 5, 10], &fields.device());
        let rows = fields + offsets.unsqueeze();
        let first = self.weights.forward(rows.clone()).sum_dim(1).squeeze_dim::<2>(1);
        let first = first + self.linear.forward(numbers.clone());
        let number = self.number_factors.forward(numbers).unsqueeze_dim::<3>(1);
        let factors = Tensor::cat(vec![self.factors.forward(rows), number], 1);
        let of_sum = factors.clone().sum_dim(1).powi_scalar(2);
        let of_each = factors.clone().powi_scalar(2).sum_dim(1);
        let second = (of_sum - of_each).mul_scalar(0.5).sum_dim(2).squeeze_dim::<2>(2);
        let deep = self.deep_2.forward(relu(self.deep_1.forward(factors.flatten::<2>(1, 2))));
        first + second + deep
    }
}

/// A mixture of experts whose gate weighs all of them.
#[derive(Module, Debug)]
struct Experts<B: Backend> {
    gate: Linear<B>,
    hidden: Vec<Linear<B>>,
    out: Vec<Linear<B>>,
}

impl<B: Backend> Experts<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            gate: LinearConfig::new(5, 3).init(device),
            hidden: (0..3).map(|_| LinearConfig::new(5, 8).init(device)).collect(),
            out: (0..3).map(|_| LinearConfig::new(8, 3).init(device)).collect(),
        }
    }

    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let weights = softmax(self.gate.forward(x.clone()), 1);
        let experts = self.hidden.iter().zip(&self.out);
        let opinions = experts.map(|(hidden, out)| out.forward(relu(hidden.forward(x.clone()))));
        let opinions = Tensor::stack::<3>(opinions.collect(), 1);
        (opinions * weights.unsqueeze_dim(2)).sum_dim(1).squeeze_dim(1)
    }
}
