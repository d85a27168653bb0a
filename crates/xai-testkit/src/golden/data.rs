//! The golden folder: manifest and tensors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, fs};

use burn::tensor::backend::Backend;
use burn::tensor::{DType, TensorData};
use safetensors::{Dtype, SafeTensors};
use xai_core::Value;

use super::error::GoldenError;
use super::manifest::{Case, Manifest, Network};

/// Environment variable that names another golden folder.
const FOLDER_VARIABLE: &str = "XAI_GOLDEN_DIR";

/// A tensor as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    /// Sizes of all dimensions.
    pub dims: Vec<usize>,
    /// Elements in row-major order.
    pub data: Vec<f32>,
}

impl HostTensor {
    /// The tensor on a device, in the element type `dtype`.
    pub fn value<B: Backend>(&self, dtype: DType, device: &B::Device) -> Value<B> {
        let data = TensorData::new(self.data.clone(), self.dims.clone());
        Value::from_data(data.convert_dtype(dtype), device)
    }

    /// A matrix with rows and columns exchanged.
    pub fn transposed(&self) -> Option<Self> {
        let [rows, columns] = self.dims[..] else { return None };
        let element = |i: usize| self.data[i % rows * columns + i / rows];
        Some(Self { dims: vec![columns, rows], data: (0..rows * columns).map(element).collect() })
    }

    /// The parts of a tensor that was stacked along its last dimension.
    pub fn columns(&self) -> Vec<Self> {
        let (dims, count) = match self.dims.split_last() {
            Some((count, dims)) => (dims, *count),
            None => return vec![self.clone()],
        };
        let column = |i: usize| self.data.iter().skip(i).step_by(count).copied().collect();
        (0..count).map(|i| Self { dims: dims.to_vec(), data: column(i) }).collect()
    }
}

/// Tensors of a file by key.
type File = Arc<HashMap<String, Stored>>;

#[derive(Debug)]
enum Stored {
    Tensor(HostTensor),
    OfType(Dtype),
}

/// An opened golden folder.
#[derive(Debug)]
pub struct Golden {
    folder: PathBuf,
    manifest: Manifest,
    /// Many cases share a file, so a file is read once.
    files: Mutex<HashMap<String, File>>,
}

impl Golden {
    /// Opens the folder that `XAI_GOLDEN_DIR` names, or this crate's fixtures.
    ///
    /// # Errors
    /// [`GoldenError`] when the folder has no readable manifest.
    pub fn open() -> Result<Self, GoldenError> {
        match env::var_os(FOLDER_VARIABLE) {
            Some(folder) => Self::open_at(folder),
            None => Self::open_at(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden")),
        }
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// [`GoldenError`] when the folder has no readable manifest.
    pub fn open_at(folder: impl Into<PathBuf>) -> Result<Self, GoldenError> {
        let folder = folder.into();
        let path = folder.join("manifest.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(GoldenError::Read { path, source }),
        };
        let manifest: Manifest = match serde_json::from_str(&text) {
            Ok(manifest) => manifest,
            Err(source) => return Err(GoldenError::Manifest { path, source }),
        };
        match manifest.format {
            1 => Ok(Self { folder, manifest, files: Mutex::default() }),
            got => Err(GoldenError::Format { path, got }),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All cases.
    pub fn cases(&self) -> &[Case] {
        &self.manifest.cases
    }

    /// The network of this name.
    ///
    /// # Errors
    /// [`GoldenError::Inconsistent`] when the manifest has none.
    pub fn network(&self, case: &Case, name: &str) -> Result<&Network, GoldenError> {
        self.manifest.networks.get(name).ok_or_else(|| GoldenError::Inconsistent {
            case: case.name.clone(),
            what: format!("the manifest has no network `{name}`"),
        })
    }

    /// The subfolders that no case is read from.
    ///
    /// # Errors
    /// [`GoldenError::Read`] when the folder cannot be listed.
    pub fn unread_folders(&self) -> Result<Vec<String>, GoldenError> {
        let failed = |source| GoldenError::Read { path: self.folder.clone(), source };
        let mut unread = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let inside = format!("{name}/");
            if !self.cases().iter().any(|case| case.file.starts_with(&inside)) {
                unread.push(name);
            }
        }
        Ok(unread)
    }

    /// A tensor of a case by its name in the manifest.
    ///
    /// # Errors
    /// [`GoldenError`] when the file has no such tensor, or one that contradicts the manifest.
    pub fn tensor(&self, case: &Case, name: &str) -> Result<HostTensor, GoldenError> {
        let key = format!("{}{name}", case.prefix);
        let place = || (case.name.clone(), case.file.clone(), key.clone());
        let file = self.file(case)?;
        let tensor = match file.get(&key) {
            Some(Stored::Tensor(tensor)) => tensor.clone(),
            Some(Stored::OfType(dtype)) => {
                let (case, file, key) = place();
                return Err(GoldenError::DType { case, file, key, dtype: format!("{dtype:?}") });
            }
            None => {
                let (case, file, key) = place();
                return Err(GoldenError::NoTensor { case, file, key });
            }
        };
        match case.tensors.get(name) {
            Some(dims) if *dims == tensor.dims => Ok(tensor),
            dims => {
                let (case, file, key) = place();
                let expected = dims.cloned().unwrap_or_default();
                Err(GoldenError::Shape { case, file, key, got: tensor.dims, expected })
            }
        }
    }

    fn file(&self, case: &Case) -> Result<File, GoldenError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&case.file) {
            return Ok(file.clone());
        }
        let path = self.folder.join(&case.file);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(GoldenError::Read { path, source }),
        };
        let tensors = match SafeTensors::deserialize(&bytes) {
            Ok(tensors) => tensors,
            Err(source) => return Err(GoldenError::Safetensors { case: case.name.clone(), path, source }),
        };
        let stored = tensors.iter().map(|(key, view)| {
            let stored = match view.dtype() {
                Dtype::F32 => Stored::Tensor(HostTensor {
                    dims: view.shape().to_vec(),
                    data: view
                        .data()
                        .chunks_exact(4)
                        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                        .collect(),
                }),
                other => Stored::OfType(other),
            };
            (key.to_owned(), stored)
        });
        let file: File = Arc::new(stored.collect());
        files.insert(case.file.clone(), file.clone());
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixtures() -> Golden {
        Golden::open_at(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/golden")).unwrap()
    }

    #[test]
    fn every_tensor_that_the_manifest_names_is_there() {
        let golden = fixtures();
        assert!(golden.cases().len() > 1000);
        for case in golden.cases() {
            for name in case.tensors.keys() {
                golden.tensor(case, name).unwrap();
            }
        }
    }

    #[test]
    fn errors_name_the_case_and_the_file() {
        let golden = fixtures();
        let case = &golden.cases()[0];
        let text = golden.tensor(case, "no such tensor").unwrap_err().to_string();
        assert!(text.contains(&case.name) && text.contains(&case.file), "{text}");

        let mut moved = case.clone();
        moved.file = "rules/no-such-file.safetensors".to_owned();
        let error = golden.tensor(&moved, "input").unwrap_err();
        assert!(error.to_string().contains("no-such-file.safetensors"), "{error}");

        let mut reshaped = case.clone();
        let (name, dims) = reshaped.tensors.iter_mut().next().unwrap();
        dims.push(7);
        let name = name.clone();
        let error = golden.tensor(&reshaped, &name).unwrap_err();
        assert!(matches!(error, GoldenError::Shape { .. }), "{error}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_refused() {
        let error = Golden::open_at(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap_err();
        assert!(error.to_string().contains("manifest.json"), "{error}");
    }

    #[test]
    fn transposing_exchanges_rows_and_columns() {
        let matrix = HostTensor { dims: vec![2, 3], data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let transposed = matrix.transposed().unwrap();
        assert_eq!((transposed.dims, transposed.data), (vec![3, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    }
}
