//! The golden folder: manifest and tensors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, fs, io};

use safetensors::{Dtype, SafeTensors};

use super::error::GoldenError;
use super::manifest::{Case, Manifest, Network};
use crate::host::Array;

/// Environment variable that names another golden folder.
const FOLDER_VARIABLE: &str = "XAI_GOLDEN_DIR";

/// Tensors of a file by key.
type File = Arc<HashMap<String, Stored>>;

/// A tensor, or the element type that it has instead of f32.
type Stored = Result<Array, Dtype>;

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
            None => Self::committed("golden"),
        }
    }

    /// Opens one of this crate's fixtures: `golden`, or `golden-variant`, which has networks of
    /// other strides, groups and widths.
    ///
    /// # Errors
    /// [`GoldenError`] when the folder has no readable manifest.
    pub fn committed(name: &str) -> Result<Self, GoldenError> {
        Self::open_at(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name))
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// [`GoldenError`] when the folder has no readable manifest.
    pub fn open_at(folder: impl Into<PathBuf>) -> Result<Self, GoldenError> {
        let folder = folder.into();
        let path = folder.join("manifest.json");
        let text = fs::read_to_string(&path).map_err(|error| GoldenError::Read(path.clone(), error))?;
        let manifest = serde_json::from_str(&text);
        let manifest: Manifest = manifest.map_err(|error| GoldenError::Manifest(path.clone(), error))?;
        match manifest.format {
            1 => Ok(Self { folder, manifest, files: Mutex::default() }),
            other => Err(GoldenError::Format(path, other)),
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
    pub(super) fn network(&self, name: &str) -> Result<&Network, GoldenError> {
        let missing = || GoldenError::Inconsistent(format!("the manifest has no network `{name}`"));
        self.manifest.networks.get(name).ok_or_else(missing)
    }

    /// The subfolders that no case is read from.
    pub(super) fn unread_folders(&self) -> Result<Vec<String>, GoldenError> {
        let read = || -> io::Result<Vec<_>> {
            let entries = fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
            let is_read =
                |name: &str| self.cases().iter().any(|case| Path::new(&case.file).starts_with(name));
            let folders = entries.iter().filter(|entry| entry.path().is_dir());
            let names = folders.map(|folder| folder.file_name().to_string_lossy().into_owned());
            Ok(names.filter(|name| !is_read(name)).collect())
        };
        read().map_err(|error| GoldenError::Read(self.folder.clone(), error))
    }

    /// A tensor of a case by its name in the manifest.
    ///
    /// # Errors
    /// [`GoldenError`] when the file has no such tensor, or one that contradicts the manifest.
    pub fn tensor(&self, case: &Case, name: &str) -> Result<Array, GoldenError> {
        let key = format!("{}{name}", case.prefix);
        let problem = match self.file(case)?.get(&key) {
            Some(Ok(tensor)) => match case.tensors.get(name) {
                Some(dims) if *dims == tensor.dims => return Ok(tensor.clone()),
                dims => format!("is {:?}, but {dims:?} in the manifest", tensor.dims),
            },
            Some(Err(dtype)) => format!("is {dtype:?}, but golden tensors are F32"),
            None => "is missing".to_owned(),
        };
        Err(GoldenError::Tensor { file: case.file.clone(), key, problem })
    }

    fn file(&self, case: &Case) -> Result<File, GoldenError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&case.file) {
            return Ok(file.clone());
        }
        let path = self.folder.join(&case.file);
        let bytes = fs::read(&path).map_err(|error| GoldenError::Read(path.clone(), error))?;
        let tensors =
            SafeTensors::deserialize(&bytes).map_err(|error| GoldenError::Safetensors(path, error))?;
        let stored = tensors.iter().map(|(key, view)| {
            let element = |b: &[u8]| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let stored = match view.dtype() {
                Dtype::F32 => Ok(Array {
                    dims: view.shape().to_vec(),
                    data: view.data().chunks_exact(4).map(element).collect(),
                }),
                other => Err(other),
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

    #[test]
    fn every_tensor_that_the_manifest_names_is_there() {
        let golden = Golden::committed("golden").unwrap();
        assert!(golden.cases().len() > 1000);
        for case in golden.cases() {
            for name in case.tensors.keys() {
                golden.tensor(case, name).unwrap();
            }
        }
    }

    #[test]
    fn errors_name_the_file_and_the_tensor() {
        let golden = Golden::committed("golden").unwrap();
        let case = &golden.cases()[0];
        let text = golden.tensor(case, "no such tensor").unwrap_err().to_string();
        assert!(text.contains("no such tensor") && text.contains(&case.file), "{text}");

        let mut moved = case.clone();
        moved.file = "rules/no-such-file.safetensors".to_owned();
        let error = golden.tensor(&moved, "input").unwrap_err();
        assert!(error.to_string().contains("no-such-file.safetensors"), "{error}");

        let mut reshaped = case.clone();
        let (name, dims) = reshaped.tensors.iter_mut().next().unwrap();
        dims.push(7);
        let name = name.clone();
        let error = golden.tensor(&reshaped, &name).unwrap_err();
        assert!(error.to_string().contains("in the manifest"), "{error}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_refused() {
        let error = Golden::open_at(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap_err();
        assert!(error.to_string().contains("manifest.json"), "{error}");
    }
}
