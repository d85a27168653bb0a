//! Every public module of `burn::nn`, and every function of `burn::tensor::activation` and `burn::tensor::module`.

mod activations;
mod functions;
mod losses;
mod modules;
mod windows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Modules without a row, and why.
const WITHOUT_A_ROW: &[(&str, &str)] = &[
    ("GateController", "a part of recurrent layers that cannot be made by itself"),
    ("RNNTLoss", "a loss of a whole batch of alignments, which starts from log-probabilities"),
    ("TransformerDecoderLayer", "a part of the decoder that cannot be called by itself"),
    ("TransformerEncoderLayer", "a part of the encoder that cannot be called by itself"),
];
/// Functions of `burn::tensor` without a row, and why.
const FUNCTIONS_WITHOUT_A_ROW: &[(&str, &str)] = &[
    ("attention_fallback", "what `attention` is recorded as"),
    ("max_pool1d_with_indices", "its indices are no floats; the values are those of `max_pool1d`"),
    ("max_pool2d_with_indices", "its indices are no floats; the values are those of `max_pool2d`"),
];

/// Where Cargo has the source of a package.
fn source(package: &str) -> PathBuf {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    // Packages of other platforms are not there.
    let platform = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            platform,
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|found| found["name"] == package).unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().join("src")
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![std::fs::read_to_string(path).unwrap()],
    };
    entries.flat_map(read).collect()
}

/// The names after `keywords`, of declarations that are public.
fn declared<'a>(line: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let rest = keywords.iter().find_map(|keyword| line.trim_start().strip_prefix(keyword))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn compare(found: BTreeSet<String>, rows: BTreeSet<String>, without: &[(&str, &str)]) {
    let without: BTreeSet<String> = without.iter().map(|(name, _)| (*name).to_owned()).collect();
    let expected: BTreeSet<String> = rows.union(&without).cloned().collect();
    assert!(!found.is_empty());
    let missing: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    let gone: Vec<_> = expected.difference(&found).collect();
    assert!(gone.is_empty(), "Burn does not have {gone:?}");
}

#[test]
fn sweep_has_all_modules() {
    let mut found = BTreeSet::new();
    for file in files(&source("burn-nn")) {
        let mut derives = false;
        for line in file.lines() {
            derives |= line.starts_with("#[derive(") && line.contains("Module");
            if let Some(name) = declared(line, &["pub struct ", "pub enum "]) {
                if derives {
                    found.insert(name.to_owned());
                }
                derives = false;
            }
        }
    }
    let tables = [activations::MODULES, modules::MODULES, windows::MODULES, losses::MODULES];
    compare(found, tables.concat().into_iter().map(str::to_owned).collect(), WITHOUT_A_ROW);
}

#[test]
fn sweep_has_all_functions() {
    let source = source("burn-tensor").join("tensor");
    let files = [source.join("activation/base.rs"), source.join("module.rs")];
    let files = files.map(|path| std::fs::read_to_string(path).unwrap());
    let lines = files.iter().flat_map(|file| file.lines());
    let found = lines.filter_map(|line| declared(line, &["pub fn "]).map(str::to_owned)).collect();
    let rows = functions::NAMES.iter().map(|name| (*name).to_owned()).collect();
    compare(found, rows, FUNCTIONS_WITHOUT_A_ROW);
}
