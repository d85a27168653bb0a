//! Three small networks, and what Captum 0.8, pytorch-grad-cam 1.5 and Quantus 0.6 say of them: captum.json and
//! quantus.json, written by scripts/reference-methods.py in double precision. Each entry's `note` tells what is odd
//! about it. Run with `--nocapture` for how far this library is from them.
//!
//! A test of a method names the networks and the entry:
//!
//! ```text
//! #[test]
//! fn saliency() {
//!     on(&ALL, |net| net.explains("saliency", &Saliency::new(&net.model)));
//! }
//! ```

mod networks;

use std::cell::Cell;
use std::sync::LazyLock;

use burn::tensor::{DType, TensorData};
use burn_xai::attributor::Attributor;
use burn_xai::backend::flex::{self, Flex};
use burn_xai::model::{Model, Seed, Target};
use serde_json::Value as Json;

pub(crate) type Value = burn_xai::Value<Flex>;

pub(crate) const ALL: [&str; 3] = ["mlp", "cnn", "residual"];
/// Those that see images.
pub(crate) const IMAGES: [&str; 2] = ["cnn", "residual"];

static CAPTUM: LazyLock<Json> = LazyLock::new(|| serde_json::from_str(include_str!("captum.json")).unwrap());
static QUANTUS: LazyLock<Json> =
    LazyLock::new(|| serde_json::from_str(include_str!("quantus.json")).unwrap());

/// Against the largest element. The files have 9 digits; measured: 4.4e-9 in double precision, 4.0e-6 in single.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-8 } else { 1e-5 }
}

/// A tensor of a file, and what the file tells of it.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    json: &'static Json,
    dtype: DType,
}

impl Entry {
    pub(crate) fn get(self, key: &str) -> Self {
        let json = self.json.get(key).unwrap_or_else(|| panic!("no `{key}` among the references"));
        Self { json, ..self }
    }

    /// Numbers in one list, or those of a tensor.
    pub(crate) fn numbers(self) -> Vec<f64> {
        let list = self.json.get("data").unwrap_or(self.json).as_array().unwrap();
        list.iter().map(|number| number.as_f64().unwrap()).collect()
    }

    pub(crate) fn integers(self) -> Vec<usize> {
        let integer = |number: f64| {
            assert!(number >= 0.0 && number.fract() == 0.0, "{number} is no index");
            number as usize
        };
        self.numbers().into_iter().map(integer).collect()
    }

    pub(crate) fn number(self) -> f64 {
        self.json.as_f64().unwrap()
    }

    pub(crate) fn text(self) -> &'static str {
        self.json.as_str().unwrap()
    }

    pub(crate) fn shape(self) -> Vec<usize> {
        self.get("shape").integers()
    }

    pub(crate) fn value(self) -> Value {
        value(self.numbers(), self.shape(), self.dtype)
    }

    pub(crate) fn keys(self) -> Vec<&'static str> {
        self.json.as_object().unwrap().keys().map(String::as_str).collect()
    }
}

/// A network of the references, in single or double precision.
pub(crate) struct Network {
    pub(crate) name: &'static str,
    pub(crate) dtype: DType,
    pub(crate) model: Model<Flex>,
    content: Entry,
    compared: Cell<usize>,
}

impl Network {
    fn new(name: &'static str, dtype: DType) -> Self {
        let content = Entry { json: &CAPTUM, dtype }.get(name);
        let model = Model::from(networks::build(name, content));
        Self { name, dtype, model, content, compared: Cell::new(0) }
    }

    pub(crate) fn input(&self) -> Value {
        self.content.get("input").value()
    }

    /// Of the input's shape, not 0.
    pub(crate) fn baseline(&self) -> Value {
        self.content.get("baseline").value()
    }

    /// Another class for each sample.
    pub(crate) fn target(&self) -> Target<Flex> {
        Target::classes(self.content.get("target").integers())
    }

    pub(crate) fn value(&self, numbers: &[f64], dims: &[usize]) -> Value {
        value(numbers.to_vec(), dims.to_vec(), self.dtype)
    }

    /// What captum.json has beside the values: `background`, `mask`, `output`, `output_at_baseline`.
    pub(crate) fn given(&self, key: &str) -> Entry {
        self.content.get(key)
    }

    /// A value of captum.json.
    pub(crate) fn entry(&self, key: &str) -> Entry {
        self.content.get("values").get(key)
    }

    /// quantus.json, which is about `cnn`.
    pub(crate) fn rated(&self) -> Entry {
        assert_eq!(self.name, "cnn");
        Entry { json: &QUANTUS, dtype: self.dtype }
    }

    /// Explains the input, and compares with the entry `key`.
    pub(crate) fn explains(&self, key: &str, method: &impl Attributor<Flex>) {
        self.explains_for(key, method, self.target());
    }

    /// The same for a method of rules that starts with 1 as gradients do, not with the score.
    pub(crate) fn explains_from_one(&self, key: &str, method: &impl Attributor<Flex>) {
        self.explains_for(key, method, self.target().with_seed(Seed::One));
    }

    fn explains_for(&self, key: &str, method: &impl Attributor<Flex>, target: Target<Flex>) {
        let found = method.attribute(self.input(), target).unwrap();
        self.compare(key, self.entry(key), found.relevances()[0].as_ref().unwrap());
    }

    /// `max |got - want| <= tolerance * max |want|`, and the same shape.
    pub(crate) fn compare(&self, what: &str, want: Entry, got: &Value) {
        assert_eq!(got.dtype(), self.dtype, "{}: {what}", self.name);
        assert_eq!(got.dims(), want.shape(), "{}: {what}", self.name);
        self.compare_numbers(what, &want.numbers(), &numbers(got));
    }

    pub(crate) fn compare_numbers(&self, what: &str, want: &[f64], got: &[f64]) {
        let off = gap(got, want);
        println!("{:8} {:?} {what} off by {off:.1e}", self.name, self.dtype);
        let most = tolerance(self.dtype);
        assert!(off <= most, "{}, {:?}: {what} off by {off:e}, more than {most:e}", self.name, self.dtype);
        self.compared.set(self.compared.get() + 1);
    }
}

fn value(numbers: Vec<f64>, dims: Vec<usize>, dtype: DType) -> Value {
    Value::from_data(TensorData::new(numbers, dims).convert_dtype(dtype), &flex::device())
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.to_data().unwrap().iter::<f64>().collect()
}

/// The largest difference, against the largest element that is wanted.
fn gap(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0f64, |largest, x| largest.max(x.abs()));
    assert!(largest > 0.0, "nothing to compare with");
    let off = got.iter().zip(want).map(|(a, b)| (a - b).abs());
    off.fold(0.0, |most, off| if off.is_nan() { f64::INFINITY } else { most.max(off) }) / largest
}

/// Runs a test on networks, in both precisions; each time it has to compare the same number of values, one or more.
pub(crate) fn on(names: &[&'static str], test: impl Fn(&Network)) {
    assert!(!names.is_empty());
    let mut counts = names.iter().flat_map(|name| [DType::F32, DType::F64].map(|dtype| (*name, dtype)));
    let run = |(name, dtype)| {
        let network = Network::new(name, dtype);
        test(&network);
        network.compared.get()
    };
    let first = counts.next().map(run).unwrap();
    assert!(first > 0, "nothing was compared");
    counts.for_each(|of| assert_eq!(run(of), first, "values compared on {of:?}"));
}
