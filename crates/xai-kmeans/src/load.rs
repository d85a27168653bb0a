//! Centroids from files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use burn::tensor::{Tensor, TensorCreationOptions, TensorData};
use burn_backend::Backend;
use thiserror::Error;

use crate::error::KMeansError;
use crate::points::check_host_centroids;

/// A file that gives no centroids.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not what its reader expects, or damaged.
    #[error("{} is not a valid {format} file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no tensor of that name.
    #[error("{} holds no tensor `{name}`; it holds: {}", path.display(), names.join(", "))]
    UnknownTensor {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that exist, sorted.
        names: Vec<String>,
    },
    /// The elements are no floating-point numbers, or of a kind that is not read.
    #[error("the elements in {} are {dtype}; read are {expected}", path.display())]
    DType {
        /// The file.
        path: PathBuf,
        /// Their type as the file names it.
        dtype: String,
        /// The types that are read.
        expected: &'static str,
    },
    /// What the file holds are no centroids: another rank than 2, fewer than two rows, or elements
    /// that are not finite.
    #[error("{}: {source}", path.display())]
    Centroids {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: KMeansError,
    },
}

/// Centroids from a NumPy file, as `numpy.save` writes it: a matrix `[K, D]`, `K >= 2`, of `float32`
/// or `float64`, either endianness, in C or Fortran order.
///
/// As with [`Tensor::from_data`], `options` are a device, which then decides the element type, or a
/// device and a type: `(&device, DType::F64)`.
///
/// ```no_run
/// # use burn_flex::Flex;
/// use xai_kmeans::{ClusterExplainer, ClusterRule, centroids_from_npy};
///
/// # let device = Default::default();
/// let centroids = centroids_from_npy::<Flex>("centroids.npy", &device)?;
/// let explainer = ClusterExplainer::new(centroids, ClusterRule::midpoint(1.0))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LoadError`] for a file that cannot be read, is no such file, or holds no centroids.
#[cfg(feature = "npy")]
pub fn centroids_from_npy<B: Backend>(
    path: impl AsRef<Path>,
    options: impl Into<TensorCreationOptions<B>>,
) -> Result<Tensor<B, 2>, LoadError> {
    let path = path.as_ref();
    let file = read(path)?;
    let damaged = |reason: String| LoadError::Format { path: path.to_owned(), format: "NumPy", reason };
    let file = npyz::NpyFile::new(file.as_slice()).map_err(|error| damaged(error.to_string()))?;
    let dims: Vec<usize> = file.shape().iter().map(|size| *size as usize).collect();
    let order = file.order();
    let values: Result<Vec<f64>, _> = match file.try_data::<f64>() {
        Ok(elements) => elements.collect(),
        Err(file) => match file.try_data::<f32>() {
            Ok(elements) => elements.map(|element| element.map(f64::from)).collect(),
            Err(file) => {
                let (dtype, expected) = (file.dtype().descr(), "float32 and float64");
                return Err(LoadError::DType { path: path.to_owned(), dtype, expected });
            }
        },
    };
    let values = values.map_err(|error| damaged(error.to_string()))?;
    let elements = dims.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    if elements != Some(values.len()) {
        return Err(damaged(format!("the shape {dims:?} is too large")));
    }
    let values = match (order, &dims[..]) {
        (npyz::Order::Fortran, &[rows, columns]) => {
            (0..rows * columns).map(|i| values[i % columns * rows + i / columns]).collect()
        }
        _ => values,
    };
    centroids(path, values, dims, options)
}

/// Centroids from the tensor `name` of a safetensors file: a matrix `[K, D]`, `K >= 2`, of 16, 32 or
/// 64-bit floating-point numbers (F16, BF16, F32, F64).
///
/// As with [`Tensor::from_data`], `options` are a device, which then decides the element type, or a
/// device and a type: `(&device, DType::F64)`.
///
/// ```no_run
/// # use burn_flex::Flex;
/// use xai_kmeans::{ClusterExplainer, ClusterRule, centroids_from_safetensors};
///
/// # let device = Default::default();
/// let centroids = centroids_from_safetensors::<Flex>("kmeans.safetensors", "centroids", &device)?;
/// let explainer = ClusterExplainer::new(centroids, ClusterRule::midpoint(1.0))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LoadError`] for a file that cannot be read, is no such file, has no such tensor, or one that is
/// no centroids.
#[cfg(feature = "safetensors")]
pub fn centroids_from_safetensors<B: Backend>(
    path: impl AsRef<Path>,
    name: &str,
    options: impl Into<TensorCreationOptions<B>>,
) -> Result<Tensor<B, 2>, LoadError> {
    use burn::tensor::{bf16, f16};
    use safetensors::{Dtype, SafeTensors};

    let path = path.as_ref();
    let file = read(path)?;
    let tensors = SafeTensors::deserialize(&file).map_err(|error| LoadError::Format {
        path: path.to_owned(),
        format: "safetensors",
        reason: error.to_string(),
    })?;
    let Ok(view) = tensors.tensor(name) else {
        let mut names: Vec<_> = tensors.names().into_iter().map(str::to_owned).collect();
        names.sort();
        return Err(LoadError::UnknownTensor { path: path.to_owned(), name: name.to_owned(), names });
    };
    let values = match view.dtype() {
        Dtype::F16 => numbers(view.data(), |bytes| f16::from_le_bytes(bytes).to_f64()),
        Dtype::BF16 => numbers(view.data(), |bytes| bf16::from_le_bytes(bytes).to_f64()),
        Dtype::F32 => numbers(view.data(), |bytes| f64::from(f32::from_le_bytes(bytes))),
        Dtype::F64 => numbers(view.data(), f64::from_le_bytes),
        other => {
            return Err(LoadError::DType {
                path: path.to_owned(),
                dtype: format!("{other:?}"),
                expected: "F16, BF16, F32 and F64",
            });
        }
    };
    centroids(path, values, view.shape().to_vec(), options)
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })
}

/// The elements of `SIZE` bytes each; what is left over at the end is no element.
#[cfg(feature = "safetensors")]
fn numbers<const SIZE: usize>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().copied().map(number).collect()
}

/// Checked on the host, so that the error can name the file.
fn centroids<B: Backend>(
    path: &Path,
    values: Vec<f64>,
    dims: Vec<usize>,
    options: impl Into<TensorCreationOptions<B>>,
) -> Result<Tensor<B, 2>, LoadError> {
    let checked = check_host_centroids(&values, &dims);
    checked.map_err(|source| LoadError::Centroids { path: path.to_owned(), source })?;
    Ok(Tensor::from_data(TensorData::new(values, dims), options))
}

#[cfg(test)]
#[cfg(all(feature = "npy", feature = "safetensors"))]
mod tests {
    use burn::tensor::{DType, bf16, f16};
    use burn_flex::Flex;
    use npyz::WriterBuilder;
    use safetensors::Dtype;
    use safetensors::tensor::TensorView;

    use super::*;

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
        let views = tensors.iter().map(|(name, dtype, dims, bytes)| {
            (*name, TensorView::new(*dtype, dims.to_vec(), bytes).unwrap())
        });
        Temporary::new(
            &format!("{}.safetensors", tensors[0].0),
            &safetensors::serialize(views, None).unwrap(),
        )
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
        let LoadError::UnknownTensor { names, .. } = load("centroids") else {
            panic!("{}", load("centroids"))
        };
        assert_eq!(names, ["flat", "nan", "one", "whole"]);
        assert!(matches!(load("flat"), LoadError::Centroids { source: KMeansError::Centroids { .. }, .. }));
        assert!(matches!(load("one"), LoadError::Centroids { source: KMeansError::OneCluster, .. }));
        assert!(matches!(load("nan"), LoadError::Centroids { source: KMeansError::NotFinite { .. }, .. }));
        assert!(matches!(load("whole"), LoadError::DType { dtype, .. } if dtype == "I64"));

        let damaged = Temporary::new("damaged.safetensors", b"no tensors in here");
        let error = centroids_from_safetensors::<Flex>(&damaged.0, "x", &Default::default()).unwrap_err();
        assert!(matches!(error, LoadError::Format { format: "safetensors", .. }), "{error}");
    }
}
