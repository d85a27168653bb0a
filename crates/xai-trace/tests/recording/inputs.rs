//! Models with several inputs of several kinds, and with several outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Int, Tensor, activation as act, backend::Backend};
use burn_flex::Flex;
use xai_core::attributor::{
    Attributor, InputXGradient, IntegratedGradients, Lrp, Occlusion, Saliency, SmoothGrad,
};
use xai_core::composite::{attn_lrp, epsilon_plus_flat};
use xai_core::error::{ExplainError, InputError, TargetError};
use xai_core::evaluation::PixelFlipping;
use xai_core::model::{Input, InputKind, Inputs, Model, Target};
use xai_trace::{TraceError, Traced, record, record_fn};

use crate::{Device, Plain, T, names, random, raw, unsupported};

type Ids<const D: usize> = Tensor<Traced<Flex>, D, Int>;
type Mask<const D: usize> = Tensor<Traced<Flex>, D, Bool>;

fn ids<const D: usize>(values: [[i32; D]; 1]) -> Tensor<Flex, 2, Int> {
    Tensor::from_ints(values, &Device::default())
}

fn mask(values: [[bool; 3]; 1]) -> Tensor<Flex, 2, Bool> {
    Tensor::from_bool(values.into(), &Device::default())
}

fn close<const D: usize>(a: Plain<D>, b: Plain<D>) {
    let difference = (a.clone() - b.clone()).abs().max().into_scalar();
    assert!(difference <= 1e-5, "{a} and {b} differ by {difference}");
}

/// A step of a recurrent network on words: the sum of an embedding, what is heard and the last state.
#[derive(Module, Debug)]
struct Step<B: Backend> {
    words: Embedding<B>,
    heard: Linear<B>,
    state: Linear<B>,
}

impl<B: Backend> Step<B> {
    /// Scores and the next state.
    fn forward(
        &self,
        ids: Tensor<B, 2, Int>,
        heard: Tensor<B, 3>,
        mask: Tensor<B, 2, Bool>,
        state: Tensor<B, 3>,
    ) -> (Tensor<B, 2>, Tensor<B, 3>) {
        let heard = self.heard.forward(heard) * mask.float().unsqueeze_dim(2);
        let next = act::tanh(self.words.forward(ids) + heard + self.state.forward(state));
        (next.clone().sum_dim(1).squeeze_dim(1), next)
    }
}

fn step() -> Step<Flex> {
    let device = Device::default();
    Step {
        words: EmbeddingConfig::new(5, 4).init(&device),
        heard: LinearConfig::new(2, 4).init(&device),
        state: LinearConfig::new(4, 4).init(&device),
    }
}

fn model(step: &Step<Flex>) -> Model<Flex> {
    record(step, |step, (ids, heard, mask, state)| step.forward(ids, heard, mask, state))
}

#[test]
fn the_signature_tells_all_inputs() {
    let signature = model(&step()).signature();
    let inputs: Vec<_> = signature.inputs.iter().map(|i| (i.name.as_str(), i.kind, i.rank)).collect();
    use InputKind::{Bool, Float, Int};
    assert_eq!(
        inputs,
        [("input.0", Int, 2), ("input.1", Float, 3), ("input.2", Bool, 2), ("input.3", Float, 3)]
    );
    assert_eq!(signature.parameters, Some((burn::tensor::DType::F32, Device::default())));

    let alone = record_fn(|x: T<2>| act::relu(x)).signature();
    assert_eq!((alone.inputs[0].name.as_str(), alone.parameters), ("input", None));
}

#[test]
fn int_and_bool_inputs_follow_the_call() {
    let step = step();
    let model = model(&step);
    let (heard, state) = (random([1, 3, 2]), random([1, 3, 4]));
    for (words, shown) in [
        ([[0, 1, 2]], [[true, true, false]]),
        ([[4, 4, 2]], [[true, true, false]]),
        ([[4, 4, 2]], [[false, true, true]]),
        ([[0, 1, 2]], [[true, true, false]]),
    ] {
        let inputs = (ids(words), heard.clone(), mask(shown), Input::fixed(state.clone()));
        let (scores, next) = step.forward(ids(words), heard.clone(), mask(shown), state.clone());
        close(model.output(inputs.clone(), 0).unwrap().into_tensor().unwrap(), scores.clone());
        close(model.output(inputs.clone(), 1).unwrap().into_tensor().unwrap(), next);

        let attribution = InputXGradient::new(&model).attribute(inputs, 1).unwrap();
        close(attribution.output().unwrap(), scores);
        let relevance = attribution.relevance_of::<3>(1).unwrap();
        let hidden: Vec<f32> = relevance.abs().sum_dim(2).into_data().to_vec().unwrap();
        for (relevance, shown) in hidden.iter().zip(shown[0]) {
            assert!(shown || *relevance == 0.0, "a masked step has the relevance {relevance}");
        }
        assert!(hidden.iter().any(|relevance| *relevance != 0.0));
        // The mask has no relevance; what reaches the ids and the fixed state is counted.
        let places = attribution.relevances().iter().map(|relevance| Some(relevance.as_ref()?.dims()));
        let expected = [Some(vec![1, 3]), Some(vec![1, 3, 2]), None, Some(vec![1, 3, 4])];
        assert_eq!(places.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn copies_of_inputs_of_all_kinds_share_a_run() {
    let model = model(&step());
    let words = Tensor::<Flex, 2, Int>::from_ints([[0, 1, 2], [4, 4, 2]], &Device::default());
    let shown =
        Tensor::<Flex, 2, Bool>::from_bool([[true, true, false], [true; 3]].into(), &Device::default());
    // One state for both samples, and for all of their copies.
    for state in [random::<3>([2, 3, 4]), random([1, 3, 4])] {
        let inputs: Inputs<Flex> =
            (words.clone(), random::<3>([2, 3, 2]), shown.clone(), Input::fixed(state)).into();
        let methods = |largest| -> [Box<dyn Attributor<Flex>>; 2] {
            [
                Box::new(IntegratedGradients::new(&model).with_largest_batch(largest)),
                Box::new(SmoothGrad::new(&model).with_largest_batch(largest)),
            ]
        };
        for (many, one) in methods(32).into_iter().zip(methods(2)) {
            let [many, one] = [many, one].map(|method| method.attribute_inputs(&inputs, &1.into()).unwrap());
            close(many.relevance_of::<2>(0).unwrap(), one.relevance_of::<2>(0).unwrap());
            for input in [1, 3] {
                close(many.relevance_of::<3>(input).unwrap(), one.relevance_of::<3>(input).unwrap());
            }
        }
    }
}

#[test]
fn a_recorded_graph_takes_the_float_inputs_in_order() {
    let step = step();
    let (heard, state) = (random([1, 3, 2]), random([1, 3, 4]));
    let inputs = (ids([[3, 1, 0]]), heard, mask([[true; 3]]), state);
    let graph = raw(&model(&step), inputs);
    assert_eq!(
        names(&graph),
        [
            "words",
            "input.1",
            "input.3",
            "heard",
            "heard.mul",
            "heard.add",
            "state",
            "state.add",
            "state.tanh",
            "state.sum",
            "state.reshape",
        ]
    );
    // An input that the output does not depend on is one all the same.
    let second = record_fn(|(_, b): (T<2>, T<2>)| act::relu(b));
    let (a, b) = (random([1, 2]), random([1, 2]));
    let graph = raw(&second, (a.clone(), b.clone()));
    assert_eq!(names(&graph), ["input.0", "input.1", "input.1.relu"]);
    let attribution = Saliency::new(&second).attribute((a, b), 0).unwrap();
    close(attribution.relevance_of::<2>(0).unwrap(), Tensor::zeros([1, 2], &Device::default()));
}

#[test]
fn ids_select_from_an_explained_table() {
    let model = record_fn(|(table, ids): (T<2>, Ids<2>)| table.select(0, ids.flatten::<1>(0, 1)).sum_dim(0));
    let table = random([4, 3]);
    for (picked, counts) in [([[0, 2, 2]], [1.0, 0.0, 2.0, 0.0]), ([[3, 1, 0]], [1.0, 1.0, 0.0, 1.0])] {
        let attribution = Saliency::new(&model).attribute((table.clone(), ids(picked)), 1).unwrap();
        let gradient: Vec<f32> = attribution.relevance_of::<2>(0).unwrap().into_data().to_vec().unwrap();
        assert_eq!(gradient.chunks(3).map(|row| row[1]).collect::<Vec<_>>(), counts);
    }
}

/// Words and their places, by tables that are looked up in all ways.
#[derive(Module, Debug)]
struct Words<B: Backend> {
    words: Embedding<B>,
    places: Embedding<B>,
    head: Linear<B>,
}

impl<B: Backend> Words<B> {
    fn forward(&self, ids: Tensor<B, 2, Int>) -> Tensor<B, 2> {
        let [_, tokens] = ids.dims();
        let places = Tensor::arange(0..tokens as i64, &ids.device()).unsqueeze();
        self.encode(self.words.forward(ids) + self.places.forward(places))
    }

    fn encode(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        self.head.forward(act::tanh(x)).sum_dim(1).squeeze_dim(1)
    }
}

fn words() -> Words<Flex> {
    let device = Device::default();
    Words {
        words: EmbeddingConfig::new(9, 4).init(&device),
        places: EmbeddingConfig::new(5, 4).init(&device),
        head: LinearConfig::new(4, 2).init(&device),
    }
}

/// A batch of two sentences.
fn sentences(values: [[i32; 3]; 2]) -> Tensor<Flex, 2, Int> {
    Tensor::from_ints(values, &Device::default())
}

#[test]
fn ids_have_the_relevance_of_their_rows() {
    let words = words();
    let of_ids = record(&words, Words::forward);
    let places = words.places.weight.val().slice([0..3, 0..4]).unsqueeze::<3>();
    let of_rows = record(&words, move |words, x: T<3>| words.encode(x + Tensor::from_inner(places.clone())));
    let rows = |ids: Tensor<Flex, 2, Int>| words.words.forward(ids);
    let baseline = random::<3>([1, 1, 4]);
    for ids in [sentences([[1, 2, 3], [4, 4, 8]]), sentences([[0, 0, 0], [5, 6, 7]])] {
        let pairs: Vec<[Box<dyn Attributor<Flex>>; 2]> = vec![
            [&of_ids, &of_rows].map(|model| Box::new(Lrp::new(model, epsilon_plus_flat())) as _),
            [&of_ids, &of_rows].map(|model| Box::new(Saliency::new(model)) as _),
            [&of_ids, &of_rows].map(|model| Box::new(InputXGradient::new(model)) as _),
            [&of_ids, &of_rows]
                .map(|model| Box::new(IntegratedGradients::new(model).with_baseline(baseline.clone())) as _),
            [&of_ids, &of_rows].map(|model| Box::new(SmoothGrad::new(model).with_samples(3)) as _),
        ];
        for [by_ids, by_rows] in pairs {
            let relevance = by_ids.attribute(ids.clone(), 1).unwrap().relevance::<2>().unwrap();
            let expected = by_rows.attribute(rows(ids.clone()), 1).unwrap().relevance::<3>().unwrap();
            close(relevance, expected.sum_dim(2).squeeze_dim(2));
        }
        // A token is hidden as a whole.
        let occlusion = Occlusion::new(&of_ids).with_window(1).attribute(ids.clone(), 1).unwrap();
        let expected = Occlusion::new(&of_rows).with_window([1, 4]).attribute(rows(ids.clone()), 1).unwrap();
        let expected = expected.relevance::<3>().unwrap().mean_dim(2).squeeze_dim(2);
        close(occlusion.relevance::<2>().unwrap(), expected);
        let relevance = occlusion.relevance::<2>().unwrap();
        let flips = PixelFlipping::new(&of_ids).with_region(1).curves(ids.clone(), relevance, 1).unwrap();
        assert!(flips.iter().all(|curve| curve.scores.len() == 4));
        // All relevance of places is booked by name.
        let ledger = Lrp::new(&of_ids, attn_lrp()).with_ledger().attribute(ids, 1).unwrap();
        let rows = ledger.ledger().unwrap().rows();
        let places = rows.iter().find(|row| row.node == "places").unwrap();
        assert!(places.bias.iter().all(|share| *share != 0.0));
    }
}

#[test]
fn a_graph_serves_all_ids_of_a_shape() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let model = record(&words(), move |words, ids| {
        counted.fetch_add(1, Ordering::Relaxed);
        words.forward(ids)
    });
    for _ in 0..2 {
        for values in [[1, 2, 3], [4, 5, 6], [7, 8, 0]] {
            Saliency::new(&model).attribute(sentences([values; 2]), 0).unwrap();
        }
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    // What is computed from the ids holds for these ids alone.
    let model = record(&words(), |words, ids: Ids<2>| {
        let shown = ids.clone().not_equal_elem(0).float().unsqueeze_dim(2);
        words.encode(words.words.forward(ids) * shown)
    });
    let relevance = |values| {
        let relevance = Saliency::new(&model).attribute(sentences([values; 2]), 0).unwrap();
        relevance.relevance::<2>().unwrap().into_data().to_vec::<f32>().unwrap()
    };
    assert_eq!(relevance([1, 0, 2])[1], 0.0);
    assert_ne!(relevance([0, 1, 2])[1], 0.0);
}

#[test]
fn computed_ids_have_the_relevance_of_where_they_come_from() {
    let words = words();
    // Categories of several columns in one table, each with its offset.
    let model = record(&words, |words, ids: Ids<2>| {
        let offsets = Tensor::from_ints([[0, 3, 6]], &ids.device());
        words.encode(words.words.forward(ids + offsets))
    });
    let relevance = InputXGradient::new(&model).attribute(sentences([[1, 2, 0], [2, 0, 1]]), 1).unwrap();
    let plain = record(&words, |words, ids: Ids<2>| words.encode(words.words.forward(ids)));
    let expected = InputXGradient::new(&plain).attribute(sentences([[1, 5, 6], [2, 3, 7]]), 1).unwrap();
    close(relevance.relevance::<2>().unwrap(), expected.relevance::<2>().unwrap());
    // Ids that are looked up twice, and in another order.
    let twice = record(&words, |words, ids: Ids<2>| {
        let reversed = ids.clone().flip([1]).reshape([2, 3]);
        words.encode(words.words.forward(Tensor::cat(vec![ids.clone(), reversed], 1)))
    });
    let ids = sentences([[1, 2, 0], [4, 5, 6]]);
    let relevance = InputXGradient::new(&twice).attribute(ids.clone(), 1).unwrap();
    let expected = InputXGradient::new(&plain).attribute(ids.clone(), 1).unwrap();
    close(relevance.relevance::<2>().unwrap(), expected.relevance::<2>().unwrap() * 2.0);
    // A table for each column.
    let columns = record(&words, |words, ids: Ids<2>| {
        let first = words.words.forward(ids.clone().slice([0..2, 0..1]));
        let others = words.words.forward(ids.narrow(1, 1, 2));
        words.encode(Tensor::cat(vec![others, first], 1))
    });
    let relevance = InputXGradient::new(&columns).attribute(ids, 1).unwrap();
    close(relevance.relevance::<2>().unwrap(), expected.relevance::<2>().unwrap());
}

#[test]
fn unknown_ids_are_refused() {
    let model = record(&words(), Words::forward);
    Saliency::new(&model).attribute(sentences([[1, 2, 0]; 2]), 1).unwrap();
    let error = Saliency::new(&model).attribute(sentences([[1, 2, 9]; 2]), 1).err().unwrap();
    assert!(error.to_string().contains("the id 9") && error.to_string().contains("9 rows"), "{error}");
}

#[test]
fn outputs_may_be_tuples_lists_and_results() {
    let x = random([2, 3]);
    let models = [
        record_fn(|x: T<2>| (act::relu(x.clone()), x * 3.0)),
        record_fn(|x: T<2>| vec![act::relu(x.clone()), x * 3.0]),
        record_fn(|x: T<2>| Ok::<_, std::fmt::Error>((act::relu(x.clone()), x * 3.0))),
        record_fn(|x: T<2>| (Ok::<_, String>(act::relu(x.clone())), vec![x.clone() * 3.0, x])),
    ];
    for model in models {
        close(model.output(x.clone(), 1).unwrap().into_tensor().unwrap(), x.clone() * 3.0);
        let attribution =
            Saliency::new(&model).attribute(x.clone(), Target::class(2).with_output(1)).unwrap();
        let gradient: Vec<f32> = attribution.relevance::<2>().unwrap().into_data().to_vec().unwrap();
        assert_eq!(gradient, [0.0, 0.0, 3.0, 0.0, 0.0, 3.0]);
    }
}

#[test]
fn outputs_that_cannot_be_explained_are_errors() {
    let model = record_fn(|x: T<2>| (x.clone() * 2.0, x.clone().argmax(1), x.greater_elem(0.0)));
    let error = |output| model.output(random([1, 3]), output).err().unwrap();
    assert!(matches!(error(3), ExplainError::Target(TargetError::NoSuchOutput { output: 3, outputs: 3 })));
    for (output, kind) in [(1, InputKind::Int), (2, InputKind::Bool)] {
        let ExplainError::Source(source) = error(output) else { panic!("{output}") };
        assert_eq!(source.downcast_ref(), Some(&TraceError::OutputKind { output, kind }));
    }
    let nothing = record_fn(|_: T<2>| Vec::<T<2>>::new());
    let error = Saliency::new(&nothing).attribute(random([1, 3]), 0).err().unwrap();
    assert!(error.to_string().contains("the model has 0 output(s)"), "{error}");
}

#[test]
fn unsupported_operations_do_not_keep_a_model_from_running() {
    let model =
        record_fn(|(x, keep): (T<2>, Mask<2>)| x.mask_fill(keep.bool_not(), 0.0).remainder_scalar(3.0) * 2.0);
    let x = Plain::<2>::from_floats([[0.5, -1.0, 2.0]], &Device::default());
    for keep in [[[true, true, false]], [[false, true, true]]] {
        let inputs = (x.clone(), mask(keep));
        assert_eq!(unsupported(&raw(&model, inputs.clone())).len(), 1);
        let error = Lrp::new(&model, epsilon_plus_flat()).attribute(inputs.clone(), 0).err().unwrap();
        assert!(error.to_string().contains("`remainder_scalar`"), "{error}");
        let expected = x.clone().mask_fill(mask(keep).bool_not(), 0.0).remainder_scalar(3.0) * 2.0;
        close(model.output(inputs.clone(), 0).unwrap().into_tensor().unwrap(), expected.clone());
        for class in 0..3 {
            let occlusion = Occlusion::new(&model).attribute(inputs.clone(), class).unwrap();
            let relevance: Vec<f32> = occlusion.relevance_of::<2>(0).unwrap().into_data().to_vec().unwrap();
            // Only the class's own input matters, by its whole score: without it the score is 0.
            let scores: Vec<f32> = expected.to_data().to_vec().unwrap();
            let alone: Vec<f32> = (0..3).map(|i| if i == class { scores[i] } else { 0.0 }).collect();
            assert_eq!(relevance, alone);
        }
    }
}

#[test]
fn inputs_of_another_kind_are_errors() {
    let model = model(&step());
    let (heard, state) = (random([1, 3, 2]), random([1, 3, 4]));
    let error = |inputs: Vec<Input<Flex>>| match model.graph(inputs, 0).err().unwrap() {
        ExplainError::Input(error) => error,
        other => panic!("{other}"),
    };
    let words = ids([[0, 1, 2]]);
    assert_eq!(error(vec![words.clone().into()]), InputError::Count { expected: 4, got: 1 });
    let shown = mask([[true; 3]]);
    let swapped =
        vec![heard.clone().into(), words.clone().into(), shown.clone().into(), state.clone().into()];
    assert!(matches!(error(swapped), InputError::Kind { got: InputKind::Float, .. }));
    let flat = heard.clone().flatten::<2>(1, 2);
    let flat = vec![words.clone().into(), flat.into(), shown.clone().into(), state.clone().into()];
    assert!(matches!(error(flat), InputError::Rank { expected: 3, .. }));
    let unread = record_fn(|(x, ids, _): (T<2>, Ids<2>, Mask<2>)| x * ids.float());
    let fixed = vec![Input::fixed(random([1, 3])), words.into(), shown.into()];
    let error = Saliency::new(&unread).attribute(fixed, 0).err().unwrap();
    assert!(matches!(error, ExplainError::Input(InputError::NothingExplained)), "{error}");
}
