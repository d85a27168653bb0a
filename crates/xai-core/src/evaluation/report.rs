//! What a comparison found: as text, CSV and JSON, and as curves for a plot.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Estimate, MeanCurve};

/// What a [`Comparison`](super::Comparison) found. Its `Display` is a table of aligned columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The methods, in the order in which they were given.
    pub methods: Vec<MethodReport>,
}

/// What was found of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodReport {
    /// Its name.
    pub name: String,
    /// How long it took to explain the batch.
    pub seconds: f64,
    /// What each metric says, in the order in which they were given.
    pub metrics: Vec<MetricReport>,
}

/// What a metric says of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricReport {
    /// The metric's name.
    pub name: String,
    /// Whether a higher value is better.
    pub higher_is_better: bool,
    /// The mean over the samples for which the metric is defined, with its standard error; `None` if it is
    /// for none.
    pub estimate: Option<Estimate>,
    /// The value of each sample; NaN where the metric is not defined.
    #[serde(with = "undefined_as_null")]
    pub values: Vec<f64>,
    /// The mean curve over the samples, of a metric that changes the input step by step.
    pub curve: Option<MeanCurve>,
}

/// JSON has no NaN.
mod undefined_as_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<_> = values.iter().map(|value| value.is_finite().then_some(*value)).collect();
        values.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}

impl Report {
    /// The mean curve of each method under the metric of this name, for a plot.
    pub fn curves<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = (&'a str, &'a MeanCurve)> {
        let curve = move |method: &'a MethodReport| {
            let own = method.metrics.iter().find(|own| own.name == metric);
            Some((method.name.as_str(), own?.curve.as_ref()?))
        };
        self.methods.iter().filter_map(curve)
    }

    /// Lines of text, a method and a metric each, with fields separated by commas: the method, the metric, which
    /// direction is better, mean, standard error, samples and seconds, under a line with these names. What is
    /// not known is empty.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("method,metric,better,mean,standard_error,samples,seconds\n");
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for method in &self.methods {
            for metric in &method.metrics {
                let fields = [
                    quoted(&method.name),
                    quoted(&metric.name),
                    (if metric.higher_is_better { "higher" } else { "lower" }).to_owned(),
                    number(metric.estimate.map(|estimate| estimate.mean)),
                    number(metric.estimate.and_then(|estimate| estimate.standard_error)),
                    metric.estimate.map_or(0, |estimate| estimate.samples).to_string(),
                    method.seconds.to_string(),
                ];
                text.push_str(&fields.join(","));
                text.push('\n');
            }
        }
        text
    }

    /// Everything, the values of all samples and the curves too. It reads back with serde, but for
    /// the last digit of a number.
    ///
    /// # Errors
    /// Those of `serde_json`.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The cells of the table, line by line: the names of the metrics with arrows to where better is, then each
    /// method.
    fn cells(&self) -> Vec<Vec<String>> {
        let metrics = self.methods.first().into_iter().flat_map(|method| &method.metrics);
        let title = |metric: &MetricReport| {
            format!("{} {}", metric.name, if metric.higher_is_better { '↑' } else { '↓' })
        };
        let head = ["method".to_owned()].into_iter().chain(metrics.map(title)).chain(["seconds".to_owned()]);
        let line = |method: &MethodReport| {
            let values = method.metrics.iter().map(|metric| cell(metric.estimate));
            let ends = ([method.name.clone()], [format!("{:.3}", method.seconds)]);
            ends.0.into_iter().chain(values).chain(ends.1).collect()
        };
        [head.collect()].into_iter().chain(self.methods.iter().map(line)).collect()
    }
}

/// `mean ± standard error`, as far as they are known.
fn cell(estimate: Option<Estimate>) -> String {
    match estimate {
        None => "-".to_owned(),
        Some(Estimate { mean, standard_error: None, .. }) => short(mean),
        Some(Estimate { mean, standard_error: Some(error), .. }) => {
            format!("{} ± {}", short(mean), short(error))
        }
    }
}

/// Four digits, in powers of ten where a number is very small or large.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e6).contains(&size) => {
            let whole = size.log10().floor() as i32;
            format!("{value:.*}", (3 - whole).max(0) as usize)
        }
        _ => format!("{value:.3e}"),
    }
}

/// A field of a CSV file (RFC 4180).
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.cells();
        let width = |column: usize| {
            let widths = lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
            widths.max().unwrap_or(0)
        };
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<_> = (0..columns).map(width).collect();
        for line in &lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:<width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
