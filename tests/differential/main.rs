//! The library against an independent reference that is slow and obvious, on random graphs and programs.
//!
//! The reference computes in `f64`, element by element, from the formulas in the documentation and the
//! papers. It uses the library's types where they are plain data, and none of its mathematics.
//!
//! `DIFFERENTIAL_GRAPHS=200000` tries more graphs, `DIFFERENTIAL_SEED=17` the one of a failure.
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dice;
mod finite;
mod function;
mod generate;
mod graph;
mod layer;
mod library;
mod num;
mod program;
mod recipes;
mod recorded;
mod rows;
mod rule;
mod smooth;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use library::Count;

/// Failures after which a run ends.
const MOST_FAILURES: usize = 5;

/// Runs `check` on seeds and fails with all that it finds, up to a few.
fn try_seeds(graphs: u64, mut check: impl FnMut(u64) -> Result<(), String>) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let seeds = match (number("DIFFERENTIAL_SEED"), number("DIFFERENTIAL_GRAPHS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, graphs_asked) => 0..graphs_asked.unwrap_or(graphs),
    };
    let mut failures = Vec::new();
    for seed in seeds {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(seed))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
            Err(format!("panic: {text}"))
        });
        failures.extend(outcome.err().map(|text| format!("seed {seed}: {text}")));
        if failures.len() == MOST_FAILURES {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The name of an enum's variant.
fn kind(of: &impl Debug) -> String {
    format!("{of:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn differential_graphs() {
    let mut counts = [Count::default(); 2];
    let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
    try_seeds(10_000, |seed| {
        let graph = generate::graph(seed);
        let explained = graph.explain();
        for (precision, all) in counts.iter_mut().enumerate() {
            let compared = catch_unwind(AssertUnwindSafe(|| library::compare(&graph, &explained, precision)));
            let count = match compared {
                Ok(compared) => compared.map_err(|text| format!("{text}\n{graph}"))?,
                Err(_) => return Err(format!("panic in the library\n{graph}")),
            };
            all.compared += count.compared;
            all.left_out += count.left_out;
        }
        for (layer, recipe) in graph.nodes.iter().filter_map(|node| node.layer.as_ref()) {
            *pairs.entry((kind(layer), kind(recipe))).or_default() += 1;
        }
        Ok(())
    });
    for ((layer, recipe), count) in &pairs {
        println!("{count:7} {layer} by {recipe}");
    }
    println!("f64 {:?}, f32 {:?}", counts[0], counts[1]);
    if std::env::var("DIFFERENTIAL_SEED").is_err() {
        let [in_f64, in_f32] = counts.map(|count| count.left_out as f64 / count.compared as f64);
        let drawn =
            |name: fn(&(String, String)) -> &String| pairs.keys().map(name).collect::<BTreeSet<_>>().len();
        assert_eq!((drawn(|pair| &pair.0), drawn(|pair| &pair.1)), (29, 18), "{pairs:?}");
        assert!(in_f64 < 0.1 && in_f32 < 0.25, "too much left out: {in_f64} in f64, {in_f32} in f32");
    }
}

#[test]
fn differential_gradients() {
    try_seeds(4000, |seed| {
        let graph = generate::graph(seed);
        smooth::check(&graph, seed).map_err(|text| format!("{text}\n{graph}"))
    });
}

#[test]
fn differential_programs() {
    let (mut tried, mut compared) = (0, 0);
    try_seeds(8000, |seed| {
        tried += 1;
        compared += u32::from(recorded::check(seed)?);
        Ok(())
    });
    println!("programs compared: {compared} of {tried}");
    assert!(tried == 1 || compared * 10 > tried * 7, "only {compared} of {tried} programs were compared");
}
