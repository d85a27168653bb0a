//! Every public module of `burn::nn`, and every function of `burn::tensor::activation` and `burn::tensor::module`.

mod activations;
mod functions;
mod losses;
mod modules;
mod rows;
mod windows;

use std::collections::BTreeSet;
use std::path::PathBuf;

/// Modules without a row, and why.
const WITHOUT_A_ROW: &[(&str, &str)] =
    &[("TransformerDecoderLayer", "its output cannot be read: the fields are private")];
/// Functions of `burn::tensor` without a row, and why.
const FUNCTIONS_WITHOUT_A_ROW: &[(&str, &str)] = &[
    ("attention_fallback", "what `attention` is recorded as"),
    ("max_pool1d_with_indices", "its indices are no floats; the values are those of `max_pool1d`"),
    ("max_pool2d_with_indices", "its indices are no floats; the values are those of `max_pool2d`"),
];

/// The source files of a crate that this test was built with, as the compiler noted them beside the test.
fn sources(name: &str) -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap();
    let mut notes = std::fs::read_dir(program.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_note = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy();
        file.starts_with(&format!("{name}-")) && file.ends_with(".d")
    };
    let note = std::fs::read_to_string(notes.find(is_note).unwrap()).unwrap();
    let (_, files) = note.lines().next().unwrap().split_once(": ").unwrap();
    // A blank in a path is written with a backslash.
    let files = files.replace("\\ ", "\0");
    files.split(' ').map(|file| file.replace('\0', " ").into()).collect()
}

fn read(path: &PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
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
    for file in sources("burn_nn").iter().map(read) {
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
    let is_public =
        |path: &PathBuf| ["activation/base.rs", "tensor/module.rs"].iter().any(|end| path.ends_with(end));
    let files: Vec<String> = sources("burn_tensor").iter().filter(|path| is_public(path)).map(read).collect();
    assert_eq!(files.len(), 2);
    let lines = files.iter().flat_map(|file| file.lines());
    let found = lines.filter_map(|line| declared(line, &["pub fn "]).map(str::to_owned)).collect();
    let rows = functions::NAMES.iter().map(|name| (*name).to_owned()).collect();
    compare(found, rows, FUNCTIONS_WITHOUT_A_ROW);
}
