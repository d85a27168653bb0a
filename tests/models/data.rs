//! Numbers that are the same in every run: weights, inputs, and the arguments of forward functions.

use std::ops::Range;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use burn_flex::Flex;
use burn_xai::Value;
use burn_xai::model::{Input, Inputs};

/// Samples in a batch.
pub(crate) const BATCH: usize = 3;

/// One argument of a forward function, by its sizes without the batch.
#[derive(Clone, Copy)]
pub(crate) enum Given {
    Floats(&'static [usize]),
    /// Ids below a number.
    Ids(&'static [usize], u64),
    /// Which tokens are padding: none of the first sample, the last of the second, ...
    Padding(usize),
}

struct Numbers(u64);

impl Numbers {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between -1 and 1.
    fn next(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

impl Given {
    pub(crate) fn dims(&self, samples: usize) -> Vec<usize> {
        let rest = match self {
            Self::Floats(dims) | Self::Ids(dims, _) => *dims,
            Self::Padding(tokens) => std::slice::from_ref(tokens),
        };
        [&[samples], rest].concat()
    }

    fn count(&self) -> usize {
        self.dims(1).iter().product()
    }

    /// The argument at `place` for these samples: a sample is the same in every batch.
    fn data(&self, place: usize, samples: Range<usize>) -> TensorData {
        let numbers = |sample: usize| Numbers((place * 1000 + sample) as u64);
        let dims = self.dims(samples.len());
        let count = self.count();
        match *self {
            Self::Floats(_) => {
                let sample = |sample| {
                    std::iter::repeat_with({
                        let mut numbers = numbers(sample);
                        move || numbers.next()
                    })
                };
                TensorData::new(samples.flat_map(|s| sample(s).take(count)).collect::<Vec<f32>>(), dims)
            }
            Self::Ids(_, below) => {
                let sample = |sample| {
                    std::iter::repeat_with({
                        let mut numbers = numbers(sample);
                        move || (numbers.bits() % below) as i64
                    })
                };
                TensorData::new(samples.flat_map(|s| sample(s).take(count)).collect::<Vec<i64>>(), dims)
            }
            Self::Padding(tokens) => {
                let sample = |sample| (0..tokens).map(move |token| token + sample >= tokens);
                TensorData::new(samples.flat_map(sample).collect::<Vec<bool>>(), dims)
            }
        }
    }
}

/// The arguments as the inputs of a model.
pub(crate) fn inputs(given: &[Given], samples: Range<usize>) -> Inputs<Flex> {
    let device = Default::default();
    let input = |(place, given): (usize, &Given)| -> Input<Flex> {
        let data = given.data(place, samples.clone());
        match given {
            Given::Floats(_) => Value::from_data(data, &device).into(),
            Given::Ids(..) => Tensor::<Flex, 2, Int>::from_data(data, &device).into(),
            Given::Padding(_) => Tensor::<Flex, 2, Bool>::from_data(data, &device).into(),
        }
    };
    given.iter().enumerate().map(input).collect::<Vec<_>>().into()
}

/// All float arguments, one after the other: one tensor, so that there is one gradient.
pub(crate) fn floats<B: Backend>(given: &[Given]) -> Tensor<B, 1> {
    let of = |(place, given): (usize, &Given)| given.data(place, 0..BATCH).to_vec::<f32>().unwrap();
    let floats = given.iter().enumerate().filter(|(_, given)| matches!(given, Given::Floats(_)));
    let all: Vec<f32> = floats.flat_map(of).collect();
    let count = all.len();
    Tensor::from_data(TensorData::new(all, [count]), &Default::default())
}

/// The arguments as tensors, taken one by one.
pub(crate) struct Arguments<B: Backend> {
    given: std::vec::IntoIter<(usize, Given)>,
    floats: Tensor<B, 1>,
    used: usize,
}

impl<B: Backend> Arguments<B> {
    pub(crate) fn new(given: &[Given], floats: Tensor<B, 1>) -> Self {
        let given: Vec<_> = given.iter().copied().enumerate().collect();
        Self { given: given.into_iter(), floats, used: 0 }
    }

    pub(crate) fn take<T: Argument<B>>(&mut self) -> T {
        T::take(self)
    }
}

/// What a forward function takes.
pub(crate) trait Argument<B: Backend>: Sized {
    fn take(from: &mut Arguments<B>) -> Self;
}

impl<B: Backend, const D: usize> Argument<B> for Tensor<B, D> {
    fn take(from: &mut Arguments<B>) -> Self {
        let (_, given) = from.given.next().unwrap();
        let dims: [usize; D] = given.dims(BATCH).try_into().unwrap();
        let all = from.used..from.used + given.count() * BATCH;
        from.used = all.end;
        from.floats.clone().slice([all]).reshape(dims)
    }
}

macro_rules! arguments {
    (discrete: $($kind:ident),*) => {$(
        impl<B: Backend, const D: usize> Argument<B> for Tensor<B, D, $kind> {
            fn take(from: &mut Arguments<B>) -> Self {
                let (place, given) = from.given.next().unwrap();
                Tensor::from_data(given.data(place, 0..BATCH), &Default::default())
            }
        }
    )*};
    (tuples: $(($($part:ident),*)),*) => {$(
        impl<B: Backend, $($part: Argument<B>),*> Argument<B> for ($($part,)*) {
            fn take(from: &mut Arguments<B>) -> Self {
                ($($part::take(from),)*)
            }
        }
    )*};
}
arguments!(discrete: Int, Bool);
arguments!(tuples: (X, Y), (X, Y, Z));

/// What a forward function returns: its shape, and its elements in one row.
pub(crate) trait Outputs<B: Backend> {
    fn outputs(self) -> Vec<(Vec<usize>, Tensor<B, 1>)>;
}

impl<B: Backend, const D: usize> Outputs<B> for Tensor<B, D> {
    fn outputs(self) -> Vec<(Vec<usize>, Tensor<B, 1>)> {
        let dims = self.dims();
        vec![(dims.to_vec(), self.reshape([dims.iter().product::<usize>()]))]
    }
}

impl<B: Backend, X: Outputs<B>, Y: Outputs<B>> Outputs<B> for (X, Y) {
    fn outputs(self) -> Vec<(Vec<usize>, Tensor<B, 1>)> {
        [self.0.outputs(), self.1.outputs()].concat()
    }
}

impl<B: Backend, X: Outputs<B>, Y: Outputs<B>, Z: Outputs<B>> Outputs<B> for (X, Y, Z) {
    fn outputs(self) -> Vec<(Vec<usize>, Tensor<B, 1>)> {
        [self.0.outputs(), self.1.outputs(), self.2.outputs()].concat()
    }
}

/// The module with weights of its own, such as training would leave: no bias is 0, no scale is 1.
pub(crate) fn with_weights<M: Module<Flex>>(module: M) -> M {
    module.map(&mut Weights(Numbers(1)))
}

struct Weights(Numbers);

impl ModuleMapper<Flex> for Weights {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<Flex, D>>) -> Param<Tensor<Flex, D>> {
        param.map(|tensor| {
            let dims = tensor.dims();
            let initial: Vec<f32> = tensor.to_data().to_vec().unwrap();
            let numbers = initial.iter().map(|_| self.0.next());
            // Scales and variances start with one number other than 0; a single one may be drawn.
            let is_scale =
                initial.len() > 1 && initial[0] != 0.0 && initial.iter().all(|number| *number == initial[0]);
            let fan = match D {
                1 => 10,
                2 => dims[0],
                _ => initial.len() / dims[0],
            };
            let width = (3.0 / fan as f32).sqrt();
            let weights: Vec<f32> = match is_scale {
                true => numbers.map(|number| initial[0] * (1.0 + 0.3 * number)).collect(),
                false => numbers.map(|number| width * number).collect(),
            };
            Tensor::from_data(TensorData::new(weights, dims), &tensor.device())
        })
    }
}
