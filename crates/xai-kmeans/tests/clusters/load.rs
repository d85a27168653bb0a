//! Centroids from files: what is read, and what is refused.

use std::fs;
use std::path::PathBuf;

use burn::tensor::{DType, Tensor, bf16, f16};
use burn_flex::Flex;
use npyz::WriterBuilder;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use xai_kmeans::{KMeansError, LoadError, centroids_from_npy, centroids_from_safetensors};

const ROWS: [f64; 6] = [1.0, -2.5, 3.0, 0.25, 0.0, 4.0];

/// A file that goes when it is no longer needed.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("xai-kmeans-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A NumPy file.
fn npy<T>(dtype: &str, shape: &[u64], order: npyz::Order, values: impl IntoIterator<Item = T>) -> Vec<u8>
where
    T: npyz::Serialize,
{
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .dtype(npyz::DType::Plain(dtype.parse().unwrap()))
        .shape(shape)
        .order(order)
        .writer(&mut bytes)
        .begin_nd()
        .unwrap();
    writer.extend(values).unwrap();
    writer.finish().unwrap();
    bytes
}

fn from_npy(name: &str, bytes: &[u8]) -> Result<Tensor<Flex, 2>, LoadError> {
    centroids_from_npy(&Temporary::new(name, bytes).0, &Default::default())
}

fn numbers_of(tensor: &Tensor<Flex, 2>) -> Vec<f64> {
    tensor.to_data().iter::<f64>().collect()
}

#[test]
fn numpy_files_of_both_types_orders_and_endiannesses() {
    let by_columns = [1.0, 3.0, 0.0, -2.5, 0.25, 4.0];
    for (order, values) in [(npyz::Order::C, ROWS), (npyz::Order::Fortran, by_columns)] {
        for dtype in ["<f8", ">f8"] {
            let read = from_npy("f8.npy", &npy(dtype, &[3, 2], order, values)).unwrap();
            assert_eq!((read.dims(), numbers_of(&read)), ([3, 2], ROWS.to_vec()));
            assert_eq!(read.dtype(), DType::F32);
        }
        for dtype in ["<f4", ">f4"] {
            let values = values.map(|value| value as f32);
            let read = from_npy("f4.npy", &npy(dtype, &[3, 2], order, values)).unwrap();
            assert_eq!((read.dims(), numbers_of(&read)), ([3, 2], ROWS.to_vec()));
        }
    }
}

#[test]
fn the_element_type_can_be_chosen() {
    let third = 1.0 / 3.0;
    let file = Temporary::new("f64.npy", &npy("<f8", &[2, 1], npyz::Order::C, [third, 1.0]));
    let read: Tensor<Flex, 2> = centroids_from_npy(&file.0, (&Default::default(), DType::F64)).unwrap();
    assert_eq!(numbers_of(&read), [third, 1.0]);
}

#[test]
fn numpy_files_without_centroids_are_refused() {
    let c = npyz::Order::C;
    let source = |bytes: &[u8]| match from_npy("refused.npy", bytes).unwrap_err() {
        LoadError::Centroids { source, .. } => source,
        other => panic!("{other}"),
    };
    assert_eq!(source(&npy("<f8", &[6], c, ROWS)), KMeansError::Centroids { dims: vec![6] });
    assert_eq!(source(&npy("<f8", &[], c, [1.0])), KMeansError::Centroids { dims: vec![] });
    assert_eq!(source(&npy("<f8", &[3, 2, 1], c, ROWS)), KMeansError::Centroids { dims: vec![3, 2, 1] });
    assert_eq!(source(&npy::<f64>("<f8", &[0, 2], c, [])), KMeansError::Centroids { dims: vec![0, 2] });
    assert_eq!(source(&npy("<f8", &[1, 6], c, ROWS)), KMeansError::OneCluster);
    for bad in [f64::NAN, f64::INFINITY] {
        let values = [1.0, 2.0, 3.0, bad];
        let found = source(&npy("<f8", &[2, 2], c, values));
        assert!(matches!(found, KMeansError::NotFinite { index: [1, 1], .. }), "{found}");
    }

    let integers = from_npy("i8.npy", &npy("<i8", &[3, 2], c, [1i64, 2, 3, 4, 5, 6])).unwrap_err();
    assert!(matches!(&integers, LoadError::DType { dtype, .. } if dtype.contains("<i8")), "{integers}");

    let whole = npy("<f8", &[3, 2], c, ROWS);
    for length in [0, 4, 20, whole.len() - 1] {
        let error = from_npy("cut.npy", &whole[..length]).unwrap_err();
        assert!(matches!(error, LoadError::Format { format: "NumPy", .. }), "{length}: {error}");
    }
    let error = centroids_from_npy::<Flex>("/no/such/file.npy", &Default::default()).unwrap_err();
    assert!(matches!(&error, LoadError::Read { .. }) && error.to_string().contains("/no/such/file.npy"));
}

/// A safetensors file with one tensor `name` of each type.
fn safetensors(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Temporary {
    let views = tensors
        .iter()
        .map(|(name, dtype, dims, bytes)| (*name, TensorView::new(*dtype, dims.to_vec(), bytes).unwrap()));
    Temporary::new(&format!("{}.safetensors", tensors[0].0), &safetensors::serialize(views, None).unwrap())
}

fn bytes<const SIZE: usize>(encode: impl Fn(f64) -> [u8; SIZE]) -> Vec<u8> {
    ROWS.iter().flat_map(|value| encode(*value)).collect()
}

#[test]
fn safetensors_of_every_float_type() {
    let file = safetensors(&[
        ("half", Dtype::F16, &[3, 2], bytes(|value| f16::from_f64(value).to_le_bytes())),
        ("brain", Dtype::BF16, &[3, 2], bytes(|value| bf16::from_f64(value).to_le_bytes())),
        ("single", Dtype::F32, &[3, 2], bytes(|value| (value as f32).to_le_bytes())),
        ("double", Dtype::F64, &[3, 2], bytes(f64::to_le_bytes)),
    ]);
    for name in ["half", "brain", "single", "double"] {
        let read = centroids_from_safetensors(&file.0, name, &Default::default()).unwrap();
        assert_eq!((read.dims(), numbers_of(&read)), ([3, 2], ROWS.to_vec()), "{name}");
    }
}

#[test]
fn safetensors_without_centroids_are_refused() {
    let file = safetensors(&[
        ("flat", Dtype::F64, &[6], bytes(f64::to_le_bytes)),
        ("one", Dtype::F64, &[1, 6], bytes(f64::to_le_bytes)),
        ("whole", Dtype::I64, &[3, 2], bytes(f64::to_le_bytes)),
        ("nan", Dtype::F64, &[3, 2], bytes(|value| (value / 0.0).to_le_bytes())),
    ]);
    let load = |name| centroids_from_safetensors::<Flex>(&file.0, name, &Default::default()).unwrap_err();
    let LoadError::UnknownTensor { names, .. } = load("centroids") else { panic!("{}", load("centroids")) };
    assert_eq!(names, ["flat", "nan", "one", "whole"]);
    assert!(matches!(load("flat"), LoadError::Centroids { source: KMeansError::Centroids { .. }, .. }));
    assert!(matches!(load("one"), LoadError::Centroids { source: KMeansError::OneCluster, .. }));
    assert!(matches!(load("nan"), LoadError::Centroids { source: KMeansError::NotFinite { .. }, .. }));
    assert!(matches!(load("whole"), LoadError::DType { dtype, .. } if dtype == "I64"));

    let damaged = Temporary::new("damaged.safetensors", b"no tensors in here");
    let error = centroids_from_safetensors::<Flex>(&damaged.0, "x", &Default::default()).unwrap_err();
    assert!(matches!(error, LoadError::Format { format: "safetensors", .. }), "{error}");
}

/// A NumPy file of this version and header, padded as NumPy pads it, and these bytes.
fn raw(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let length = header.len() as u32;
    let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
    [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), data].concat()
}

#[test]
fn numpy_headers_are_read_however_they_are_written() {
    let data = bytes(f64::to_le_bytes);
    for (version, header) in [
        (1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }     \n"),
        (2, "{'shape':(3,2),'fortran_order':False,'descr':'<f8'}"),
        (3, r#"{"descr" : "<f8", "shape" : ( 3, 2 ), "fortran_order" : False}"#),
    ] {
        let read = from_npy("header.npy", &raw(version, header, &data)).unwrap();
        assert_eq!((read.dims(), numbers_of(&read)), ([3, 2], ROWS.to_vec()), "{header}");
    }
}

#[test]
fn numpy_headers_that_lie_are_refused_at_once() {
    let data = bytes(f64::to_le_bytes);
    let header = |descr: &str, shape: &str| {
        raw(1, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), &data)
    };
    let huge = [b"\x93NUMPY\x02\0\xff\xff\xff\xff".as_slice(), &data].concat();
    let long = raw(2, &" ".repeat(1 << 17), &data);
    let nested = header(&("[".repeat(200) + &"]".repeat(200)), "(3, 2)");
    let deep = header("'<f8'", &("(".repeat(200) + "3, 2" + &")".repeat(200)));
    for (file, says) in [
        (huge, "4294967295 bytes"),
        (long, "131072 bytes"),
        (nested, "[[["),
        (deep, "no size"),
        (header("'<f8'", "(3, 2, )x"), ""),
        (header("'<f8'", "(3, 3)"), "[3, 3] of `<f8` does not agree with 48 bytes"),
        (header("'<f4'", "(3, 2)"), "48 bytes"),
        (header("'<f8'", "(4294967296, 4294967296)"), "48 bytes"),
        (header("'<f8'", "(-3, 2)"), "`-3`"),
        (header("'<f8'", "3"), "no tuple"),
        (raw(1, "{'descr': '<f8', 'fortran_order': False}", &data), "no `shape`"),
        (raw(1, "{'descr': '<f8', 'fortran_order': 1, 'shape': (3, 2)}", &data), "`fortran_order`"),
        (raw(4, "", &data), "versions 1 to 3"),
    ] {
        match from_npy("lies.npy", &file) {
            Ok(read) => assert_eq!((read.dims(), says), ([3, 2], "")),
            Err(error) => assert!(!says.is_empty() && error.to_string().contains(says), "{error}"),
        }
    }
}

#[test]
fn centroids_beyond_the_element_type_are_named() {
    let file = Temporary::new("large.npy", &npy("<f8", &[2, 2], npyz::Order::C, [1.0, 2.0, 3.0, -1e300]));
    let error = centroids_from_npy::<Flex>(&file.0, &Default::default()).unwrap_err();
    for part in ["large.npy", "centroid 1", "-1e300", "feature 1", "F32", "F64"] {
        assert!(error.to_string().contains(part), "`{part}` is missing in: {error}");
    }
    let double = centroids_from_npy::<Flex>(&file.0, (&Default::default(), DType::F64)).unwrap();
    assert_eq!(numbers_of(&double), [1.0, 2.0, 3.0, -1e300]);
    let error = centroids_from_npy::<Flex>(&file.0, (&Default::default(), DType::I32)).unwrap_err();
    assert!(matches!(error, LoadError::Centroids { source: KMeansError::DType { .. }, .. }), "{error}");
}

#[test]
fn safetensors_that_lie_are_refused_at_once() {
    let whole = fs::read(&safetensors(&[("lies", Dtype::F64, &[3, 2], bytes(f64::to_le_bytes))]).0).unwrap();
    for length in [0, 1 << 32, u64::MAX, u64::MAX - 7] {
        let mut file = whole.clone();
        file[..8].copy_from_slice(&length.to_le_bytes());
        let file = Temporary::new("length.safetensors", &file);
        let error = centroids_from_safetensors::<Flex>(&file.0, "lies", &Default::default()).unwrap_err();
        assert!(matches!(error, LoadError::Format { format: "safetensors", .. }), "{length}: {error}");
    }
}
