//! Prints composites of the library as TOML. An edited copy is a composite of your own: any serde format
//! can be read back.
//!
//! ```text
//! cargo run --release -p print-presets                       # all of them
//! cargo run --release -p print-presets -- epsilon-plus-flat  # one
//! ```

use std::error::Error;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use xai_core::composite::{Composite, Presets};

/// Print composites of the library as TOML.
#[derive(Debug, Parser)]
struct Args {
    /// Names of composites; all if none is given.
    names: Vec<String>,
    /// Lowest value of an input, for the rules that need it.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    low: f64,
    /// Highest value of an input.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    high: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let presets = Presets::default().all(args.low, args.high);
    if let Some(unknown) = args.names.iter().find(|name| presets.iter().all(|preset| preset.name() != *name))
    {
        let names: Vec<_> = presets.iter().map(Composite::name).collect();
        let problem = format!("there is no composite `{unknown}`; there are {}", names.join(", "));
        Args::command().error(ErrorKind::InvalidValue, problem).exit();
    }
    let chosen = presets
        .iter()
        .filter(|preset| args.names.is_empty() || args.names.iter().any(|n| n == preset.name()));
    for preset in chosen {
        println!("{}", toml::to_string(preset)?);
    }
    Ok(())
}
