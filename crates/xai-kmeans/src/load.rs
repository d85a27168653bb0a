//! Centroids from files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use burn::tensor::{Tensor, TensorCreationOptions, TensorData};
use burn_backend::Backend;
use thiserror::Error;

use crate::error::KMeansError;
#[cfg(feature = "safetensors")]
use crate::matrix::numbers;
#[cfg(feature = "npy")]
use crate::npy::{self, Refusal};
use crate::points::{check_finite, check_host_centroids};

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
    #[error("{} holds no tensor `{name}`; it holds: {}", path.display(), some(names))]
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
    /// that are not finite, in the file or as the element type asked for.
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
    let (values, dims) = npy::parse(&read(path)?).map_err(|refusal| match refusal {
        Refusal::Format(reason) => LoadError::Format { path: path.to_owned(), format: "NumPy", reason },
        Refusal::DType(dtype) => {
            LoadError::DType { path: path.to_owned(), dtype, expected: "float32 and float64" }
        }
    })?;
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

/// The first of the names.
fn some(names: &[String]) -> String {
    const LISTED: usize = 8;
    let more = if names.len() > LISTED { ", and more" } else { "" };
    names[..names.len().min(LISTED)].join(", ") + more
}

/// Checked on the host, so that the error can name the file, and once more as what the tensor holds.
fn centroids<B: Backend>(
    path: &Path,
    values: Vec<f64>,
    dims: Vec<usize>,
    options: impl Into<TensorCreationOptions<B>>,
) -> Result<Tensor<B, 2>, LoadError> {
    let options = options.into();
    let checked = || {
        check_host_centroids(&values, &dims)?;
        if let Some(dtype) = options.dtype.filter(|dtype| !dtype.is_float()) {
            return Err(KMeansError::DType { what: "centroids", dtype });
        }
        let tensor = Tensor::from_data(TensorData::new(values.clone(), dims.clone()), options);
        match check_finite("centroids", &tensor.clone().into()) {
            Ok(()) => Ok(tensor),
            Err(KMeansError::NotFinite { index, .. }) => {
                let value = values[index[0] * dims[1] + index[1]];
                Err(KMeansError::OutOfRange { value, index, dtype: tensor.dtype() })
            }
            Err(error) => Err(error),
        }
    };
    checked().map_err(|source| LoadError::Centroids { path: path.to_owned(), source })
}
