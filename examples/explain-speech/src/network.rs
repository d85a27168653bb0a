//! The pretrained network: where its folder lies, and how the weights get into the module.
//!
//! They were published by the Silero Team under the MIT licence, and `scripts/fetch-silero-vad.sh` fetches them.
//! They are not committed. The other forms of the network in their package, for ONNX and TorchScript, have the
//! same layers and weights of another training: on the recording of this example their probabilities differ by up
//! to 0.09, where speech ends.

use std::env;
use std::path::{Path, PathBuf};

use burn::tensor::backend::Backend;
use burn_store::{KeyRemapper, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};

use super::Result;
use super::model::SileroVad;

/// What the network is called.
pub const NAME: &str = "Silero VAD, weights silero_vad_16k.safetensors of its release 6.2.3";
/// Environment variable that names the folder.
pub const VARIABLE: &str = "SILERO_VAD";
/// What fetches the folder.
pub const SCRIPT: &str = "scripts/fetch-silero-vad.sh";
/// The folder in the cache, as the script leaves it.
const FOLDER: &str = "burn-xai/silero-vad-6.2.3";
/// The weights in the folder.
pub const WEIGHTS: &str = "silero_vad_16k.safetensors";

/// The names of the file, as patterns, and those of the network.
const NAMES: [(&str, &str); 8] = [
    (r"^stft_conv\.", "stft."),
    (r"^conv1\.", "encoder.0."),
    (r"^conv2\.", "encoder.1."),
    (r"^conv3\.", "encoder.2."),
    (r"^conv4\.", "encoder.3."),
    (r"^lstm_cell\.(weight|bias)_ih$", "cell.input.$1"),
    (r"^lstm_cell\.(weight|bias)_hh$", "cell.hidden.$1"),
    (r"^final_conv\.", "decoder."),
];

/// The folder that the user named, else the one of [`VARIABLE`], else the one in the cache, if it has the
/// weights.
pub fn folder(named: Option<&Path>) -> Result<PathBuf> {
    let set = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let folder = named.map(Path::to_owned).or_else(|| set(VARIABLE));
    let folder = folder.or_else(|| Some(cache()?.join(FOLDER))).unwrap_or_else(|| FOLDER.into());
    if !folder.join(WEIGHTS).is_file() {
        return Err(format!("no {WEIGHTS} in {}; {SCRIPT} fetches it", folder.display()).into());
    }
    Ok(folder)
}

/// The network with the weights of the folder.
pub fn load<B: Backend>(folder: &Path, device: &B::Device) -> Result<SileroVad<B>> {
    let file = folder.join(WEIGHTS);
    let failed = |reason: String| format!("cannot read the weights {}: {reason}", file.display());
    let names = KeyRemapper::from_patterns(NAMES.to_vec()).map_err(|reason| failed(reason.to_string()))?;
    let mut store = SafetensorsStore::from_file(&file).remap(names).with_from_adapter(PyTorchToBurnAdapter);
    let mut net = SileroVad::new(device);
    net.load_from(&mut store).map_err(|reason| failed(reason.to_string()))?;
    Ok(net)
}
