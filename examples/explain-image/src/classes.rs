//! The names of the ImageNet classes.

/// One class a line, its synonyms separated by commas; `classes/README.md` names the source.
static NAMES: &str = include_str!("../classes/imagenet.txt");

/// The first name of a class.
pub fn name(class: usize) -> &'static str {
    let names = NAMES.lines().nth(class).unwrap_or("unknown");
    names.split(',').next().unwrap_or(names)
}
