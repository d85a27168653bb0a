//! Whatever is in a file, reading it gives a value or an error: no panic, no hang, no memory without bound.
//!
//! `MUTATIONS=200000 cargo test --release --test mutation -- --nocapture` tries more files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fs, process, thread};

use burn::tensor::Tensor;
use burn_flex::Flex;
use burn_xai::composite::{Composite, CustomRules, Matcher, Plan, Presets};
use burn_xai::graph::{Graph, GraphBuilder};
use burn_xai::kmeans::{centroids_from_npy, centroids_from_safetensors};
use burn_xai::layer::{Activation, LayerKind, Linear};
use burn_xai::rule::{Bound, Epsilon, Gamma, Rule, Stabilizer, ZBox};
use digits::model::DigitsNet;
use xai_testkit::mutation::{FILES, PeakAlloc, search};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Searches, and expects mutants of both sorts: a reader that refuses all of them has not been tested.
fn no_faults(format: &str, files: &[Vec<u8>], read: impl Fn(&[u8]) -> bool + Send + 'static) {
    for file in files {
        assert!(read(file), "{format}: a file as it should be is refused");
    }
    let counts = search(format, files, read).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(counts.taken > 0 && counts.taken < counts.files, "{counts:?}");
}

/// The presets, and a composite with everything that has a form of its own.
fn composites() -> Vec<Composite> {
    let scaled = Stabilizer::from(0.1).with_clip().with_rms_over([1]);
    let low = Bound::Tensor { dims: vec![2], values: vec![-1.0, -0.5] };
    let all = Matcher::All(vec![Matcher::name("head*"), Matcher::kinds([LayerKind::Linear])]);
    let range = Matcher::Range { kinds: vec![LayerKind::Linear], start: 0, end: Some(2) };
    let special = Composite::new("special")
        .append(all, Epsilon::new(scaled))
        .append(range, Gamma::new(0.5))
        .append(Matcher::first([LayerKind::Linear]), ZBox::new(low, Bound::Number(2.0)))
        .append(Matcher::activations(["relu"]), Rule::custom("mine"));
    let mut composites = Presets::default().all(-2.5, 2.5);
    composites.push(special);
    composites
}

fn graph() -> Graph<Flex> {
    let weight = Tensor::<Flex, 2>::from_floats([[1.0, -2.0], [0.5, 3.0]], &Default::default());
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2]).unwrap();
    let x = graph.push("body", Linear::new(weight.clone().into(), None).unwrap(), &[x]).unwrap();
    let x = graph.push("relu", Activation::Relu, &[x]).unwrap();
    let x = graph.push("head", Linear::new(weight.into(), None).unwrap(), &[x]).unwrap();
    graph.finish(x).unwrap()
}

/// What is read can be written and read again, and makes a plan or an error.
fn is_sound(composite: Result<Composite, impl Sized>, graph: &Graph<Flex>) -> bool {
    let Ok(composite) = composite else { return false };
    let json = serde_json::to_string(&composite).unwrap();
    // Not the same, for serde_json reads some numbers with an error in the last digit.
    serde_json::from_str::<Composite>(&json).unwrap();
    // TOML has no integers of 64 bits without a sign.
    if let Ok(toml) = toml::to_string(&composite) {
        assert_eq!(toml::from_str::<Composite>(&toml).unwrap(), composite);
    }
    let _ = Plan::new(graph, &composite, &CustomRules::default());
    true
}

#[test]
fn mutations_of_composites_in_json() {
    let files: Vec<_> = composites().iter().map(|composite| serde_json::to_vec(composite).unwrap()).collect();
    let graph = graph();
    no_faults("JSON", &files, move |file| is_sound(serde_json::from_slice(file), &graph));
}

#[test]
fn mutations_of_composites_in_toml() {
    let text = |composite| toml::to_string(composite).unwrap().into_bytes();
    let files: Vec<_> = composites().iter().map(text).collect();
    let graph = graph();
    no_faults("TOML", &files, move |file| {
        str::from_utf8(file).is_ok_and(|text| is_sound(toml::from_str(text), &graph))
    });
}

/// A file for readers that take a path, of one test.
fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("burn-xai-mutant-{}.{name}", process::id()))
}

/// With the length in `field` put right for a header that ends with the last brace, so that it is read.
fn with_length(file: &[u8], field: Range<usize>) -> Vec<u8> {
    let mut file = file.to_vec();
    let end = file.iter().rposition(|byte| *byte == b'}').map_or(0, |brace| brace + 1);
    let length = (end.saturating_sub(field.end) as u64).to_le_bytes();
    file.iter_mut().take(field.end).skip(field.start).zip(length).for_each(|(old, new)| *old = new);
    file
}

/// Whether a reader of paths takes the file as it is, or with its length put right.
fn takes_either(path: &Path, file: &[u8], field: Range<usize>, takes: impl Fn(&Path) -> bool) -> bool {
    let taken = |file: &[u8]| {
        fs::write(path, file).unwrap();
        let taken = takes(path);
        // A file that is written over goes to the disk at once, a new one does not.
        fs::remove_file(path).unwrap();
        taken
    };
    // Both, in any case.
    taken(file) | taken(&with_length(file, field))
}

/// NumPy files of each version, type and order.
fn npy() -> Vec<Vec<u8>> {
    let file = |version: u8, descr: &str, order: &str, data: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': (3, 2), }}        \n");
        let length = (header.len() as u32).to_le_bytes();
        let length = &length[..if version == 1 { 2 } else { 4 }];
        [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), data].concat()
    };
    let rows = [1.0f32, -2.5, 3.0, 0.25, 0.0, 4.0];
    let single: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
    let double: Vec<u8> = rows.iter().flat_map(|x| f64::from(*x).to_be_bytes()).collect();
    vec![file(1, "<f4", "False", &single), file(2, ">f8", "True", &double), file(3, ">f8", "False", &double)]
}

#[test]
fn mutations_of_centroids_in_numpy_files() {
    let path = temporary("npy");
    no_faults("NumPy", &npy(), move |file| {
        let field = if file.get(6) == Some(&1) { 8..10 } else { 8..12 };
        takes_either(&path, file, field, |path| centroids_from_npy::<Flex>(path, &Default::default()).is_ok())
    });
}

#[test]
fn mutations_of_centroids_in_safetensors() {
    let file = |header: &str| {
        let data: Vec<u8> = (0..12).flat_map(|i| (i as f32 - 3.5).to_le_bytes()).collect();
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
    };
    let files = [
        file(r#"{"x":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]}}"#),
        file(
            r#"{"__metadata__":{"producer":"burn"},"x":{"dtype":"F64","shape":[2,2],"data_offsets":[0,32]},
            "y":{"dtype":"F16","shape":[8],"data_offsets":[32,48]}}"#,
        ),
    ];
    let path = temporary("safetensors");
    no_faults("safetensors", &files, move |file| {
        takes_either(&path, file, 0..8, |path| {
            centroids_from_safetensors::<Flex>(path, "x", &Default::default()).is_ok()
        })
    });
}

#[test]
fn mutations_of_digits() {
    let packed = digits::data::CSV_GZ.to_vec();
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
    // As it is, and as text that is packed after it was changed.
    let files = [[b"1".as_slice(), &packed].concat(), [b"0".as_slice(), &text].concat()];
    no_faults("digits", &files, |file| match file {
        [b'0', text @ ..] => {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
            packed.write_all(text).unwrap();
            digits::data::read(&packed.finish().unwrap()).is_ok()
        }
        [_, packed @ ..] => digits::data::read(packed).is_ok(),
        [] => false,
    });
}

#[test]
fn mutations_of_weights_of_the_digits_network() {
    let device = Default::default();
    let files = [DigitsNet::<Flex>::new(&device).to_safetensors().unwrap()];
    no_faults("digits network", &files, move |file| {
        DigitsNet::<Flex>::from_safetensors(file, &Default::default()).is_ok()
    });
}

/// The search itself, on readers with a fault each.
#[test]
fn faults_of_mutations_are_found() {
    let files = [b"a file, of some length".to_vec()];
    let fault = |read: fn(&[u8]) -> bool| search("faulty", &files, read).unwrap_err();
    let panics = fault(|file| file.is_empty() || file[0] == b'a' || panic!("no a"));
    assert!(panics.contains("panicked: no a"), "{panics}");
    let allocates = fault(|file| file.len() < 30 || Vec::<u8>::with_capacity(65 << 20).is_empty());
    assert!(allocates.contains("took 681"), "{allocates}");
    let hangs = fault(|file| {
        loop {
            if file.len() < 30 {
                return true;
            }
            thread::park();
        }
    });
    assert!(hangs.contains("not read within 5s"), "{hangs}");
    assert_eq!(search("sound", &files, |_| true).unwrap().taken.max(FILES), FILES);
}
