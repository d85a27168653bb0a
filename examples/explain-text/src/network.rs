//! The pretrained network: where its folder lies, and how the weights get into the module.
//!
//! They were published by sentence-transformers under the Apache License 2.0, and `scripts/fetch-minilm.sh`
//! fetches them. They are not committed.

use std::env;
use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use burn_store::{KeyRemapper, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};

use super::Result;
use super::model::MiniLm;

/// Environment variable that names the folder.
pub const VARIABLE: &str = "MINILM";
/// What fetches the folder.
pub const SCRIPT: &str = "scripts/fetch-minilm.sh";
/// The folder in the cache, as the script leaves it.
const FOLDER: &str = "burn-xai/all-minilm-l6-v2";
/// The weights in the folder.
pub const WEIGHTS: &str = "model.safetensors";
/// The tokenizer in the folder.
pub const TOKENIZER: &str = "tokenizer.json";

/// The names of the file, as patterns, and those of the network; each applies to what those before it gave.
/// Layer norms and linear layers of the file keep their weights and biases under the names of PyTorch, which
/// burn-store knows.
const NAMES: [(&str, &str); 11] = [
    (r"^embeddings\.word_embeddings\.", "words."),
    (r"^embeddings\.position_embeddings\.", "positions."),
    (r"^embeddings\.token_type_embeddings\.", "token_types."),
    (r"^embeddings\.LayerNorm\.", "norm."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.self\.", ".attention."),
    (r"\.attention\.output\.dense\.", ".attention.output."),
    (r"\.attention\.output\.LayerNorm\.", ".attention_norm."),
    (r"\.intermediate\.dense\.", ".widen."),
    (r"\.output\.dense\.", ".narrow."),
    (r"\.output\.LayerNorm\.", ".norm."),
];

/// The folder that the user named, else the one of [`VARIABLE`], else the one in the cache, if it has the
/// files.
pub fn folder(named: Option<&Path>) -> Result<PathBuf> {
    let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let folder = named.map(Path::to_owned).or_else(|| set(VARIABLE));
    let folder = folder.or_else(|| Some(cache()?.join(FOLDER))).unwrap_or_else(|| FOLDER.into());
    match [WEIGHTS, TOKENIZER].iter().find(|file| !folder.join(file).is_file()) {
        None => Ok(folder),
        Some(file) => Err(format!("no {file} in {}; {SCRIPT} fetches it", folder.display()).into()),
    }
}

/// The network with the weights of the folder.
pub fn load<B: Backend>(folder: &Path, device: &B::Device) -> Result<MiniLm<B>> {
    let file = folder.join(WEIGHTS);
    let failed = |reason: String| format!("cannot read the weights {}: {reason}", file.display());
    let names = KeyRemapper::from_patterns(NAMES.to_vec()).map_err(|reason| failed(reason.to_string()))?;
    let mut store = SafetensorsStore::from_file(&file).remap(names).with_from_adapter(PyTorchToBurnAdapter);
    let mut net = MiniLm::new(device);
    net.load_from(&mut store).map_err(|reason| failed(reason.to_string()))?;
    Ok(net)
}
